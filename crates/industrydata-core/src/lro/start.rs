//! The machine that starts a run: reserve, POST, settle.

use std::{sync::Arc, time::Duration};

use http::{Request, StatusCode, header::LOCATION, response::Parts};
use jiff::Timestamp;

use crate::lro::{
    acceptance::Acceptance,
    accepted::{Accepted, AcceptedParts},
    answer::{error_body, readable, redacted},
    machine::{Machine, Sealed},
    pace::Pausing,
    progress::{PauseReason, Progress},
    record::{CallKind, CallRecord},
    start_error::{StartError, StartErrorKind},
    step::{Asks, Exchange, Pause, Pauses, Records, Step, Transaction, Writes},
};
use crate::policy::{
    DEFAULT_THROTTLE, KEY_LOOK, KEY_LOOK_JITTER, MARGIN, MAX_SHORT_LEASES, MAX_SHOWN_LOCATIONS,
    MAX_SLOT_WAIT, MIN_REQUEST_TIME, SHORT_THROTTLE, SLOT_JITTER, THROTTLE_REMAINDER_MARGIN,
    THROTTLE_REMAINDERS,
};
use crate::{
    auth::token::{AccessToken, Challenge, TokenError},
    endpoint::{service::Service, start_run::StartRun},
    ledger::{
        change::Change,
        clock::ClockReading,
        entry::{Entry, EntryState},
        key::{Caller, LedgerKey},
        quota::Quota,
        refusal::{Refusal, RefusalReason},
        reply::StoreReply,
        schedule::{Forecast, Schedule},
        settle::Outcome,
        start_key::StartKey,
        store_error::StoreError,
    },
    now::Now,
    policy::{Limits, PastDurations, Throttle},
    seed::Seed,
    tenant::Tenant,
    wire::{
        http_date::date,
        location::OperationUrl,
        retry_after::retry_after,
        service_error::ServiceError,
        text::hex,
        transport::{IncompleteBody, TransportError},
    },
};

/// The settings of one start.
#[derive(Clone, Debug)]
pub struct StartPlan {
    /// The service.
    pub service: Service,
    /// The tenant whose ledger counts the start.
    pub tenant: Tenant,
    /// The throttle to observe.
    pub throttle: Throttle,
    /// Limits of time; `total` bounds the start and its operation poll together.
    pub limits: Limits,
    /// Whether to wait for a free slot, within the total limit.
    pub wait_for_slot: bool,
    /// The caller, for the ledger.
    pub caller: Caller,
}

/// One attempt at starting a run.
#[derive(Debug)]
pub struct Start {
    plan: StartPlan,
    key: LedgerKey,
    seed: SeedOf,
    state: State,
    deadline: Duration,
    /// The latest moment reported.
    last: Now,
    quota: Option<Quota>,
    /// How long the tenant's last operations took, as of the last reservation.
    past: PastDurations,
    schedule: Option<Schedule>,
    start_key: Option<StartKey>,
    short_leases: u32,
    /// The number of 429s in a row after which the start waited.
    throttles: u32,
    /// How often the start may still wait for the rest of such a 429, if the ledger is not open yet.
    remainders: u8,
    /// What the `Date` of the last answer shows about the ledger's clock.
    clock_reading: Option<ClockReading>,
    /// Whether the start has paused.
    waited: bool,
    /// Whether recording the outcome of a failed start was tried a second time.
    settled_again: bool,
}

/// The seed, and the ordinals of the next values derived from it.
#[derive(Debug)]
struct SeedOf {
    bytes: [u8; 16],
    reservations: u32,
    requests: u32,
}

