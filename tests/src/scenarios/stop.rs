//! Clients that are stopped, and futures that are dropped.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
    stage::When,
    tokens::Given,
    turn::{Act, Turn},
};

/// One scenario for each state in which a client can be stopped or a future dropped.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let long = |name: &str| {
        Scenario::new(name, "T38")
            .request_limit(30_000)
            .within(12_000)
    };
    vec![
        long("stopped during a POST that stalls")
            .turn(Turn::new([Act::Stall]))
            .stop(When::Requests(1))
            .step(Do::Run, "start Dropped|start AnswerLost")
            .wire("P")
            .ledger(0, 1),
        long("stopped between polls")
            .turn(accepted())
            .poll_every(60_000)
            .stop(When::Changes(2))
            .step(Do::Run, "poll Stopped")
            .wire("P")
            .ledger(1, 0),
        long("stopped during a poll that stalls")
            .turn(accepted())
            .turn(Turn::new([Act::Stall]))
            .stop(When::Requests(2))
            .step(Do::Run, "poll Stopped")
            .wire("PG")
            .ledger(1, 0),
        long("stopped while waiting out a 429")
            .turn(answer(429, &["Retry-After: 25"], ""))
            .stop(When::Changes(2))
            .step(Do::Run, "start Stopped")
            .wire("P")
            .ledger(0, 0)
            .throttled(),
        long("a stopped client sends nothing more")
            .turn(accepted())
            .poll_every(60_000)
            .stop(When::Changes(2))
            .step(Do::Run, "poll Stopped")
            .step(Do::Run, "start Stopped")
            .step(Do::OperationPoll, "poll Stopped")
            .wire("P")
            .ledger(1, 0),
        long("stopped while waiting for the token source")
            .tokens(&[Given::Never])
            .stop(When::Asked(1))
            .step(Do::Run, "start Stopped")
            .wire("")
            .ledger(0, 0),
        long("start dropped while waiting for the token source")
            .tokens(&[Given::Never])
            .step(Do::DropStart(When::Asked(1)), "dropped")
            .wire("")
            .ledger(0, 0),
        long("start dropped during its POST")
            .turn(Turn::new([Act::Stall]))
            .step(Do::DropStart(When::Requests(1)), "dropped")
            .wire("P")
            .ledger(0, 1),
        long("start dropped while waiting out a 429")
            .turn(answer(429, &["Retry-After: 25"], ""))
            .step(Do::DropStart(When::Changes(2)), "dropped")
            .wire("P")
            .ledger(0, 0)
            .throttled(),
        long("start dropped, and the next start succeeds")
            .turn(Turn::new([Act::Stall]))
            .turn(accepted())
            .turn(status("succeeded"))
            .step(Do::DropStart(When::Requests(1)), "dropped")
            .step(Do::Run, "succeeded")
            .wire("PPG")
            .ledger(1, 1),
    ]
}
