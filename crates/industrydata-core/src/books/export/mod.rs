//! All books of a ledger as one document that people can read: the way from one store to another, and out of a damaged
//! one.
//!
//! What could not be read is never left out in silence. Books whose name is known but whose bytes are not sound are
//! exported with what can be made out of them *and* with as many starts in doubt as the quota has: the new ledger then
//! lets no start through that the old one would not have, until the window has passed or the doubt is resolved.

mod document;
mod error;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use self::error::ExportError;
use super::{
    change::Change,
    codec,
    entry::{Entry, millis},
    evidence::id_of,
    holdings::{Holdings, StoredBooks},
    key::BooksKey,
    merge::Incoming,
    value::{MARGIN, Value},
};
use crate::{
    policy::{Limits, Throttle},
    store::StoreFault,
    text::hex,
};

/// The most doubts that stand for books that could not be read, whatever quota a caller sets.
const MOST_DOUBTS: u32 = 1000;

/// All books of a ledger, as they were at one moment.
///
/// [`to_json`](Self::to_json) writes it as a document, which [`from_json`](Self::from_json) reads, in this or another
/// release; [`changes`](Self::changes) takes it over into other books.
///
/// # The document
///
/// One JSON object in UTF-8. Times are RFC 3339 in UTC. A document with other members, or of a higher version, is refused.
///
/// | member | what it is |
/// | --- | --- |
/// | `format` | `industrydata-ledger` |
/// | `version` | 1 |
/// | `checksum` | CRC-32 of the four members below, written without white space: a document that was altered or cut is refused |
/// | `exported_at` | when, by the ledger's clock |
/// | `damage` | what is wrong with the ledger as a whole, in words; `[]` if nothing is |
/// | `books` | an object for each base URL and tenant: `base`, `tenant`, `damage` (why they could not be read soundly, `null` if they could), `not_before` (the service takes no start before, `null` if it did not say), `entries`, `other` |
///
/// An entry is a start: `id` (32 hexadecimal digits), `state` (`reserved`, `confirmed`, `unknown`, `seen`, `released`, or
/// one of a newer release), `reserved_at` (what it is dated), `made_at` (there only if that was earlier), `lease_ends`, `accepted_at` (the latest moment it may have been accepted),
/// `operation`, `why`, `evidence` (`operation:ID`, `run:ID`, `lists:` or `hand:NOTE`), `host`, `process`, `label`: each
/// `null` where nothing is known. `other` has what a newer release wrote, as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LedgerExport {
    exported_at: Timestamp,
    books: Vec<ExportedBooks>,
    damage: Vec<String>,
}

/// The books of one base and tenant in an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportedBooks {
    key: BooksKey,
    incoming: Incoming,
    damage: Option<String>,
}

impl LedgerExport {
    /// What a store holds, made out as far as it can be. `throttle` says how many starts stand for books that cannot be
    /// read, and for how long they count.
    #[must_use]
    pub fn of(holdings: Holdings, throttle: Throttle) -> Self {
        let mut damage = holdings.damage;
        let mut books: Vec<ExportedBooks> = Vec::new();
        for stored in &holdings.books {
            match BooksKey::from_stored(&stored.base, &stored.tenant) {
                Some(key) => books.push(read(key, stored, throttle, holdings.as_of)),
                None => damage.push(format!(
                    "there are books under a name that none have, so that those of a tenant are missing: {:?} at {:?}",
                    stored.tenant, stored.base
                )),
            }
        }
        books.sort_by(|one, other| one.key.cmp(&other.key));
        Self {
            exported_at: holdings.as_of,
            books,
            damage,
        }
    }

    /// Reads a document.
    ///
    /// # Errors
    ///
    /// [`ExportError`].
    pub fn from_json(text: &[u8]) -> Result<Self, ExportError> {
        document::read(text)
    }

    /// The document, indented, with a line break at its end.
    #[must_use]
    pub fn to_json(&self) -> String {
        document::write(self)
    }

    /// When it was exported, by the ledger's clock.
    #[must_use]
    pub const fn exported_at(&self) -> Timestamp {
        self.exported_at
    }

    /// The books, by base and tenant.
    #[must_use]
    pub fn books(&self) -> &[ExportedBooks] {
        &self.books
    }

    /// What is wrong with the ledger as a whole, in words.
    #[must_use]
    pub fn damage(&self) -> &[String] {
        &self.damage
    }

    /// Whether all of the ledger was read soundly.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty() && self.books.iter().all(|it| it.damage.is_none())
    }

    /// The changes that take it over, one for each base and tenant, in any order; the same again change nothing more.
    #[must_use]
    pub fn changes(&self, throttle: Throttle) -> Vec<Change> {
        let of = |books| Change::merge(books, throttle);
        self.books.iter().map(of).collect()
    }
}

impl ExportedBooks {
    /// Whose they are.
    #[must_use]
    pub const fn key(&self) -> &BooksKey {
        &self.key
    }

    /// The starts, those that no longer count too.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.incoming.entries
    }

    /// Why they could not be read soundly, if so. Starts in doubt stand for what they may have held.
    #[must_use]
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    pub(super) const fn incoming(&self) -> &Incoming {
        &self.incoming
    }
}

fn read(key: BooksKey, stored: &StoredBooks, throttle: Throttle, now: Timestamp) -> ExportedBooks {
    let (value, damage) = match &stored.value {
        None => (
            Value::default(),
            Some("only their name can be read".to_owned()),
        ),
        Some(bytes) => match codec::decode(&key, bytes) {
            Ok(value) => (value, stored.damage.map(str::to_owned)),
            Err(fault) => (codec::make_out(bytes), Some(reason(&fault))),
        },
    };
    let mut entries = value.entries;
    entries.retain(|entry| is_id(&entry.id) && !entry.state.is_empty());
    for entry in &mut entries {
        // Of the ledger's own clock, and of no use to another.
        entry.seen = None;
    }
    if damage.is_some() {
        entries.extend(doubts(&key, throttle, now));
    }
    let incoming = Incoming {
        not_before: value.not_before,
        entries,
        rest: value.rest,
    };
    ExportedBooks {
        key,
        incoming,
        damage,
    }
}

/// What stands for books that could not be read: as many starts as the quota has, each of which may have been made at any
/// time of the window. Their ids are those of the books, so that a second export brings no more.
fn doubts(key: &BooksKey, throttle: Throttle, now: Timestamp) -> Vec<Entry> {
    let now = now.as_millisecond();
    let window = millis(throttle.window.saturating_add(MARGIN));
    // A start may have been on its way.
    let until = now.saturating_add(millis(Limits::default().lease()));
    let of = |number: u32| {
        let name = format!("lost:{number}:{}:{}", key.base(), key.tenant());
        let id = hex(id_of(&name));
        Entry {
            why: Some("stands for a start that the damaged books may have held".to_owned()),
            ..Entry::new(id, "unknown", now.saturating_sub(window), until)
        }
    };
    (0..throttle.limit.min(MOST_DOUBTS)).map(of).collect()
}

fn reason(fault: &StoreFault) -> String {
    match fault {
        StoreFault::Damaged(why) => (*why).to_owned(),
        StoreFault::Newer { found, .. } => {
            format!("they are damaged, or of a newer release (format {found})")
        }
        StoreFault::Busy | StoreFault::Unavailable(_) | StoreFault::Unconfirmed(_) => {
            fault.to_string()
        }
    }
}

fn is_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}
