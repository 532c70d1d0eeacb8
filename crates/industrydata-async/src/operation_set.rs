//! Many operations as one stream.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_core::Stream;
use futures_util::stream::FuturesUnordered;
use industrydata_clock::Clock;
use industrydata_core::{
    Timestamp,
    lro::{Next, OperationKey, OperationPollError, PollQueue, Progress, ResumeToken, Turn, Turned},
    model::{Operation, OperationOrigin},
    wire::{BaseUrl, OperationUrl},
};
use tokio::time::{Sleep, sleep};

use crate::{client::CONNECTIONS, inner::Inner, operation_poller::OperationPoller};

/// Many operation pollers as one stream of what happens to each, for a program that watches thousands from one task.
///
/// A poller that is [pushed](Self::push) is polled as it would be alone: at its interval, no sooner than a `Retry-After`
/// allows, within its time limit, and no more once its client is [stopped](crate::Stop). At most a set number of requests is
/// out at a time. If more are due, the clients take turns, and of a client's those that have waited longest come first. The
/// pollers may belong to any tenants and clients; with one client they share its connections. One that waits takes a few
/// hundred bytes and no timer.
///
/// Time passes for each client by its own clock. Clocks that can be moved are moved together, and only while no request is
/// out.
///
/// The stream ends when the set is empty, and goes on when another poller is pushed. Polls are made only while the stream is
/// polled. Every method is cancel-safe: dropping a future loses no progress. If the set itself is dropped, the operations
/// continue, and [`resume_tokens`](Self::resume_tokens) are what another set or process needs.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # use industrydata_async::{Client, FixedToken};
/// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
/// # use industrydata_ledger::Ledger;
/// # let emulator = Emulator::start(Config::default())?;
/// # let ledger = Ledger::memory_with_clock(emulator.clock());
/// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
/// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
/// use std::collections::HashMap;
/// use industrydata_async::{OperationEvent, OperationSet};
///
/// let (mut set, mut tenants) = (OperationSet::new(), HashMap::new());
/// for tenant in ["contoso", "fabrikam", "tailspin"] {
///     let poller = client.tenant(tenant)?.start().await?;
///     tenants.insert(set.push(poller), tenant);
/// }
/// // It is a `Stream` too: `while let Some((key, event)) = set.next().await` of the crate `futures` is the same.
/// while let Some((key, event)) = set.next().await {
///     let tenant = tenants[&key];
///     match event {
///         OperationEvent::Progress(progress) => println!("{tenant}: next poll in {:?}", progress.next_poll_in()),
///         OperationEvent::Ended { outcome, .. } => println!("{tenant}: {}", outcome?.status()),
///     }
/// }
/// assert!(set.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is polled unless the stream is"]
pub struct OperationSet {
    queue: PollQueue<Box<OperationPoller>>,
    /// By the number of their clock in the queue. The place of a client without operations is free.
    clients: Vec<Option<Member>>,
    turns: FuturesUnordered<Pin<Box<dyn Future<Output = Done> + Send>>>,
    out: Vec<Out>,
    /// What a push wakes, if the stream waits.
    waker: Option<Waker>,
}

/// What happened to an operation of an [`OperationSet`].
#[derive(Debug)]
pub enum OperationEvent {
    /// It was polled, and will be polled again.
    Progress(Progress),
    /// Its poller has ended, and is no longer in the set.
    Ended {
        /// The operation, which has succeeded, or else the error. This has a resume token, unless the operation failed or was
        /// not found.
        outcome: Result<Arc<Operation>, OperationPollError>,
        /// The poller, to find and follow the run or to read the details of a failure.
        poller: Box<OperationPoller>,
    },
}

/// A client whose operations are in the set.
struct Member {
    inner: Arc<Inner>,
    /// Ends when the client is stopped; `None` from then on.
    stopped: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    operations: usize,
    /// The timer of its first operation that waits, and the steady time that it is set to.
    timer: Option<(Duration, Pin<Box<Sleep>>)>,
}

/// The end of a turn.
struct Done {
    key: OperationKey,
    clock: usize,
    poller: Box<OperationPoller>,
    outcome: Result<Turned<Arc<Operation>>, OperationPollError>,
}

