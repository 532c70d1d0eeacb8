//! An answer cut after each of its bytes: before the head's end a start is in doubt, from there on it counts.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test: what must not happen ends it"
)]

use std::ops::RangeInclusive;

use conformance::{Act, Do, Flavour, Scenario, accepted, check_all, status};

const HEAD: &str =
    "HTTP/1.1 202 Accepted\r\nLocation: ../operations/a-1\r\nContent-Length: 2\r\n\r\n";
const POLL: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 22\r\n\r\n{\"status\":\"succeeded\"}";

macro_rules! everywhere {
    ($($test:ident: $scenarios:ident, $flavour:ident;)*) => {
        $(#[test] fn $test() {
            let scenarios = $scenarios();
            check_all(&scenarios, Flavour::$flavour);
            println!("{}: {} points held, {:?}", stringify!($scenarios), scenarios.len(), Flavour::$flavour);
        })*
    };
}

everywhere! {
    closed_starts_blocking: closed_starts, Blocking;
    closed_starts_async: closed_starts, Async;
    reset_starts_blocking: reset_starts, Blocking;
    reset_starts_async: reset_starts, Async;
    closed_polls_blocking: closed_polls, Blocking;
    closed_polls_async: closed_polls, Async;
}

fn closed_starts() -> Vec<Scenario> {
    let answer = format!("{HEAD}{{}}");
    points(&answer)
        .map(|point| {
            let whole = point >= HEAD.len();
            cut(&answer, point, Act::Close)
                .step(
                    Do::Start,
                    if whole {
                        "accepted"
                    } else {
                        "start DoubtfulLoss"
                    },
                )
                .books(u32::from(whole), u32::from(!whole))
        })
        .collect()
}

/// A reset may overtake what was sent before it.
fn reset_starts() -> Vec<Scenario> {
    let answer = format!("{HEAD}{{}}");
    points(&answer)
        .map(|point| {
            let scenario = cut(&answer, point, Act::Reset);
            if point >= HEAD.len() {
                scenario.step(Do::Start, "accepted|start DoubtfulLoss")
            } else {
                scenario.step(Do::Start, "start DoubtfulLoss").books(0, 1)
            }
        })
        .collect()
}

fn closed_polls() -> Vec<Scenario> {
    points(POLL)
        .map(|point| {
            let whole = point == POLL.len();
            Scenario::new(format!("a poll cut after {point} bytes"), "T37 P3")
                .turn(accepted())
                .turn(conformance::raw(&POLL.as_bytes()[..point]).then(Act::Close))
                .turn(status("succeeded"))
                .step(Do::Run, "succeeded")
                .wire(if whole { "PG" } else { "PGG" })
                .books(1, 0)
        })
        .collect()
}

fn points(answer: &str) -> RangeInclusive<usize> {
    0..=answer.len()
}

fn cut(answer: &str, point: usize, end: Act) -> Scenario {
    Scenario::new(format!("a start cut after {point} bytes"), "T37")
        .turn(conformance::raw(&answer.as_bytes()[..point]).then(end))
        .wire("P")
}
