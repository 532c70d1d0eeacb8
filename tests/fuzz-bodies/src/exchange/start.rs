//! The laws of a start: reserve, one POST, settle, whatever happens in between.

use std::time::Duration;

use http::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_LENGTH},
};
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::EntryState;
use industrydata_core::ledger::Outcome;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::Exchange;
use industrydata_core::lro::Machine;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartPlan;
use industrydata_core::lro::Step;
use industrydata_core::lro::Transaction;
use industrydata_core::policy::Throttle;

use super::{
    World, any_body, assert_no_token, bare, head, limits, service, token, token_error,
    transport_error,
};
use crate::{draw::Draw, ledger_bytes::key, text::assert_plain};

/// The statuses by which the service says that it did not act.
const RELEASED: [u16; 35] = [
    301, 302, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414, 415, 417,
    421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 501, 505, 509, 511, 511, 511,
];
const STATUSES: [u16; 14] = [
    202, 401, 429, 403, 400, 500, 503, 200, 303, 302, 404, 504, 999, 100,
];
/// The most steps once nothing fails: two hours of waiting for a slot, a minute at a time, and the other steps.
const HEALTHY_STEPS: u32 = 600;

/// Whether a request may be handed out.
enum Permit {
    No,
    /// A slot is reserved durably.
    First,
    /// The first request was refused by a 401: once more, with another token.
    Repeat(AccessToken),
}

struct Reference {
    world: World,
    ledger: Option<Vec<u8>>,
    permit: Permit,
    /// Whether the service has started a run.
    truth: MayHaveStarted,
    accepted_at: Option<Timestamp>,
    /// The reservations granted, each with its moment by the wall clock.
    granted: Vec<(String, Timestamp)>,
    store_failed: bool,
    deadline: Duration,
}