#[derive(Debug)]
enum State {
    /// The next step reserves the slot. `begun`: the change was lent, so it may have been applied.
    Reserve {
        id: [u8; 16],
        begun: bool,
    },
    /// The slot is reserved, and the request may be sent.
    Ready {
        slot: Slot,
        refused: Option<Refused>,
    },
    /// The request was handed out.
    Out {
        slot: Slot,
        token: AccessToken,
        repeated: bool,
    },
    /// The outcome is to be recorded.
    Settle {
        change: Arc<Change>,
        after: After,
    },
    Pausing {
        pausing: Pausing,
        otherwise: StartError,
    },
    Ended(Result<Accepted, StartError>),
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    id: [u8; 16],
    /// The last moment before the reservation. The lease runs from then, by either clock.
    since: Now,
    /// The store's clock at the reservation, and the steady time at which its reply came.
    granted: (Timestamp, Duration),
    /// The steady time at which the last request was handed out.
    sent: Duration,
}

impl Slot {
    /// Compares the `Date` of an answer that has just come with the store's clock. That clock was read once, at the
    /// reservation; since then the steady clock has run.
    fn clock_reading(&self, date: Timestamp, now: Now) -> ClockReading {
        let (clock, replied) = self.granted;
        let after = |time: Duration| clock.saturating_add(time).unwrap_or(Timestamp::MAX);
        ClockReading::new(
            date,
            after(self.sent.saturating_sub(replied)),
            after(now.steady.saturating_sub(self.since.steady)),
        )
    }
}

#[derive(Debug)]
struct Refused {
    challenge: Challenge,
    error: ServiceError,
}

/// The state that follows once the outcome is recorded.
#[derive(Debug)]
enum After {
    End(Result<Accepted, StartErrorKind>),
    Pause {
        /// From when the outcome is recorded: the store's clock dates the end of a 429 from then.
        time: Duration,
        reason: PauseReason,
        otherwise: StartErrorKind,
    },
    Reserve,
}

impl Start {
    /// An attempt that begins now. `seed` is random and must not be used twice: the reservation's id, each
    /// `client-request-id` and all jitter derive from it.
    #[must_use]
    pub fn new(plan: StartPlan, seed: [u8; 16], now: Now) -> Self {
        let key = LedgerKey::new(plan.service.base(), &plan.tenant);
        Self::with_ledger(key, plan, seed, now)
    }

    /// The same, given the key of the ledger of the plan's tenant at its service.
    pub(super) fn with_ledger(key: LedgerKey, plan: StartPlan, seed: [u8; 16], now: Now) -> Self {
        let plan = StartPlan {
            limits: plan.limits.clamped(),
            ..plan
        };
        Self {
            key,
            deadline: now.steady.saturating_add(plan.limits.total),
            state: State::Reserve {
                id: Seed::new(seed).reservation(0),
                begun: false,
            },
            seed: SeedOf {
                bytes: seed,
                reservations: 1,
                requests: 0,
            },
            plan,
            last: now,
            quota: None,
            past: PastDurations::default(),
            schedule: None,
            start_key: None,
            short_leases: 0,
            throttles: 0,
            remainders: 0,
            clock_reading: None,
            waited: false,
            settled_again: false,
        }
    }

    /// Sets the schedule of the tenant's runs, so that the result has a forecast. Nothing more is sent.
    #[must_use]
    pub const fn with_schedule(mut self, schedule: Option<Schedule>) -> Self {
        self.schedule = schedule;
        self
    }

    /// Sets the key of the start. If another start with this key counts, this one sends nothing: it waits for its outcome
    /// and goes on with its operation ([`Accepted::attached_to`]).
    #[must_use]
    pub fn with_key(mut self, key: Option<StartKey>) -> Self {
        self.start_key = key;
        self
    }

    /// Whether the start has ended because an earlier one with its key is in doubt.
    pub(crate) fn is_key_in_doubt(&self) -> bool {
        matches!(&self.state, State::Ended(Err(error)) if matches!(error.kind(), StartErrorKind::KeyInDoubt { .. }))
    }

    /// Looks for the key once more, after a reconciliation. The time limit stays.
    pub(crate) fn again(&mut self, now: Now) {
        self.last = now;
        self.reserve_anew();
    }

    /// The latest moment reported.
    pub(crate) const fn last(&self) -> Now {
        self.last
    }

    /// The time that is left.
    pub(crate) fn left(&self) -> Duration {
        self.deadline.saturating_sub(self.last.steady)
    }

