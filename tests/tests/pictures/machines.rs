//! The machines of a start and of an operation's poll: every transition that an answer, a reply of the store or the clock
//! can cause. The test tries all of them, so that a transition which is not in the picture fails it.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Duration,
};

use http::header::{LOCATION as LOCATION_FIELD, RETRY_AFTER};
use industrydata_core::{
    auth::TokenError,
    ledger::StoreError,
    lro::{Accepted, Machine, MayHaveStarted, OperationPoll, OperationPollErrorKind, Start, Step},
    policy::PollingPolicy,
    wire::{Phase, TransportError},
};

use crate::{
    check,
    drawing::{Align, Drawing, Frame},
    play::{LOCATION, SEED, at, head, session, token},
};

/// A place in the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Reserve,
    Send,
    Record,
    Wait,
    Good,
    Unfollowable,
    Bad,
    Doubt,
    Resumable,
}

/// What is handed to a step, and how the picture names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Granted,
    NoSlot,
    StoreFails,
    Recorded,
    NotRecorded,
    Over,
    NoToken,
    NotConnected,
    Lost,
    /// A status, the seconds of its Retry-After, and the status in the body.
    Answer(u16, Option<u32>, &'static str),
    Located,
}

use Input::Answer;

const AT_RESERVE: &[Input] = &[Input::Granted, Input::NoSlot, Input::StoreFails];
const AT_RECORD: &[Input] = &[Input::Recorded, Input::NotRecorded];
const AT_POST: &[Input] = &[
    Input::Located,
    Answer(202, None, ""),
    Answer(401, None, ""),
    Answer(403, None, ""),
    Answer(400, None, ""),
    Answer(429, Some(10), ""),
    Answer(429, Some(3600), ""),
    Answer(200, None, ""),
    Answer(500, None, ""),
    Answer(503, None, ""),
    Input::NotConnected,
    Input::Lost,
    Input::NoToken,
];
const AT_GET: &[Input] = &[
    Answer(200, None, "running"),
    Answer(200, None, "succeeded"),
    Answer(200, None, "failed"),
    Answer(200, None, "anything else"),
    Answer(401, None, ""),
    Answer(403, None, ""),
    Answer(404, None, ""),
    Answer(410, None, ""),
    Answer(429, None, ""),
    Answer(503, None, ""),
    Input::Lost,
    Input::NoToken,
];

impl Input {
    /// The cause as the picture writes it.
    fn cause(self) -> String {
        match self {
            Self::Granted => "a slot is free".into(),
            Self::NoSlot => "no free slot".into(),
            Self::StoreFails => "the ledger is unusable".into(),
            Self::Recorded | Self::NotRecorded => "the outcome".into(),
            Self::Over => "the time is over".into(),
            Self::NoToken => "no token".into(),
            Self::NotConnected => "not connected".into(),
            Self::Lost => "the answer is lost".into(),
            Self::Located => "202 with a Location".into(),
            Answer(202, ..) => "202 without a Location".into(),
            Answer(429, Some(seconds), _) if seconds > 30 => "429, more than 30 s".into(),
            Answer(429, Some(_), _) => "429, at most 30 s".into(),
            Answer(status, _, "") => status.to_string(),
            Answer(status, _, text) => format!("{status}, {text}"),
        }
    }
}

/// One transition: from, to, and what caused it.
type Transition = (Node, Node, String);

