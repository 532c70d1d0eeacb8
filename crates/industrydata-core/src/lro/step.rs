//! The steps a machine lends, and what each is answered with.

use std::{fmt, sync::Arc, time::Duration};

use http::{Request, StatusCode, response::Parts};

use crate::lro::{
    accepted::Accepted,
    operation_poll_error::OperationPollError,
    progress::{PauseReason, Progress},
    start::Start,
    start_error::StartError,
};
use crate::policy::{MAX_BODY_BYTES, MAX_ERROR_BODY_BYTES};
use crate::{
    auth::token::{AccessToken, Challenge, TokenError},
    ledger::{change::Change, reply::StoreReply, store_error::StoreError},
    model::operation::Operation,
    now::Now,
    policy::Limits,
    wire::transport::{IncompleteBody, TransportError},
};

/// What a [`Start`] needs done next. Exhaustive on purpose: a new kind of step must break every driver.
#[must_use = "nothing happens until the step is answered"]
#[derive(Debug)]
pub enum StartStep<'m> {
    /// Change the books durably, then say how that went.
    Book(Transaction<'m>),
    /// Put one request on the wire, then hand in its one answer.
    Send(Exchange<'m>),
    /// Do nothing for a while.
    Wait(Pause<'m>),
    /// The attempt has ended: accepted, or an error that says whether a run may have started.
    Done(Result<Accepted, StartError>),
}

/// What a [`OperationPoll`](crate::lro::OperationPoll) needs done next. Polls never touch the books: there is no step for it.
#[must_use = "nothing happens until the step is answered"]
#[derive(Debug)]
pub enum OperationPollStep<'m> {
    /// Put one request on the wire, then hand in its one answer.
    Send(Exchange<'m>),
    /// Do nothing for a while.
    Wait(Pause<'m>),
    /// The wait has ended: the operation succeeded, or an error. The run was started in any case.
    Done(Result<Arc<Operation>, OperationPollError>),
}

/// What the machines have in common towards an adapter.
pub(super) trait Machine: Send + Sync {
    fn challenge(&self) -> Option<&Challenge>;
    /// The steady moment at which everything is to have ended.
    fn deadline(&self) -> Duration;
    fn no_token(&mut self, error: TokenError, now: Now);
    /// No request could be made, for a reason of this machine's own.
    fn unsent(&mut self, fault: TransportError, now: Now);
    fn request(&mut self, token: &AccessToken, now: Now) -> Option<(Request<()>, Duration)>;
    /// Whether anything stands in the body of an answer with this status.
    fn reads_body(&self, status: StatusCode) -> bool;
    fn answer(&mut self, head: &Parts, body: Result<Vec<u8>, IncompleteBody>, now: Now);
    fn lost(&mut self, fault: TransportError, now: Now);
    /// The steady moment the pause lasts to, and why there is one.
    fn pause(&self) -> (Duration, &PauseReason);
    fn news(&mut self) -> Option<Progress>;
    fn over(&mut self, now: Now);
}

/// A change to the books, to be made durable before anything else happens.
#[must_use = "the change is to be booked"]
pub struct Transaction<'m> {
    pub(super) start: &'m mut Start,
    pub(super) change: Arc<Change>,
}

impl Transaction<'_> {
    /// The change; a store that works elsewhere takes a clone of the `Arc`.
    #[must_use]
    pub const fn change(&self) -> &Arc<Change> {
        &self.change
    }

    /// Says how the store took it.
    pub fn booked(self, result: Result<StoreReply, StoreError>, now: Now) {
        self.start.booked(result, now);
    }
}

/// One request to make: first a token for it, then the request itself.
#[must_use = "the request is to be made"]
pub struct Exchange<'m> {
    pub(super) machine: &'m mut dyn Machine,
}

impl<'m> Exchange<'m> {
    /// The service's refusal of the last token: the next one must differ.
    #[must_use]
    pub fn challenge(&self) -> Option<&Challenge> {
        self.machine.challenge()
    }

    /// The time the token may take: what a reservation allows, and no more than is left in all.
    #[must_use]
    pub fn time_limit(&self, now: Now) -> Duration {
        Limits::TOKEN.min(self.machine.deadline().saturating_sub(now.steady))
    }

    /// Says that no token could be had.
    pub fn no_token(self, error: TokenError, now: Now) {
        self.machine.no_token(error, now);
    }

    /// Says that no request could be made on this machine, such as when no connection became free in time.
    pub fn unsent(self, fault: TransportError, now: Now) {
        self.machine.unsent(fault, now);
    }

    /// The request, to be put on the wire once, and where its answer goes. `None`: not with this token, or not any more;
    /// ask for the next step.
    #[must_use = "a request that was handed out is sent, or a start is in doubt"]
    pub fn request(self, token: &AccessToken, now: Now) -> Option<(Request<()>, Reply<'m>)> {
        let (request, time_limit) = self.machine.request(token, now)?;
        let reply = Reply {
            machine: self.machine,
            time_limit,
        };
        Some((request, reply))
    }
}

/// Where the one answer to a request goes. Dropped without one, a start is in doubt and a poll is made again later.
#[must_use = "the request has one answer, or was lost"]
pub struct Reply<'m> {
    machine: &'m mut dyn Machine,
    time_limit: Duration,
}

impl Reply<'_> {
    /// The time the request may take, its connection and the answer's body included.
    #[must_use]
    pub const fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// The most bytes to read of the body of an answer with this status. Zero: it is not to be read, so that an accepted
    /// start does not wait for a body in which nothing stands.
    #[must_use]
    pub fn body_limit(&self, status: StatusCode) -> usize {
        if !self.machine.reads_body(status) {
            0
        } else if status.is_success() {
            MAX_BODY_BYTES
        } else {
            MAX_ERROR_BODY_BYTES
        }
    }

    /// Hands in the answer. A head that arrived whole is an answer, whatever became of its body.
    pub fn answer(self, head: &Parts, body: Result<Vec<u8>, IncompleteBody>, now: Now) {
        self.machine.answer(head, body, now);
    }

    /// Says that no answer came.
    pub fn lost(self, fault: TransportError, now: Now) {
        self.machine.lost(fault, now);
    }
}

/// Nothing to do for a while, and why.
#[must_use = "the pause is to be kept"]
pub struct Pause<'m> {
    pub(super) machine: &'m mut dyn Machine,
}

impl Pause<'_> {
    /// How long it still lasts; zero is not to be slept.
    #[must_use]
    pub fn remaining(&self, now: Now) -> Duration {
        self.machine.pause().0.saturating_sub(now.steady)
    }

    /// Why there is a pause.
    #[must_use]
    pub fn reason(&self) -> &PauseReason {
        self.machine.pause().1
    }

    /// What is known so far, once for each poll.
    pub fn news(&mut self) -> Option<Progress> {
        self.machine.news()
    }

    /// Says that it is over.
    pub fn over(self, now: Now) {
        self.machine.over(now);
    }
}

macro_rules! opaque_debug {
    ($($name:ident),*) => {$(
        impl fmt::Debug for $name<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )*};
}

opaque_debug!(Transaction, Exchange, Reply, Pause);
