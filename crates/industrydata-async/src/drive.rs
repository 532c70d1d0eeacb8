//! The one loop and the one way to send. They decide nothing: the machine lends each step.

use std::{fmt, sync::Arc};

use industrydata_core::{
    Deadline, Now,
    endpoint::Endpoint,
    ledger::{Change, StoreError, StoreReply},
    lro::{Exchange, Machine, Progress, ReadError, Session, Step},
};
use industrydata_system::{
    Trace, any_seed,
    with_reqwest::{awake, sleep},
};

use crate::{inner::Inner, tokens::Slot};

/// Where the loop returns to the caller.
pub(crate) enum Event<T> {
    Progress(Progress),
    Done(T),
}

/// Drives the machines of one tenant, with the settings of the next call.
#[derive(Clone)]
pub(crate) struct Driver {
    pub(crate) inner: Arc<Inner>,
    /// Shared by the pollers of a tenant's client.
    pub(crate) session: Arc<Session>,
    /// The tenant's place in the cache of tokens.
    slot: Arc<Slot>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("base", self.inner.settings.base_url())
            .field("tenant", self.session.tenant())
            .finish_non_exhaustive()
    }
}

impl Driver {
    pub(crate) fn new(inner: Arc<Inner>, session: Session) -> Self {
        let slot = inner.tokens.slot(session.tenant());
        let session = Arc::new(session);
        Self {
            inner,
            session,
            slot,
        }
    }

    /// The same with another session, which may be another tenant's.
    pub(crate) fn with(self, change: impl FnOnce(Session) -> Session) -> Self {
        Self::new(self.inner, change(Arc::unwrap_or_clone(self.session)))
    }

    /// The current time of the client.
    pub(crate) fn now(&self) -> Now {
        self.inner.now()
    }

    /// Drives a machine to its next progress, which comes before the pause it is about, or to its end.
    pub(crate) async fn drive<M: Machine>(
        &self,
        machine: &mut M,
    ) -> Result<Event<M::Output>, M::Error> {
        let trace = Trace::of_call(self.session.tenant(), machine);
        let event = trace.follow(self.advance(machine, &trace)).await;
        trace.ended(machine, &event);
        event
    }

    /// Carries out the steps up to that progress or end.
    async fn advance<M: Machine>(
        &self,
        machine: &mut M,
        trace: &Trace,
    ) -> Result<Event<M::Output>, M::Error> {
        let mut now = self.now();
        loop {
            if self.inner.stop.is_stopped() {
                machine.stop();
            }
            match machine.step() {
                Step::Ledger(transaction, _) => {
                    let reply = awake(self.transact(transaction.change())).await;
                    trace.ledger(transaction.change(), &reply);
                    now = self.now();
                    transaction.done(reply, now);
                }
                // Boxed, so that a task that pauses has no room for it.
                Step::Send(exchange) => {
                    Box::pin(send(self, exchange, &mut now)).await;
                }
                Step::Wait(mut pause) => {
                    if let Some(progress) = pause.progress() {
                        return Ok(Event::Progress(progress));
                    }
                    let left = pause.remaining(now);
                    trace.waits(pause.reason(), left);
                    self.inner.pass(left, now).await;
                    now = self.now();
                    pause.over(now);
                }
                Step::Done(outcome) => return outcome.map(Event::Done),
            }
        }
    }

    /// Makes a change to the ledger. If it has a time limit, its future is dropped after that.
    async fn transact(&self, change: &Arc<Change>) -> Result<StoreReply, StoreError> {
        let reply = self.inner.store.transact(Arc::clone(change));
        let Some(limit) = change.time_limit() else {
            return reply.await;
        };
        tokio::select! {
            biased;
            reply = reply => reply,
            () = sleep(limit) => Err(StoreError::Busy),
        }
    }

    /// Drives a machine to its end, and reports its pauses.
    pub(crate) async fn finish<M: Machine>(&self, mut machine: M) -> Result<M::Output, M::Error> {
        self.until_done(&mut machine, Session::report).await
    }

    /// Drives a machine to its end.
    pub(crate) async fn until_done<M: Machine>(
        &self,
        machine: &mut M,
        report: impl Fn(&Session, &Progress),
    ) -> Result<M::Output, M::Error> {
        let trace = Trace::of_call(self.session.tenant(), machine);
        let guard = Guard {
            inner: &self.inner,
            trace: &trace,
            machine,
        };
        let steps = async {
            loop {
                match self.advance(guard.machine, &trace).await? {
                    Event::Progress(progress) => report(&self.session, &progress),
                    Event::Done(output) => return Ok(output),
                }
            }
        };
        let outcome = trace.follow(steps).await;
        trace.ended(guard.machine, &outcome);
        outcome
    }

    /// Reads an endpoint.
    pub(crate) async fn read<E: Endpoint>(&self, endpoint: E) -> Result<E::Output, ReadError> {
        let read = self.session.read(endpoint, any_seed(), self.now());
        self.finish(read).await.map(Arc::unwrap_or_clone)
    }
}

/// Leaves the ledger as it should be when the future is dropped.
struct Guard<'a, M: Machine> {
    inner: &'a Inner,
    trace: &'a Trace,
    machine: &'a mut M,
}

impl<M: Machine> Drop for Guard<'_, M> {
    fn drop(&mut self) {
        if let Some(change) = self.machine.abandon() {
            self.trace.abandoned(&change);
            self.inner.store.transact_later(change);
        }
    }
}

/// One request and its one answer. If it is stopped before the request is handed out, the machine decides what follows. `now` is
/// the time by the client's clock, which is read anew after a wait.
async fn send(driver: &Driver, exchange: Exchange<'_>, now: &mut Now) {
    let Driver {
        inner: client,
        session,
        slot,
    } = driver;
    let token = match slot.kept(exchange.challenge(), now.utc) {
        Some(token) => token,
        None => {
            let (limit, challenge) = (exchange.time_limit(*now), exchange.challenge());
            let token =
                client
                    .tokens
                    .token(slot, session.tenant(), challenge, limit, &client.clock);
            let token = tokio::select! {
                biased;
                token = token => token,
                () = client.stop.stopped() => return,
            };
            *now = client.now();
            match token.inspect_err(Trace::no_token) {
                Ok(token) => token,
                Err(error) => return exchange.no_token(error, *now),
            }
        }
    };
    let connection = match client.http.free_connection() {
        Some(connection) => connection,
        None => {
            let limit = exchange.time_limit(*now);
            let connection = tokio::select! {
                biased;
                connection = client.http.connection(limit) => connection,
                () = client.stop.stopped() => return,
            };
            *now = client.now();
            match connection {
                Ok(connection) => connection,
                Err(error) => return exchange.unsent(error, *now),
            }
        }
    };
    // The limit of a request is real time, whatever the client's clock. Whatever stops the process from here on, that limit
    // or the machine notices.
    let real = industrydata_system::now();
    *now = client.now();
    let Some((request, reply)) = exchange.request(&token, *now) else {
        return;
    };
    let trace = Trace::of_request(&request, &reply);
    // An empty body; reqwest has no `()`.
    let request = request.map(|()| reqwest::Body::default());
    let (deadline, stopped) = (
        Deadline::after(reply.time_limit(), real),
        client.stop.stopped(),
    );
    let most = |status| reply.body_limit(status);
    let answer = connection.send(request, deadline, most, stopped);
    let answer = trace.follow(answer).await;
    *now = client.now();
    trace.answered(&answer, &token, *now);
    match answer {
        Ok((head, body)) => reply.answer(&head, body, *now),
        Err(error) => reply.lost(error, *now),
    }
}
