//! The exchange of one start that succeeds: who sends what to whom.

use std::time::Duration;

use http::header::{LOCATION as LOCATION_FIELD, RETRY_AFTER};
use industrydata_core::lro::{Machine, Step};

use crate::{
    check,
    drawing::{Align, Drawing, Frame},
    play::{LOCATION, SEED, at, head, session, token},
};

const PROGRAM: f64 = 100.0;
const LIBRARY: f64 = 330.0;
const LEDGER: f64 = 560.0;
const SERVICE: f64 = 820.0;

/// One line of the picture.
enum Line {
    Message { from: f64, to: f64, text: String },
    Wait(String),
}

/// What the service answers, in this order: the documented example, with one poll in between.
struct Answers(u32);

impl Answers {
    fn next(&mut self) -> (http::response::Parts, Vec<u8>, Vec<String>) {
        self.0 += 1;
        match self.0 {
            1 => {
                let lines = vec![
                    "202 Accepted".to_owned(),
                    format!("Location: {}", short(LOCATION)),
                ];
                (head(202, &[(LOCATION_FIELD, LOCATION)]), Vec::new(), lines)
            }
            2 => {
                let body = r#"{"status":"running"}"#;
                let lines = vec!["200 OK, Retry-After: 30".to_owned(), body.to_owned()];
                (head(200, &[(RETRY_AFTER, "30")]), body.into(), lines)
            }
            _ => {
                let body = r#"{"status":"succeeded"}"#;
                let lines = vec!["200 OK".to_owned(), body.to_owned()];
                (head(200, &[]), body.into(), lines)
            }
        }
    }
}

/// A URL as short as the picture needs it.
fn short(url: &str) -> String {
    let path = url.strip_prefix("https://graph.microsoft.com/beta");
    let path = path.expect("the token goes to the service");
    format!("…{}", path.replace("-14e9-408f-71dd-08dcd2a15d23", "-…"))
}

struct Player {
    lines: Vec<Line>,
    ledger: Option<Vec<u8>>,
    answers: Answers,
    time: Duration,
}

impl Player {
    fn message(&mut self, from: f64, to: f64, text: impl Into<String>) {
        let text = text.into();
        self.lines.push(Line::Message { from, to, text });
    }

    /// Plays a machine to its end.
    fn play<M: Machine>(&mut self, machine: &mut M) -> M::Output
    where
        M::Error: std::fmt::Debug,
    {
        loop {
            let now = at(self.time);
            match machine.step() {
                Step::Ledger(transaction, _) => {
                    let change = transaction.change();
                    let applied = change.apply(self.ledger.as_deref(), now.utc).unwrap();
                    let what = match change.name() {
                        "reserve" => "reserve a slot",
                        "duration" => "keep how long it took",
                        _ => "record the outcome",
                    };
                    self.message(LIBRARY, LEDGER, what);
                    let left = applied.reply.quota().available();
                    self.message(LEDGER, LIBRARY, format!("durable: {left} of 5 slots left"));
                    self.ledger = applied.write.or(self.ledger.take());
                    transaction.done(Ok(applied.reply), now);
                }
                Step::Send(exchange) => {
                    let (request, reply) = exchange.request(&token(1), now).unwrap();
                    let url = short(&request.uri().to_string());
                    self.message(LIBRARY, SERVICE, format!("{} {url}", request.method()));
                    let (head, body, lines) = self.answers.next();
                    for line in lines {
                        self.message(SERVICE, LIBRARY, line);
                    }
                    self.time += Duration::from_secs(1);
                    reply.answer(&head, Ok(body), at(self.time));
                }
                Step::Wait(pause) => {
                    let rest = pause.remaining(now);
                    let text = format!("{} s: {}", rest.as_secs(), pause.reason());
                    self.lines.push(Line::Wait(text));
                    self.time += rest;
                    pause.over(at(self.time));
                }
                Step::Done(outcome) => return outcome.unwrap(),
            }
        }
    }
}

#[test]
fn the_exchange_is_as_drawn() {
    let mut player = Player {
        lines: Vec::new(),
        ledger: None,
        answers: Answers(0),
        time: Duration::ZERO,
    };
    let session = session();
    player.message(PROGRAM, LIBRARY, "start");
    let accepted = player.play(&mut session.start(SEED, at(Duration::ZERO)));
    let mut poll = session.after(accepted);
    let token = poll.poll().resume_token().to_string();
    player.message(LIBRARY, PROGRAM, format!("resume token {}…", &token[..8]));
    let operation = player.play(&mut poll);
    player.message(LIBRARY, PROGRAM, operation.status().as_str());
    check("exchange.svg", &draw(&player.lines));
}

fn draw(lines: &[Line]) -> String {
    let mut height = 70.0;
    let mut places = Vec::new();
    let mut last = None;
    for line in lines {
        // The second line of one message stays close to the first.
        let ends = match line {
            Line::Message { from, to, .. } => Some((from.to_bits(), to.to_bits())),
            Line::Wait(_) => None,
        };
        height += if ends.is_some() && ends == last {
            16.0
        } else {
            34.0
        };
        places.push((height, ends.is_some() && ends == last));
        last = ends;
    }
    height += 40.0;
    let mut drawing = Drawing::new(
        980.0,
        height,
        "One start, from the reservation to its operation's success",
    );
    for (x, name) in [
        (PROGRAM, "your program"),
        (LIBRARY, "industrydata"),
        (LEDGER, "ledger"),
        (SERVICE, "Microsoft Graph"),
    ] {
        drawing.line(&[(x, 68.0), (x, height - 20.0)], "life", false);
        drawing.frame(Frame::new(x - 75.0, 24.0, 150.0, 44.0), "plain", name, &[]);
    }
    for (at, line) in lines.iter().enumerate() {
        let (y, _) = places[at];
        match line {
            Line::Message { from, to, text } => {
                let right = to > from;
                let (x, align) = if right {
                    (from + 10.0, Align::Start)
                } else {
                    (from - 10.0, Align::End)
                };
                let is_last = !places.get(at + 1).is_some_and(|(_, continues)| *continues);
                drawing.text(x, y - 6.0, align, "small", text);
                if is_last {
                    drawing.arrow(&[(*from, y), (*to, y)]);
                }
            }
            Line::Wait(text) => {
                let width = 250.0;
                let frame = Frame::new(LIBRARY - width / 2.0, y - 20.0, width, 26.0);
                drawing.frame(frame, "open", "", &[]);
                drawing.text(LIBRARY, y - 3.0, Align::Middle, "small", text);
            }
        }
    }
    drawing.finish()
}
