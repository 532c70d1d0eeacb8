//! The steps a machine lends, and the results they take.

use std::{fmt, sync::Arc, time::Duration};

use http::{Request, StatusCode, response::Parts};

use crate::lro::progress::{PauseReason, Progress};
use crate::policy::{MAX_BODY_BYTES, MAX_ERROR_BODY_BYTES};
use crate::{
    auth::token::{AccessToken, Challenge, TokenError},
    ledger::{change::Change, reply::StoreReply, store_error::StoreError},
    now::{Deadline, Now},
    policy::Limits,
    wire::transport::{IncompleteBody, TransportError},
};

/// The next action that a [`Machine`](crate::lro::Machine) needs.
///
/// `L` is [`Writes`] for a machine that uses the ledger. It is [`Never`] for one that cannot: a driver of such a
/// machine may leave the first arm out. The enum is exhaustive on purpose: a new kind of step must break every driver.
#[must_use = "nothing happens until the step is answered"]
#[derive(Debug)]
pub enum Step<'m, L, T> {
    /// Make a change to the ledger durable, then report the result.
    Ledger(Transaction<'m>, L),
    /// Send one request, then hand in its one answer.
    Send(Exchange<'m>),
    /// Pause.
    Wait(Pause<'m>),
    /// The machine has ended.
    Done(T),
}

/// The witness of a machine that uses the ledger.
#[derive(Clone, Copy, Debug)]
pub struct Writes(());

impl Writes {
    pub(crate) const WITNESS: Self = Self(());
}

/// The witness of a machine that cannot use the ledger: no value of it exists.
#[derive(Clone, Copy, Debug)]
pub enum Never {}

/// A machine that sends requests.
pub(crate) trait Asks: Send + Sync {
    fn challenge(&self) -> Option<&Challenge>;
    /// The steady time at which the machine's time limit passes.
    fn deadline(&self) -> Duration;
    /// How often the next request was sent before, for any reason.
    fn resends(&self) -> u32 {
        u32::from(self.challenge().is_some())
    }
    fn no_token(&mut self, error: TokenError, now: Now);
    fn unsent(&mut self, error: TransportError, now: Now);
    /// The most time that one request may take.
    fn request_limit(&self) -> Duration;
    fn request(&mut self, token: &AccessToken, now: Now) -> Option<Request<()>>;
    /// Whether the body of an answer with this status is read.
    fn reads_body(&self, status: StatusCode) -> bool;
    fn answer(&mut self, head: &Parts, body: Result<Vec<u8>, IncompleteBody>, now: Now);
    fn lost(&mut self, error: TransportError, now: Now);
}

/// A machine that pauses.
pub(crate) trait Pauses: Send + Sync {
    fn progress(&mut self) -> Option<Progress> {
        None
    }
    fn over(&mut self, now: Now);
}

/// A machine that uses the ledger.
pub(crate) trait Records: Send + Sync {
    fn done(&mut self, result: Result<StoreReply, StoreError>, now: Now);
}

/// A change to the ledger, to be made durable before anything else happens.
#[must_use = "make the change durable, then call `done`"]
pub struct Transaction<'m> {
    machine: &'m mut dyn Records,
    change: Arc<Change>,
}

impl<'m> Transaction<'m> {
    pub(crate) const fn new(machine: &'m mut dyn Records, change: Arc<Change>) -> Self {
        Self { machine, change }
    }

    /// The change. A store that works on another thread takes a clone of the `Arc`. If the change has a
    /// [`time_limit`](Change::time_limit), stop waiting for the store then, and report [`StoreError::Busy`].
    #[must_use]
    pub const fn change(&self) -> &Arc<Change> {
        &self.change
    }

    /// Reports the store's reply.
    pub fn done(self, result: Result<StoreReply, StoreError>, now: Now) {
        self.machine.done(result, now);
    }
}

/// One request to send: first a token for it, then the request itself.
#[must_use = "send the request"]
pub struct Exchange<'m> {
    machine: &'m mut dyn Asks,
}

impl<'m> Exchange<'m> {
    pub(crate) const fn new(machine: &'m mut dyn Asks) -> Self {
        Self { machine }
    }

