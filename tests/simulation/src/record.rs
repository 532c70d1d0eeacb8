//! What truly happened, written down beside what was told: the model that the laws are held against.

use std::time::Duration;

use http::StatusCode;
use industrydata_core::Now;
use industrydata_core::Timestamp;
use industrydata_core::ledger::EntryState;
use industrydata_core::lro::MayHaveStarted;

/// What a request is for: the number of the attempt or of the wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Post(usize),
    Poll(usize),
    List,
}

/// How a request ended for its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The head arrived whole.
    Answer {
        status: StatusCode,
        /// The operation's status, if it is the service's own answer and arrived whole.
        told: Option<String>,
        /// The Retry-After, if plain seconds.
        asked: Option<u64>,
        /// Whether it had a `Date`.
        dated: bool,
    },
    /// No answer, and the service may have acted.
    Lost,
    /// It certainly never left.
    NeverSent,
}

/// One reservation that became durable.
#[derive(Clone, Debug)]
pub(crate) struct Reservation {
    pub(crate) id: u128,
    pub(crate) attempt: usize,
    pub(crate) at: u64,
    /// How the books date it, once confirmed by its owner.
    pub(crate) dated: Option<Timestamp>,
    /// When it was freed by evidence.
    pub(crate) freed: Option<u64>,
}

/// One POST.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) attempt: usize,
    pub(crate) number: usize,
    pub(crate) at: u64,
    pub(crate) reservation: Option<u128>,
    /// Whether the books had told the driver that this reservation stands.
    pub(crate) is_granted: bool,
    /// Whether the reservation stood in the books when the POST went out.
    pub(crate) is_durable: bool,
    pub(crate) ended: Option<Ended>,
    /// By how many seconds the client's wall clock was ahead when it ended.
    pub(crate) ahead: i64,
    /// When the service accepted it, and the operation.
    pub(crate) accepted: Option<(u64, String)>,
}

/// What a start was told to be.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    /// When, in true time.
    pub(crate) at: u64,
    pub(crate) may_have_started: MayHaveStarted,
    pub(crate) operation: Option<String>,
    /// Whether it carries a warning that the books are not written.
    pub(crate) is_warned: bool,
    /// Whether it carries a warning that a clock is off.
    pub(crate) is_skew_told: bool,
    /// How the entry stood in the books when it was told.
    pub(crate) entry: Option<EntryState>,
    pub(crate) words: String,
}

/// One start of a client.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) client: usize,
    pub(crate) began: Now,
    pub(crate) limit: Duration,
    pub(crate) latest: Option<u128>,
    pub(crate) granted: Option<u128>,
    pub(crate) steps: u32,
    /// How long it waited for the store.
    pub(crate) booking: Duration,
    pub(crate) told: Option<(Duration, Told)>,
}

/// A refusal by the books.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) at: u64,
    pub(crate) is_for_slots: bool,
    /// Until when, as a time from `at` on, in ms.
    pub(crate) wait: i64,
}

/// One poll.
#[derive(Clone, Debug)]
pub(crate) struct Poll {
    pub(crate) number: usize,
    pub(crate) sent: Duration,
    pub(crate) ended: Option<(Duration, Ended)>,
}

/// One wait for an operation.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) operation: String,
    /// When it was accepted, if this process did that, in steady time.
    pub(crate) accepted: Option<Duration>,
    pub(crate) every: Option<Duration>,
    pub(crate) began: Duration,
    /// When it is to have ended.
    pub(crate) deadline: Duration,
    pub(crate) polls: Vec<Poll>,
    pub(crate) steps: u32,
    /// When it ended, with which status if one is known, and whether it ended so once more.
    pub(crate) ended: Option<(Duration, Option<String>, bool)>,
}

/// A run that a client follows until it knows.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    pub(crate) operation: String,
    pub(crate) known: Option<String>,
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) steps: u64,
    pub(crate) crashes: u64,
    pub(crate) drops: u64,
    pub(crate) store_faults: u64,
    pub(crate) portal: u64,
    pub(crate) reconciled: u64,
    pub(crate) requests: u64,
    pub(crate) attempts: Vec<Attempt>,
    pub(crate) posts: Vec<Post>,
    pub(crate) reservations: Vec<Reservation>,
    pub(crate) refused: Vec<Refused>,
    pub(crate) watches: Vec<Watched>,
    pub(crate) followed: Vec<Followed>,
    /// Requests that went where none may go.
    pub(crate) strays: Vec<String>,
    /// Where a token was found.
    pub(crate) leaks: Vec<String>,
    /// By how much the books' clock has jumped ahead, in s.
    pub(crate) jumped_ahead: i64,
    /// By how much it was set back, in s.
    pub(crate) jumped_back: i64,
}

impl Attempt {
    /// When it and its wait are to have ended, in steady time.
    pub(crate) fn deadline(&self) -> Duration {
        self.began.steady + self.limit
    }
}

impl Post {
    pub(crate) fn accepted_at(&self) -> Option<u64> {
        self.accepted.as_ref().map(|(at, _)| *at)
    }

    /// Whether it is known for certain that the service did not act.
    pub(crate) fn is_disproved(&self) -> bool {
        match &self.ended {
            Some(Ended::NeverSent) => true,
            Some(Ended::Answer { status, .. }) => {
                let code = status.as_u16();
                (400..500).contains(&code)
                    || [301, 302, 307, 308, 501, 505, 509, 511].contains(&code)
            }
            Some(Ended::Lost) | None => false,
        }
    }
}