    /// The reservation `id` was made or not. `since` is the last moment before it.
    fn reserved(
        &mut self,
        id: [u8; 16],
        since: Now,
        result: Result<StoreReply, StoreError>,
        now: Now,
    ) {
        match result {
            Ok(reply) => {
                self.past = reply.past_durations().clone();
                match (reply.holder(), reply.refusal()) {
                    (Some(holder), _) => self.held(holder.clone(), now),
                    (None, Some(refusal)) => self.no_slot(*refusal, now),
                    (None, None) => {
                        let granted = (reply.quota().as_of(), now.steady);
                        self.state = State::Ready {
                            slot: Slot {
                                id,
                                since,
                                granted,
                                sent: now.steady,
                            },
                            refused: None,
                        };
                    }
                }
            }
            Err(StoreError::Unconfirmed(cause)) => {
                // The reservation may have been recorded, so release it if the store can.
                self.release(
                    id,
                    "the reservation could not be confirmed".to_owned(),
                    After::End(Err(StartErrorKind::Ledger(StoreError::Unconfirmed(cause)))),
                );
            }
            Err(error) => self.end_err(StartErrorKind::Ledger(error), None),
        }
    }

    /// Another start has the key, so this one sends nothing.
    fn held(&mut self, holder: Entry, now: Now) {
        let clock = self.quota.as_ref().map_or(now.utc, Quota::as_of);
        let at = holder.date();
        match holder.state(clock) {
            EntryState::Reserved => {
                let left = until(clock, holder.lease_ends());
                let wait = (KEY_LOOK + self.jitter(KEY_LOOK_JITTER)).min(left);
                let until = now.steady.saturating_add(wait).min(self.deadline);
                let otherwise = self.error(
                    StartErrorKind::KeyInUse {
                        lease_ends: holder.lease_ends(),
                    },
                    None,
                );
                if now.steady >= self.deadline {
                    self.state = State::Ended(Err(otherwise));
                } else {
                    self.pause(until, PauseReason::Key, otherwise, now);
                }
            }
            EntryState::Confirmed => self.attach(holder, now),
            EntryState::InDoubt
            | EntryState::Released
            | EntryState::External
            | EntryState::Other(_) => {
                let why = holder.why().map(str::to_owned);
                self.end_err(StartErrorKind::KeyInDoubt { at, why }, None);
            }
        }
    }

    /// Goes on with the operation of the start that has the key. The ledger keeps the operation's id alone.
    fn attach(&mut self, holder: Entry, now: Now) {
        let operation = holder.operation().unwrap_or_default();
        let Ok(operation) = OperationUrl::from_id(self.plan.service.base(), operation) else {
            let at = holder.date();
            return self.end_err(StartErrorKind::KeyNotFollowable { at }, None);
        };
        self.state = State::Ended(Ok(Accepted::new(AcceptedParts {
            service: self.plan.service.clone(),
            limits: self.plan.limits,
            deadline: self.deadline,
            seed: self.seed.bytes,
            requests: self.seed.requests,
            operation,
            at: now,
            retry_after: None,
            clock_skew: None,
            ledger_clock_skew: None,
            request_id: None,
            quota: self.quota.clone(),
            forecast: None,
            unrecorded: None,
            tenant: self.plan.tenant.clone(),
            throttle: self.plan.throttle,
            reservation: holder.reservation(),
            attached_to: Some(Box::new(holder)),
            past: self.past.clone(),
        })));
    }

    fn settled(&mut self, change: Arc<Change>, after: After, error: Option<StoreError>, now: Now) {
        match after {
            After::End(Ok(accepted)) => {
                let unrecorded = error.map(|error| (change, error));
                let accepted = accepted.recorded(self.quota.take(), unrecorded);
                self.state = State::Ended(Ok(accepted));
            }
            // No poll follows that could record the outcome later, so it is tried once more at once.
            After::End(Err(kind)) if error.is_some() && !self.settled_again => {
                self.settled_again = true;
                self.state = State::Settle {
                    change,
                    after: After::End(Err(kind)),
                };
            }
            After::End(Err(kind)) => self.end_err(self.dated(kind), error),
            After::Pause {
                time,
                reason,
                otherwise,
            } => {
                let until = now.steady.saturating_add(time).min(self.deadline);
                let otherwise = self.error(self.dated(otherwise), error);
                self.pause(until, reason, otherwise, now);
            }
            After::Reserve => self.reserve_anew(),
        }
    }

