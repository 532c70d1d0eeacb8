//! Lost commits.

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

use super::{
    lost_commit::{Loss, lose, take_remaining},
    store::SqliteStore,
};

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

/// A ledger with `reserved` starts.
fn ledger_with(reserved: u8) -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("ledger")).unwrap();
    (1..=reserved)
        .for_each(|id| assert!(store.transact(&reserve(id)).unwrap().refusal().is_none()));
    (folder, store)
}

fn used(store: &SqliteStore) -> u32 {
    store
        .transact(&Change::read(key(), Throttle::default()))
        .unwrap()
        .quota()
        .used()
}

/// Checks the result of the start 9 if its commits go as in `losses`.
fn check(
    reserved: u8,
    losses: &[Loss],
    expected: impl FnOnce(&Result<StoreReply, StoreError>) -> bool,
    then: u32,
) {
    let (_folder, store) = ledger_with(reserved);
    lose(losses);
    let result = store.transact(&reserve(9));
    assert!(expected(&result), "{reserved} {losses:?}: {result:?}");
    assert_eq!(take_remaining(), [], "{reserved} {losses:?}");
    assert_eq!(used(&store), then, "{reserved} {losses:?}");
}

fn granted(result: &Result<StoreReply, StoreError>) -> bool {
    result.as_ref().is_ok_and(|reply| reply.refusal().is_none())
}

#[test]
fn t54_a_lost_commit_is_run_again() {
    for reserved in 0..=4 {
        let then = u32::from(reserved) + 1;
        check(reserved, &[Loss::Before], granted, then);
        check(reserved, &[Loss::Open], granted, then);
        // What was committed is written a second time, since the first may not have reached the disk.
        check(reserved, &[Loss::After, Loss::None], granted, then);
        for twice in [Loss::Before, Loss::Open] {
            check(
                reserved,
                &[twice, twice],
                |r| matches!(r, Err(StoreError::Unavailable(_))),
                then - 1,
            );
        }
        let unconfirmed = |r: &Result<_, _>| matches!(r, Err(StoreError::Unconfirmed(_)));
        check(reserved, &[Loss::After, Loss::Before], unconfirmed, then);
        check(reserved, &[Loss::After, Loss::After], unconfirmed, then);
        check(reserved, &[Loss::Before, Loss::After], unconfirmed, then);
    }
}

/// Its starts would be forgotten.
#[cfg(unix)]
#[test]
fn t54_a_ledger_that_goes_with_its_commit_is_not_made_again() {
    let (folder, before) = ledger_with(1);
    drop(before);
    // The first change of this store.
    let path = folder.path().join("ledger");
    let store = SqliteStore::open(&path).unwrap();
    lose(&[Loss::Gone]);
    let result = store.transact(&reserve(9));
    assert!(
        matches!(result, Err(StoreError::Unconfirmed(_))),
        "{result:?}"
    );
    assert!(!path.exists());
}

#[test]
fn t54_a_lost_outcome_is_run_again() {
    for loss in [Loss::Before, Loss::After] {
        let (_folder, store) = ledger_with(2);
        lose(&[loss]);
        let date = Timestamp::now();
        let outcome = Outcome::Confirmed {
            date,
            operation: None,
        };
        let reply = store
            .transact(&Change::settle(
                key(),
                Throttle::default(),
                [2; 16],
                outcome,
            ))
            .unwrap();
        assert_eq!(
            (reply.quota().confirmed(), reply.quota().in_flight()),
            (1, 1)
        );
    }
}
