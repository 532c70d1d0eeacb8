//! Lost commits.

use std::cell::RefCell;

use rusqlite::Connection;

thread_local! {
    static LOSSES: RefCell<Vec<Loss>> = const { RefCell::new(Vec::new()) };
}

/// What becomes of the next COMMIT of this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    None,
    Before,
    After,
}

pub(super) fn lose_commit(connection: &Connection) -> Option<rusqlite::Result<()>> {
    let loss = LOSSES.with_borrow_mut(|losses| (!losses.is_empty()).then(|| losses.remove(0)))?;
    match loss {
        Loss::None => return None,
        Loss::Before => connection.execute_batch("ROLLBACK").unwrap(),
        Loss::After => connection.execute_batch("COMMIT").unwrap(),
    }
    Some(Err(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC),
        None,
    )))
}
