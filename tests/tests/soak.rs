//! A short soak: kills at least 200 processes for each store, and compares the service's history with the ledger.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics on failure"
)]

use std::{env, time::Duration};

use conformance::soak::{Place, Plan, Report, soak};

fn run(place: Place, kills: u64) -> Report {
    let report = soak(&Plan {
        starter: env!("CARGO_BIN_EXE_starter").into(),
        place,
        time: Duration::from_secs(180),
        kills,
        seed: 50,
    })
    .unwrap();
    println!("{report}");
    report
}

#[track_caller]
fn holds(report: &Report) {
    assert!(report.violations.is_empty(), "{:#?}", report.violations);
    assert!(report.kills >= 200, "{report}");
    // At least one process must have been killed between its reservation and its outcome.
    assert!(report.in_flight > 0 && report.confirmed > 0, "{report}");
}

#[test]
fn t50_t51_sqlite_holds_over_200_kills() {
    let folder = tempfile::tempdir().unwrap();
    holds(&run(
        Place::Sqlite(folder.path().join("ledger.sqlite3")),
        200,
    ));
}

#[test]
fn t50_t51_t59_postgresql_holds_over_200_kills() {
    match env::var("INDUSTRYDATA_TEST_POSTGRES") {
        Ok(url) => holds(&run(Place::Postgres(url), 200)),
        Err(_) => println!("not run: needs a PostgreSQL server, which `cargo xtask test` starts"),
    }
}

#[test]
fn unshared_ledgers_are_detected() {
    let report = run(Place::Unshared, 20);
    for law in ["I3: ", "I4: "] {
        let is_broken = report.violations.iter().any(|text| text.contains(law));
        assert!(is_broken, "{law}{:#?}", report.violations);
    }
}
