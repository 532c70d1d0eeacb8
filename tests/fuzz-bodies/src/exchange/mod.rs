//! Whole exchanges: a start and the polls of its operation, with a service, a network and a driver that may do anything.
//!
//! `start.rs` and `poll.rs` have the laws. This file has what both use of the world. Once the input is used up, nothing
//! fails any more, and the machine must end soon.

mod poll;
mod start;

use std::time::Duration;

use http::{HeaderName, HeaderValue, Response, StatusCode, response::Parts};
use industrydata_core::Now;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::TokenError;
use industrydata_core::endpoint::Service;
use industrydata_core::policy::Limits;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::IncompleteBody;
use industrydata_core::wire::Phase;
use industrydata_core::wire::TransportError;

use crate::{Target, draw::Draw, ledger_bytes::clock};

pub(crate) const TARGET: Target = Target {
    name: "exchange",
    about: "one POST for each reservation, none after doubt; success only by `succeeded`; a machine that has ended stays so",
    body,
    seeds,
    words: &[
        "succeeded",
        "{\"status\":\"",
        "\"}",
        "\u{1}",
        "operations/",
        "retry-after",
        "\u{1b}[2J",
    ],
};

/// The tokens. Each is recognised in any text.
const TOKENS: [&str; 3] = [
    "eyJ0b2tlbi1jYW5hcnk.A+b/MTIzNDU2Nzg5MA==",
    "ZXlKMGIydGxiaTFqWVc1.B+c/Nzg5MDEyMzQ1Ng==",
    "aGVhbHRoeS10b2tlbi1j.C+d/OTg3NjU0MzIxMA==",
];

/// The fields of answers that are read, and one that is not.
const FIELDS: [&str; 8] = [
    "retry-after",
    "location",
    "date",
    "content-type",
    "content-encoding",
    "www-authenticate",
    "request-id",
    "x-other",
];

fn body(input: &[u8]) {
    let mut draw = Draw::new(input);
    if draw.flag() {
        poll::resumed(&mut draw);
    } else if let Some((accepted, deadline, mut world)) = start::play(&mut draw) {
        let policy = policy(&mut draw);
        let poll = accepted.poll(policy);
        poll::play(poll, policy, deadline, &mut world, &mut draw);
    }
}

/// The two clocks.
pub(crate) struct World {
    pub(crate) now: Now,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            now: Now::new(clock(), Duration::from_secs(1000)),
        }
    }

    /// Some time passes, and the wall clock may be set.
    pub(crate) fn pass(&mut self, draw: &mut Draw<'_>) {
        let passed = draw.pick(&[0, 0, 1, 50, 1000, 5000, 29_000, 31_000, 61_000, 600_000]);
        self.wait(Duration::from_millis(passed));
        let set = draw.pick(&[0, 0, 0, 0, 1, -1, 60, -120, 3600, -3600, 90_000]);
        self.now.utc = self
            .now
            .utc
            .saturating_add(jiff::SignedDuration::from_secs(set))
            .unwrap_or(self.now.utc);
    }

    pub(crate) fn wait(&mut self, passed: Duration) {
        self.now.steady += passed;
        self.now.utc = self.now.utc.saturating_add(passed).unwrap_or(self.now.utc);
    }
}

pub(crate) fn service() -> Service {
    Service::new(BaseUrl::graph(), "fuzz/1")
}

/// A token, and its text.
pub(crate) fn token(draw: &mut Draw<'_>) -> (AccessToken, &'static str) {
    let text = if draw.is_empty() {
        TOKENS[2]
    } else {
        draw.pick(&TOKENS)
    };
    (AccessToken::new(text).expect("a token"), text)
}

pub(crate) fn policy(draw: &mut Draw<'_>) -> PollingPolicy {
    match draw.below(3) {
        0 => PollingPolicy::default(),
        1 => PollingPolicy::every(Duration::from_secs(2)),
        _ => PollingPolicy::every(Duration::from_millis(200)),
    }
}

pub(crate) fn limits(draw: &mut Draw<'_>) -> Limits {
    Limits {
        request: draw.pick(&[30_000, 1, 1000, 3_600_000].map(Duration::from_millis)),
        total: draw.pick(&[7200, 600, 60, 1, 0].map(Duration::from_secs)),
    }
}

