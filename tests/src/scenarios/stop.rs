//! Stopping, and dropping.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Do, Scenario},
    stage::When,
    tokens::Given,
    turn::{Act, Turn},
};

/// At each place where a client can be stopped, or a future dropped.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let long = |name: &str| {
        Scenario::new(name, "T38")
            .request_limit(30_000)
            .within(12_000)
    };
    vec![
        long("stopped while a POST stalls")
            .turn(Turn::new([Act::Stall]))
            .stop(When::Requests(1))
            .step(Do::Run, "start Dropped|start AnswerLost")
            .wire("P")
            .books(0, 1),
        long("stopped in a pause between polls")
            .turn(accepted())
            .poll_every(60_000)
            .stop(When::Changes(2))
            .step(Do::Run, "wait Stopped")
            .wire("P")
            .books(1, 0),
        long("stopped while a poll stalls")
            .turn(accepted())
            .turn(Turn::new([Act::Stall]))
            .stop(When::Requests(2))
            .step(Do::Run, "wait Stopped")
            .wire("PG")
            .books(1, 0),
        long("stopped while a throttle is waited out")
            .turn(answer(429, &["Retry-After: 25"], ""))
            .stop(When::Changes(2))
            .step(Do::Run, "start Stopped")
            .wire("P")
            .books(0, 0)
            .closed(),
        long("nothing goes out once it was stopped")
            .turn(accepted())
            .poll_every(60_000)
            .stop(When::Changes(2))
            .step(Do::Run, "wait Stopped")
            .step(Do::Run, "start Stopped")
            .step(Do::OperationPoll, "wait Stopped")
            .wire("P")
            .books(1, 0),
        long("stopped while the token is asked for")
            .tokens(&[Given::Never])
            .stop(When::Asked(1))
            .step(Do::Run, "start Stopped")
            .wire("")
            .books(0, 0),
        long("dropped while the token is asked for")
            .tokens(&[Given::Never])
            .step(Do::DropStart(When::Asked(1)), "dropped")
            .wire("")
            .books(0, 0),
        long("dropped while the POST is out")
            .turn(Turn::new([Act::Stall]))
            .step(Do::DropStart(When::Requests(1)), "dropped")
            .wire("P")
            .books(0, 1),
        long("dropped while a throttle is waited out")
            .turn(answer(429, &["Retry-After: 25"], ""))
            .step(Do::DropStart(When::Changes(2)), "dropped")
            .wire("P")
            .books(0, 0)
            .closed(),
        long("dropped, and the next start goes its way")
            .turn(Turn::new([Act::Stall]))
            .turn(accepted())
            .turn(status("succeeded"))
            .step(Do::DropStart(When::Requests(1)), "dropped")
            .step(Do::Run, "succeeded")
            .wire("PPG")
            .books(1, 1),
    ]
}
