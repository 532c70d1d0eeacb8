//! Ids and jitter, derived from a seed that is an argument.

/// The 16 random bytes that a machine is created with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seed([u8; 16]);

/// The purpose of a derived number. Each has an independent sequence.
#[derive(Clone, Copy)]
enum Use {
    Reservation = 1,
    ClientRequestId = 2,
    Jitter = 3,
}

impl Seed {
    pub(crate) const fn new(seed: [u8; 16]) -> Self {
        Self(seed)
    }

    /// The id of reservation number `ordinal`. Number 0 is the seed itself.
    pub(crate) fn reservation(self, ordinal: u32) -> [u8; 16] {
        if ordinal == 0 {
            return self.0;
        }
        self.derive(Use::Reservation, ordinal).to_be_bytes()
    }

    /// The GUID of request number `ordinal`, in 36 characters.
    pub(crate) fn client_request_id(self, ordinal: u32) -> [u8; 36] {
        /// The place of each four digits in 8-4-4-4-12.
        const PLACES: [usize; 8] = [0, 4, 9, 14, 19, 24, 28, 32];
        let mut bits = self.derive(Use::ClientRequestId, ordinal);
        // RFC 9562: version 4, variant 10.
        bits = bits & !(0xf << 76) | (0x4 << 76);
        bits = bits & !(0x3 << 62) | (0x2 << 62);
        let mut text = [b'-'; 36];
        let digits = hex_digits(bits.to_be_bytes());
        for (four, at) in digits.as_flattened().as_chunks::<4>().0.iter().zip(PLACES) {
            if let Some(place) = text.get_mut(at..at + 4) {
                place.copy_from_slice(four);
            }
        }
        text
    }

    /// Jitter number `ordinal`, uniform over all of `u32`.
    pub(crate) fn jitter(self, ordinal: u32) -> u32 {
        let [a, b, c, d, ..] = self.derive(Use::Jitter, ordinal).to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    fn derive(self, purpose: Use, ordinal: u32) -> u128 {
        let seed = u128::from_be_bytes(self.0);
        let tweak = (u64::from(ordinal) << 8) | purpose as u64;
        let high = mix((seed >> 64) as u64 ^ mix(tweak));
        let low = mix(seed as u64 ^ mix(high ^ tweak));
        u128::from(mix(high ^ low)) << 64 | u128::from(low)
    }
}

/// The two hexadecimal digits of each byte.
pub(crate) fn hex_digits<const N: usize>(bytes: [u8; N]) -> [[u8; 2]; N] {
    let digit = |nibble: u8| {
        if nibble < 10 {
            b'0' + nibble
        } else {
            b'a' - 10 + nibble
        }
    };
    bytes.map(|byte| [digit(byte >> 4), digit(byte & 0xf)])
}

/// The finalizer of SplitMix64: each input bit affects every output bit.
const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn derived_values_differ_by_ordinal_and_repeat() {
        let seed = Seed::new([7; 16]);
        let mut seen = HashSet::new();
        for ordinal in 0..1000 {
            assert!(seen.insert(seed.reservation(ordinal).to_vec()));
            assert!(seen.insert(seed.client_request_id(ordinal).to_vec()));
        }
        assert_eq!(
            seed.client_request_id(3),
            Seed::new([7; 16]).client_request_id(3)
        );
        assert_ne!(
            seed.client_request_id(3),
            Seed::new([8; 16]).client_request_id(3)
        );
    }

    #[test]
    fn a_client_request_id_is_a_version_4_guid() {
        for ordinal in 0..100 {
            let text = Seed::new([0xa5; 16]).client_request_id(ordinal);
            let text = std::str::from_utf8(&text).unwrap();
            assert_eq!(text.len(), 36);
            assert_eq!(text.as_bytes()[14], b'4', "{text}");
            assert!(
                matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'),
                "{text}"
            );
        }
    }

    /// Another process that resumes a poll must derive the same values.
    #[test]
    fn derived_values_are_stable() {
        let seed = Seed::new(*b"0123456789abcdef");
        assert_eq!(seed.reservation(0), *b"0123456789abcdef");
        assert_eq!(
            u128::from_be_bytes(seed.reservation(1)),
            0x4817_d695_bbe5_f909_b650_81e9_a21e_948d
        );
        assert_eq!(
            u128::from_be_bytes(seed.reservation(0x0102_0304)),
            0x6b28_ab83_9aff_9e38_b315_5ff9_9f5e_859f
        );
        let id = seed.client_request_id(1);
        assert_eq!(id.as_slice(), b"64d0b15a-d625-4076-8337-b36bb084e205");
        assert_eq!(
            [seed.jitter(0), seed.jitter(1)],
            [2_210_796_623, 3_177_445_433]
        );
    }
}
