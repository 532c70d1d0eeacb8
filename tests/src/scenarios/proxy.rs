//! A proxy in the caller's client configuration receives no loopback requests.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Address, Do, Scenario},
};

/// Clients whose configuration names the foreign server as a proxy.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    vec![
        Scenario::new(
            "a configured proxy is not used for a loopback address",
            "I1",
        )
        .proxied()
        .turn(accepted())
        .turn(status("succeeded"))
        .step(Do::Run, "succeeded")
        .wire("PG")
        .ledger(1, 0),
        Scenario::new("a configured proxy is not used for localhost", "I1")
            .proxied()
            .address(Address::Localhost)
            .turn(answer(202, &["Location: ../operations/a"], ""))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PG")
            .ledger(1, 0),
        Scenario::new("a configured redirect policy is not applied", "T16")
            .proxied()
            .turn(answer(
                307,
                &["Location: {base}/external/industryData/runs/start"],
                "",
            ))
            .step(Do::Run, "start Refused")
            .wire("P")
            .ledger(0, 0),
    ]
}