/// What the resume token of a poller that is out is made of.
struct Out {
    key: OperationKey,
    base: BaseUrl,
    url: OperationUrl,
    accepted: Timestamp,
    origin: OperationOrigin,
}

impl OperationSet {
    /// An empty set, with at most 64 requests at a time: the number of connections that a client has unless set otherwise.
    pub fn new() -> Self {
        Self::with_requests(CONNECTIONS)
    }

    /// An empty set with at most this many requests at a time, and at least one. A client's
    /// [connections](crate::ClientBuilder::connections) are a limit too: with fewer of them, requests wait for one and may
    /// run out of time.
    pub fn with_requests(most: usize) -> Self {
        Self {
            queue: PollQueue::new(most),
            clients: Vec::new(),
            turns: FuturesUnordered::new(),
            out: Vec::new(),
            waker: None,
        }
    }

    /// Adds a poller, and returns the key that its events will have. It is due when it would be due alone.
    ///
    /// What a start returned besides its operation ([`OperationPoller::accepted`]) is dropped: read it before.
    pub fn push(&mut self, mut poller: OperationPoller) -> OperationKey {
        let clock = self.member(&poller.driver.inner);
        let now = poller.driver.now();
        let due = Turn::due(&mut poller.poll, now);
        poller.poll.rest();
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        let deadline = poller.poll.poll().deadline();
        self.queue.push(clock, due, deadline, Box::new(poller))
    }