/// Plays a machine by a script. Returns its transitions, and the inputs to try next, unless it has ended.
fn play<M: Machine>(
    mut machine: M,
    script: &[Input],
    ends: impl Fn(Result<M::Output, M::Error>) -> Node,
    at_send: &'static [Input],
) -> (Vec<Transition>, &'static [Input]) {
    let mut found: Vec<Transition> = Vec::new();
    let mut script = script.iter();
    let mut came: Option<(Node, Input)> = None;
    let mut answer = None;
    let (mut time, mut tokens) = (Duration::from_secs(1), 0);
    loop {
        let now = at(time);
        let step = machine.step();
        let node = match &step {
            Step::Ledger(transaction, _) => {
                if format!("{:?}", transaction.change()).contains("kind: Reserve") {
                    Node::Reserve
                } else {
                    Node::Record
                }
            }
            Step::Send(_) => Node::Send,
            Step::Wait(_) => Node::Wait,
            Step::Done(_) => Node::Good,
        };
        let node = if let Step::Done(outcome) = step {
            let end = ends(outcome);
            if let Some((from, input)) = came {
                found.push((from, end, cause(from, input, answer)));
            }
            return (found, &[]);
        } else {
            node
        };
        if let Some((from, input)) = came {
            found.push((from, node, cause(from, input, answer)));
        }
        let next = if node == Node::Reserve {
            AT_RESERVE
        } else if node == Node::Record {
            AT_RECORD
        } else if node == Node::Wait {
            &[Input::Over]
        } else {
            at_send
        };
        let Some(&input) = script.next() else {
            return (found, next);
        };
        match step_with(machine.step(), input, now, &mut tokens) {
            Some(later) => time = later,
            None => time += Duration::from_secs(1),
        }
        if node == Node::Send {
            answer = Some(input);
        }
        came = Some((node, input));
    }
}

/// After the outcome is recorded, what counts is the answer, not the reply of the store.
fn cause(from: Node, input: Input, answer: Option<Input>) -> String {
    match (from, answer) {
        (Node::Record, Some(answer)) => answer.cause(),
        _ => input.cause(),
    }
}

