//! The laws of an operation poll: its pace, success only by `succeeded`, and an end that stays.

use std::{sync::Arc, time::Duration};

use http::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
    response::Parts,
};
use industrydata_core::lro::Exchange;
use industrydata_core::lro::Machine;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::OperationPollError;
use industrydata_core::lro::OperationPollErrorKind;
use industrydata_core::lro::PollPlan;
use industrydata_core::lro::Step;
use industrydata_core::model::Operation;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::IncompleteBody;
use industrydata_core::wire::OperationUrl;

use super::{
    World, any_body, asked, assert_no_token, bare, head, limits, policy, service, token,
    token_error, transport_error,
};
use crate::{
    draw::Draw,
    json::{Kind, scan},
    operation::is_json,
    text::assert_plain,
};

const STATUSES: [u16; 16] = [
    200, 200, 200, 401, 404, 429, 500, 503, 403, 410, 302, 400, 204, 206, 408, 999,
];
/// The most steps once nothing fails.
const HEALTHY_STEPS: u32 = 40;

/// What the last answer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Succeeded,
    Failed,
    /// Anything else, or nothing.
    Else,
    /// RFC 8259 lets a reader decide whether it is JSON.
    Open,
}

struct Reference<'w> {
    world: &'w mut World,
    url: String,
    deadline: Duration,
    pace: Duration,
    said: Said,
    /// The moment of the last poll, and whether the next may follow at once because of a 401.
    last: Option<(Duration, bool)>,
    /// The service asked for no poll before this moment.
    not_before: Duration,
    polls: u32,
    early: u32,
}

/// A poll that is resumed in another process.
pub(super) fn resumed(draw: &mut Draw<'_>) {
    let mut world = World::new();
    let base = BaseUrl::graph();
    let url = OperationUrl::from_id(&base, "a-1").expect("an id");
    let (policy, limits) = (policy(draw), limits(draw));
    let accepted = draw.flag().then(|| {
        world.now.utc - jiff::SignedDuration::from_secs(draw.pick(&[0, 300, -300, 90_000]))
    });
    let plan = PollPlan {
        service: service(),
        policy,
        limits,
    };
    let poll = OperationPoll::new(url, plan, accepted, [3; 16], world.now);
    let deadline = world.now.steady + limits.total;
    play(poll, policy, deadline, &mut world, draw);
}

pub(super) fn play(
    mut poll: OperationPoll,
    policy: PollingPolicy,
    deadline: Duration,
    world: &mut World,
    draw: &mut Draw<'_>,
) {
    let mut it = Reference {
        world,
        url: poll.url().text(),
        deadline,
        pace: policy.fixed().unwrap_or(Duration::from_secs(5)),
        said: Said::Else,
        last: None,
        not_before: Duration::ZERO,
        polls: 0,
        early: 0,
    };
    let mut healthy = 0;
    loop {
        if draw.is_empty() {
            healthy += 1;
            assert!(
                healthy < HEALTHY_STEPS,
                "no end although nothing fails: {poll:?}"
            );
        } else {
            it.world.pass(draw);
            if draw.below(60) == 1 {
                poll.stop();
            }
        }
        assert_no_token(&format!("{poll:?}"));
        match poll.step() {
            Step::Send(exchange) => it.send(exchange, draw),
            Step::Wait(mut pause) => {
                if let Some(progress) = pause.progress() {
                    assert_eq!(progress.polls(), it.polls);
                    assert!(pause.progress().is_none(), "a poll is reported twice");
                }
                assert_eq!(
                    it.said,
                    Said::Else,
                    "the operation has ended, and a pause follows"
                );
                let remaining = pause.remaining(it.world.now);
                assert!(
                    it.world.now.steady + remaining <= it.deadline.max(it.world.now.steady),
                    "a pause past the deadline"
                );
                it.world.wait(remaining);
                if draw.is_empty() || draw.below(8) > 0 {
                    pause.over(it.world.now);
                }
            }
            Step::Done(outcome) => {
                it.done(poll, outcome);
                return;
            }
        }
    }
}

