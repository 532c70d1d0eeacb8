//! The laws can fail: each planted fault is found within a few hundred seeds, and told by a short script that plays again.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test: what must not happen ends it"
)]

use simulation::{Planted, Script, Violation, play, shrink, transitions};

/// Seeds that are tried for each.
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
    // The text plays again, and without the fault every law holds.
    let read = Script::parse(&short.text()).unwrap();
    assert_eq!(read, short);
    assert_eq!(play(&read, planted).1, Some(again));
    assert_eq!(play(&read, Planted::Nothing).1, None);
}

#[test]
fn a_driver_that_sends_again_after_a_503() {
    check(Planted::SendsAgain, &["I2"], 2);
}

#[test]
fn a_store_that_forgets_a_commit() {
    check(Planted::ForgetfulStore, &["I3", "I4"], 6);
}

#[test]
fn a_slot_dated_by_the_send() {
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
fn success_by_a_status_nobody_knows() {
    check(Planted::UnknownIsSuccess, &["I6"], 2);
}

#[test]
fn a_poll_without_a_pause() {
    check(Planted::NoPause, &["G4", "I7"], 1);
}

#[test]
fn a_lost_answer_blamed_on_the_connection() {
    check(Planted::BlamesConnection, &["I3", "I5"], 8);
}

#[test]
fn a_store_that_fails_taken_for_one_that_grants() {
    check(Planted::IgnoresStore, &["I3", "I4", "I10"], 8);
}

#[test]
fn a_token_in_the_books() {
    check(Planted::TokenInBooks, &["I8"], 0);
}

#[test]
fn a_clock_of_the_books_that_stands_still() {
    check(Planted::StandingClock, &["G2", "G3"], 8);
}

#[test]
fn a_dropped_start_whose_slot_is_freed() {
    check(Planted::DropFrees, &["I3"], 16);
}

#[test]
fn a_wait_that_is_never_taken_up_again() {
    check(Planted::NeverResumes, &["G1"], 2);
}

#[test]
fn a_location_followed_by_the_driver_itself() {
    check(Planted::FollowsAnything, &["I1"], 2);
}

#[test]
fn a_panic() {
    check(Planted::Panics, &["I9"], 2);
}

#[test]
fn an_acceptance_told_as_a_refusal() {
    check(Planted::ForgetsAcceptance, &["I5"], 2);
}
