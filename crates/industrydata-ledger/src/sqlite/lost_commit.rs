//! Commits that a test makes fail.

use std::cell::RefCell;

use rusqlite::Connection;

thread_local! {
    static LOSSES: RefCell<Vec<Loss>> = const { RefCell::new(Vec::new()) };
}

/// What happens to the next COMMIT of this thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// It succeeds.
    None,
    /// It fails, and the transaction is rolled back.
    Before,
    /// It fails although the transaction is committed.
    After,
    /// It fails, and the transaction stays open.
    Open,
    /// It fails, and the file is gone.
    #[cfg(unix)]
    Gone,
}

pub(super) fn lose_commit(connection: &Connection) -> Option<rusqlite::Result<()>> {
    let loss = LOSSES.with_borrow_mut(|losses| (!losses.is_empty()).then(|| losses.remove(0)))?;
    match loss {
        Loss::None => return None,
        Loss::Before => connection.execute_batch("ROLLBACK").unwrap(),
        Loss::After => connection.execute_batch("COMMIT").unwrap(),
        Loss::Open => {}
        #[cfg(unix)]
        Loss::Gone => std::fs::remove_file(connection.path().unwrap()).unwrap(),
    }
    Some(Err(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC),
        None,
    )))
}

/// Sets what happens to the next commits of this thread.
pub(super) fn lose(losses: &[Loss]) {
    LOSSES.set(losses.to_vec());
}

/// The losses that were set and have not happened.
pub(super) fn take_remaining() -> Vec<Loss> {
    LOSSES.take()
}
