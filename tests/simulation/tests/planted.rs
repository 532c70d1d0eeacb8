//! The laws detect faults: each planted fault breaks a law within a few hundred seeds, and is shown by a short script that
//! can be played again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test panics on failure"
)]

use simulation::{Planted, Script, Violation, play, shrink, transitions};

/// The number of seeds tried for each fault.
const SEEDS: u64 = 600;

/// The first seed whose history breaks a law.
fn find(planted: Planted) -> Option<(u64, Violation)> {
    (0..SEEDS).find_map(|seed| {
        let (_, violation) = play(&transitions::script(seed), planted);
        Some((seed, violation?))
    })
}

#[track_caller]
fn check(planted: Planted, laws: &[&str], events: usize) {
    let Some((seed, violation)) = find(planted) else {
        panic!("{planted:?} was not found in {SEEDS} histories");
    };
    let script = transitions::script(seed);
    let (short, again) = shrink(&script, &violation.law, planted);
    println!(
        "{planted:?}: seed {seed}, {} of {} events, {}: {}",
        short.events.len(),
        script.events.len(),
        again.law,
        again.detail
    );
    assert!(laws.contains(&violation.law.as_str()), "{violation:?}");
    assert_eq!(again.law, violation.law);
    assert!(short.events.len() <= events, "{}", short.text());
    // The script breaks the law again when read from its text, and without the fault every law holds.
    let read = Script::parse(&short.text()).unwrap();
    assert_eq!(read, short);
    assert_eq!(play(&read, planted).1, Some(again));
    assert_eq!(play(&read, Planted::Nothing).1, None);
}

#[test]
fn a_start_sent_again_after_a_503() {
    check(Planted::SendsAgain, &["I2"], 2);
}

#[test]
fn a_store_that_loses_a_commit() {
    check(Planted::ForgetfulStore, &["I3", "I4"], 6);
}

#[test]
fn a_start_dated_by_its_send() {
    check(Planted::DatedBySend, &["I3"], 2);
}

#[test]
fn a_window_of_eleven_hours() {
    check(Planted::ElevenHours, &["I3"], 8);
}

#[test]
fn a_window_of_thirteen_hours() {
    check(Planted::ThirteenHours, &["G3"], 8);
}

#[test]
fn an_unknown_status_read_as_success() {
    check(Planted::UnknownIsSuccess, &["I6"], 2);
}

#[test]
fn polls_without_an_interval() {
    check(Planted::NoPause, &["G4", "I7"], 3);
}

#[test]
fn a_lost_response_reported_as_a_failed_connection() {
    check(Planted::BlamesConnection, &["I3", "I5"], 8);
}

#[test]
fn a_store_error_treated_as_a_granted_reservation() {
    check(Planted::IgnoresStore, &["I3", "I4", "I10"], 8);
}

#[test]
fn a_token_in_the_ledger() {
    check(Planted::TokenInLedger, &["I8"], 0);
}

#[test]
fn a_ledger_clock_that_stands_still() {
    check(Planted::StandingClock, &["G2", "G3"], 8);
}

#[test]
fn a_dropped_start_that_always_releases_its_slot() {
    check(Planted::DropFrees, &["I3", "I12"], 16);
}

#[test]
fn polling_that_is_never_resumed() {
    check(Planted::NeverResumes, &["G1"], 2);
}

#[test]
fn a_refused_location_followed_by_the_driver() {
    check(Planted::FollowsAnything, &["I1"], 2);
}

#[test]
fn a_driver_that_panics() {
    check(Planted::Panics, &["I9"], 2);
}

#[test]
fn a_date_that_never_reaches_the_ledger() {
    check(Planted::IgnoresDate, &["I3"], 12);
}

#[test]
fn a_ledger_clock_that_is_off_and_not_reported() {
    check(Planted::HidesLedgerClock, &["I3"], 2);
}

#[test]
fn a_retry_after_that_never_reaches_the_ledger() {
    check(Planted::Hurries, &["G4"], 6);
}

#[test]
fn a_reconciliation_that_frees_an_accepted_start() {
    // With its slot, the entry frees its key.
    check(Planted::ResolvesBlindly, &["I11", "I12"], 8);
}

#[test]
fn a_key_that_is_left_out_of_the_reservation() {
    check(Planted::IgnoresKey, &["I12"], 2);
}

#[test]
fn an_acceptance_reported_as_a_refusal() {
    check(Planted::ForgetsAcceptance, &["I5"], 2);
}
