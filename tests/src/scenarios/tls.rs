//! Failed TLS handshakes: nothing was sent, so no start counts.

use crate::{
    scenario::{Address, Do, Scenario},
    turn::{Act, Turn},
};

/// An https base whose server does not speak TLS.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let handshake = |name: &str, acts: Vec<Act>| {
        Scenario::new(format!("TLS handshake {name}"), "S6 T24")
            .address(Address::Https)
            .turn(Turn::on_connection(acts).forever())
            .step(Do::Run, "start Unreachable")
            .wire("")
            .ledger(0, 0)
            .within(10_000)
    };
    vec![
        handshake(
            "answered by plain HTTP",
            vec![
                Act::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
                Act::Close,
            ],
        ),
        handshake("closed", vec![Act::Close]),
        handshake(
            "reset",
            vec![Act::Pause(std::time::Duration::from_millis(50)), Act::Reset],
        ),
        handshake("stalled", vec![Act::Stall]).request_limit(800),
        handshake(
            "answered by an alert",
            vec![Act::Send(vec![21, 3, 3, 0, 2, 2, 40]), Act::Close],
        ),
        handshake(
            "answered by endless bytes",
            vec![Act::Endless(
                vec![22, 3, 3, 0, 1, 0],
                std::time::Duration::from_millis(1),
            )],
        )
        .request_limit(800),
    ]
}
