//! A handshake that fails: nothing was sent.

use crate::{
    scenario::{Address, Do, Scenario},
    turn::{Act, Turn},
};

/// An https base at which no TLS is spoken.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let handshake = |name: &str, acts: Vec<Act>| {
        Scenario::new(format!("handshake: {name}"), "S6 T24")
            .address(Address::Https)
            .turn(Turn::on_connection(acts).forever())
            .step(Do::Run, "start Unreachable")
            .wire("")
            .books(0, 0)
            .within(10_000)
    };
    vec![
        handshake(
            "answered in clear",
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
            "an alert",
            vec![Act::Send(vec![21, 3, 3, 0, 2, 2, 40]), Act::Close],
        ),
        handshake(
            "bytes without end",
            vec![Act::Endless(
                vec![22, 3, 3, 0, 1, 0],
                std::time::Duration::from_millis(1),
            )],
        )
        .request_limit(800),
    ]
}
