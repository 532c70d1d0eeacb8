//! Chooses random faults for requests, changes and calls of token sources.

use crate::{
    dice::Dice,
    fate::{Body, Fate, Lists, Retry, StoreFate, TokenFate},
};

/// Locations that the client must refuse.
const LOCATIONS: [&str; 8] = [
    "https://graph.microsoft.com.evil.example/beta/external/industryData/operations/1",
    "https://graph.microsoft.com:8443/beta/external/industryData/operations/1",
    "http://graph.microsoft.com/beta/external/industryData/operations/1",
    "https://graph.microsoft.com@evil.example/beta/external/industryData/operations/1",
    "https://graph.microsoft.com/beta/me/messages",
    "//evil.example/beta/external/industryData/operations/1",
    "https://graph.microsoft.com/beta/external/industryData/operations/..%2f..%2fme",
    "",
];
/// Statuses that leave a start in doubt.
const OPEN: [u16; 8] = [500, 502, 503, 504, 507, 200, 204, 303];
/// Statuses that mean that the service did not act.
const REFUSED: [u16; 12] = [400, 401, 403, 404, 408, 409, 411, 425, 429, 307, 501, 451];
/// Statuses of a poll that are transient errors.
const TRANSIENT: [u16; 7] = [408, 425, 429, 500, 502, 503, 504];

/// A fault for a start.
pub(crate) fn post(dice: &mut Dice) -> Fate {
    let reset = dice.chance(600);
    match dice.below(16) {
        0 => Fate::NoConnection(dice.below(6) as u8),
        1 => Fate::LoseRequest { reset },
        2 => Fate::LoseAnswer { reset },
        3..=4 => Fate::Cut(dice.below(1000) as usize),
        // The lease allows for no longer delay: a request that arrives after it is outside the model.
        5 => Fate::Late(dice.below(90_000)),
        6 => Fate::Slow(dice.below(60_000)),
        7..=8 => Fate::Answer {
            status: *dice.pick(&OPEN),
            acts: dice.chance(500),
            retry: retry(dice),
            body: *dice.pick(&[
                Body::Own,
                Body::Own,
                Body::Html,
                Body::Token,
                Body::Succeeded,
            ]),
        },
        9..=10 => Fate::Answer {
            status: *dice.pick(&REFUSED),
            acts: false,
            retry: retry(dice),
            body: *dice.pick(&[Body::Own, Body::Own, Body::Html, Body::Token]),
        },
        11 => Fate::Location((*dice.pick(&LOCATIONS)).to_owned()),
        12 => Fate::NoDate,
        13 => Fate::Unsent,
        _ => Fate::Operation {
            hidden: if dice.chance(500) { dice.below(90) } else { 0 },
            statuses: statuses(dice),
            fails: dice.chance(200),
        },
    }
}

/// The statuses that an operation shows, poll by poll. The last one is terminal.
fn statuses(dice: &mut Dice) -> Vec<Option<String>> {
    let words = [
        "notStarted",
        "running",
        "running",
        "paused",
        "unknownFutureValue",
        "Running",
    ];
    let mut statuses: Vec<_> = (0..dice.below(6))
        .map(|_| Some((*dice.pick(&words)).to_owned()))
        .collect();
    if statuses.is_empty() {
        return statuses;
    }
    if dice.chance(300) {
        statuses.push(None);
    }
    statuses.push(Some((*dice.pick(&["succeeded", "failed"])).to_owned()));
    statuses
}

/// A fault for a poll or for a read of a list.
pub(crate) fn poll(dice: &mut Dice) -> Fate {
    let reset = dice.chance(600);
    match dice.below(12) {
        0 => Fate::NoConnection(dice.below(6) as u8),
        1 => Fate::LoseRequest { reset },
        2 => Fate::LoseAnswer { reset },
        3..=4 => Fate::Cut(dice.below(2000) as usize),
        5 => Fate::Slow(dice.below(60_000)),
        6 => Fate::Answer {
            status: 200,
            acts: false,
            retry: retry(dice),
            body: Body::Html,
        },
        7 => Fate::Answer {
            status: *dice.pick(&[401, 403, 404, 410, 302, 400]),
            acts: false,
            retry: retry(dice),
            body: Body::Token,
        },
        8 => Fate::Unsent,
        _ => Fate::Answer {
            status: *dice.pick(&TRANSIENT),
            acts: false,
            retry: retry(dice),
            body: *dice.pick(&[Body::Own, Body::Html, Body::Succeeded]),
        },
    }
}

/// A fault for every request during an outage.
pub(crate) fn outage(dice: &mut Dice) -> Fate {
    let reset = dice.chance(500);
    match dice.below(4) {
        0 => Fate::NoConnection(dice.below(6) as u8),
        1 => Fate::LoseRequest { reset },
        2 => Fate::LoseAnswer { reset },
        _ => Fate::Answer {
            status: 503,
            acts: false,
            retry: retry(dice),
            body: Body::Html,
        },
    }
}

fn retry(dice: &mut Dice) -> Option<Retry> {
    Some(match dice.below(10) {
        0..=4 => return None,
        5 => Retry::Seconds(dice.below(30)),
        6 => Retry::Seconds(dice.below(4000)),
        7 => Retry::Date(dice.below(600)),
        8 => Retry::Seconds(*dice.pick(&[0, 86_401, 99_999_999])),
        _ => Retry::Text((*dice.pick(&["-1", "soon", "1e3", "2.5", "+5", ""])).to_owned()),
    })
}

/// A fault of the lists. A list may lag for less than the half hour that a reconciliation waits, and an item may be
/// missing from one list.
pub(crate) fn lists(dice: &mut Dice) -> Lists {
    match dice.below(8) {
        0..=1 => Lists::Lag(1 + dice.below(25 * 60)),
        2 => Lists::Cut(1 + dice.below(13 * 3600)),
        3..=4 => Lists::Gaps {
            operations: dice.chance(500),
            nth: dice.below(3) as u8,
        },
        5 => Lists::Spelt,
        _ => Lists::Empty {
            operations: dice.chance(600).then(|| dice.chance(500)),
        },
    }
}

/// A fault for a change to the ledger.
pub(crate) fn store(dice: &mut Dice) -> StoreFate {
    let stands = dice.chance(500);
    match dice.below(8) {
        0 => StoreFate::Busy,
        1 => StoreFate::Down,
        2 => StoreFate::Damaged,
        3..=4 => StoreFate::LostCommit { stands },
        5..=6 => StoreFate::Unconfirmed { stands },
        _ => StoreFate::Slow(dice.below(100_000)),
    }
}

/// A fault for a call of a token source.
pub(crate) fn token(dice: &mut Dice) -> TokenFate {
    match dice.below(4) {
        0 => TokenFate::Unavailable,
        1 => TokenFate::Same,
        _ => TokenFate::Slow(dice.below(70_000)),
    }
}
