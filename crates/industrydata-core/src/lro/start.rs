//! The start: reserve, POST, settle.

use std::{sync::Arc, time::Duration};

use http::{Request, StatusCode, header::LOCATION, response::Parts};
use jiff::Timestamp;

use crate::lro::{
    accepted::{Accepted, AcceptedParts},
    answer::{error_body, redacted},
    progress::{PauseReason, Progress},
    start_error::{StartError, StartErrorKind},
    step::{Exchange, Machine, Pause, StartStep, Transaction},
};
use crate::policy::{
    DEFAULT_THROTTLE, MARGIN, MAX_SHORT_LEASES, MAX_SLOT_WAIT, MIN_REQUEST_TIME, SHORT_THROTTLE,
    SLOT_JITTER, THROTTLE_REMAINDER_MARGIN, THROTTLE_REMAINDERS,
};
use crate::{
    auth::token::{AccessToken, Challenge, TokenError},
    endpoint::service::Service,
    ledger::{
        change::Change,
        key::{Caller, LedgerKey},
        quota::Quota,
        refusal::{Refusal, RefusalReason},
        reply::StoreReply,
        schedule::{Forecast, Schedule},
        settle::Outcome,
        store_error::StoreError,
    },
    lro::outcome::Acceptance,
    now::Now,
    policy::{Limits, Throttle},
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

/// What to start, for whom, and within which bounds.
#[derive(Clone, Debug)]
pub struct StartPlan {
    /// The service.
    pub service: Service,
    /// Whose books count the start.
    pub tenant: Tenant,
    /// The quota to keep.
    pub throttle: Throttle,
    /// Limits of time; `total` bounds the start and the wait for its operation together.
    pub limits: Limits,
    /// Whether to wait, within the total limit, when the books or the service have no slot.
    pub wait_for_slot: bool,
    /// Who starts, for the books.
    pub who: Caller,
}

/// One attempt at starting a run.
#[derive(Debug)]
pub struct Start {
    plan: StartPlan,
    key: LedgerKey,
    seed: SeedOf,
    state: State,
    deadline: Duration,
    /// The last moment the machine was told; never later than what happens next.
    last: Now,
    quota: Option<Quota>,
    schedule: Option<Schedule>,
    client_request_id: Option<String>,
    short_leases: u32,
    /// Whether a 429 was waited out.
    waited_out: bool,
    /// How often the rest of such a 429 may still be waited out, when the books are not open yet.
    rests: u8,
    /// Whether any pause was kept.
    waited: bool,
    /// Whether an outcome that nobody carries on was tried once more.
    settled_again: bool,
}

/// The seed and how much of it is used.
#[derive(Debug)]
struct SeedOf {
    bytes: [u8; 16],
    reservations: u32,
    requests: u32,
}

#[derive(Debug)]
enum State {
    /// The reservation is to be booked; whether that was begun.
    Reserve {
        id: [u8; 16],
        begun: bool,
    },
    /// Reserved: the request may go out.
    Ready {
        slot: Slot,
        refused: Option<Refused>,
    },
    /// The request is out.
    Out {
        slot: Slot,
        token: AccessToken,
        repeated: bool,
    },
    /// The outcome is to be booked.
    Settle {
        change: Arc<Change>,
        after: After,
    },
    Pausing {
        until: Duration,
        reason: PauseReason,
        otherwise: StartError,
    },
    Ended(Result<Accepted, StartError>),
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    id: [u8; 16],
    /// The last moment before it was booked: the lease runs from then, by either clock.
    since: Now,
}

#[derive(Debug)]
struct Refused {
    challenge: Challenge,
    error: ServiceError,
}

/// What follows once the outcome is booked.
#[derive(Debug)]
enum After {
    End(Result<Accepted, StartErrorKind>),
    Pause {
        until: Duration,
        reason: PauseReason,
        otherwise: StartErrorKind,
    },
    Reserve,
}

impl Start {
    /// An attempt that begins now. `seed` is random and used for one attempt: the reservation's id, each
    /// `client-request-id` and every jitter are made of it.
    #[must_use]
    pub fn new(plan: StartPlan, seed: [u8; 16], now: Now) -> Self {
        let key = LedgerKey::new(plan.service.base(), &plan.tenant);
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
            schedule: None,
            client_request_id: None,
            short_leases: 0,
            waited_out: false,
            rests: 0,
            waited: false,
            settled_again: false,
        }
    }

    /// With the schedule of the tenant's runs: the result then says what the start does to it. Nothing more is sent.
    #[must_use]
    pub const fn with_schedule(mut self, schedule: Option<Schedule>) -> Self {
        self.schedule = schedule;
        self
    }

    /// What to do next.
    pub fn step(&mut self) -> StartStep<'_> {
        if let State::Out { slot, .. } = &self.state {
            // The request was handed out, and nobody is left to say what became of it.
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
                    self.plan.who.clone(),
                )
                .into()
            }
            State::Settle { change, .. } => Arc::clone(change),
            State::Pausing { .. } => return StartStep::Wait(Pause { machine: self }),
            State::Ended(outcome) => return StartStep::Done(outcome.clone()),
            State::Ready { .. } | State::Out { .. } => {
                return StartStep::Send(Exchange { machine: self });
            }
        };
        StartStep::Book(Transaction {
            start: self,
            change,
        })
    }

    /// Ends the attempt: the next steps book what is left to book, and are done. A request that was handed out is in
    /// doubt.
    pub fn stop(&mut self) {
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

    /// What is still to be booked when the driver gives the attempt up: the slot given back if no request was handed
    /// out, doubt if one was.
    #[must_use]
    pub fn abandon(self) -> Option<Change> {
        let release = |id| Outcome::Released {
            why: format!("given up before the request went out ({})", hex(id)),
            not_before: None,
        };
        let (id, outcome) = match self.state {
            State::Reserve { begun: false, .. } | State::Pausing { .. } | State::Ended(_) => {
                return None;
            }
            State::Reserve { id, begun: true } => (id, release(id)),
            State::Ready { slot, .. } => (slot.id, release(slot.id)),
            State::Out { slot, .. } => (
                slot.id,
                Outcome::InDoubt {
                    why: "given up after the request went out".to_owned(),
                },
            ),
            State::Settle { change, .. } => return Some(Change::clone(&change)),
        };
        Some(Change::settle(self.key, self.plan.throttle, id, outcome))
    }

    pub(super) fn booked(&mut self, result: Result<StoreReply, StoreError>, now: Now) {
        let since = std::mem::replace(&mut self.last, now);
        if let Ok(verdict) = &result {
            self.quota = Some(verdict.quota().clone().with_schedule(self.schedule));
        }
        match (
            std::mem::replace(
                &mut self.state,
                State::Reserve {
                    id: [0; 16],
                    begun: false,
                },
            ),
            result,
        ) {
            (State::Reserve { id, .. }, Ok(verdict)) => match verdict.refusal() {
                Some(refusal) => self.no_slot(*refusal, now),
                None => {
                    self.state = State::Ready {
                        slot: Slot { id, since },
                        refused: None,
                    };
                }
            },
            (State::Reserve { id, .. }, Err(StoreError::Unconfirmed(cause))) => {
                // It may stand: give it back, so far as the store can.
                self.release(
                    id,
                    "the reservation could not be confirmed".to_owned(),
                    After::End(Err(StartErrorKind::Ledger(StoreError::Unconfirmed(cause)))),
                );
            }
            (State::Reserve { .. }, Err(fault)) => {
                self.end_err(StartErrorKind::Ledger(fault), None)
            }
            (State::Settle { change, after }, result) => self.settled(change, after, result.err()),
            // Only the two states above lend a booking.
            (state, _) => self.state = state,
        }
    }

    fn settled(&mut self, change: Arc<Change>, after: After, fault: Option<StoreError>) {
        match after {
            After::End(Ok(accepted)) => {
                let unrecorded = fault.map(|fault| (change, fault));
                let accepted = accepted.booked(self.quota.clone(), unrecorded);
                self.state = State::Ended(Ok(accepted));
            }
            // No run will carry it on: it is tried once more at once.
            After::End(Err(kind)) if fault.is_some() && !self.settled_again => {
                self.settled_again = true;
                self.state = State::Settle {
                    change,
                    after: After::End(Err(kind)),
                };
            }
            After::End(Err(kind)) => self.end_err(kind, fault),
            After::Pause {
                until,
                reason,
                otherwise,
            } => {
                self.state = State::Pausing {
                    until,
                    reason,
                    otherwise: self.error(otherwise, fault),
                };
            }
            After::Reserve => self.reserve_anew(),
        }
    }

    fn no_slot(&mut self, refusal: Refusal, now: Now) {
        let error = self.error(StartErrorKind::NoSlot(refusal), None);
        let as_of = self.quota.as_ref().map_or(now.utc, Quota::as_of);
        let wait = until(as_of, refusal.ask_again_at());
        let left = self.deadline.saturating_sub(now.steady);
        // The store's clock may be a little behind the one by which a short 429 was waited out.
        let is_rest =
            self.rests > 0 && refusal.reason() == RefusalReason::Service && wait <= SHORT_THROTTLE;
        if is_rest {
            self.rests -= 1;
        }
        if !(self.plan.wait_for_slot || is_rest) || left.is_zero() || wait > left {
            self.state = State::Ended(Err(error));
            return;
        }
        let jitter = if is_rest {
            THROTTLE_REMAINDER_MARGIN
        } else {
            self.slot_jitter()
        };
        let wait = wait.min(MAX_SLOT_WAIT) + jitter;
        self.state = State::Pausing {
            until: now.steady.saturating_add(wait).min(self.deadline),
            reason: PauseReason::Slot(refusal.reason()),
            otherwise: error,
        };
    }

    fn slot_jitter(&self) -> Duration {
        let share = Seed::new(self.seed.bytes).jitter(self.seed.reservations);
        SLOT_JITTER.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }

    fn reserve_anew(&mut self) {
        let id = Seed::new(self.seed.bytes).reservation(self.seed.reservations);
        self.seed.reservations += 1;
        self.state = State::Reserve { id, begun: false };
    }

    /// What was to come when the start was accepted, by the starts made before it.
    fn foreseen(&self, slot: Slot, now: Now) -> Option<Forecast> {
        let schedule = self.schedule?;
        let own = hex(slot.id);
        let entries = self.quota.iter().flat_map(Quota::entries);
        let before = entries.filter(|entry| entry.id() != own);
        let times = before.flat_map(|entry| [entry.reserved_at(), entry.date()]);
        Some(schedule.forecast(&times.collect::<Vec<_>>(), now.utc))
    }

    fn settle(&mut self, id: [u8; 16], outcome: Outcome, after: After) {
        let change = Change::settle(self.key.clone(), self.plan.throttle, id, outcome);
        self.state = State::Settle {
            change: Arc::new(change),
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
            not_before: None,
        };
        self.settle(id, outcome, after);
    }

    fn release_err(&mut self, id: [u8; 16], kind: StartErrorKind) {
        let why = self.error(kind.clone(), None).to_string();
        self.release(id, why, After::End(Err(kind)));
    }

    fn end_err(&mut self, kind: StartErrorKind, fault: Option<StoreError>) {
        self.state = State::Ended(Err(self.error(kind, fault)));
    }

    fn error(&self, kind: StartErrorKind, fault: Option<StoreError>) -> StartError {
        StartError::new(kind)
            .with_quota(self.quota.clone())
            .with_ledger(fault)
            .with_client_request_id(self.client_request_id.clone())
    }

    fn throttled(&mut self, slot: Slot, head: &Parts, error: ServiceError, now: Now) {
        let asked = retry_after(&head.headers, now.utc);
        let pause = asked.unwrap_or(DEFAULT_THROTTLE);
        let until = now.utc.saturating_add(pause).unwrap_or(Timestamp::MAX);
        let outcome = Outcome::Released {
            why: error.to_string(),
            not_before: Some(until),
        };
        let short = !self.waited_out && asked.is_some_and(|asked| asked <= SHORT_THROTTLE);
        // Whoever waits for a slot does not come back sooner than this, whatever the service says.
        let pause = if short {
            pause
        } else {
            pause.max(DEFAULT_THROTTLE)
        };
        let fits = now.steady.saturating_add(pause) <= self.deadline;
        let kind = StartErrorKind::Throttled { until, error };
        let after = if fits && (short || self.plan.wait_for_slot) {
            self.waited_out = true;
            self.rests = THROTTLE_REMAINDERS;
            let jitter = if short {
                Duration::ZERO
            } else {
                self.slot_jitter()
            };
            After::Pause {
                until: now
                    .steady
                    .saturating_add(pause)
                    .saturating_add(jitter)
                    .min(self.deadline),
                reason: PauseReason::Throttled,
                otherwise: kind,
            }
        } else {
            After::End(Err(kind))
        };
        self.settle(slot.id, outcome, after);
    }

    fn accepted(&mut self, slot: Slot, head: &Parts, token: &AccessToken, now: Now) {
        let answered = date(&head.headers, now.utc);
        let request_id = ServiceError::request_id_of(&head.headers, token.text());
        let location = OperationUrl::from_headers(self.plan.service.base(), &head.headers)
            .and_then(|url| redacted(url, token));
        let outcome = Outcome::Confirmed {
            date: answered.map_or(now.utc, |answered| answered.max(now.utc)),
            operation: location
                .as_ref()
                .ok()
                .map(|url| url.operation_id().to_owned()),
        };
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
                clock_skew: answered
                    .map(|answered| answered.duration_since(now.utc))
                    .filter(|skew| skew.unsigned_abs() > MARGIN),
                request_id,
                quota: None,
                foreseen: self.foreseen(slot, now),
                unrecorded: None,
            })),
            Err(error) => Err(StartErrorKind::NotFollowable {
                error,
                location: head
                    .headers
                    .get_all(LOCATION)
                    .iter()
                    .take(4)
                    .map(|value| readable(value.as_bytes(), token))
                    .collect(),
                request_id,
            }),
        };
        self.settle(slot.id, outcome, After::End(result));
    }
}

