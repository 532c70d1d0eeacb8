//! What truly happened and what was reported to the callers. The laws compare the two.

use std::time::Duration;

use http::StatusCode;
use industrydata_core::Now;
use industrydata_core::Timestamp;
use industrydata_core::ledger::EntryState;
use industrydata_core::ledger::RefusalReason;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::policy::PastDurations;

/// What a machine is for, with the number of the attempt or of the operation poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Start(usize),
    Poll(usize),
    Reconcile,
}

/// How a request ended for its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The head arrived completely.
    Answer {
        status: StatusCode,
        /// The operation's status, if the response is the service's own and arrived completely.
        operation: Option<String>,
        /// The `Retry-After`, if it is a number of seconds.
        asked: Option<u64>,
        /// Whether the response had a `Date`.
        dated: bool,
    },
    /// No response arrived, and the service may have acted.
    Lost,
    /// The request was certainly not sent.
    NeverSent,
}

/// One reservation that became durable.
#[derive(Clone, Debug)]
pub(crate) struct Reservation {
    pub(crate) id: u128,
    pub(crate) attempt: usize,
    pub(crate) at: u64,
    /// By how many seconds the ledger's clock was ahead of the service's then.
    pub(crate) ahead: i64,
    /// When the outcome of its POST was recorded.
    pub(crate) settled: Option<u64>,
    /// The date that the ledger gives it, once its own start has confirmed it.
    pub(crate) dated: Option<Timestamp>,
    /// Whether a reconciliation released it.
    pub(crate) is_freed: bool,
}

/// One POST.
#[derive(Clone, Debug)]
pub(crate) struct Post {
    pub(crate) attempt: usize,
    pub(crate) number: usize,
    pub(crate) at: u64,
    pub(crate) reservation: Option<u128>,
    /// Whether the store had granted the reservation to the driver.
    pub(crate) is_granted: bool,
    /// Whether the reservation was in the ledger when the POST was sent.
    pub(crate) is_durable: bool,
    pub(crate) ended: Option<Ended>,
    /// By how many seconds the client's wall clock was ahead when the POST ended.
    pub(crate) ahead: i64,
    /// When the service accepted it, and the operation.
    pub(crate) accepted: Option<(u64, String)>,
}

/// What was reported to the caller of a start.
#[derive(Clone, Debug)]
pub(crate) struct Reported {
    /// When, in true time.
    pub(crate) at: u64,
    pub(crate) may_have_started: MayHaveStarted,
    pub(crate) operation: Option<String>,
    /// Whether this is what an earlier start with the key led to, in place of a start.
    pub(crate) is_by_key: bool,
    /// Whether a reconciliation or a person, and no answer, confirmed that start.
    pub(crate) is_by_evidence: bool,
    /// Why the ledger refused the start, if it did.
    pub(crate) refused: Option<RefusalReason>,
    /// Whether the result carries the warning that the ledger was not written.
    pub(crate) is_warned: bool,
    /// Whether the result carries the warning that a clock is off.
    pub(crate) is_skew_reported: bool,
    /// Whether the result carries the warning that the ledger's clock is off.
    pub(crate) is_ledger_skew_reported: bool,
    /// The state of the entry in the ledger at that moment.
    pub(crate) entry: Option<EntryState>,
    pub(crate) words: String,
}

/// One start of a client.
#[derive(Clone, Debug)]
pub(crate) struct Attempt {
    pub(crate) client: usize,
    pub(crate) key: Option<u8>,
    pub(crate) began: Now,
    pub(crate) limit: Duration,
    pub(crate) latest: Option<u128>,
    pub(crate) granted: Option<u128>,
    pub(crate) steps: u32,
    /// How long the start waited for the store.
    pub(crate) in_store: Duration,
    pub(crate) reported: Option<(Duration, Reported)>,
}

/// A refusal by the ledger.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refused {
    pub(crate) at: u64,
    pub(crate) is_for_slots: bool,
    /// The time from `at` until the slot that the refusal names, in ms.
    pub(crate) wait: i64,
}

/// One poll.
#[derive(Clone, Debug)]
pub(crate) struct Poll {
    pub(crate) number: usize,
    pub(crate) sent: Duration,
    pub(crate) ended: Option<(Duration, Ended)>,
}

/// The polling of one operation.
#[derive(Clone, Debug)]
pub(crate) struct Polling {
    pub(crate) operation: String,
    /// When the start was accepted, in steady time, if this process made it.
    pub(crate) accepted: Option<Duration>,
    pub(crate) every: Option<Duration>,
    /// What the poll knows of the tenant's earlier operations.
    pub(crate) past: PastDurations,
    /// Whether another process made the start.
    pub(crate) is_attached: bool,
    pub(crate) began: Duration,
    /// The deadline, in steady time.
    pub(crate) deadline: Duration,
    pub(crate) polls: Vec<Poll>,
    pub(crate) steps: u32,
    /// When polling ended, the final status if there is one, and whether asking again gave the same end.
    pub(crate) ended: Option<(Duration, Option<String>, bool)>,
}

/// An operation that a client polls and resumes until its final status is known.
#[derive(Clone, Debug)]
pub(crate) struct Followed {
    pub(crate) operation: String,
    pub(crate) known: Option<String>,
}

/// The record of a whole history.
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
    pub(crate) pollings: Vec<Polling>,
    pub(crate) followed: Vec<Followed>,
    /// Requests that were not sent to the base, or not with one sensitive token.
    pub(crate) strays: Vec<String>,
    /// Texts that contain a token, with the place where they were found.
    pub(crate) leaks: Vec<String>,
    /// When the ledger's clock jumped, and by how many seconds.
    pub(crate) jumps: Vec<(u64, i64)>,
    /// Reconciliations after which the ledger counted too few starts.
    pub(crate) undercounts: Vec<String>,
    /// By how much the ledger's clock was set back, in s.
    pub(crate) jumped_back: i64,
}

impl Attempt {
    /// The deadline of the start and its polling, in steady time.
    pub(crate) fn deadline(&self) -> Duration {
        self.began.steady + self.limit
    }
}

impl Post {
    pub(crate) fn accepted_at(&self) -> Option<u64> {
        self.accepted.as_ref().map(|(at, _)| *at)
    }

    /// Whether the client knows for certain that the service did not act.
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
