//! The exchanges that are broken byte by byte, and the allowed outcomes of each break.

use crate::{Do, End, Flavour, Scenario, Stage, Turn, answers::OPERATION, raw, tokens::Given};

/// One request and its response.
#[derive(Clone, Debug)]
pub(super) struct Leg {
    kind: Kind,
    pub(super) answer: Vec<u8>,
    /// The length of the response's head: the offset at which its body begins.
    head: usize,
    /// The length of the request.
    pub(super) request: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Accepted,
    Refused,
    Running,
    Succeeded,
}

/// How the end of a body is marked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// By a `Content-Length`.
    Length,
    /// By the last chunk, of two with data, an extension and a trailer.
    Chunked,
}

/// How a connection is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Break {
    /// The server sends a FIN.
    Closed,
    /// The server sends a RST, which may discard bytes sent before it.
    Reset,
    /// The server falls silent.
    Stalled,
    /// The server falls silent, and the client is stopped meanwhile.
    Stopped,
}

/// The point at which a leg is broken.
#[derive(Clone, Copy, Debug)]
pub(super) enum At {
    /// After this many bytes of the response.
    Answer(usize),
    /// Once the server has read this many bytes of the request.
    Request(usize),
}

/// A sequence of requests and responses.
#[derive(Clone, Debug)]
pub(super) struct Exchange {
    pub(super) legs: Vec<Leg>,
}

impl Exchange {
    /// A start and its polls until the operation ends, with the request lengths of this flavour.
    pub(super) fn started(flavour: Flavour) -> Self {
        let kinds = [Kind::Accepted, Kind::Running, Kind::Succeeded];
        Self::of(&kinds, Framing::Length, flavour)
    }

    /// The same exchange with chunked bodies.
    pub(super) fn chunked(flavour: Flavour) -> Self {
        let kinds = [Kind::Accepted, Kind::Running, Kind::Succeeded];
        Self::of(&kinds, Framing::Chunked, flavour)
    }

    /// A start whose token is refused, the same start with a fresh token, and one poll.
    pub(super) fn refused(flavour: Flavour) -> Self {
        let kinds = [Kind::Refused, Kind::Accepted, Kind::Succeeded];
        Self::of(&kinds, Framing::Length, flavour)
    }

    fn of(kinds: &[Kind], framing: Framing, flavour: Flavour) -> Self {
        let legs = kinds.iter().map(|kind| Leg::new(*kind, framing)).collect();
        let mut exchange = Self { legs };
        let whole = exchange.scenario("whole".to_owned(), 0..kinds.len());
        let stage = Stage::new(&whole).unwrap().into();
        let played = flavour.play(&whole, &stage);
        assert_eq!(played.ends, ["succeeded"], "the unbroken exchange failed");
        let requests = stage.server.seen().requests;
        assert_eq!(requests.len(), kinds.len());
        for (leg, request) in exchange.legs.iter_mut().zip(requests) {
            leg.request = request.length;
        }
        exchange
    }

    fn scenario(&self, name: String, legs: std::ops::Range<usize>) -> Scenario {
        let fresh = [Given::Token(1), Given::Token(2)];
        let scenario = Scenario::new(name, "T37 T39 I2 I5 I6").tokens(&fresh);
        let turns = self.legs[legs].iter().map(|leg| raw(leg.answer.clone()));
        turns.fold(scenario.step(Do::Run, ""), Scenario::turn)
    }

    /// A scenario of the exchange broken at one point.
    pub(super) fn broken(&self, at_leg: usize, at: At, how: Break) -> Scenario {
        let leg = &self.legs[at_leg];
        let name = format!("{how:?} at leg {at_leg} ({:?}), {at:?}", leg.kind);
        let mut scenario = self.scenario(name, 0..at_leg).turn(leg.turn(at, how));
        // The client repeats a failed poll, never a start.
        let next = at_leg + usize::from(!leg.is_poll());
        for leg in &self.legs[next..] {
            scenario = scenario.turn(raw(leg.answer.clone()));
        }
        scenario.ends(self.ends(at_leg, at, how))
    }

