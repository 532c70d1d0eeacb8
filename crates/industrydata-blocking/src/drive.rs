//! The one loop and the one way to send. They decide nothing: the machine lends each step.

use std::{
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, mpsc::sync_channel},
};

use industrydata_core::{
    Deadline, Now,
    endpoint::Endpoint,
    ledger::{Change, StoreError, StoreReply},
    lro::{Exchange, Machine, Progress, ReadError, Session, Step},
};
use industrydata_system::{Trace, any_seed, on_a_thread};

use crate::{inner::Inner, tokens::Slot};

/// Where the loop returns to the caller.
pub(crate) enum Event<T> {
    Progress(Progress),
    Done(T),
}

/// Drives the machines of one tenant, with the settings of the next call.
#[derive(Clone)]
pub(crate) struct Driver {
    inner: Arc<Inner>,
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
    pub(crate) fn drive<M: Machine>(&self, machine: &mut M) -> Result<Event<M::Output>, M::Error> {
        let trace = Trace::of_call(self.session.tenant(), machine);
        let event = trace.within(|| self.advance(machine, &trace));
        trace.ended(machine, &event);
        event
    }

    /// Carries out the steps up to that progress or end.
    fn advance<M: Machine>(
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
                    let reply = self.transact(transaction.change());
                    trace.ledger(transaction.change(), &reply);
                    now = self.now();
                    transaction.done(reply, now);
                }
                Step::Send(exchange) => {
                    send(self, exchange, &mut now);
                }
                Step::Wait(mut pause) => {
                    if let Some(progress) = pause.progress() {
                        return Ok(Event::Progress(progress));
                    }
                    let left = pause.remaining(now);
                    trace.waits(pause.reason(), left);
                    self.inner.pass(left, now);
                    now = self.now();
                    pause.over(now);
                }
                Step::Done(outcome) => return outcome.map(Event::Done),
            }
        }
    }

    /// Makes a change to the ledger. If it has a time limit, its thread is left alone after that.
    fn transact(&self, change: &Arc<Change>) -> Result<StoreReply, StoreError> {
        let store = &self.inner.store;
        let Some(limit) = change.time_limit() else {
            return store.transact(change);
        };
        if store.is_immediate() {
            let reply = catch_unwind(AssertUnwindSafe(|| store.transact(change)));
            return reply.unwrap_or(Err(StoreError::Busy));
        }
        let (store, change) = (Arc::clone(store), Arc::clone(change));
        let (sender, receiver) = sync_channel(1);
        let work = move || {
            let reply = store.transact(&change);
            // Before the reply, after which the process may end without closing it.
            drop(store);
            drop(sender.send(reply));
        };
        on_a_thread("ledger", work).map_err(StoreError::unavailable)?;
        let reply = receiver.recv_timeout(limit);
        reply.unwrap_or(Err(StoreError::Busy))
    }

    /// Drives a machine to its end, and reports its pauses.
    pub(crate) fn finish<M: Machine>(&self, mut machine: M) -> Result<M::Output, M::Error> {
        self.until_done(&mut machine, Session::report)
    }

    /// Drives a machine to its end.
    pub(crate) fn until_done<M: Machine>(
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
        let steps = || {
            loop {
                match self.advance(guard.machine, &trace)? {
                    Event::Progress(progress) => report(&self.session, &progress),
                    Event::Done(output) => return Ok(output),
                }
            }
        };
        let outcome = trace.within(steps);
        trace.ended(guard.machine, &outcome);
        outcome
    }

    /// Reads an endpoint.
    pub(crate) fn read<E: Endpoint>(&self, endpoint: E) -> Result<E::Output, ReadError> {
        let read = self.session.read(endpoint, any_seed(), self.now());
        self.finish(read).map(Arc::unwrap_or_clone)
    }
}

/// Leaves the ledger as it should be when a token source panics.
struct Guard<'a, M: Machine> {
    inner: &'a Inner,
    trace: &'a Trace,
    machine: &'a mut M,
}

impl<M: Machine> Drop for Guard<'_, M> {
    fn drop(&mut self) {
        if let Some(change) = self.machine.abandon() {
            self.trace.abandoned(&change);
            // Without an outcome the start is in doubt when its lease ends.
            let _ = self.inner.store.transact(&change);
        }
    }
}

/// One request and its one answer. If it is stopped before the request is handed out, the machine decides what follows. `now` is
/// the time by the client's clock, which is read anew after a wait.
fn send(driver: &Driver, exchange: Exchange<'_>, now: &mut Now) {
    let Driver {
        inner: client,
        session,
        slot,
    } = driver;
    let token = match slot.kept(exchange.challenge(), now.utc) {
        Some(token) => token,
        None => {
            let challenge = exchange.challenge();
            let token = client
                .tokens
                .token(slot, session.tenant(), challenge, &client.clock);
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
            let connection = client.http.connection(limit, &client.stop);
            *now = client.now();
            match connection {
                Ok(connection) => connection,
                Err(error) => return exchange.unsent(error, *now),
            }
        }
    };
    if client.stop.is_stopped() {
        return;
    }
    // The limit of a request is real time, whatever the client's clock. Whatever stops the process from here on, that limit
    // or the machine notices.
    let real = industrydata_system::now();
    *now = client.now();
    let Some((request, reply)) = exchange.request(&token, *now) else {
        return;
    };
    let trace = Trace::of_request(&request, &reply);
    let request = request.map(|()| Vec::new());
    let deadline = Deadline::after(reply.time_limit(), real);
    let most = |status| reply.body_limit(status);
    let answer = trace.within(|| connection.send(request, deadline, most));
    *now = client.now();
    trace.answered(&answer, &token, *now);
    match answer {
        Ok((head, body)) => reply.answer(&head, body, *now),
        Err(error) => reply.lost(error, *now),
    }
}
