//! Where no connection comes about, nothing was started.

use crate::scenario::{Address, Do, Scenario};

/// Refused, and never answered.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("the connection is refused", "S6")
            .address(Address::Closed)
            .step(Do::Run, "start Unreachable")
            .step(Do::Run, "start Unreachable")
            .wire("")
            .books(0, 0),
        Scenario::new("the connection is never accepted", "S6")
            .address(Address::Deaf)
            .request_limit(700)
            .within(8000)
            .step(Do::Run, "start Unreachable")
            .wire("")
            .books(0, 0),
        Scenario::new(
            "the connection is never accepted, and the deadline comes first",
            "S6",
        )
        .address(Address::Deaf)
        .request_limit(30_000)
        .time_limit(700)
        .within(8000)
        .step(Do::Run, "start Unreachable")
        .wire("")
        .books(0, 0),
        Scenario::new(
            "the connection of a poll is refused until the deadline",
            "P3",
        )
        .address(Address::Closed)
        .time_limit(700)
        .within(8000)
        .step(Do::OperationPoll, "wait TimeLimit")
        .wire("")
        .books(0, 0),
        Scenario::new("the connection of a poll is never accepted", "P3")
            .address(Address::Deaf)
            .request_limit(300)
            .time_limit(1200)
            .within(8000)
            .step(Do::Resume, "wait TimeLimit")
            .wire("")
            .books(0, 0),
    ]
}
