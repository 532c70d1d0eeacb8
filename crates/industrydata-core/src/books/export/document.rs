//! The export as text. Each member stands here by name: what is written is a promise, and nothing gets in by accident.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Map, Value as Json};

use super::{ExportError, ExportedBooks, LedgerExport, is_id};
use crate::books::{
    entry::{Entry, timestamp},
    key::{BooksKey, Who},
    merge::Incoming,
};

const FORMAT: &str = "industrydata-ledger";
/// The version this release writes; it reads this one and all before it.
const VERSION: u64 = 1;
/// The members of stored books and of an entry that are this release's own.
const OWN: [&str; 14] = [
    "not_before",
    "entries",
    "id",
    "state",
    "at",
    "made",
    "until",
    "date",
    "seen",
    "operation",
    "why",
    "evidence",
    "who",
    "rest",
];
/// The most characters kept of a text that another program wrote.
const LONGEST: usize = 1000;

#[derive(Deserialize)]
struct Head {
    format: String,
    version: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    format: String,
    version: u64,
    checksum: String,
    exported_at: String,
    damage: Vec<String>,
    books: Vec<Books>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Books {
    base: String,
    tenant: String,
    damage: Option<String>,
    not_before: Option<String>,
    entries: Vec<Start>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    other: Map<String, Json>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Start {
    id: String,
    state: String,
    reserved_at: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    made_at: Option<String>,
    lease_ends: String,
    accepted_at: Option<String>,
    operation: Option<String>,
    why: Option<String>,
    evidence: Option<String>,
    host: Option<String>,
    process: Option<u32>,
    label: Option<String>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    other: Map<String, Json>,
}

pub(super) fn write(export: &LedgerExport) -> String {
    let mut document = Document {
        format: FORMAT.to_owned(),
        version: VERSION,
        checksum: String::new(),
        exported_at: export.exported_at.to_string(),
        damage: export.damage.clone(),
        books: export.books.iter().map(Books::from).collect(),
    };
    document.checksum = document.sum();
    // Strings, integers and maps with string keys: serialising them cannot fail.
    let mut text = serde_json::to_string_pretty(&document).unwrap_or_default();
    text.push('\n');
    text
}

pub(super) fn read(text: &[u8]) -> Result<LedgerExport, ExportError> {
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let head: Head = parse(text)?;
    if head.format != FORMAT || head.version == 0 {
        return Err(ExportError::NotOne("it is of another format".to_owned()));
    }
    if head.version > VERSION {
        return Err(ExportError::Newer {
            found: head.version,
            known: VERSION,
        });
    }
    let document: Document = parse(text)?;
    if document.sum() != document.checksum {
        return Err(ExportError::Checksum);
    }
    let books = document.books.into_iter().map(ExportedBooks::try_from);
    Ok(LedgerExport {
        exported_at: time(&document.exported_at)?,
        books: books.collect::<Result<_, _>>()?,
        damage: document.damage.iter().map(|it| bounded(it)).collect(),
    })
}

impl Document {
    fn sum(&self) -> String {
        let summed = (VERSION, &self.exported_at, &self.damage, &self.books);
        let bytes = serde_json::to_vec(&summed).unwrap_or_default();
        format!("{:08x}", crc32fast::hash(&bytes))
    }
}

impl From<&ExportedBooks> for Books {
    fn from(books: &ExportedBooks) -> Self {
        Self {
            base: books.key.base().to_owned(),
            tenant: books.key.tenant().to_owned(),
            damage: books.damage.clone(),
            not_before: books.incoming.not_before.map(text_of),
            entries: books.incoming.entries.iter().map(Start::from).collect(),
            other: books.incoming.rest.clone(),
        }
    }
}

impl TryFrom<Books> for ExportedBooks {
    type Error = ExportError;

    fn try_from(books: Books) -> Result<Self, ExportError> {
        let Some(key) = BooksKey::from_stored(&books.base, &books.tenant) else {
            let name = format!(
                "no books are kept for {:?} at {:?}",
                books.tenant, books.base
            );
            return Err(ExportError::NotOne(name));
        };
        let not_before = books.not_before.as_deref().map(time).transpose()?;
        let entries = books.entries.into_iter().map(Entry::try_from);
        Ok(Self {
            key,
            incoming: Incoming {
                not_before: not_before.map(Timestamp::as_millisecond),
                entries: entries.collect::<Result<_, _>>()?,
                rest: foreign(books.other),
            },
            damage: books.damage.as_deref().map(bounded),
        })
    }
}

impl From<&Entry> for Start {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id.clone(),
            state: entry.state.clone(),
            reserved_at: text_of(entry.at),
            made_at: entry.made.map(text_of),
            lease_ends: text_of(entry.until),
            accepted_at: entry.date.map(text_of),
            operation: entry.operation.clone(),
            why: entry.why.clone(),
            evidence: entry.evidence.clone(),
            host: entry.who.host.clone(),
            process: entry.who.process,
            label: entry.who.label.clone(),
            other: entry.rest.clone(),
        }
    }
}

impl TryFrom<Start> for Entry {
    type Error = ExportError;

    fn try_from(start: Start) -> Result<Self, ExportError> {
        if !is_id(&start.id) || start.state.is_empty() {
            let what = format!("an entry has no id or no state: {:?}", start.id);
            return Err(ExportError::NotOne(what));
        }
        let text = |text: Option<String>| text.as_deref().map(bounded);
        let date = start.accepted_at.as_deref().map(time).transpose()?;
        let made = start.made_at.as_deref().map(time).transpose()?;
        let who = Who {
            host: start.host,
            process: start.process,
            label: start.label,
        };
        Ok(Self {
            id: start.id,
            state: bounded(&start.state),
            at: time(&start.reserved_at)?.as_millisecond(),
            made: made.map(Timestamp::as_millisecond),
            until: time(&start.lease_ends)?.as_millisecond(),
            date: date.map(Timestamp::as_millisecond),
            seen: None,
            operation: text(start.operation),
            why: text(start.why),
            evidence: text(start.evidence),
            who: who.kept(),
            rest: foreign(start.other),
        })
    }
}

/// Members of a newer release; none that would stand in the books twice.
fn foreign(mut other: Map<String, Json>) -> Map<String, Json> {
    for own in OWN {
        drop(other.remove(own));
    }
    other
}

fn parse<T: DeserializeOwned>(text: &[u8]) -> Result<T, ExportError> {
    serde_json::from_slice(text).map_err(|error| ExportError::NotOne(error.to_string()))
}

fn text_of(ms: i64) -> String {
    timestamp(ms).to_string()
}

fn time(text: &str) -> Result<Timestamp, ExportError> {
    let wrong = |_| ExportError::NotOne(format!("no time of RFC 3339: {text:?}"));
    text.parse().map_err(wrong)
}

fn bounded(text: &str) -> String {
    text.chars().take(LONGEST).collect()
}