    fn no_slot(&mut self, refusal: Refusal, now: Now) {
        let error = self.error(StartErrorKind::NoSlot(refusal), None);
        let as_of = self.quota.as_ref().map_or(now.utc, Quota::as_of);
        let wait = until(as_of, refusal.ask_again_at());
        let left = self.deadline.saturating_sub(now.steady);
        // The store's clock may be a little behind the clock by which the start waited for a short 429.
        let is_remainder = self.remainders > 0
            && refusal.reason() == RefusalReason::Service
            && wait <= SHORT_THROTTLE;
        if is_remainder {
            self.remainders -= 1;
        }
        if !(self.plan.wait_for_slot || is_remainder) || left.is_zero() || wait > left {
            self.state = State::Ended(Err(error));
            return;
        }
        let jitter = if is_remainder {
            THROTTLE_REMAINDER_MARGIN
        } else {
            self.jitter(SLOT_JITTER)
        };
        let wait = wait.min(MAX_SLOT_WAIT) + jitter;
        let until = now.steady.saturating_add(wait).min(self.deadline);
        self.pause(until, PauseReason::Slot(refusal.reason()), error, now);
    }

    fn pause(&mut self, until: Duration, reason: PauseReason, otherwise: StartError, now: Now) {
        self.state = State::Pausing {
            pausing: Pausing {
                from: now.steady,
                until,
                reason,
                reported: false,
            },
            otherwise,
        };
    }

    fn jitter(&self, most: Duration) -> Duration {
        let share = Seed::new(self.seed.bytes).jitter(self.seed.reservations);
        most.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }

    fn reserve_anew(&mut self) {
        self.clock_reading = None;
        let id = Seed::new(self.seed.bytes).reservation(self.seed.reservations);
        self.seed.reservations += 1;
        self.state = State::Reserve { id, begun: false };
    }

    /// The forecast at the moment of acceptance, given the starts made before it. All times are by the service's clock, as
    /// far as known.
    fn forecast(&self, slot: Slot, accepted: Timestamp) -> Option<Forecast> {
        let schedule = self.schedule?;
        let own = hex(slot.id);
        let entries = self.quota.iter().flat_map(Quota::entries);
        let before = entries.filter(|entry| entry.id() != own);
        let times = before.flat_map(Entry::service_times);
        Some(schedule.forecast(&times.collect::<Vec<_>>(), accepted))
    }

    fn settlement(&self, id: [u8; 16], outcome: Outcome) -> Change {
        let change = Change::settle(self.key.clone(), self.plan.throttle, id, outcome);
        change.with_start_key(self.start_key.clone())
    }

    fn settle(&mut self, id: [u8; 16], outcome: Outcome, after: After) {
        let change = self.settlement(id, outcome);
        self.state = State::Settle {
            change: Arc::new(change.with_clock_reading(self.clock_reading)),
            after,
        };
    }

    fn settle_unknown(&mut self, id: [u8; 16], kind: StartErrorKind) {
        let why = self.error(kind.clone(), None).to_string();
        self.settle(id, Outcome::InDoubt { why }, After::End(Err(kind)));
    }

    fn release(&mut self, id: [u8; 16], why: String, after: After) {
        let outcome = Outcome::Released {
            why,
            closed_for: None,
        };
        self.settle(id, outcome, after);
    }

    fn release_err(&mut self, id: [u8; 16], kind: StartErrorKind) {
        let why = self.error(kind.clone(), None).to_string();
        self.release(id, why, After::End(Err(kind)));
    }

