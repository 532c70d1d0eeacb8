//! Starts with a key: one start for a key, and each later one goes on with it.

use std::time::Duration;

use industrydata_core::Timestamp;

use crate::{
    answers::{OPERATION, accepted, answer, status},
    scenario::{Do, Scenario},
    turn::{Act, Turn},
};

/// Each state of an earlier start with the key.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![
        keyed("the second start goes on with the first")
            .turn(accepted())
            .step(Do::Start, "accepted")
            .step(Do::Start, "attached")
            .step(Do::Start, "attached")
            .wire("P")
            .ledger(1, 0),
        keyed("each start polls the one operation")
            .sqlite()
            .turn(accepted())
            .turn(status("running"))
            .turn(status("succeeded"))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .step(Do::Run, "succeeded")
            .wire("PGGG")
            .ledger(1, 0),
        keyed("an operation that has failed stays failed")
            .turn(accepted())
            .turn(status("failed"))
            .turn(status("failed"))
            .step(Do::Run, "poll Failed")
            .step(Do::Run, "poll Failed")
            .wire("PGG")
            .ledger(1, 0),
        keyed("an operation that is gone is reported, and no other is started")
            .turn(accepted())
            .turn(answer(410, &[], ""))
            .step(Do::Start, "accepted")
            .step(Do::Run, "poll Gone")
            .wire("PG")
            .ledger(1, 0),
        keyed("a start that was refused frees its key")
            .turn(answer(409, &[], ""))
            .turn(accepted())
            .step(Do::Start, "start Refused")
            .step(Do::Start, "accepted")
            .step(Do::Start, "attached")
            .wire("PP")
            .ledger(1, 0),
        keyed("an operation that cannot be polled is not followed later either")
            .turn(answer(202, &[], ""))
            .step(Do::Start, "start NotFollowable Missing")
            .step(Do::Start, "start KeyNotFollowable")
            .wire("P")
            .ledger(1, 0),
        keyed("in doubt, and the token may not read")
            .turn(Turn::new([Act::Close]))
            .turn(answer(403, &[], ""))
            .turn(answer(403, &[], ""))
            .step(Do::Start, "start AnswerLost")
            .step(Do::Start, "start KeyInDoubt")
            .wire("PGG")
            .ledger(0, 1),
        keyed("in doubt, and the lists do not show it yet")
            .turn(answer(503, &[], ""))
            .turn(list(""))
            .turn(list(""))
            .step(Do::Start, "start AmbiguousAnswer")
            .step(Do::Start, "start KeyInDoubt")
            .wire("PGG")
            .ledger(0, 1),
        keyed("in doubt, and the operation is listed")
            .sqlite()
            .turn(Turn::new([Act::Close]))
            .turn(list(&operation()))
            .turn(list(""))
            .turn(status("succeeded"))
            .step(Do::Start, "start AnswerLost")
            .step(Do::Run, "succeeded")
            .step(Do::Start, "attached")
            .wire("PGGG")
            .ledger(1, 0),
        keyed("a ledger that fails sends nothing")
            .ledger_fails_at(&[0, 3])
            .turn(accepted())
            .step(Do::Start, "start Ledger")
            .step(Do::Start, "accepted")
            .step(Do::Start, "start Ledger")
            .step(Do::Start, "attached")
            .wire("P")
            .ledger(1, 0),
    ]
}

fn keyed(name: &str) -> Scenario {
    Scenario::new(format!("key: {name}"), "I12 T77").key("nightly-2026-03-10")
}

fn list(items: &str) -> Turn {
    let fields = ["Content-Type: application/json", "Date: {date}"];
    answer(200, &fields, &format!(r#"{{"value":[{items}]}}"#))
}

/// The operation, created near the time at which the scenario is played.
fn operation() -> String {
    let created = Timestamp::now() + Duration::from_secs(60);
    format!(r#"{{"id":"{OPERATION}","status":"running","createdDateTime":"{created}"}}"#)
}
