//! The wait: polls at its own pace, success only by `succeeded`, an end that stays.

use std::time::Duration;

use http::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE},
    response::Parts,
};
use industrydata_core::Now;
use industrydata_core::lro::Exchange;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::OperationPollErrorKind;
use industrydata_core::lro::OperationPollStep;
use industrydata_core::lro::PollPlan;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::IncompleteBody;
use industrydata_core::wire::OperationUrl;

use super::{
    World, any_body, asked, assert_no_token, bare, fault, head, limits, policy, service, token,
    token_error,
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
const HEALTHY_STEPS: u32 = 40;

/// What the last answer said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Said {
    Succeeded,
    Failed,
    /// Anything else, or nothing.
    Else,
    /// RFC 8259 leaves it to the reader whether it is JSON.
    Open,
}

struct Reference<'w> {
    world: &'w mut World,
    url: String,
    deadline: Duration,
    pace: Duration,
    said: Said,
    /// The moment of the last poll, and whether the next may follow at once: it was refused with 401.
    last: Option<(Duration, bool)>,
    /// No poll before this: the service asked for it.
    not_before: Duration,
    polls: u32,
    early: u32,
}

/// A wait taken up in another process.
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
    let watch = OperationPoll::new(url, plan, accepted, [3; 16], world.now);
    let deadline = world.now.steady + limits.total;
    let now = world.now;
    play(watch, policy, now, deadline, &mut world, draw);
}

pub(super) fn play(
    mut watch: OperationPoll,
    policy: PollingPolicy,
    _: Now,
    deadline: Duration,
    world: &mut World,
    draw: &mut Draw<'_>,
) {
    let mut it = Reference {
        world,
        url: watch.url().as_str().to_owned(),
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
                "no end in a healthy world: {watch:?}"
            );
        } else {
            it.world.pass(draw);
            if draw.below(60) == 1 {
                watch.stop();
            }
        }
        assert_no_token(&format!("{watch:?}"));
        match watch.step() {
            OperationPollStep::Send(exchange) => it.send(exchange, draw),
            OperationPollStep::Wait(mut pause) => {
                if let Some(news) = pause.news() {
                    assert_eq!(news.polls(), it.polls);
                    assert!(pause.news().is_none(), "one poll is told twice");
                }
                assert_eq!(it.said, Said::Else, "it has ended, and the wait goes on");
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
            OperationPollStep::Done(outcome) => {
                it.done(watch, outcome);
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
            11 => return exchange.unsent(fault(draw), self.world.now),
            _ => {}
        }
        assert_eq!(self.said, Said::Else, "polled after the end");
        let (token, secret) = token(draw);
        let now = self.world.now.steady;
        let Some((request, reply)) = exchange.request(&token, self.world.now) else {
            return;
        };
        assert_eq!(request.method(), Method::GET);
        assert_eq!(
            request.uri().to_string(),
            self.url,
            "the token goes elsewhere"
        );
        assert!(
            request.headers()[AUTHORIZATION]
                .to_str()
                .is_ok_and(|it| it.starts_with("Bearer "))
        );
        assert!(
            now < self.deadline && now + reply.time_limit() <= self.deadline,
            "past the deadline"
        );
        assert!(now >= self.not_before, "sooner than the service asked");
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
            0 => reply.lost(fault(draw), self.world.now),
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

    /// No two polls closer than the policy says, but for a 401 that is answered with another token, and the one last
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

    fn done(
        &self,
        mut watch: OperationPoll,
        outcome: Result<
            std::sync::Arc<industrydata_core::model::Operation>,
            industrydata_core::lro::OperationPollError,
        >,
    ) {
        let first = format!("{outcome:?}");
        assert_no_token(&first);
        match (&outcome, self.said) {
            (Ok(operation), Said::Succeeded | Said::Open) => {
                assert_eq!(operation.status().as_str(), "succeeded")
            }
            (Ok(_), said) => panic!("a success, and the last answer said {said:?}"),
            (Err(error), said) => {
                assert_no_token(&error.to_string());
                assert_plain(&format!("{error} {error:?}"));
                let is_failed = matches!(error.kind(), OperationPollErrorKind::Failed);
                assert!(
                    said == Said::Open || is_failed == (said == Said::Failed),
                    "{error}, and the last answer said {said:?}"
                );
                assert_ne!(said, Said::Succeeded, "succeeded, and told as {error}");
                assert_eq!(
                    error.resume_token().is_none(),
                    is_failed,
                    "the way on is lost"
                );
                if let Some(token) = error.resume_token() {
                    let url = token
                        .operation_url(&BaseUrl::graph())
                        .expect("its own base");
                    assert_eq!(url.as_str(), self.url);
                }
            }
        }
        assert_eq!(watch.polls(), self.polls);
        watch.stop();
        let OperationPollStep::Done(again) = watch.step() else {
            panic!("an end that is none");
        };
        assert_eq!(format!("{again:?}"), first, "another end");
    }
}

/// What an answer says, by another JSON reader.
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