    fn end_err(&mut self, kind: StartErrorKind, ledger: Option<StoreError>) {
        self.state = State::Ended(Err(self.error(kind, ledger)));
    }

    /// The end of a 429 as the ledger has it, which its clock dates.
    fn dated(&self, kind: StartErrorKind) -> StartErrorKind {
        let closed = self.quota.as_ref().and_then(|quota| {
            let until = quota.not_before()?;
            Some(quota.by_service_clock(until))
        });
        match (kind, closed) {
            (StartErrorKind::Throttled { error, .. }, Some(until)) => {
                StartErrorKind::Throttled { until, error }
            }
            (kind, _) => kind,
        }
    }

    /// The id of the last request that was handed out.
    fn client_request_id(&self) -> Option<String> {
        let last = self.seed.requests.checked_sub(1)?;
        let id = Seed::new(self.seed.bytes).client_request_id(last);
        Some(String::from_utf8_lossy(&id).into_owned())
    }

    fn error(&self, kind: StartErrorKind, ledger: Option<StoreError>) -> StartError {
        StartError::new(kind)
            .with_quota(self.quota.clone())
            .with_ledger(ledger)
            .with_client_request_id(self.client_request_id())
            .with_base(self.plan.service.base())
    }

    fn throttled(&mut self, slot: Slot, head: &Parts, error: ServiceError, now: Now) {
        let asked = retry_after(&head.headers, now.utc);
        let pause = asked.unwrap_or(DEFAULT_THROTTLE);
        let until = now.utc.saturating_add(pause).unwrap_or(Timestamp::MAX);
        let outcome = Outcome::Released {
            why: error.to_string(),
            closed_for: Some(pause),
        };
        let short = self.throttles == 0 && asked.is_some_and(|asked| asked <= SHORT_THROTTLE);
        // The first pause is the service's Retry-After. After further refusals in a row the pauses grow.
        let pause = pause.max(longer_throttle(self.throttles));
        let fits = now.steady.saturating_add(pause) <= self.deadline;
        let kind = StartErrorKind::Throttled { until, error };
        let after = if fits && (short || self.plan.wait_for_slot) {
            self.throttles = self.throttles.saturating_add(1);
            self.remainders = THROTTLE_REMAINDERS;
            let jitter = if short {
                Duration::ZERO
            } else {
                self.jitter(SLOT_JITTER).min(pause)
            };
            After::Pause {
                time: pause.saturating_add(jitter),
                reason: PauseReason::Throttled,
                otherwise: kind,
            }
        } else {
            After::End(Err(kind))
        };
        self.settle(slot.id, outcome, after);
    }

    fn accepted(
        &mut self,
        slot: Slot,
        head: &Parts,
        answered: Option<Timestamp>,
        token: &AccessToken,
        now: Now,
    ) {
        let request_id = ServiceError::request_id_of(&head.headers, token.text());
        let location = StartRun::decode(self.plan.service.base(), &head.headers)
            .and_then(|url| redacted(url, token));
        let outcome = Outcome::Confirmed {
            date: answered.map_or(now.utc, |answered| answered.max(now.utc)),
            operation: location
                .as_ref()
                .ok()
                .map(|url| url.operation_id().to_owned()),
        };
        let clock_skew = answered
            .map(|answered| answered.duration_since(now.utc))
            .filter(|skew| skew.unsigned_abs() > MARGIN);
        let result = match location {
            Ok(operation) => Ok(Accepted::new(AcceptedParts {
                service: self.plan.service.clone(),
                limits: self.plan.limits,
                deadline: self.deadline,
                seed: self.seed.bytes,
                requests: self.seed.requests,
                operation,
                at: now,
                retry_after: retry_after(&head.headers, now.utc),
                clock_skew,
                ledger_clock_skew: self.clock_reading.and_then(|it| it.skew()),
                request_id,
                quota: None,
                // A `Date` has whole seconds only, so it dates the acceptance where the machine's clock is wrong.
                forecast: self.forecast(
                    slot,
                    answered.filter(|_| clock_skew.is_some()).unwrap_or(now.utc),
                ),
                unrecorded: None,
                tenant: self.plan.tenant.clone(),
                throttle: self.plan.throttle,
                reservation: slot.id,
                attached_to: None,
                past: self.past.clone(),
            })),
            Err(error) => Err(StartErrorKind::NotFollowable {
                error,
                location: head
                    .headers
                    .get_all(LOCATION)
                    .iter()
                    .take(MAX_SHOWN_LOCATIONS)
                    .map(|value| readable(value.as_bytes(), token))
                    .collect(),
                request_id,
            }),
        };
        self.settle(slot.id, outcome, After::End(result));
    }
}