    /// The service's refusal of the last token, if any. The next token must be another one.
    #[must_use]
    pub fn challenge(&self) -> Option<&Challenge> {
        self.machine.challenge()
    }

    /// The time that obtaining a token may take. It is limited by the reservation and by the machine's time limit.
    #[must_use]
    pub fn time_limit(&self, now: Now) -> Duration {
        Limits::TOKEN.min(self.machine.deadline().saturating_sub(now.steady))
    }

    /// Reports that no token could be obtained.
    pub fn no_token(self, error: TokenError, now: Now) {
        self.machine.no_token(error, now);
    }

    /// Reports that this machine could not send a request, such as when no connection became free in time.
    pub fn unsent(self, error: TransportError, now: Now) {
        self.machine.unsent(error, now);
    }

    /// The request, to be sent once, and the receiver of its answer. `None` if the request must not be sent with this
    /// token or not any more: ask for the next step.
    #[must_use = "send the request that was handed out, or a start is in doubt"]
    pub fn request(self, token: &AccessToken, now: Now) -> Option<(Request<()>, Reply<'m>)> {
        let resends = self.machine.resends();
        let request = self.machine.request(token, now)?;
        let left = self.machine.deadline().saturating_sub(now.steady);
        let time_limit = self.machine.request_limit().min(left);
        let reply = Reply {
            resends,
            machine: self.machine,
            time_limit,
            deadline: Deadline::after(time_limit, now),
        };
        Some((request, reply))
    }
}

/// Receives the one answer to a request. If it is dropped without an answer, a start is in doubt, and a poll is
/// repeated later.
#[must_use = "hand in the answer, or report its loss"]
pub struct Reply<'m> {
    machine: &'m mut dyn Asks,
    time_limit: Duration,
    deadline: Deadline,
    resends: u32,
}

impl Reply<'_> {
    /// The time the request may take, including its connection and the answer's body.
    #[must_use]
    pub const fn time_limit(&self) -> Duration {
        self.time_limit
    }

    /// How often the same request was sent before: after a refusal of its token or, for a read, after a transient error. Polls
    /// are not counted as repeats of each other.
    #[must_use]
    pub const fn resends(&self) -> u32 {
        self.resends
    }

    /// The end of that time. Look at it right before the first byte of the request leaves: once it has passed by one of the
    /// clocks, send nothing and report [`Phase::Local`](crate::wire::Phase::Local). A process that was stopped, or a machine
    /// that was suspended, then starts nothing late.
    #[must_use]
    pub const fn deadline(&self) -> Deadline {
        self.deadline
    }

    /// The most bytes to read of the body of an answer with this status. At zero, do not read the body: an accepted
    /// start must not wait for one.
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

    /// Hands in the answer. A head that arrived whole is an answer, whatever happened to its body.
    pub fn answer(self, head: &Parts, body: Result<Vec<u8>, IncompleteBody>, now: Now) {
        self.machine.answer(head, body, now);
    }

    /// Reports that no answer came.
    pub fn lost(self, error: TransportError, now: Now) {
        self.machine.lost(error, now);
    }
}

/// A pause and its reason.
#[must_use = "pause, then call `over`"]
pub struct Pause<'m> {
    machine: &'m mut dyn Pauses,
    until: Duration,
    reason: PauseReason,
}

impl<'m> Pause<'m> {
    pub(crate) const fn new(
        machine: &'m mut dyn Pauses,
        until: Duration,
        reason: PauseReason,
    ) -> Self {
        Self {
            machine,
            until,
            reason,
        }
    }

    /// The time left at `now`. Do not sleep for zero.
    #[must_use]
    pub const fn remaining(&self, now: Now) -> Duration {
        self.until.saturating_sub(now.steady)
    }

    /// The steady time at which it ends.
    #[must_use]
    pub const fn until(&self) -> Duration {
        self.until
    }

    /// The reason.
    #[must_use]
    pub const fn reason(&self) -> &PauseReason {
        &self.reason
    }

    /// The progress so far, once for each pause of a start or a poll. `None` on later calls, and for reads.
    pub fn progress(&mut self) -> Option<Progress> {
        self.machine.progress()
    }

    /// Reports that the pause is over.
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
