//! Breaks exchanges at every byte, and drops futures at every await point.

use conformance::{
    Flavour,
    cuts::{
        Report,
        drops::{self, Call},
        sockets::{self, Family},
    },
};

macro_rules! everywhere {
    ($($test:ident: $family:ident, $flavour:ident;)*) => {
        $(#[test] fn $test() { holds(&sockets::play(Family::$family, Flavour::$flavour)); })*
    };
}

everywhere! {
    closed_blocking: Closed, Blocking;
    closed_async: Closed, Async;
    reset_blocking: Reset, Blocking;
    reset_async: Reset, Async;
    stalled_blocking: Stalled, Blocking;
    stalled_async: Stalled, Async;
    stopped_blocking: Stopped, Blocking;
    stopped_async: Stopped, Async;
    closed_over_sqlite_blocking: ClosedOverSqlite, Blocking;
    closed_over_sqlite_async: ClosedOverSqlite, Async;
    before_the_first_byte_blocking: Before, Blocking;
    before_the_first_byte_async: Before, Async;
}

#[test]
fn every_call_survives_a_drop_at_every_await_point() {
    for call in Call::all() {
        holds(&drops::play(&call));
    }
}

#[track_caller]
fn holds(report: &Report) {
    println!("{report}");
    assert!(report.is_whole(), "{report}");
}