/// The minimum pause after a 429 that follows `throttles` others: zero, then 2 s, 4 s and so on up to 60 s.
fn longer_throttle(throttles: u32) -> Duration {
    match throttles {
        0 => Duration::ZERO,
        _ => Duration::from_secs(1 << throttles.min(6)).min(DEFAULT_THROTTLE),
    }
}

impl Sealed for Start {}

impl Machine for Start {
    type Ledger = Writes;
    type Output = Accepted;
    type Error = StartError;

    fn step(&mut self) -> Step<'_, Writes, Result<Accepted, StartError>> {
        if let State::Out { slot, .. } = &self.state {
            // The driver dropped the request after it was handed out.
            let id = slot.id;
            self.settle_unknown(id, StartErrorKind::Dropped);
        }
        let change: Arc<Change> = match &mut self.state {
            State::Reserve { id, begun } => {
                *begun = true;
                Change::reserve(
                    self.key.clone(),
                    self.plan.throttle,
                    *id,
                    self.plan.limits.lease(),
                    self.plan.caller.clone(),
                )
                .with_start_key(self.start_key.clone())
                .into()
            }
            State::Settle { change, .. } => Arc::clone(change),
            State::Pausing { pausing, .. } => {
                let (until, reason) = (pausing.until, pausing.reason.clone());
                return Step::Wait(Pause::new(self, until, reason));
            }
            State::Ended(outcome) => return Step::Done(outcome.clone()),
            State::Ready { .. } | State::Out { .. } => return Step::Send(Exchange::new(self)),
        };
        Step::Ledger(Transaction::new(self, change), Writes::WITNESS)
    }

    fn record(&self) -> CallRecord<'_> {
        CallRecord {
            operation: match &self.state {
                State::Ended(Ok(accepted)) => Some(accepted.operation().operation_id()),
                State::Reserve { .. }
                | State::Ready { .. }
                | State::Out { .. }
                | State::Settle { .. }
                | State::Pausing { .. }
                | State::Ended(Err(_)) => None,
            },
            key: self.start_key.as_ref().map(StartKey::as_str),
            ..CallRecord::new(CallKind::Start)
        }
    }

    /// If the request was handed out, the start is in doubt.
    fn stop(&mut self) {
        match &self.state {
            State::Reserve { begun: false, .. } | State::Pausing { .. } => {
                self.end_err(StartErrorKind::Stopped, None);
            }
            State::Reserve { id, begun: true } => self.release_err(*id, StartErrorKind::Stopped),
            State::Ready { slot, .. } => self.release_err(slot.id, StartErrorKind::Stopped),
            State::Out { slot, .. } => self.settle_unknown(slot.id, StartErrorKind::Dropped),
            State::Settle { .. } | State::Ended(_) => {}
        }
    }

    /// Releases the slot if no request was handed out. Otherwise the start is in doubt.
    fn abandon(&self) -> Option<Arc<Change>> {
        let release = |id| Outcome::Released {
            why: format!("given up before the request was sent ({})", hex(id)),
            closed_for: None,
        };
        let (id, outcome) = match &self.state {
            State::Reserve { begun: false, .. } | State::Pausing { .. } | State::Ended(_) => {
                return None;
            }
            State::Reserve { id, begun: true } => (*id, release(*id)),
            State::Ready { slot, .. } => (slot.id, release(slot.id)),
            State::Out { slot, .. } => (
                slot.id,
                Outcome::InDoubt {
                    why: "given up after the request was sent".to_owned(),
                },
            ),
            State::Settle { change, .. } => return Some(Arc::clone(change)),
        };
        Some(Arc::new(self.settlement(id, outcome)))
    }
}