impl Machine for Start {
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
                // It was given up with the limit, or may have been: the limit is what the caller set.
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

    fn unsent(&mut self, fault: TransportError, now: Now) {
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
            StartErrorKind::Unreachable(fault)
        };
        self.release_err(id, kind);
    }

    fn request(&mut self, token: &AccessToken, now: Now) -> Option<(Request<()>, Duration)> {
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
        // A request with no time for its answer would only be doubt.
        let least = MIN_REQUEST_TIME
            .min(self.plan.limits.request)
            .min(self.plan.limits.total / 10);
        if left.is_zero() || left < least {
            let waited_for_slot = self.waited;
            self.release_err(slot.id, StartErrorKind::TimeLimit { waited_for_slot });
            return None;
        }
        // The books age by the wall clock, also while a suspended machine's steady clock stands still.
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
        let seed = Seed::new(self.seed.bytes);
        let ordinal = self.seed.requests;
        self.seed.requests += 1;
        let id = seed.client_request_id(ordinal);
        self.client_request_id = Some(String::from_utf8_lossy(&id).into_owned());
        let request = self.plan.service.start(token, seed, ordinal);
        self.state = State::Out {
            slot,
            token: token.clone(),
            repeated,
        };
        Some((request, self.plan.limits.request.min(left)))
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
        let error = || {
            let body = error_body(head, body.as_deref().unwrap_or_default());
            ServiceError::decode(head.status, &head.headers, body, token.text())
        };
        match (Acceptance::of_status(head.status), head.status) {
            (Acceptance::Confirmed, _) => self.accepted(slot, head, &token, now),
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
                self.settle_unknown(slot.id, StartErrorKind::DoubtfulAnswer(error()));
            }
        }
    }

    fn lost(&mut self, fault: TransportError, now: Now) {
        self.last = now;
        let State::Out { slot, .. } = &self.state else {
            return;
        };
        let id = slot.id;
        match Acceptance::of_fault(&fault) {
            Acceptance::Released => self.release_err(id, StartErrorKind::Unreachable(fault)),
            Acceptance::Confirmed | Acceptance::Unknown => {
                self.settle_unknown(id, StartErrorKind::DoubtfulLoss(fault));
            }
        }
    }

    fn pause(&self) -> (Duration, &PauseReason) {
        match &self.state {
            State::Pausing { until, reason, .. } => (*until, reason),
            State::Reserve { .. }
            | State::Ready { .. }
            | State::Out { .. }
            | State::Settle { .. }
            | State::Ended(_) => (Duration::ZERO, &PauseReason::Throttled),
        }
    }

    fn news(&mut self) -> Option<Progress> {
        None
    }

    fn over(&mut self, now: Now) {
        self.last = now;
        if let State::Pausing { otherwise, .. } = &self.state {
            self.waited = true;
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

fn readable(value: &[u8], token: &AccessToken) -> String {
    // Cut last: a cut within the token would leave its beginning.
    let text = super::answer::without_token(&String::from_utf8_lossy(value), token);
    text.chars().take(300).collect()
}
