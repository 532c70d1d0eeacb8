//! Ids and signatures from a seed. The same seed gives the same ids, so a test can be repeated exactly.

/// The source of all ids of one service.
#[derive(Clone, Debug)]
pub(crate) struct Ids {
    state: u64,
}

impl Ids {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// An operation id. It has the shape of a GUID but not the variant of RFC 9562, like the ids of the real service. A
    /// client that validates ids too strictly fails on it.
    pub(crate) fn operation(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        guid(high, (low & 0x0fff_ffff_ffff_ffff) | 0x7000_0000_0000_0000)
    }

    /// A GUID of version 4, used for every other id.
    pub(crate) fn guid(&mut self) -> String {
        let (high, low) = (self.next(), self.next());
        guid(
            (high & !0xf000) | 0x4000,
            (low >> 2) | 0x8000_0000_0000_0000,
        )
    }

    /// Bytes for a signature.
    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        for chunk in bytes.chunks_mut(8) {
            let next = self.next().to_le_bytes();
            chunk.copy_from_slice(next.get(..chunk.len()).unwrap_or_default());
        }
        bytes
    }

    /// SplitMix64 (Steele, Lea and Flood, 2014).
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

fn guid(high: u64, low: u64) -> String {
    format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        high >> 32,
        (high >> 16) & 0xffff,
        high & 0xffff,
        low >> 48,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_depend_on_the_seed_alone() {
        let ids = |seed| {
            let mut ids = Ids::new(seed);
            [
                ids.operation(),
                ids.guid(),
                format!("{:?}", ids.bytes::<12>()),
            ]
        };
        assert_eq!(ids(7), ids(7));
        assert_ne!(ids(7), ids(8));
        for id in &ids(7)[..2] {
            assert_eq!(
                id.split('-').map(str::len).collect::<Vec<_>>(),
                [8, 4, 4, 4, 12],
                "{id}"
            );
        }
    }

    #[test]
    fn guids_have_version_four_and_operation_ids_another_variant() {
        let mut ids = Ids::new(1);
        for _ in 0..100 {
            let plain = ids.guid();
            assert_eq!(plain.as_bytes()[14], b'4');
            assert!(matches!(plain.as_bytes()[19], b'8'..=b'b'));
            assert_eq!(ids.operation().as_bytes()[19], b'7');
        }
    }
}