impl Records for Start {
    fn done(&mut self, result: Result<StoreReply, StoreError>, now: Now) {
        let since = std::mem::replace(&mut self.last, now);
        if let Ok(reply) = &result {
            self.quota = Some(reply.quota().clone().with_schedule(self.schedule));
        }
        let lent = State::Reserve {
            id: [0; 16],
            begun: false,
        };
        match std::mem::replace(&mut self.state, lent) {
            State::Reserve { id, .. } => self.reserved(id, since, result, now),
            State::Settle { change, after } => self.settled(change, after, result.err(), now),
            // Only the two states above lend a transaction.
            state @ (State::Ready { .. }
            | State::Out { .. }
            | State::Pausing { .. }
            | State::Ended(_)) => self.state = state,
        }
    }
}

impl Asks for Start {
    fn challenge(&self) -> Option<&Challenge> {
        match &self.state {
            State::Ready { refused, .. } => refused.as_ref().map(|refused| &refused.challenge),
            State::Reserve { .. }
            | State::Out { .. }
            | State::Settle { .. }
            | State::Pausing { .. }
            | State::Ended(_) => None,
        }
    }

    fn deadline(&self) -> Duration {
        self.deadline
    }

    fn no_token(&mut self, error: TokenError, now: Now) {
        self.last = now;
        let waited_for_slot = self.waited;
        if let State::Ready { slot, refused } = &mut self.state {
            let id = slot.id;
            let kind = match refused.take() {
                // The call of the source may have ended because of the time limit, which is then the error to report.
                None if error.is_transient() && now.steady >= self.deadline => {
                    StartErrorKind::TimeLimit { waited_for_slot }
                }
                Some(refused) => StartErrorKind::Unauthorized {
                    error: refused.error,
                    token: Some(error),
                },
                None => StartErrorKind::NoToken(error),
            };
            self.release_err(id, kind);
        }
    }

    fn unsent(&mut self, error: TransportError, now: Now) {
        self.last = now;
        let State::Ready { slot, .. } = &self.state else {
            return;
        };
        let id = slot.id;
        let kind = if now.steady >= self.deadline {
            StartErrorKind::TimeLimit {
                waited_for_slot: self.waited,
            }
        } else {
            StartErrorKind::Unreachable(error)
        };
        self.release_err(id, kind);
    }

    fn request_limit(&self) -> Duration {
        self.plan.limits.request
    }

    fn request(&mut self, token: &AccessToken, now: Now) -> Option<Request<()>> {
        self.last = now;
        let State::Ready { slot, refused } = &mut self.state else {
            return None;
        };
        let slot = *slot;
        let repeated = refused.is_some();
        if let Some(refused) = refused.take_if(|r| r.challenge.refused().is_same_token(token)) {
            let kind = StartErrorKind::Unauthorized {
                error: refused.error,
                token: None,
            };
            self.release_err(slot.id, kind);
            return None;
        }
        let left = self.deadline.saturating_sub(now.steady);
        // A request without time for its answer would only put the start in doubt.
        let least = MIN_REQUEST_TIME
            .min(self.plan.limits.request)
            .min(self.plan.limits.total / 10);
        if left.is_zero() || left < least {
            let waited_for_slot = self.waited;
            self.release_err(slot.id, StartErrorKind::TimeLimit { waited_for_slot });
            return None;
        }
        // Leases in the ledger end by the wall clock, which advances while a suspended machine's steady clock does not.
        let held = now
            .steady
            .saturating_sub(slot.since.steady)
            .max(until(slot.since.utc, now.utc));
        let lease = self.plan.limits.lease();
        if lease.saturating_sub(held) < self.plan.limits.request {
            self.short_leases += 1;
            let after = if self.short_leases < MAX_SHORT_LEASES {
                After::Reserve
            } else {
                After::End(Err(StartErrorKind::NoToken(TokenError::unavailable(
                    "token and connection took longer than a reservation is held",
                ))))
            };
            self.release(
                slot.id,
                "token and connection took too long".to_owned(),
                after,
            );
            return None;
        }
        let slot = Slot {
            sent: now.steady,
            ..slot
        };
        let seed = Seed::new(self.seed.bytes);
        let ordinal = self.seed.requests;
        self.seed.requests += 1;
        self.state = State::Out {
            slot,
            token: token.clone(),
            repeated,
        };
        Some(StartRun::request(&self.plan.service, token, seed, ordinal))
    }