/// Hands one input to a step. Returns the time at which a wait is over.
fn step_with<L, T>(
    step: Step<'_, L, T>,
    input: Input,
    now: industrydata_core::Now,
    tokens: &mut usize,
) -> Option<Duration> {
    match step {
        Step::Ledger(transaction, _) => {
            let change = transaction.change();
            let full = (input == Input::NoSlot).then(|| full(now));
            let reply = if [Input::StoreFails, Input::NotRecorded].contains(&input) {
                Err(StoreError::unavailable("the disk is full"))
            } else {
                Ok(change.apply(full.as_deref(), now.utc).unwrap().reply)
            };
            transaction.done(reply, now);
            None
        }
        Step::Wait(pause) => {
            let over = now.steady + pause.remaining(now);
            pause.over(at(over));
            Some(over)
        }
        Step::Send(exchange) => {
            if input == Input::NoToken {
                exchange.no_token(TokenError::unavailable("no source"), now);
                return None;
            }
            *tokens += 1;
            let (_, reply) = exchange.request(&token(*tokens), now).unwrap();
            if input == Input::Located {
                reply.answer(&head(202, &[(LOCATION_FIELD, LOCATION)]), Ok(vec![]), now);
            } else if let Answer(status, seconds, text) = input {
                let seconds = seconds.map(|seconds| seconds.to_string());
                let fields: Vec<_> = seconds.iter().map(|it| (RETRY_AFTER, &**it)).collect();
                let body = if text.is_empty() {
                    Vec::new()
                } else {
                    format!(r#"{{"status":"{text}"}}"#).into_bytes()
                };
                reply.answer(&head(status, &fields), Ok(body), now);
            } else {
                let is_sent = input == Input::Lost;
                let phase = if is_sent { Phase::Sent } else { Phase::Connect };
                reply.lost(TransportError::new(phase, "closed"), now);
            }
            None
        }
        Step::Done(_) => None,
    }
}

/// The bytes of a ledger with five starts.
fn full(now: industrydata_core::Now) -> Vec<u8> {
    let mut bytes: Option<Vec<u8>> = None;
    for seed in 1..=5 {
        let mut start = session().start([seed; 16], now);
        let Step::Ledger(transaction, _) = start.step() else {
            panic!("a start reserves first")
        };
        let applied = transaction.change().apply(bytes.as_deref(), now.utc);
        bytes = applied.unwrap().write.or(bytes);
    }
    bytes.unwrap()
}

/// A start that was accepted.
fn accepted() -> Accepted {
    let mut start = session().start(SEED, at(Duration::ZERO));
    for input in [Input::Granted, Input::Located, Input::Recorded] {
        step_with(start.step(), input, at(Duration::ZERO), &mut 0);
    }
    let Step::Done(outcome) = start.step() else {
        panic!("the start has ended")
    };
    outcome.unwrap()
}

/// Every transition of a machine: all scripts of up to `depth` inputs.
fn explore<M: Machine>(
    make: impl Fn() -> M,
    ends: impl Fn(Result<M::Output, M::Error>) -> Node,
    at_send: &'static [Input],
    depth: usize,
) -> Transitions {
    let mut all = Transitions::new();
    let mut scripts = VecDeque::from([Vec::new()]);
    let mut played = 0;
    while let Some(script) = scripts.pop_front() {
        played += 1;
        assert!(played < 50_000, "the machine has too many ways");
        let (transitions, next) = play(make(), &script, &ends, at_send);
        for (from, to, cause) in transitions {
            all.entry((from, to)).or_default().insert(cause);
        }
        if script.len() < depth {
            scripts.extend(next.iter().map(|input| [&script[..], &[*input]].concat()));
        }
    }
    all
}

fn end_of_start(outcome: Result<<Start as Machine>::Output, <Start as Machine>::Error>) -> Node {
    match outcome.map_err(|error| error.may_have_started()) {
        Ok(_) => Node::Good,
        Err(MayHaveStarted::No) => Node::Bad,
        Err(MayHaveStarted::Unknown) => Node::Doubt,
        Err(MayHaveStarted::Yes) => Node::Unfollowable,
    }
}

/// What one machine can do.
type Transitions = BTreeMap<(Node, Node), BTreeSet<String>>;

/// The causes that lead to a node, from all nodes.
fn causes(all: &Transitions, to: Node) -> Vec<String> {
    let to = all.iter().filter(|((_, end), _)| *end == to);
    let causes: BTreeSet<_> = to.flat_map(|(_, causes)| causes.iter().cloned()).collect();
    causes.into_iter().collect()
}

/// A start that does not wait for a slot, and what is different for one that does.
fn start() -> Transitions {
    let make = |wait| {
        move || {
            session()
                .wait_for_slot(wait)
                .start(SEED, at(Duration::ZERO))
        }
    };
    let mut all = explore(make(false), end_of_start, AT_POST, 9);
    for (edge, causes) in explore(make(true), end_of_start, AT_POST, 4) {
        let known = all.entry(edge).or_default();
        for cause in causes {
            if !known.contains(&cause) {
                known.insert(format!("{cause} *"));
            }
        }
    }
    all
}

fn end_of_poll(
    outcome: Result<<OperationPoll as Machine>::Output, <OperationPoll as Machine>::Error>,
) -> Node {
    match outcome {
        Ok(_) => Node::Good,
        Err(error) if matches!(error.kind(), OperationPollErrorKind::Failed) => Node::Bad,
        Err(error) => {
            assert!(error.resume_token().is_some(), "{error}");
            Node::Resumable
        }
    }
}

fn poll() -> Transitions {
    let make = || accepted().poll(PollingPolicy::default());
    let mut all = explore(make, end_of_poll, AT_GET, 5);
    // What only the clock ends: the same answer again and again.
    for (input, cause) in [
        (Answer(503, None, ""), "no poll succeeds for 10 min"),
        (Answer(200, None, "running"), "the time limit"),
    ] {
        let again = [input, Input::Over].into_iter().cycle();
        let script: Vec<_> = [Input::Over]
            .into_iter()
            .chain(again.take(10_000))
            .collect();
        let (transitions, _) = play(make(), &script, end_of_poll, AT_GET);
        let (_, end, _) = transitions.last().unwrap();
        assert_eq!(*end, Node::Resumable, "{cause}");
        let known = all.entry((Node::Send, Node::Resumable)).or_default();
        known.insert(cause.to_owned());
    }
    all
}

#[test]
fn the_machines_are_as_drawn() {
    let mut drawing = Drawing::new(1020.0, 860.0, "The machines of a start and of a poll");
    draw_start(&mut drawing, &start());
    draw_poll(&mut drawing, &poll());
    check("machines.svg", &drawing.finish());
}

/// Asserts that a picture has an arrow for each transition, and no other.
fn all_are_drawn(all: &Transitions, drawn: &[(Node, Node)]) {
    let happened: BTreeSet<_> = all.keys().copied().collect();
    let drawn: BTreeSet<_> = drawn.iter().copied().collect();
    assert_eq!(happened, drawn, "the arrows of the picture");
}

fn joined(all: &Transitions, from: Node, to: Node) -> String {
    let causes: Vec<_> = all[&(from, to)].iter().cloned().collect();
    causes.join("; ")
}

fn draw_start(drawing: &mut Drawing, all: &Transitions) {
    all_are_drawn(
        all,
        &[
            (Node::Reserve, Node::Send),
            (Node::Reserve, Node::Wait),
            (Node::Reserve, Node::Bad),
            (Node::Send, Node::Send),
            (Node::Send, Node::Record),
            (Node::Record, Node::Record),
            (Node::Record, Node::Wait),
            (Node::Record, Node::Good),
            (Node::Record, Node::Unfollowable),
            (Node::Record, Node::Doubt),
            (Node::Record, Node::Bad),
            (Node::Wait, Node::Reserve),
        ],
    );
    drawing.text(20.0, 34.0, Align::Start, "head", "A start");
    let hint = "* if the start was asked to wait for a slot";
    drawing.text(20.0, 478.0, Align::Start, "small", hint);
    let reserve = Frame::new(30.0, 190.0, 150.0, 50.0);
    let send = Frame::new(270.0, 190.0, 150.0, 50.0);
    let record = Frame::new(490.0, 190.0, 160.0, 50.0);
    let wait = Frame::new(270.0, 66.0, 150.0, 50.0);
    drawing.frame(reserve, "step", "reserve a slot", &[]);
    drawing.frame(send, "step", "POST", &[]);
    drawing.frame(record, "step", "record the outcome", &[]);
    drawing.frame(wait, "plain", "wait", &[]);

    drawing.arrow(&[(180.0, 215.0), (270.0, 215.0)]);
    let free = joined(all, Node::Reserve, Node::Send);
    drawing.text(225.0, 207.0, Align::Middle, "small", &free);
    drawing.arrow(&[(420.0, 215.0), (490.0, 215.0)]);
    drawing.arrow(&[(575.0, 190.0), (575.0, 91.0), (420.0, 91.0)]);
    let throttled = joined(all, Node::Record, Node::Wait);
    drawing.text(428.0, 83.0, Align::Start, "small", &throttled);
    drawing.arrow(&[(80.0, 190.0), (80.0, 81.0), (270.0, 81.0)]);
    let none = joined(all, Node::Reserve, Node::Wait);
    drawing.text(88.0, 73.0, Align::Start, "small", &none);
    drawing.arrow(&[(270.0, 103.0), (140.0, 103.0), (140.0, 190.0)]);
    let over = joined(all, Node::Wait, Node::Reserve);
    drawing.text(148.0, 121.0, Align::Start, "small", &over);
    again(drawing, send);
    let other = joined(all, Node::Send, Node::Send);
    let other = format!("{other}: once, with another token");
    drawing.text(345.0, 292.0, Align::Middle, "small", &other);
    again(drawing, record);
    // All answers but an acceptance: the reply of the store decides.
    assert!(!all[&(Node::Record, Node::Record)].contains("202 with a Location"));
    drawing.text(
        575.0,
        292.0,
        Align::Middle,
        "small",
        "the ledger fails: once more",
    );

    let mut y = 40.0;
    let mut bad = 0.0;
    for (node, class, title) in [
        (Node::Good, "good", "accepted"),
        (Node::Unfollowable, "bad", "accepted, cannot be polled"),
        (Node::Doubt, "open", "in doubt: counts, never repeated"),
        (Node::Bad, "plain", "no run was started"),
    ] {
        let causes = causes(all, node);
        let height = Drawing::height_of(causes.len());
        drawing.frame(Frame::new(730.0, y, 270.0, height), class, title, &causes);
        let middle = y + height / 2.0;
        drawing.arrow(&[
            (650.0, 215.0),
            (690.0, 215.0),
            (690.0, middle),
            (730.0, middle),
        ]);
        bad = y + height - 24.0;
        y += height + 14.0;
    }
    assert!(y < 500.0, "the ends reach into the second picture: {y}");
    drawing.arrow(&[(105.0, 240.0), (105.0, bad), (730.0, bad)]);
    let refused = joined(all, Node::Reserve, Node::Bad);
    drawing.text(113.0, bad - 8.0, Align::Start, "small", &refused);
}

/// The arrow from a box back to it, below the box.
fn again(drawing: &mut Drawing, frame: Frame) {
    let (middle, _) = frame.middle();
    let bottom = frame.y + frame.height;
    let (left, right, low) = (middle - 30.0, middle + 30.0, bottom + 34.0);
    drawing.arrow(&[(right, bottom), (right, low), (left, low), (left, bottom)]);
}

fn draw_poll(drawing: &mut Drawing, all: &Transitions) {
    all_are_drawn(
        all,
        &[
            (Node::Send, Node::Send),
            (Node::Send, Node::Wait),
            (Node::Wait, Node::Send),
            (Node::Send, Node::Good),
            (Node::Send, Node::Bad),
            (Node::Send, Node::Resumable),
        ],
    );
    let top = 520.0;
    drawing.line(&[(20.0, top), (1000.0, top)], "life", false);
    drawing.text(
        20.0,
        top + 30.0,
        Align::Start,
        "head",
        "A poll of its operation",
    );
    let reasons = causes(all, Node::Wait);
    let height = Drawing::height_of(reasons.len());
    let wait = Frame::new(30.0, top + 60.0, 210.0, height);
    let send = Frame::new(500.0, top + 90.0, 150.0, 50.0);
    drawing.frame(wait, "plain", "wait", &reasons);
    drawing.frame(send, "step", "GET", &[]);
    drawing.arrow(&[(240.0, top + 104.0), (500.0, top + 104.0)]);
    let over = joined(all, Node::Wait, Node::Send);
    drawing.text(250.0, top + 96.0, Align::Start, "small", &over);
    drawing.arrow(&[(500.0, top + 126.0), (240.0, top + 126.0)]);
    again(drawing, send);
    let other = joined(all, Node::Send, Node::Send);
    let other = format!("{other}: with another token");
    drawing.text(575.0, top + 192.0, Align::Middle, "small", &other);
    let mut y = top + 30.0;
    for (node, class, title) in [
        (Node::Good, "good", "succeeded"),
        (Node::Bad, "bad", "failed"),
        (Node::Resumable, "open", "stopped, with a resume token"),
    ] {
        let causes = causes(all, node);
        let height = Drawing::height_of(causes.len());
        drawing.frame(Frame::new(730.0, y, 270.0, height), class, title, &causes);
        let middle = y + height / 2.0;
        let from = top + 115.0;
        drawing.arrow(&[
            (650.0, from),
            (690.0, from),
            (690.0, middle),
            (730.0, middle),
        ]);
        y += height + 14.0;
    }
}
