//! A start: reserve, one POST, settle; whatever happens between.

use std::time::Duration;

use http::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH},
};
use industrydata_core::Now;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::EntryState;
use industrydata_core::ledger::Outcome;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::Exchange;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartPlan;
use industrydata_core::lro::StartStep;
use industrydata_core::lro::Transaction;
use industrydata_core::policy::Throttle;

use super::{
    World, any_body, assert_no_token, bare, fault, head, limits, service, token, token_error,
};
use crate::{draw::Draw, ledger_bytes::key, text::assert_plain};

/// Rule S4, and the redirects of S3: the server says that it did not act.
const RELEASED: [u16; 35] = [
    301, 302, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 417,
    421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 501, 505, 509, 511, 511, 511,
];
const STATUSES: [u16; 14] = [
    202, 401, 429, 403, 400, 500, 503, 200, 303, 302, 404, 504, 999, 100,
];
/// Steps in a healthy world: two hours of waiting for a slot, a minute at a time, and what stands round them.
const HEALTHY_STEPS: u32 = 600;

pub(super) struct Begun {
    pub(super) accepted: Accepted,
    pub(super) at: Now,
    pub(super) deadline: Duration,
}

/// Whether a request may be handed out.
enum Permit {
    No,
    /// A slot is reserved, durably.
    First,
    /// The first one was refused with 401: once more, with another token.
    Repeat(AccessToken),
}

struct Reference {
    world: World,
    books: Option<Vec<u8>>,
    permit: Permit,
    token: Option<AccessToken>,
    /// What the service has made of it so far.
    truth: MayHaveStarted,
    accepted_at: Option<Now>,
    /// The reservations granted, and when by the wall clock.
    granted: Vec<(String, Timestamp)>,
    store_failed: bool,
    deadline: Duration,
}

pub(super) fn play(draw: &mut Draw<'_>) -> Option<(Begun, World)> {
    let mut it = Reference {
        world: World::new(),
        books: None,
        permit: Permit::No,
        token: None,
        truth: MayHaveStarted::No,
        accepted_at: None,
        granted: Vec::new(),
        store_failed: false,
        deadline: Duration::ZERO,
    };
    let throttle = Throttle {
        limit: draw.pick(&[5, 1, 2]),
        ..Throttle::default()
    };
    for n in 0..u8::try_from(draw.below(6)).unwrap_or_default() {
        it.prefill(throttle, n, draw);
    }
    let limits = limits(draw);
    let plan = StartPlan {
        service: service(),
        tenant: "contoso".parse().expect("a tenant"),
        throttle,
        limits,
        wait_for_slot: draw.flag(),
        who: Caller::default(),
    };
    it.deadline = it.world.now.steady + limits.total;
    let mut start = Start::new(plan, [9; 16], it.world.now);
    let mut healthy = 0;
    loop {
        if draw.is_empty() {
            healthy += 1;
            assert!(
                healthy < HEALTHY_STEPS,
                "no end in a healthy world: {start:?}"
            );
        } else {
            it.world.pass(draw);
            match draw.below(40) {
                1 => start.stop(),
                2 => {
                    it.abandoned(start);
                    return None;
                }
                _ => {}
            }
        }
        assert_no_token(&format!("{start:?}"));
        match start.step() {
            StartStep::Book(booking) => it.book(booking, draw),
            StartStep::Send(exchange) => it.send(exchange, draw),
            StartStep::Wait(pause) => {
                let remaining = pause.remaining(it.world.now);
                it.world.wait(remaining);
                if draw.is_empty() || draw.below(8) > 0 {
                    pause.over(it.world.now);
                }
            }
            StartStep::Done(outcome) => return it.done(start, outcome),
        }
    }
}

impl Reference {
    fn prefill(&mut self, throttle: Throttle, n: u8, draw: &mut Draw<'_>) {
        let ago = draw.pick(&[60, 600, 7200, 43_000]);
        let then = self.world.now.utc - jiff::SignedDuration::from_secs(ago);
        let outcome = Outcome::Confirmed {
            date: then,
            operation: None,
        };
        let applied = Change::settle(key(), throttle, [n + 1; 16], outcome)
            .apply(self.books.as_deref(), then);
        self.books = applied.expect("our own bytes").write;
    }

    fn book(&mut self, booking: Transaction<'_>, draw: &mut Draw<'_>) {
        let change = booking.change().clone();
        let is_reserve = format!("{change:?}").contains("kind: Reserve");
        let kind = if draw.is_empty() { 0 } else { draw.below(12) };
        if kind == 11 {
            // Dropped: nothing was done.
            return;
        }
        let fault = match kind {
            8 => Some(StoreError::Busy),
            9 | 10 => Some(StoreError::unconfirmed("reset")),
            _ => None,
        };
        let mut verdict = None;
        if matches!(kind, 0..=7 | 9) {
            let applied = change
                .apply(self.books.as_deref(), self.world.now.utc)
                .expect("our own bytes");
            self.books = applied.write.or(self.books.take());
            verdict = Some(applied.reply);
        }
        self.store_failed |= fault.is_some();
        let is_granted = is_reserve
            && fault.is_none()
            && verdict.as_ref().is_some_and(|it| it.refusal().is_none());
        if is_granted {
            let id = reserved_id(&change);
            self.granted.push((id, self.world.now.utc));
            self.permit = Permit::First;
        }
        let result = match fault {
            Some(fault) => Err(fault),
            None => Ok(verdict.expect("applied")),
        };
        booking.booked(result, self.world.now);
    }