    fn reads_body(&self, status: StatusCode) -> bool {
        status != StatusCode::ACCEPTED
    }

    fn answer(&mut self, head: &Parts, body: Result<Vec<u8>, IncompleteBody>, now: Now) {
        self.last = now;
        let State::Out {
            slot,
            token,
            repeated,
        } = &self.state
        else {
            return;
        };
        let (slot, token, repeated) = (*slot, token.clone(), *repeated);
        let dated = date(&head.headers, now.utc);
        self.clock_reading = dated.map(|date| slot.clock_reading(date, now));
        let error = || {
            let body = error_body(head, body.as_deref().unwrap_or_default());
            ServiceError::decode(head.status, &head.headers, body, token.text())
        };
        match (Acceptance::of_status(head.status), head.status) {
            (Acceptance::Confirmed, _) => self.accepted(slot, head, dated, &token, now),
            (Acceptance::Released, StatusCode::UNAUTHORIZED) if !repeated => {
                let error = error();
                let challenge = Challenge::new(token, error.claims().cloned());
                self.state = State::Ready {
                    slot,
                    refused: Some(Refused { challenge, error }),
                };
            }
            (Acceptance::Released, StatusCode::UNAUTHORIZED) => {
                let kind = StartErrorKind::Unauthorized {
                    error: error(),
                    token: None,
                };
                self.release_err(slot.id, kind);
            }
            (Acceptance::Released, StatusCode::TOO_MANY_REQUESTS) => {
                self.throttled(slot, head, error(), now);
            }
            (Acceptance::Released, StatusCode::FORBIDDEN) => {
                self.release_err(slot.id, StartErrorKind::Forbidden(error()));
            }
            (Acceptance::Released, _) => {
                self.release_err(slot.id, StartErrorKind::Refused(error()));
            }
            (Acceptance::Unknown, _) => {
                self.settle_unknown(slot.id, StartErrorKind::AmbiguousAnswer(error()));
            }
        }
    }

    fn lost(&mut self, error: TransportError, now: Now) {
        self.last = now;
        let State::Out { slot, .. } = &self.state else {
            return;
        };
        let id = slot.id;
        match Acceptance::of_transport_error(&error) {
            Acceptance::Released => self.release_err(id, StartErrorKind::Unreachable(error)),
            Acceptance::Confirmed | Acceptance::Unknown => {
                self.settle_unknown(id, StartErrorKind::AnswerLost(error));
            }
        }
    }
}

impl Pauses for Start {
    fn progress(&mut self) -> Option<Progress> {
        match &mut self.state {
            State::Pausing { pausing, .. } => pausing.progress(None, None, 0),
            State::Reserve { .. }
            | State::Ready { .. }
            | State::Out { .. }
            | State::Settle { .. }
            | State::Ended(_) => None,
        }
    }

    fn over(&mut self, now: Now) {
        self.last = now;
        if let State::Pausing { pausing, otherwise } = &self.state {
            self.waited |= !matches!(pausing.reason, PauseReason::Key);
            if now.steady >= self.deadline {
                self.state = State::Ended(Err(otherwise.clone()));
            } else {
                self.reserve_anew();
            }
        }
    }
}

/// The time from `now` until `then`, zero if that is past.
fn until(now: Timestamp, then: Timestamp) -> Duration {
    Duration::try_from(then.duration_since(now)).unwrap_or_default()
}