    /// The number of operations that have not ended.
    #[must_use]
    pub fn len(&self) -> usize {
        self.queue.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// The resume tokens of all operations that have not ended, in no order.
    pub fn resume_tokens(&self) -> impl Iterator<Item = (OperationKey, ResumeToken)> {
        let waiting = self.queue.waiting();
        let waiting = waiting.map(|(key, poller)| (key, poller.resume_token()));
        waiting.chain(self.out.iter().map(|out| {
            let token = ResumeToken::new(&out.base, &out.url, out.accepted);
            (out.key, token.with_origin(out.origin))
        }))
    }

    /// The next event, or `None` if the set is empty. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<(OperationKey, OperationEvent)> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    /// The number of the client's clock in the queue.
    fn member(&mut self, inner: &Arc<Inner>) -> usize {
        let clients = &mut self.clients;
        let known = clients.iter_mut().enumerate().find_map(|(clock, it)| {
            let member = it.as_mut().filter(|it| Arc::ptr_eq(&it.inner, inner))?;
            Some((clock, member))
        });
        if let Some((clock, member)) = known {
            member.operations += 1;
            return clock;
        }
        let stop = inner.stop.clone();
        let member = Some(Member {
            inner: Arc::clone(inner),
            stopped: Some(Box::pin(async move { stop.stopped().await })),
            operations: 1,
            timer: None,
        });
        let free = clients.iter_mut().enumerate().find(|(_, it)| it.is_none());
        if let Some((clock, place)) = free {
            *place = member;
            return clock;
        }
        clients.push(member);
        clients.len() - 1
    }

    /// Sees to it that the task is woken when a client is stopped.
    fn heed_stops(&mut self, cx: &mut Context<'_>) {
        for member in self.clients.iter_mut().flatten() {
            member
                .stopped
                .take_if(|stopped| stopped.as_mut().poll(cx).is_ready());
        }
    }

    /// Begins all turns that are due, as far as requests may be out.
    fn begin(&mut self) -> Next<Box<OperationPoller>> {
        loop {
            let clients = &self.clients;
            let next = self
                .queue
                .next(|clock| clients.get(clock)?.as_ref()?.steady());
            let Next::Due {
                key,
                clock,
                item: mut poller,
            } = next
            else {
                return next;
            };
            poller.poll.wake();
            let poll = poller.poll.poll();
            self.out.push(Out {
                key,
                base: poll.plan().service.base().clone(),
                url: poll.url().clone(),
                accepted: poll.accepted(),
                origin: poll.origin(),
            });
            self.turns.push(Box::pin(async move {
                let OperationPoller { driver, poll } = &mut *poller;
                let mut turn = Turn::new(poll, driver.now());
                let outcome = driver.until_done(&mut turn, |_, _| ()).await;
                Done {
                    key,
                    clock,
                    poller,
                    outcome,
                }
            }));
        }
    }

    /// Takes a poller in after its turn. Returns what is reported.
    fn take_in(&mut self, done: Done) -> Option<(OperationKey, OperationEvent)> {
        let Done {
            key,
            clock,
            mut poller,
            outcome,
        } = done;
        self.out.retain(|out| out.key != key);
        let outcome = match outcome {
            Ok(Turned::Pauses { until, progress }) => {
                poller.poll.rest();
                let deadline = poller.poll.poll().deadline();
                self.queue.put_back(key, clock, until, deadline, poller);
                return progress.map(|progress| (key, OperationEvent::Progress(progress)));
            }
            Ok(Turned::Ended(operation)) => Ok(operation),
            Err(error) => Err(error),
        };
        self.queue.ended();
        if let Some(place) = self.clients.get_mut(clock) {
            place.take_if(|it| {
                it.operations -= 1;
                it.operations == 0
            });
        }
        Some((key, OperationEvent::Ended { outcome, poller }))
    }

    /// Whether the time of a poll that waits has come.
    fn poll_times(&mut self, cx: &mut Context<'_>) -> bool {
        // As for a poller alone, a clock that can be moved is not moved during a request.
        if self.out.is_empty() && self.skip() {
            return true;
        }
        let mut has_come = false;
        for (clock, member) in self.clients.iter_mut().enumerate() {
            let Some(member) = member else { continue };
            let now = member.inner.clock.steady();
            if let Some(until) = self.queue.next_time(clock, now) {
                has_come |= member.has_come(until, cx);
            }
        }
        has_come
    }

    /// Moves the clocks that can be moved to the next poll by any of them, all by the same time: some may be one clock, and
    /// none stands still for another. Returns whether there are any.
    fn skip(&self) -> bool {
        let clients = self.clients.iter().enumerate();
        let movable = clients.filter_map(|(clock, member)| {
            let own = &member.as_ref()?.inner.clock;
            let now = own.steady();
            let until = self.queue.next_time(clock, now)?;
            // This moves nothing.
            let can_be_moved = own.skip_to(Duration::ZERO);
            can_be_moved.then_some((own, now, until))
        });
        let movable: Vec<_> = movable.collect();
        let left = movable
            .iter()
            .map(|(_, now, until)| until.saturating_sub(*now));
        let Some(least) = left.min() else {
            return false;
        };
        for (clock, now, _) in movable {
            clock.skip_to(now.saturating_add(least));
        }
        true
    }
}

impl Member {
    /// The time of its clock, or `None` if it is stopped.
    fn steady(&self) -> Option<Duration> {
        (!self.inner.stop.is_stopped()).then(|| self.inner.clock.steady())
    }

    /// Whether its clock has this time. If not, it has once that was slept for.
    fn has_come(&mut self, until: Duration, cx: &mut Context<'_>) -> bool {
        let clock = &self.inner.clock;
        let left = until.saturating_sub(clock.steady());
        if left.is_zero() {
            return true;
        }
        self.timer.take_if(|(set_to, _)| *set_to != until);
        let (_, timer) = self
            .timer
            .get_or_insert_with(|| (until, Box::pin(sleep(left))));
        let has_come = timer.as_mut().poll(cx).is_ready();
        if has_come {
            clock.slept_until(until);
            self.timer = None;
        }
        has_come
    }
}

impl Stream for OperationSet {
    type Item = (OperationKey, OperationEvent);

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            self.heed_stops(cx);
            let next = self.begin();
            if let Poll::Ready(Some(done)) = Pin::new(&mut self.turns).poll_next(cx) {
                match self.take_in(done) {
                    Some(event) => return Poll::Ready(Some(event)),
                    None => continue,
                }
            }
            if matches!(next, Next::Empty) {
                return Poll::Ready(None);
            }
            // Time passes also while the most requests are out: for deadlines.
            if !self.poll_times(cx) {
                self.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
        }
    }
}

impl Default for OperationSet {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for OperationSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationSet")
            .field("len", &self.len())
            .field("out", &self.out.len())
            .finish_non_exhaustive()
    }
}
