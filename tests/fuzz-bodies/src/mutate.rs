//! Mutates inputs without coverage guidance: cuts and splices seeds, and inserts words.

/// Makes inputs for a target. The same seed gives the same inputs.
#[derive(Debug)]
pub struct Mutator {
    state: u64,
    seeds: Vec<Vec<u8>>,
    words: &'static [&'static str],
}

impl Mutator {
    /// A mutator for the seeds of a target.
    #[must_use]
    pub fn new(target: &crate::Target, seed: u64) -> Self {
        let mut seeds = (target.seeds)();
        seeds.push(Vec::new());
        Self {
            state: seed,
            seeds,
            words: target.words,
        }
    }

    /// The next input: mostly a seed with one to eight changes, sometimes random bytes.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = if self.below(8) == 0 {
            (0..self.below(400)).map(|_| self.byte()).collect()
        } else {
            self.seed()
        };
        for _ in 0..=self.below(8) {
            self.change(&mut input);
        }
        input.truncate(16 * 1024);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = (at + self.below(16)).min(input.len());
        match self.below(8) {
            0 if at < input.len() => input[at] ^= 1 << self.below(8),
            1 if at < input.len() => input[at] = self.byte(),
            2 => drop(input.drain(at..end)),
            3 => {
                let copy = input[at..end].to_vec();
                drop(input.splice(at..at, copy));
            }
            4 => {
                let other = self.seed();
                let from = self.below(other.len() + 1);
                let to = (from + self.below(64)).min(other.len());
                drop(input.splice(at..end, other[from..to].iter().copied()));
            }
            5 => {
                let bytes: Vec<u8> = (0..self.below(8)).map(|_| self.byte()).collect();
                drop(input.splice(at..at, bytes));
            }
            _ if !self.words.is_empty() => {
                let word = self.words[self.below(self.words.len())];
                drop(input.splice(at..end.min(at + self.below(2)), word.bytes()));
            }
            _ => input.truncate(at),
        }
    }

    fn seed(&mut self) -> Vec<u8> {
        let at = self.below(self.seeds.len());
        self.seeds[at].clone()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end.max(1) as u64).unwrap_or_default()
    }

    /// SplitMix64.
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.state;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }
}
