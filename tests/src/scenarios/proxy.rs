//! A proxy in the caller's own configuration never sees loopback.

use crate::{
    answers::{accepted, answer, status},
    scenario::{Address, Do, Scenario},
};

/// With the foreign server as the proxy.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let run = |name: &str| {
        Scenario::new(format!("a proxy in the configuration: {name}"), "I1")
            .proxied()
            .turn(accepted())
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PG")
            .books(1, 0)
    };
    vec![
        run("nothing goes through it"),
        Scenario::new("a proxy in the configuration: nor a name", "I1")
            .proxied()
            .address(Address::Localhost)
            .turn(answer(202, &["Location: ../operations/a"], ""))
            .turn(status("succeeded"))
            .step(Do::Run, "succeeded")
            .wire("PG")
            .books(1, 0),
        Scenario::new("a configuration that follows redirects: it does not", "T16")
            .proxied()
            .turn(answer(
                307,
                &["Location: {base}/external/industryData/runs/start"],
                "",
            ))
            .step(Do::Run, "start Refused")
            .wire("P")
            .books(0, 0),
    ]
}
