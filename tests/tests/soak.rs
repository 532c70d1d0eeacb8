//! A short soak: at least 200 processes killed for each store, and the history held against the books.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: what must not happen ends it"
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
    // It was no soak if nothing was ever killed on its way.
    // It was no soak if nothing was ever killed on its way.
    assert!(report.in_flight > 0 && report.confirmed > 0, "{report}");
}

#[test]
fn t50_t51_sqlite_holds_over_200_kills() {
    let folder = tempfile::tempdir().unwrap();
    holds(&run(
        Place::Sqlite(folder.path().join("books.sqlite3")),
        200,
    ));
}

#[test]
fn t50_t51_t59_postgresql_holds_over_200_kills() {
    match env::var("INDUSTRYDATA_TEST_POSTGRES") {
        Ok(url) => holds(&run(Place::Postgres(url), 200)),
        Err(_) => println!("not run: no PostgreSQL server, which `cargo xtask test` starts"),
    }
}

#[test]
fn books_that_are_not_shared_are_found_out() {
    let report = run(Place::Apart, 20);
    for law in ["I3: ", "I4: "] {
        let told = report.violations.iter().any(|told| told.contains(law));
        assert!(told, "{law}{:#?}", report.violations);
    }
}
