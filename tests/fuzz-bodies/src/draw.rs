//! Reads choices from an input. After its end, every choice is zero.

use arbitrary::Unstructured;

/// Separates the parts of an input that is mostly text. UTF-8 never contains this byte.
pub(crate) const CUT: u8 = 0xfe;

pub(crate) struct Draw<'a>(Unstructured<'a>);

impl<'a> Draw<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(Unstructured::new(bytes))
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.arbitrary().unwrap_or_default()
    }

    pub(crate) fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }

    /// Some bytes; the first byte gives their number.
    pub(crate) fn chunk(&mut self) -> Vec<u8> {
        let len = usize::from(self.byte()).min(self.0.len());
        self.0.bytes(len).unwrap_or_default().to_vec()
    }
}

/// Splits an input into its selector, which is the first byte, and parts separated by [`CUT`].
pub(crate) fn parts(bytes: &[u8]) -> (u8, Vec<&[u8]>) {
    let (selector, rest) = bytes.split_first().unwrap_or((&0, &[]));
    (*selector, rest.split(|byte| *byte == CUT).collect())
}

/// The inverse of [`parts`], for seeds.
pub(crate) fn joined(selector: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![selector];
    bytes.extend(parts.join(&CUT));
    bytes
}