impl Reference<'_> {
    fn send(&mut self, exchange: Exchange<'_>, draw: &mut Draw<'_>) {
        let kind = if draw.is_empty() { 0 } else { draw.below(12) };
        match kind {
            9 => return,
            10 => return exchange.no_token(token_error(draw), self.world.now),
            11 => return exchange.unsent(transport_error(draw), self.world.now),
            _ => {}
        }
        assert_eq!(self.said, Said::Else, "a poll after the end");
        let (token, secret) = token(draw);
        let now = self.world.now.steady;
        let Some((request, reply)) = exchange.request(&token, self.world.now) else {
            return;
        };
        assert_eq!(request.method(), Method::GET);
        assert_eq!(
            request.uri().to_string(),
            self.url,
            "the token is sent elsewhere"
        );
        assert!(
            request.headers()[AUTHORIZATION]
                .to_str()
                .is_ok_and(|it| it.starts_with("Bearer "))
        );
        assert!(
            now < self.deadline && now + reply.time_limit() <= self.deadline,
            "a poll past the deadline"
        );
        assert!(
            now >= self.not_before,
            "a poll sooner than the service asked"
        );
        self.assert_pace(now);
        self.polls += 1;
        self.last = Some((now, false));
        if draw.is_empty() {
            self.said = Said::Succeeded;
            let body = br#"{"status":"succeeded"}"#.to_vec();
            return reply.answer(&bare(200), Ok(body), self.world.now);
        }
        self.world.pass(draw);
        match draw.below(8) {
            0 => reply.lost(transport_error(draw), self.world.now),
            1 => {}
            _ => {
                let status = draw.pick(&STATUSES);
                let head = head(status, secret, draw);
                let body = any_body(secret, draw);
                assert!(reply.body_limit(head.status) > 0);
                self.said = said(&head, &body);
                self.last = Some((now, status == 401));
                if status != 401 {
                    self.not_before = self.world.now.steady + asked(&head, self.world.now.utc);
                }
                reply.answer(&head, body, self.world.now);
            }
        }
    }

    /// No two polls are closer than the policy says, except for a repeat with another token after a 401, and for the last
    /// poll before the deadline.
    fn assert_pace(&mut self, now: Duration) {
        if let Some((last, may_repeat)) = self.last
            && now - last < self.pace
            && !may_repeat
        {
            self.early += 1;
            assert!(
                self.early <= 1,
                "polls {:?} apart, and not for the first time",
                now - last
            );
        }
    }

    fn done(&self, mut poll: OperationPoll, outcome: Result<Arc<Operation>, OperationPollError>) {
        let first = format!("{outcome:?}");
        assert_no_token(&first);
        match (&outcome, self.said) {
            (Ok(operation), Said::Succeeded | Said::Open) => {
                assert_eq!(operation.status().as_str(), "succeeded")
            }
            (Ok(_), said) => panic!("success after an answer that said {said:?}"),
            (Err(error), said) => {
                assert_no_token(&error.to_string());
                assert_plain(&format!("{error} {error:?}"));
                let is_failed = matches!(error.kind(), OperationPollErrorKind::Failed);
                let is_unknown = matches!(error.kind(), OperationPollErrorKind::NotFound(_));
                assert!(
                    said == Said::Open || is_failed == (said == Said::Failed),
                    "{error}, after an answer that said {said:?}"
                );
                assert_ne!(said, Said::Succeeded, "success reported as {error}");
                assert_eq!(
                    error.resume_token().is_none(),
                    is_failed || is_unknown,
                    "an error without its resume token"
                );
                if let Some(token) = error.resume_token() {
                    let url = token
                        .operation_url(&BaseUrl::graph())
                        .expect("its own base");
                    assert_eq!(url.text(), self.url);
                }
            }
        }
        assert_eq!(poll.polls(), self.polls);
        poll.stop();
        let Step::Done(again) = poll.step() else {
            panic!("it goes on after its end");
        };
        assert_eq!(
            format!("{again:?}"),
            first,
            "it ends differently when asked again"
        );
    }
}

/// What an answer says, by an independent JSON reader.
fn said(head: &Parts, body: &Result<Vec<u8>, IncompleteBody>) -> Said {
    let is_encoded = head.headers.get_all(CONTENT_ENCODING).iter().any(|value| {
        !String::from_utf8_lossy(value.as_bytes())
            .trim_ascii()
            .eq_ignore_ascii_case("identity")
    });
    let label = head.headers.get(CONTENT_TYPE);
    let Ok(body) = body else {
        return Said::Else;
    };
    if !head.status.is_success()
        || head.status == StatusCode::PARTIAL_CONTENT
        || is_encoded
        || !label.is_none_or(|label| is_json(label.as_bytes()))
    {
        return Said::Else;
    }
    debug_assert!(head.status != StatusCode::UNAUTHORIZED);
    let Some(read) = str::from_utf8(body)
        .ok()
        .and_then(|text| scan(text.strip_prefix('\u{feff}').unwrap_or(text)))
    else {
        return Said::Else;
    };
    if read.is_open {
        return Said::Open;
    }
    let statuses: Vec<Kind> = read
        .members
        .unwrap_or_default()
        .into_iter()
        .filter(|it| it.0 == "status")
        .map(|it| it.1)
        .collect();
    match statuses.as_slice() {
        [Kind::Text(text)] if read.depth <= 128 && text.eq_ignore_ascii_case("succeeded") => {
            Said::Succeeded
        }
        [Kind::Text(text)] if read.depth <= 128 && text.eq_ignore_ascii_case("failed") => {
            Said::Failed
        }
        _ => Said::Else,
    }
}