    fn send(&mut self, exchange: Exchange<'_>, draw: &mut Draw<'_>) {
        let kind = if draw.is_empty() { 0 } else { draw.below(10) };
        match kind {
            8 => return exchange.no_token(token_error(draw), self.world.now),
            9 => return exchange.unsent(fault(draw), self.world.now),
            _ => {}
        }
        let (token, secret) = token(draw);
        let Some((request, reply)) = exchange.request(&token, self.world.now) else {
            return;
        };
        match std::mem::replace(&mut self.permit, Permit::No) {
            Permit::No => panic!("a request with no slot, or a second one"),
            Permit::First => {}
            Permit::Repeat(refused) => {
                assert!(!refused.is_same_token(&token), "the refused token again")
            }
        }
        assert_eq!(
            self.truth,
            MayHaveStarted::No,
            "a POST after one that may have started a run"
        );
        assert_eq!(request.method(), Method::POST);
        assert_eq!(
            request.uri(),
            "https://graph.microsoft.com/beta/external/industryData/runs/start"
        );
        assert_eq!(request.headers()[CONTENT_LENGTH], "0");
        assert!(
            request.headers()[AUTHORIZATION]
                .to_str()
                .is_ok_and(|it| it.starts_with("Bearer "))
        );
        assert!(
            self.world.now.steady < self.deadline,
            "a request after the deadline"
        );
        assert!(
            self.world.now.steady + reply.time_limit() <= self.deadline,
            "more time than there is"
        );
        let is_first = self.token.replace(token.clone()).is_none() || self.granted.len() > 1;
        if draw.is_empty() {
            let mut accepted = bare(202);
            let location = "../operations/a-1".parse().expect("a field value");
            accepted.headers.insert("location", location);
            self.took(202, &token, is_first);
            return reply.answer(&accepted, Ok(Vec::new()), self.world.now);
        }
        self.world.pass(draw);
        match draw.below(6) {
            0 => {
                let fault = fault(draw);
                if fault.phase().may_have_acted() {
                    self.truth = MayHaveStarted::Unknown;
                }
                reply.lost(fault, self.world.now);
            }
            1 => self.truth = MayHaveStarted::Unknown,
            _ => {
                let status = draw.pick(&STATUSES);
                let head = head(status, secret, draw);
                let body = any_body(secret, draw);
                let limit = reply.body_limit(StatusCode::from_u16(status).expect("a status"));
                assert!(limit <= 1024 * 1024 && (limit > 0 || status == 202));
                self.took(status, &token, is_first);
                reply.answer(&head, body, self.world.now);
            }
        }
    }

    /// The service answers with this status.
    fn took(&mut self, status: u16, token: &AccessToken, _: bool) {
        if status == 202 {
            self.truth = MayHaveStarted::Yes;
            self.accepted_at = Some(self.world.now);
        } else if !RELEASED.contains(&status) {
            self.truth = MayHaveStarted::Unknown;
        } else if status == 401 {
            self.permit = Permit::Repeat(token.clone());
        }
    }

    fn done(
        self,
        mut start: Start,
        outcome: Result<Accepted, industrydata_core::lro::StartError>,
    ) -> Option<(Begun, World)> {
        let first = format!("{outcome:?}");
        start.stop();
        let StartStep::Done(again) = start.step() else {
            panic!("an end that is none");
        };
        assert_eq!(format!("{again:?}"), first, "another end");
        assert_no_token(&first);
        self.assert_books();
        match outcome {
            Ok(accepted) => {
                assert_eq!(self.truth, MayHaveStarted::Yes);
                let at = self.accepted_at.expect("the answer's time");
                assert_eq!(accepted.at(), at.utc);
                Some((
                    Begun {
                        accepted,
                        at,
                        deadline: self.deadline,
                    },
                    self.world,
                ))
            }
            Err(error) => {
                assert_no_token(&error.to_string());
                assert_plain(&format!("{error} {error:?}"));
                assert_eq!(error.may_have_started(), self.truth, "{error}");
                None
            }
        }
    }

    /// The caller gives up: what is left to book leaves the books in a sound state.
    fn abandoned(mut self, start: Start) {
        if let Some(change) = start.abandon() {
            let applied = change
                .apply(self.books.as_deref(), self.world.now.utc)
                .expect("our own bytes");
            self.books = applied.write.or(self.books.take());
        }
        self.assert_books();
    }

    /// What may have started counts; what did not gives its slot back, unless the books could not be written.
    fn assert_books(&self) {
        let now = self.world.now.utc;
        let Some((last, rest)) = self.granted.split_last() else {
            return;
        };
        let read = Change::entries(key(), Throttle::default()).apply(self.books.as_deref(), now);
        let verdict = read.expect("our own bytes").reply;
        let state = |id: &str| {
            verdict
                .entries()
                .iter()
                .find(|it| it.id() == id)
                .map(|it| it.state(now))
        };
        let is_free =
            |state: Option<EntryState>| matches!(state, None | Some(EntryState::Released));
        let age = now.duration_since(last.1).unsigned_abs();
        if self.truth != MayHaveStarted::No && age < Duration::from_secs(11 * 3600) {
            assert!(
                !is_free(state(&last.0)),
                "a start that may have been accepted does not count"
            );
        }
        if !self.store_failed {
            for (id, _) in rest {
                assert!(is_free(state(id)), "a slot that was given up still counts");
            }
            if self.truth == MayHaveStarted::No {
                assert!(is_free(state(&last.0)), "no start, and its slot counts");
            }
        }
    }
}

/// The id of a reservation, as the books write it.
fn reserved_id(change: &Change) -> String {
    let then = Timestamp::UNIX_EPOCH;
    let empty = change.apply(None, then).expect("no bytes");
    empty
        .reply
        .quota()
        .entries()
        .first()
        .map(|it| it.id().to_owned())
        .unwrap_or_default()
}
