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
    /// It fails with the transaction as it was.
    Open,
}

pub(super) fn lose_commit(connection: &Connection) -> Option<rusqlite::Result<()>> {
    let loss = LOSSES.with_borrow_mut(|losses| (!losses.is_empty()).then(|| losses.remove(0)))?;
    match loss {
        Loss::None => return None,
        Loss::Before => connection.execute_batch("ROLLBACK").unwrap(),
        Loss::After => connection.execute_batch("COMMIT").unwrap(),
        Loss::Open => {}
    }
    Some(Err(rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_FSYNC),
        None,
    )))
}

use std::time::Duration;

use industrydata_core::Timestamp;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Outcome;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use tempfile::TempDir;

use super::SqliteStore;

fn reserve(id: u8) -> Change {
    let lease = Duration::from_secs(150);
    Change::reserve(
        key(),
        Throttle::default(),
        [id; 16],
        lease,
        Caller::default(),
    )
}

fn key() -> LedgerKey {
    LedgerKey::new(&BaseUrl::graph(), &"t".parse().unwrap())
}

/// Books with `booked` starts.
fn books(booked: u8) -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("books")).unwrap();
    (1..=booked).for_each(|id| assert!(store.transact(&reserve(id)).unwrap().refusal().is_none()));
    (folder, store)
}

fn used(store: &SqliteStore) -> u32 {
    store
        .transact(&Change::read(key(), Throttle::default()))
        .unwrap()
        .quota()
        .used()
}

/// What comes of the start 9 if commits go as in `losses`.
fn check(
    booked: u8,
    losses: &[Loss],
    expected: impl FnOnce(&Result<StoreReply, StoreError>) -> bool,
    then: u32,
) {
    let (_folder, store) = books(booked);
    LOSSES.set(losses.to_vec());
    let result = store.transact(&reserve(9));
    assert!(expected(&result), "{booked} {losses:?}: {result:?}");
    assert_eq!(LOSSES.take(), [], "{booked} {losses:?}");
    assert_eq!(used(&store), then, "{booked} {losses:?}");
}

fn granted(result: &Result<StoreReply, StoreError>) -> bool {
    result
        .as_ref()
        .is_ok_and(|verdict| verdict.refusal().is_none())
}

#[test]
fn t54_a_lost_commit_is_run_again() {
    for booked in 0..=4 {
        let then = u32::from(booked) + 1;
        check(booked, &[Loss::Before], granted, then);
        check(booked, &[Loss::Open], granted, then);
        // What stands is written a second time, since the first may not have reached the disk.
        check(booked, &[Loss::After, Loss::None], granted, then);
        for twice in [Loss::Before, Loss::Open] {
            check(
                booked,
                &[twice, twice],
                |r| matches!(r, Err(StoreError::Unavailable(_))),
                then - 1,
            );
        }
        let unconfirmed = |r: &Result<_, _>| matches!(r, Err(StoreError::Unconfirmed(_)));
        check(booked, &[Loss::After, Loss::Before], unconfirmed, then);
        check(booked, &[Loss::After, Loss::After], unconfirmed, then);
        check(booked, &[Loss::Before, Loss::After], unconfirmed, then);
    }
}

#[test]
fn t54_a_lost_outcome_is_run_again() {
    for loss in [Loss::Before, Loss::After] {
        let (_folder, store) = books(2);
        LOSSES.set(vec![loss]);
        let date = Timestamp::now();
        let outcome = Outcome::Confirmed {
            date,
            operation: None,
        };
        let verdict = store
            .transact(&Change::settle(
                key(),
                Throttle::default(),
                [2; 16],
                outcome,
            ))
            .unwrap();
        assert_eq!(
            (verdict.quota().confirmed(), verdict.quota().in_flight()),
            (1, 1)
        );
    }
}
