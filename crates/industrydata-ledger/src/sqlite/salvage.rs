//! What can be read of a damaged file.
//!
//! The file itself is left as it is: its bytes are read once and looked at in memory. The first page holds nothing that is
//! not known beforehand, so that a fresh one does in its place, whatever became of it. Every value has a checksum of its
//! own and every tenant stands in two tables; what does not agree is told.

use std::{collections::BTreeMap, fs::File, io::Read, mem};

use industrydata_core::{Holdings, StoreFault, StoredBooks, Timestamp};
use rusqlite::{Connection, MAIN_DB, Row};

use super::{connect, fault, fault::Obstacle, place::Place, tables};

/// The size of the pages of every file of ours.
const PAGE: usize = 4096;

/// What either table says of a name.
#[derive(Default)]
struct Found {
    listed: Option<i64>,
    kept: Option<(i64, Vec<u8>)>,
}

/// What a table gave.
struct Scan {
    /// It could not be read from end to end.
    is_broken: bool,
    /// Rows without a name or a value of the right kind.
    odd: usize,
}

/// All that is in the file, which is damaged for the reason `why`.
pub(super) fn read(
    place: &Place,
    why: &'static str,
    at: Timestamp,
) -> Result<Holdings, StoreFault> {
    let mut bytes = bytes(place)?;
    if let Err(newer @ StoreFault::Newer { .. }) =
        opened(&bytes).and_then(|it| tables::verify_layout(&it))
    {
        return Err(newer);
    }
    renew_first_page(&mut bytes)?;
    let connection = opened(&bytes)?;
    let mut found: BTreeMap<(String, String), Found> = BTreeMap::new();
    let tenants = scan(&connection, "tenants", "changes", |row, name| {
        found.entry(name).or_default().listed = Some(row.get(2)?);
        Ok(())
    })?;
    let books = scan(&connection, "books", "changes, value", |row, name| {
        found.entry(name).or_default().kept = Some((row.get(2)?, row.get(3)?));
        Ok(())
    })?;
    if found.is_empty() {
        // Nothing of ours is to be seen: perhaps it never was a file of books.
        return Err(StoreFault::Damaged(why));
    }
    let mut damage = vec![format!("the file is damaged: {why}")];
    if tenants.is_broken && books.is_broken {
        damage.push("books of tenants whose names cannot be read may be missing".to_owned());
    }
    let odd = tenants.odd + books.odd;
    if odd > 0 {
        damage.push(format!(
            "{odd} rows cannot be read: books of tenants may be missing"
        ));
    }
    let books = found
        .into_iter()
        .map(|((base, tenant), found)| StoredBooks {
            base,
            tenant,
            damage: disagreement(&found),
            value: found.kept.map(|(_, value)| value),
        });
    Ok(Holdings {
        as_of: at,
        books: books.collect(),
        damage,
    })
}

fn disagreement(found: &Found) -> Option<&'static str> {
    match (found.listed, &found.kept) {
        (Some(listed), Some((kept, _))) if listed == *kept => None,
        (Some(_), Some(_)) => Some("the tables differ in when they were last changed"),
        (None, _) | (_, None) => Some("they stand in one of the two tables only"),
    }
}

/// Gives each row to `take`, from the front and, if the table breaks off, from the back as well.
fn scan(
    connection: &Connection,
    table: &str,
    columns: &str,
    mut take: impl FnMut(&Row<'_>, (String, String)) -> rusqlite::Result<()>,
) -> Result<Scan, StoreFault> {
    let mut scan = Scan {
        is_broken: false,
        odd: 0,
    };
    for order in ["base, tenant", "base DESC, tenant DESC"] {
        let sql = format!("SELECT base, tenant, {columns} FROM {table} ORDER BY {order}");
        let mut select = connection.prepare(&sql).map_err(fault::of)?;
        let mut rows = select.query([]).map_err(fault::of)?;
        let mut odd = 0;
        scan.is_broken = loop {
            match rows.next() {
                Ok(Some(row)) => {
                    let name = row.get(0).and_then(|base| Ok((base, row.get(1)?)));
                    let taken = name.and_then(|name| take(row, name));
                    odd += usize::from(taken.is_err());
                }
                Ok(None) => break false,
                Err(_) => break true,
            }
        };
        scan.odd = scan.odd.max(odd);
        if !scan.is_broken {
            break;
        }
    }
    Ok(scan)
}

/// The file's bytes, whole pages of them.
fn bytes(place: &Place) -> Result<Vec<u8>, StoreFault> {
    let mut bytes = Vec::new();
    let read = |path: &std::path::Path| {
        let mut file = File::open(path)?;
        let read = file.read_to_end(&mut bytes);
        // To close any handle of the file would give up the locks that other stores of this process have on it.
        mem::forget(file);
        read
    };
    place
        .opened(read)?
        .map_err(|error| Obstacle::Io(place.path().to_owned(), error))?;
    bytes.resize(bytes.len().next_multiple_of(PAGE), 0);
    Ok(bytes)
}

/// Puts the first page of a fresh file in the place of this one's: header and schema.
fn renew_first_page(bytes: &mut [u8]) -> Result<(), StoreFault> {
    let mut fresh = Connection::open_in_memory().map_err(fault::of)?;
    tables::create(&fresh).map_err(fault::of)?;
    let fresh = fresh.serialize(MAIN_DB).map_err(fault::of)?;
    if let (Some(first), Some(fresh)) = (bytes.get_mut(..PAGE), fresh.get(..PAGE)) {
        first.copy_from_slice(fresh);
        // The size of the database, in pages: where it is none, SQLite goes by the length.
        if let Some(size) = first.get_mut(28..32) {
            size.fill(0);
        }
    }
    Ok(())
}

fn opened(bytes: &[u8]) -> Result<Connection, StoreFault> {
    let mut connection = Connection::open_in_memory().map_err(fault::of)?;
    connect::distrust(&connection).map_err(fault::of)?;
    connection
        .deserialize_read_exact(MAIN_DB, bytes, bytes.len(), true)
        .map_err(fault::of)?;
    Ok(connection)
}
