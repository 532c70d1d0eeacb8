//! Breaks the exchanges at every byte, in both directions.

use std::time::{Duration, Instant};

use super::{
    Report,
    exchange::{At, Break, Exchange},
};
use crate::{Act, Address, Checked, Do, End, Flavour, Scenario, Turn, When, check_each};

/// The time limit of a request that the server leaves unanswered, in milliseconds.
const LIMIT: u64 = 1500;
/// By how many milliseconds a time limit may be exceeded: the machine may be busy.
const SLACK: u64 = 6000;
/// How many points run in parallel: points that mostly wait, and points that mostly compute.
const WAITING: usize = 96;
const WORKING: usize = 12;
/// How many bytes of a TLS handshake the server reads at most. Every ClientHello is longer.
const HELLO: usize = 180;

/// A family of points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// A FIN after each byte of each response, and after the server has read each number of bytes of each request.
    Closed,
    /// A RST at the same points.
    Reset,
    /// Silence at the same points, until the request's time limit.
    Stalled,
    /// Silence at the same points, during which another thread stops the client.
    Stopped,
    /// A FIN at each byte of a start, with the ledger in an SQLite file.
    ClosedOverSqlite,
    /// A connection or handshake that breaks before the request's first byte. No start counts.
    Before,
}

impl Family {
    /// All families.
    pub const ALL: [Self; 6] = [
        Self::Closed,
        Self::Reset,
        Self::Stalled,
        Self::Stopped,
        Self::ClosedOverSqlite,
        Self::Before,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed at every byte",
            Self::Reset => "reset at every byte",
            Self::Stalled => "stalled at every byte",
            Self::Stopped => "stopped at every byte",
            Self::ClosedOverSqlite => "a start closed at every byte, ledger in SQLite",
            Self::Before => "connection broken before the request's first byte",
        }
    }

    fn scenarios(self, flavour: Flavour) -> Vec<Scenario> {
        match self {
            Self::Closed => everywhere(flavour, Break::Closed),
            Self::Reset => everywhere(flavour, Break::Reset),
            Self::Stalled => everywhere(flavour, Break::Stalled)
                .into_iter()
                .map(|scenario| scenario.request_limit(LIMIT).within(LIMIT + SLACK))
                .collect(),
            Self::Stopped => everywhere(flavour, Break::Stopped)
                .into_iter()
                .map(|scenario| {
                    let stopped = scenario.stop(When::Stalled(1)).request_limit(60_000);
                    stopped.within(SLACK)
                })
                .collect(),
            Self::ClosedOverSqlite => {
                let exchange = Exchange::started(flavour);
                let points = points(&exchange, 0, Break::Closed);
                points.into_iter().map(Scenario::sqlite).collect()
            }
            Self::Before => before(),
        }
    }
}

/// Plays a family with one adapter.
#[must_use]
pub fn play(family: Family, flavour: Flavour) -> Report {
    let began = Instant::now();
    let scenarios = family.scenarios(flavour);
    let at_a_time = match family {
        Family::Stalled => WAITING,
        Family::Closed
        | Family::Reset
        | Family::Stopped
        | Family::ClosedOverSqlite
        | Family::Before => WORKING,
    };
    let (results, broken) = check_each(&scenarios, flavour, at_a_time);
    let mut overrun = None;
    let mut held = 0;
    for checked in results {
        match checked {
            Checked::Held { took } => {
                held += 1;
                let over = took.saturating_sub(Duration::from_millis(LIMIT));
                overrun = overrun.max(Some(over));
            }
            // A point that was not played does not count as held.
            Checked::NotForThisFlavour | Checked::NotOnThisSystem => {}
        }
    }
    Report {
        name: format!("{flavour:?}, {}", family.name()),
        points: scenarios.len(),
        held,
        overrun: overrun.filter(|_| family == Family::Stalled),
        ends: String::new(),
        broken,
        took: began.elapsed(),
    }
}

/// The points of all exchanges. Requests that are equal to those of the first exchange are skipped in the others.
fn everywhere(flavour: Flavour, how: Break) -> Vec<Scenario> {
    let started = Exchange::started(flavour);
    let refused = Exchange::refused(flavour);
    let mut scenarios = Vec::new();
    for leg in 0..started.legs.len() {
        scenarios.extend(points(&started, leg, how));
    }
    let same = refused.legs[0].request;
    scenarios.extend(points(&refused, 0, how).into_iter().skip(same));
    scenarios.extend(points(&refused, 1, how));
    let chunked = Exchange::chunked(flavour);
    for (leg, at) in chunked.legs.iter().enumerate() {
        scenarios.extend(points(&chunked, leg, how).into_iter().skip(at.request));
    }
    scenarios
}

fn points(exchange: &Exchange, leg: usize, how: Break) -> Vec<Scenario> {
    let (request, answer) = (exchange.legs[leg].request, exchange.legs[leg].answer.len());
    // Silence after a complete response belongs to the next request.
    let last = match how {
        Break::Closed | Break::Reset => answer,
        Break::Stalled | Break::Stopped => answer - 1,
    };
    let requests = (0..request).map(At::Request);
    let all = requests.chain((0..=last).map(At::Answer));
    all.map(|at| exchange.broken(leg, at, how)).collect()
}

fn before() -> Vec<Scenario> {
    let start = |name: String| {
        Scenario::new(name, "T37")
            .step(Do::Start, "")
            .request_limit(LIMIT)
            .within(LIMIT + SLACK)
            .ends([End {
                step: "start Unreachable",
                ledger: (0, 0),
                wire: None,
            }])
    };
    let mut scenarios = vec![
        start("the port is closed".to_owned())
            .address(Address::Closed)
            .wire(""),
        start("the listener never accepts".to_owned())
            .address(Address::Deaf)
            .wire(""),
    ];
    let acts = [Act::Close, Act::Reset, Act::Deafen];
    for (act, step) in acts.into_iter().zip([1, 1, 20]) {
        for bytes in (0..HELLO).step_by(step) {
            let name = format!("{act:?} after {bytes} bytes of the TLS handshake");
            let turn = Turn::reading(bytes, [act.clone()]);
            scenarios.push(start(name).address(Address::Https).turn(turn));
        }
    }
    // The server accepts the connection and breaks it without reading: the client cannot know that nothing was read.
    for act in [Act::Close, Act::Reset, Act::Deafen] {
        let ends = [("start AnswerLost", (0, 1)), ("start Unreachable", (0, 0))];
        let ends = ends.map(|(step, ledger)| End {
            step,
            ledger,
            wire: Some(String::new()),
        });
        let accepted = Scenario::new(format!("{act:?} once the connection is accepted"), "T37")
            .step(Do::Start, "")
            .turn(Turn::on_connection([act]))
            .request_limit(LIMIT)
            .within(LIMIT + SLACK);
        scenarios.push(accepted.ends(ends));
    }
    scenarios
}
