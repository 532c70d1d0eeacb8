//! Connections that cannot be made: nothing was sent, so no start counts.

use crate::scenario::{Address, Do, Scenario};

/// Refused connections, and connections that are never accepted.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new("the connection is refused", "S6")
            .address(Address::Closed)
            .step(Do::Run, "start Unreachable")
            .step(Do::Run, "start Unreachable")
            .wire("")
            .ledger(0, 0),
        Scenario::new("the connection is never accepted", "S6")
            .address(Address::Deaf)
            .request_limit(700)
            .within(8000)
            .step(Do::Run, "start Unreachable")
            .wire("")
            .ledger(0, 0),
        Scenario::new("the connection is not accepted before the deadline", "S6")
            .address(Address::Deaf)
            .request_limit(30_000)
            .time_limit(700)
            .within(8000)
            .step(Do::Run, "start Unreachable")
            .wire("")
            .ledger(0, 0),
        Scenario::new(
            "the connection for a poll is refused until the deadline",
            "P3",
        )
        .address(Address::Closed)
        .time_limit(700)
        .within(8000)
        .step(Do::OperationPoll, "poll TimeLimit")
        .wire("")
        .ledger(0, 0),
        Scenario::new("the connection for a poll is never accepted", "P3")
            .address(Address::Deaf)
            .request_limit(300)
            .time_limit(1200)
            .within(8000)
            .step(Do::Resume, "poll TimeLimit")
            .wire("")
            .ledger(0, 0),
    ]
}
