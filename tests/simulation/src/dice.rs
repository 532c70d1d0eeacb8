//! The only source of random numbers, determined by one seed.

/// A random number generator (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    /// A generator. The same seed gives the same numbers.
    #[must_use]
    pub(crate) const fn new(seed: u64) -> Self {
        Self(mix(seed ^ 0x1d87_2b41_9f3a_55c7))
    }

    /// A number of 64 random bits.
    pub(crate) const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `limit`; zero if `limit` is zero.
    pub(crate) const fn below(&mut self, limit: u64) -> u64 {
        self.next() % if limit == 0 { 1 } else { limit }
    }

    /// A number from `low` to `high`, both included.
    pub(crate) const fn within(&mut self, low: i64, high: i64) -> i64 {
        low + self.below((high - low + 1) as u64) as i64
    }

    /// True with a probability of this many in a thousand.
    pub(crate) const fn chance(&mut self, in_thousand: u64) -> bool {
        self.below(1000) < in_thousand
    }

    /// One of these elements.
    pub(crate) fn pick<'t, T>(&mut self, of: &'t [T]) -> &'t T {
        &of[self.below(of.len() as u64) as usize]
    }

    /// Sixteen bytes, as the seed of a machine.
    pub(crate) fn seed(&mut self) -> [u8; 16] {
        let wide = u128::from(self.next()) << 64 | u128::from(self.next());
        wide.to_be_bytes()
    }
}

const fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
