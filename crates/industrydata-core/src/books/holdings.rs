//! What a store holds, for all of its books at once.

use jiff::Timestamp;

/// All that a store holds, as bytes; what of it cannot be read is said, never left out in silence.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// The store's clock when it was read.
    pub as_of: Timestamp,
    /// The books, in any order.
    pub books: Vec<StoredBooks>,
    /// What is wrong with the store as a whole: books may be missing of which not even the names can be read.
    pub damage: Vec<String>,
}

/// The books of one base and tenant, as they are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBooks {
    /// [`BooksKey::base`](crate::BooksKey::base).
    pub base: String,
    /// [`BooksKey::tenant`](crate::BooksKey::tenant).
    pub tenant: String,
    /// The bytes of [`Applied::write`](crate::Applied::write); `None` if only the name can be read.
    pub value: Option<Vec<u8>>,
    /// Why the bytes may not be the latest that were written, if so.
    pub damage: Option<&'static str>,
}
