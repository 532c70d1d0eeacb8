//! T64: a reset marks an empty ledger, and gives the SQL for another one.

use industrydata_core::ledger::{Change, RefusalReason, Reset, StoreReply};
use industrydata_core::policy::Throttle;
use industrydata_ledger::{Store, StoreError};

use crate::{Fresh, fresh, is_granted, is_row_lost, key, quota, reserve};

#[track_caller]
fn quarantined(reply: Result<StoreReply, StoreError>) {
    let refusal = *reply.unwrap().refusal().expect("no slot");
    assert_eq!(refusal.reason(), RefusalReason::Quarantine);
}

/// Runs the SQL that a reset gives.
#[track_caller]
fn run_sql(place: &Fresh, reset: Result<Reset, StoreError>) {
    match reset {
        Ok(Reset::Sql(sql)) => place.admin().run(&sql),
        other => panic!("{other:?}"),
    }
}

/// The schemas that resets have left behind.
fn asides(place: &Fresh) -> Vec<String> {
    place.admin().ask(&format!(
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE '{}_reset_%'",
        place.schema
    ))
}

#[test]
fn an_empty_ledger_is_marked() {
    let Some(place) = fresh() else { return };
    let store = place.store();
    // There are no tables, there are empty ones, and there is a mark alone.
    for _ in 0..3 {
        assert_eq!(store.reset().unwrap(), Reset::Marked);
        quarantined(store.transact(&reserve("t", 1)));
        quarantined(place.store().transact(&reserve("u", 1)));
    }
    store.check().unwrap();
    let quarantine = quota(&store, "t").unwrap().quarantine().unwrap();
    let lasts = quarantine.until().duration_since(quarantine.reset_at());
    assert_eq!(lasts.as_secs(), 12 * 3600 + 120);
    let now = quota(&store, "t").unwrap().as_of();
    assert!(now.duration_since(quarantine.reset_at()).as_secs() < 60);
    // The end for one tenant is kept.
    let end = Change::end_quarantine(key("t"), Throttle::default(), quarantine);
    assert_eq!(store.transact(&end).unwrap().unresolved(), None);
    assert!(is_granted(&place.store().transact(&reserve("t", 1))));
    quarantined(store.transact(&reserve("u", 1)));
    assert!(asides(&place).is_empty());
}

#[test]
fn a_used_ledger_is_left_as_it_is_until_the_sql_runs() {
    let Some(place) = fresh() else { return };
    let old = place.with_starts(2);
    let reset = old.reset();
    assert_eq!(quota(&old, "t").unwrap().used(), 2, "nothing was changed");
    assert!(is_granted(&old.transact(&reserve("t", 3))));
    run_sql(&place, reset);
    let aside = asides(&place);
    assert_eq!(aside.len(), 1, "{aside:?}");
    let kept = format!("SELECT count(*) FROM \"{}\".books", aside[0]);
    assert_eq!(place.admin().ask_one(&kept), "1");
    // A store that read the old rows makes no start, and neither does a new store.
    let removed = old.transact(&reserve("t", 4)).unwrap_err();
    assert!(is_row_lost(&removed), "{removed:?}");
    let new = place.store();
    for tenant in ["t", "u"] {
        quarantined(new.transact(&reserve(tenant, 4)));
    }
    quarantined(old.transact(&reserve("u", 4)));
    assert_eq!(new.reset().unwrap(), Reset::Marked);
    // Another program has a row for the tenant, with fewer changes.
    let quarantine = quota(&new, "t").unwrap().quarantine().unwrap();
    let end = Change::end_quarantine(key("t"), Throttle::default(), quarantine);
    assert_eq!(new.transact(&end).unwrap().unresolved(), None);
    let set_back = old.transact(&reserve("t", 4)).unwrap_err();
    assert!(is_row_lost(&set_back), "{set_back:?}");
    assert!(is_granted(&place.store().transact(&reserve("t", 4))));
}

#[test]
fn the_sql_waits_for_a_start_in_the_old_ledger() {
    let Some(place) = fresh() else { return };
    let Ok(Reset::Sql(sql)) = place.with_starts(1).reset() else {
        panic!("it is in use");
    };
    let (starting, resetting) = (place.admin(), place.admin());
    starting.run(&format!(
        "BEGIN; UPDATE \"{}\".books SET changes = changes + 1",
        place.schema
    ));
    let reset = std::thread::spawn(move || resetting.run(&sql));
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert!(!reset.is_finished(), "its mark may be older than a start");
    starting.run("COMMIT");
    reset.join().unwrap();
    quarantined(place.store().transact(&reserve("t", 2)));
}

#[test]
fn the_sql_replaces_a_damaged_or_newer_ledger() {
    for sql in [
        "UPDATE {s}.layout SET layout = 7",
        "DROP TABLE {s}.layout",
        "ALTER TABLE {s}.books ADD more text",
        "DROP TABLE {s}.books",
    ] {
        let Some(place) = fresh() else { return };
        drop(place.with_starts(1));
        place.admin().run(&sql.replace("{s}", &place.schema));
        let store = place.store();
        assert!(store.transact(&reserve("t", 2)).is_err());
        run_sql(&place, store.reset());
        quarantined(place.store().transact(&reserve("t", 2)));
        quarantined(store.transact(&reserve("u", 2)));
    }
}

#[test]
fn a_mark_that_was_altered_stops_every_start() {
    let Some(place) = fresh() else { return };
    assert_eq!(place.store().reset().unwrap(), Reset::Marked);
    let sql = "UPDATE {s}.books SET value = set_byte(value, 22, 48) WHERE tenant = ''";
    place.admin().run(&sql.replace("{s}", &place.schema));
    let reply = place.store().transact(&reserve("t", 1));
    assert!(matches!(reply, Err(StoreError::Damaged(_))), "{reply:?}");
    // Another reset writes a new mark.
    assert_eq!(place.store().reset().unwrap(), Reset::Marked);
    quarantined(place.store().transact(&reserve("t", 1)));
}

#[test]
fn starts_that_race_with_a_reset_come_before_it_or_are_refused() {
    for _ in 0..4 {
        let Some(place) = fresh() else { return };
        let (granted, reset) = std::thread::scope(|scope| {
            let start = |id| {
                let store = place.store();
                scope.spawn(move || is_granted(&store.transact(&reserve("t", id))))
            };
            let starts: Vec<_> = (1..=4).map(start).collect();
            let store = place.store();
            let reset = scope.spawn(move || store.reset()).join().unwrap();
            let granted = starts.into_iter().map(|it| it.join().unwrap());
            (granted.filter(|it| *it).count(), reset)
        });
        match reset.unwrap() {
            Reset::Marked => assert_eq!(granted, 0),
            Reset::Sql(_) => assert!(granted > 0),
            other @ (Reset::MovedAside(_) | _) => panic!("{other:?}"),
        }
    }
}
