//! An input cut into choices; one that is used up goes on as zeros.

use arbitrary::Unstructured;

/// Between the parts of an input that is mostly text: no UTF-8 has this byte.
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

    /// A few bytes, as many as the first of them says.
    pub(crate) fn chunk(&mut self) -> Vec<u8> {
        let len = usize::from(self.byte()).min(self.0.len());
        self.0.bytes(len).unwrap_or_default().to_vec()
    }
}

/// The input as a selector and what follows it, cut at [`CUT`].
pub(crate) fn parts(bytes: &[u8]) -> (u8, Vec<&[u8]>) {
    let (selector, rest) = bytes.split_first().unwrap_or((&0, &[]));
    (*selector, rest.split(|byte| *byte == CUT).collect())
}

/// The opposite of [`parts`], for seeds.
pub(crate) fn joined(selector: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![selector];
    bytes.extend(parts.join(&CUT));
    bytes
}