/// Plays a start to its end. Returns an accepted start with its deadline.
pub(super) fn play(draw: &mut Draw<'_>) -> Option<(Accepted, Duration, World)> {
    let mut it = Reference {
        world: World::new(),
        ledger: None,
        permit: Permit::No,
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
        caller: Caller::default(),
    };
    it.deadline = it.world.now.steady + limits.total;
    let mut start = Start::new(plan, [9; 16], it.world.now);
    let mut healthy = 0;
    loop {
        if draw.is_empty() {
            healthy += 1;
            assert!(
                healthy < HEALTHY_STEPS,
                "no end although nothing fails: {start:?}"
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
            Step::Ledger(transaction, _) => it.record(transaction, draw),
            Step::Send(exchange) => it.send(exchange, draw),
            Step::Wait(pause) => {
                let remaining = pause.remaining(it.world.now);
                it.world.wait(remaining);
                if draw.is_empty() || draw.below(8) > 0 {
                    pause.over(it.world.now);
                }
            }
            Step::Done(outcome) => return it.done(start, outcome),
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
            .apply(self.ledger.as_deref(), then);
        self.ledger = applied.expect("the core can read what it wrote").write;
    }

    fn record(&mut self, transaction: Transaction<'_>, draw: &mut Draw<'_>) {
        let change = transaction.change().clone();
        let kind = if draw.is_empty() { 0 } else { draw.below(12) };
        if kind == 11 {
            // Dropped before anything was written.
            return;
        }
        let error = match kind {
            8 => Some(StoreError::Busy),
            9 | 10 => Some(StoreError::unconfirmed("reset")),
            _ => None,
        };
        let mut reply = None;
        if matches!(kind, 0..=7 | 9) {
            let applied = change
                .apply(self.ledger.as_deref(), self.world.now.utc)
                .expect("the core can read what it wrote");
            self.ledger = applied.write.or(self.ledger.take());
            reply = Some(applied.reply);
        }
        self.store_failed |= error.is_some();
        let result = match error {
            Some(error) => Err(error),
            None => Ok(reply.expect("the change was applied")),
        };
        let is_granted = result.as_ref().is_ok_and(|it| it.refusal().is_none());
        if let Some(id) = reserved_id(&change).filter(|_| is_granted) {
            self.granted.push((id, self.world.now.utc));
            self.permit = Permit::First;
        }
        transaction.done(result, self.world.now);
    }

    fn send(&mut self, exchange: Exchange<'_>, draw: &mut Draw<'_>) {
        let kind = if draw.is_empty() { 0 } else { draw.below(10) };
        match kind {
            8 => return exchange.no_token(token_error(draw), self.world.now),
            9 => return exchange.unsent(transport_error(draw), self.world.now),
            _ => {}
        }
        let (token, secret) = token(draw);
        let Some((request, reply)) = exchange.request(&token, self.world.now) else {
            return;
        };
        match std::mem::replace(&mut self.permit, Permit::No) {
            Permit::No => panic!("a request without a slot, or a second one"),
            Permit::First => {}
            Permit::Repeat(refused) => {
                assert!(
                    !refused.is_same_token(&token),
                    "the refused token is sent again"
                )
            }
        }
        assert_eq!(
            self.truth,
            MayHaveStarted::No,
            "a POST after another that may have started a run"
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
            "a time limit past the deadline"
        );
        if draw.is_empty() {
            let mut accepted = bare(202);
            let location = "../operations/a-1".parse().expect("a field value");
            accepted.headers.insert("location", location);
            self.took(202, &token);
            return reply.answer(&accepted, Ok(Vec::new()), self.world.now);
        }
        self.world.pass(draw);
        match draw.below(6) {
            0 => {
                let error = transport_error(draw);
                if error.phase().may_have_acted() {
                    self.truth = MayHaveStarted::Unknown;
                }
                reply.lost(error, self.world.now);
            }
            1 => self.truth = MayHaveStarted::Unknown,
            _ => {
                let status = draw.pick(&STATUSES);
                let head = head(status, secret, draw);
                let body = any_body(secret, draw);
                let limit = reply.body_limit(StatusCode::from_u16(status).expect("a status"));
                assert!(limit <= 1024 * 1024 && (limit > 0 || status == 202));
                self.took(status, &token);
                reply.answer(&head, body, self.world.now);
            }
        }
    }

    /// The service answers with this status.
    fn took(&mut self, status: u16, token: &AccessToken) {
        if status == 202 {
            self.truth = MayHaveStarted::Yes;
            self.accepted_at = Some(self.world.now.utc);
        } else if !RELEASED.contains(&status) {
            self.truth = MayHaveStarted::Unknown;
        } else if status == 401 {
            self.permit = Permit::Repeat(token.clone());
        }
    }

    fn done(
        self,
        mut start: Start,
        outcome: Result<Accepted, StartError>,
    ) -> Option<(Accepted, Duration, World)> {
        let first = format!("{outcome:?}");
        start.stop();
        let Step::Done(again) = start.step() else {
            panic!("it goes on after its end");
        };
        assert_eq!(
            format!("{again:?}"),
            first,
            "it ends differently when asked again"
        );
        assert_no_token(&first);
        self.assert_ledger();
        match outcome {
            Ok(accepted) => {
                assert_eq!(self.truth, MayHaveStarted::Yes);
                assert_eq!(Some(accepted.at()), self.accepted_at);
                Some((accepted, self.deadline, self.world))
            }
            Err(error) => {
                assert_no_token(&error.to_string());
                assert_plain(&format!("{error} {error:?}"));
                assert_eq!(error.may_have_started(), self.truth, "{error}");
                None
            }
        }
    }

    /// The driver gives the start up. What is still to be written leaves the ledger in a sound state.
    fn abandoned(mut self, start: Start) {
        if let Some(change) = start.abandon() {
            let applied = change
                .apply(self.ledger.as_deref(), self.world.now.utc)
                .expect("the core can read what it wrote");
            self.ledger = applied.write.or(self.ledger.take());
        }
        self.assert_ledger();
    }

    /// A start that may have been accepted counts. Any other has given its slot back, unless the store failed.
    fn assert_ledger(&self) {
        let now = self.world.now.utc;
        let Some((last, rest)) = self.granted.split_last() else {
            return;
        };
        let read = Change::entries(key(), Throttle::default()).apply(self.ledger.as_deref(), now);
        let reply = read.expect("the core can read what it wrote").reply;
        let state = |id: &str| {
            reply
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
                assert!(
                    is_free(state(id)),
                    "a slot that was given back still counts"
                );
            }
            if self.truth == MayHaveStarted::No {
                assert!(
                    is_free(state(&last.0)),
                    "the slot of a start that was not made still counts"
                );
            }
        }
    }
}

/// The id of the entry that a change reserves, if it does.
fn reserved_id(change: &Change) -> Option<String> {
    let then = Timestamp::UNIX_EPOCH;
    let applied = change.apply(None, then).expect("an empty ledger");
    let entry = applied.reply.quota().entries().first()?;
    (entry.state(then) == EntryState::Reserved).then(|| entry.id().to_owned())
}