/// A head with a few fields, some of which echo the request's token.
pub(crate) fn head(status: u16, token: &str, draw: &mut Draw<'_>) -> Parts {
    let mut parts = bare(status);
    for _ in 0..draw.below(5) {
        let name = HeaderName::from_static(draw.pick(&FIELDS));
        let value = match draw.below(12) {
            0 => b"5".to_vec(),
            1 => b"31".to_vec(),
            2 => b"4000".to_vec(),
            3 => b"application/json".to_vec(),
            4 => b"gzip".to_vec(),
            5 => b"https://graph.microsoft.com/beta/external/industryData/operations/a-1".to_vec(),
            6 => format!("../operations/{token}").into_bytes(),
            7 => b"https://evil.example/beta/external/industryData/operations/a-1".to_vec(),
            8 => b"Bearer error=\"insufficient_claims\", claims=\"eyJhIjoxfQ\"".to_vec(),
            9 => format!("x {token} {token}").into_bytes(),
            10 => b"Tue, 10 Mar 2026 12:00:30 GMT".to_vec(),
            _ => echoed(&draw.chunk(), token),
        };
        if let Ok(value) = HeaderValue::from_bytes(&value) {
            parts.headers.append(name, value);
        }
    }
    parts
}

/// Replaces the bytes 1 to 6 by the token. A fuzzer learns the texts of the tokens from comparisons, and a token that it writes
/// itself is not an echo of the request's: such bytes are dropped.
fn echoed(bytes: &[u8], token: &str) -> Vec<u8> {
    let has = |known: &&str| bytes.windows(known.len()).any(|it| it == known.as_bytes());
    if TOKENS.iter().any(has) {
        return Vec::new();
    }
    crate::echo::echoed(bytes, token)
}

/// No text that is shown has a token in it.
#[track_caller]
pub(crate) fn assert_no_token(shown: &str) {
    for token in TOKENS {
        crate::echo::assert_hidden(shown, token);
    }
}

pub(crate) fn bare(status: u16) -> Parts {
    let mut parts = Response::new(()).into_parts().0;
    parts.status = StatusCode::from_u16(status).expect("a status");
    parts
}

pub(crate) fn any_body(token: &str, draw: &mut Draw<'_>) -> Result<Vec<u8>, IncompleteBody> {
    Ok(match draw.below(12) {
        0..=2 => br#"{"status":"running"}"#.to_vec(),
        3 => br#"{"status":"succeeded"}"#.to_vec(),
        4 => br#"{"status":"FAILED","statusDetail":"x"}"#.to_vec(),
        5 => br#"{"status":"later"}"#.to_vec(),
        6 => format!(r#"{{"status":"{token}","id":"{token}","statusDetail":"\u001b{token}"}}"#)
            .into_bytes(),
        7 => format!(r#"{{"error":{{"code":"{token}","message":"\r\n{token}"}}}}"#).into_bytes(),
        8 => return Err(IncompleteBody::cut("reset")),
        9 => return Err(IncompleteBody::TooLarge { limit: 1 }),
        10 => b"<html>".to_vec(),
        _ => echoed(&draw.chunk(), token),
    })
}

pub(crate) fn transport_error(draw: &mut Draw<'_>) -> TransportError {
    use Phase::{Connect, Local, Proxy, Refused, Resolve, Sent, Tls};
    TransportError::new(
        draw.pick(&[Sent, Local, Resolve, Connect, Proxy, Tls, Refused]),
        "lost",
    )
}

pub(crate) fn token_error(draw: &mut Draw<'_>) -> TokenError {
    if draw.flag() {
        TokenError::unavailable("down")
    } else {
        TokenError::Refused("no".to_owned().into())
    }
}

/// The time that an answer's Retry-After asks for.
pub(crate) fn asked(head: &Parts, now: Timestamp) -> Duration {
    industrydata_core::wire::retry_after(&head.headers, now).unwrap_or_default()
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![0; 40], [vec![1], vec![0; 40]].concat()];
    // One POST or poll for each status, then nothing fails.
    for status in 0..16 {
        let start = [0, 0, 0, 0, 0, 0];
        let recorded = [0, 0, 3, 0];
        let posted = [0, 0, 3, 0, 0, 0, 0, 2, status, 0, 7];
        seeds.push([start.as_slice(), &recorded, &posted, &recorded].concat());
        let resumed = [1, 0, 0, 0, 0];
        for body in 0..12 {
            let polled = [0, 0, 3, 0, 0, 0, 0, 2, status, 1, 0, body, body];
            seeds.push([resumed.as_slice(), &polled, &polled].concat());
        }
    }
    for kind in 0..24_u8 {
        seeds.push(
            (0..120_u8)
                .map(|n| n.wrapping_mul(kind).wrapping_add(n / 7) & !1)
                .collect(),
        );
        seeds.push(
            (0..120_u8)
                .map(|n| {
                    if n == 0 {
                        1
                    } else {
                        n.wrapping_mul(kind + 3) % 13
                    }
                })
                .collect(),
        );
    }
    seeds
}