    fn ends(&self, at_leg: usize, at: At, how: Break) -> Vec<End> {
        let leg = &self.legs[at_leg];
        let letters: String = self.legs.iter().map(Leg::letter).collect();
        let (before, after) = (&letters[..at_leg], &letters[at_leg + 1..]);
        let this = match at {
            At::Answer(_) => leg.letter(),
            At::Request(_) => leg.letter().to_ascii_lowercase(),
        };
        let end = |step, ledger, rest: &str| End {
            step,
            ledger,
            // A client that is being stopped may or may not send one more poll.
            wire: (how != Break::Stopped).then(|| format!("{before}{this}{rest}")),
        };
        let (head, whole) = match at {
            At::Answer(bytes) => (bytes >= leg.head, bytes == leg.answer.len()),
            At::Request(_) => (false, false),
        };
        let again = format!("{}{after}", leg.letter());
        let stopped = how == Break::Stopped;
        let mut ends = Vec::new();
        match leg.kind {
            Kind::Accepted | Kind::Refused => {
                if !head || matches!(how, Break::Reset | Break::Stopped) {
                    ends.push(end("start AnswerLost", (0, 1), ""));
                }
                if !head && stopped {
                    ends.push(end("start Dropped", (0, 1), ""));
                }
                if head && leg.kind == Kind::Refused && whole {
                    // The client sent the repeat on the connection that then broke, so it may have arrived.
                    ends.push(end("start AnswerLost", (0, 1), ""));
                }
                if head && stopped && leg.kind == Kind::Refused {
                    ends.push(end("start Dropped", (0, 1), ""));
                    ends.push(end("start Stopped", (0, 0), ""));
                } else if head && stopped {
                    ends.push(end("start Dropped", (0, 1), ""));
                    ends.push(end("poll Stopped", (1, 0), ""));
                    ends.push(end("succeeded", (1, 0), ""));
                } else if head {
                    ends.push(end("succeeded", (1, 0), after));
                }
            }
            Kind::Running | Kind::Succeeded if stopped => {
                ends.push(end("poll Stopped", (1, 0), ""));
            }
            Kind::Running => ends.push(end("succeeded", (1, 0), &again)),
            Kind::Succeeded => {
                if !whole || how == Break::Reset {
                    ends.push(end("succeeded", (1, 0), &again));
                }
                if whole {
                    ends.push(end("succeeded", (1, 0), ""));
                }
            }
        }
        ends
    }
}

impl Leg {
    fn new(kind: Kind, framing: Framing) -> Self {
        let location = format!("../operations/{OPERATION}");
        let (line, field, body) = match kind {
            Kind::Accepted => ("202 Accepted", format!("Location: {location}"), "{}"),
            Kind::Refused => (
                "401 Unauthorized",
                "WWW-Authenticate: Bearer".to_owned(),
                r#"{"error":{"code":"InvalidAuthenticationToken"}}"#,
            ),
            Kind::Running => ("200 OK", JSON.to_owned(), r#"{"status":"running"}"#),
            Kind::Succeeded => ("200 OK", JSON.to_owned(), r#"{"status":"succeeded"}"#),
        };
        let (framed, body) = match framing {
            Framing::Length => (format!("Content-Length: {}", body.len()), body.to_owned()),
            Framing::Chunked => {
                let (first, second) = body.split_at(1);
                let length = second.len();
                let chunks = format!("1;a=b\r\n{first}\r\n{length:x}\r\n{second}\r\n");
                let body = format!("{chunks}0\r\nX-Trailer: a\r\n\r\n");
                ("Transfer-Encoding: chunked".to_owned(), body)
            }
        };
        let head = format!("HTTP/1.1 {line}\r\n{field}\r\n{framed}\r\n\r\n");
        Self {
            kind,
            answer: [head.as_bytes(), body.as_bytes()].concat(),
            head: head.len(),
            request: 0,
        }
    }

    fn is_poll(&self) -> bool {
        matches!(self.kind, Kind::Running | Kind::Succeeded)
    }

    fn letter(&self) -> char {
        if self.is_poll() { 'G' } else { 'P' }
    }

    fn turn(&self, at: At, how: Break) -> Turn {
        let act = match (how, at) {
            (Break::Closed, _) => crate::Act::Close,
            (Break::Reset, _) => crate::Act::Reset,
            (Break::Stalled | Break::Stopped, At::Answer(_)) => crate::Act::Stall,
            (Break::Stalled | Break::Stopped, At::Request(_)) => crate::Act::Deafen,
        };
        match at {
            At::Answer(bytes) => raw(&self.answer[..bytes]).then(act),
            At::Request(bytes) => Turn::reading(bytes, [act]),
        }
    }
}

const JSON: &str = "Content-Type: application/json";
