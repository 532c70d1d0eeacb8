//! What the feature `tracing` records of both flavours against the emulated service: spans, their nesting and fields,
//! events, and no secret.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics on failure"
)]

use std::time::Duration;

use conformance::{CANARY, RecordedEvent, RecordedSpan, Traces, reveals};
use industrydata_core::{
    auth::ClientCredentials,
    ledger::Resolution,
    lro::{Settings, StartErrorKind},
    policy::PollingPolicy,
    wire::BaseUrl,
};
use industrydata_emulator::{Config, Emulator, Fault, Grant, Lose, On};
use industrydata_ledger::Ledger;
use tracing::Level;

const REQUEST: &str = "industrydata.request";

/// A token of the length and the characters that those of Entra have.
fn token() -> String {
    format!("{CANARY}.trace==")
}

fn emulator() -> Emulator {
    Emulator::start(Config {
        operation_takes: Duration::from_millis(40),
        run_takes: Duration::from_millis(40),
        tokens: vec![Grant::all(token())],
        ..Config::default()
    })
    .unwrap()
}

fn settings(emulator: &Emulator) -> Settings {
    Settings::default()
        .base(BaseUrl::parse(&emulator.base_url()).unwrap())
        .polling(PollingPolicy::every(Duration::from_millis(20)))
        .request_limit(Duration::from_secs(10))
        .time_limit(Duration::from_secs(60))
}

fn field<'f>(span: &'f RecordedSpan, name: &str) -> &'f str {
    span.fields.get(name).map_or("", String::as_str)
}

fn of<'e>(event: &'e RecordedEvent, name: &str) -> &'e str {
    event.fields.get(name).map_or("", String::as_str)
}

/// The statuses of the requests.
fn statuses(traces: &Traces) -> Vec<String> {
    let requests = traces.spans(REQUEST).into_iter();
    requests
        .map(|span| field(&span, "http.response.status_code").to_owned())
        .collect()
}

/// What holds of everything that is recorded.
fn laws(traces: &Traces) {
    let text = traces.text();
    assert_eq!(reveals(text.as_bytes()), 0, "{text}");
    assert!(!text.to_ascii_lowercase().contains("bearer"), "{text}");
    for span in traces.all_spans() {
        assert_eq!(span.entered, 0, "{span:?}");
        if span.target == "industrydata" {
            assert!(span.name.starts_with("industrydata."), "{span:?}");
        }
        if span.name == REQUEST {
            let call = &traces.all_spans()[span.parent.unwrap()];
            assert_eq!(field(call, "industrydata.tenant"), "contoso", "{call:?}");
            assert!(!field(&span, "url.full").contains(['?', '@']), "{span:?}");
            assert_eq!(field(&span, "server.address"), "127.0.0.1");
            assert!(field(&span, "server.port").parse::<u16>().unwrap() > 0);
            assert_eq!(field(&span, "industrydata.client_request_id").len(), 36);
        }
    }
}

macro_rules! flavours {
    ($flavour:ident, $client:ident, [$($asynch:tt)*], [$($wait:tt)*], $run:path) => {
        mod $flavour {
            use super::*;
            use $client::{Client, CredentialsToken, FixedToken, TenantClient};

            fn tenant_with(emulator: &Emulator, ledger: Ledger) -> TenantClient {
                let token = FixedToken::new(token()).unwrap();
                let client = Client::builder(token, ledger).settings(settings(emulator)).build().unwrap();
                client.tenant("contoso").unwrap()
            }

            fn tenant(emulator: &Emulator) -> TenantClient {
                tenant_with(emulator, Ledger::memory())
            }

            #[test]
            fn a_start_is_recorded_with_its_polls_and_its_run() {
                let emulator = emulator();
                let traces = Traces::default();
                let operation = $run(&traces, $($asynch)* || {
                    let key = "nightly";
                    let mut poller = tenant(&emulator).key(key).unwrap().start() $($wait)* .unwrap();
                    poller.progress() $($wait)* .unwrap();
                    poller.until_done() $($wait)* .unwrap();
                    let mut run = poller.follow() $($wait)* .unwrap().unwrap();
                    run.until_done() $($wait)* .unwrap();
                    run.statistics() $($wait)* .unwrap();
                    poller.url().operation_id().to_owned()
                });
                laws(&traces);

                let [start] = &traces.spans("industrydata.start")[..] else { panic!("{}", traces.text()) };
                assert_eq!(field(start, "industrydata.key"), "nightly");
                assert_eq!(field(start, "industrydata.operation"), operation);
                assert_eq!(field(start, "industrydata.reservation").len(), 32);
                assert_eq!(field(start, "error.type"), "");
                let posts: Vec<_> = traces.spans(REQUEST).into_iter()
                    .filter(|span| field(span, "http.request.method") == "POST").collect();
                let [post] = &posts[..] else { panic!("{posts:?}") };
                assert_eq!(traces.all_spans()[post.parent.unwrap()].name, "industrydata.start");
                assert_eq!(field(post, "http.response.status_code"), "202");
                assert_eq!(field(post, "url.full"), format!("{}/external/industryData/runs/start", emulator.base_url()));
                assert_eq!(field(post, "server.port"), emulator.base_url().split(&[':', '/'][..]).nth(4).unwrap());
                assert_eq!(field(post, "http.request.resend_count"), "");
                assert_eq!(field(post, "otel.kind"), "client");
                assert!(!field(post, "industrydata.request_id").is_empty());

                // One call a span: a single poll, then all that were left.
                let polls = traces.spans("industrydata.poll");
                assert_eq!(polls.len(), 2);
                for poll in &polls {
                    assert_eq!(field(poll, "industrydata.operation"), operation);
                }
                let [follow] = &traces.spans("industrydata.follow")[..] else { panic!("{}", traces.text()) };
                assert!(!field(follow, "industrydata.run").is_empty());
                assert!(!traces.spans("industrydata.read").is_empty());
                let waits = traces.events("waits");
                let reasons: Vec<_> = waits.iter().map(|it| of(it, "industrydata.reason")).collect();
                assert!(reasons.contains(&"interval"), "{reasons:?}");
                assert!(waits.iter().all(|it| it.level == Level::DEBUG), "{waits:?}");
                let changes: Vec<_> = traces.events("ledger").iter()
                    .map(|it| of(it, "industrydata.change").to_owned()).collect();
                assert_eq!(changes[..2], ["reserve", "confirm"]);
                for event in traces.events("ledger").iter().take(2) {
                    assert_eq!(of(event, "industrydata.reservation"), field(start, "industrydata.reservation"));
                    assert_eq!(of(event, "industrydata.key"), "nightly");
                    assert_eq!(traces.path(event.span), ["industrydata.start"]);
                }
            }

            #[test]
            fn a_short_throttle_is_a_pause_and_two_requests() {
                let emulator = emulator();
                emulator.script(Fault::on(On::Start).status(429).retry_after(1));
                let traces = Traces::default();
                $run(&traces, $($asynch)* || drop(tenant(&emulator).start() $($wait)* .unwrap()));
                laws(&traces);
                assert_eq!(statuses(&traces), ["429", "202"]);
                assert_eq!(field(&traces.spans(REQUEST)[0], "error.type"), "429");
                let [throttled] = &traces.events("throttled")[..] else { panic!("{}", traces.text()) };
                assert_eq!(of(throttled, "industrydata.by"), "service");
                assert_eq!(of(throttled, "industrydata.retry_after_s"), "1");
                assert_eq!(traces.path(throttled.span), [REQUEST, "industrydata.start"]);
                let waits = traces.events("waits");
                assert_eq!(of(&waits[0], "industrydata.reason"), "throttled");
                assert!(of(&waits[0], "industrydata.wait_ms").parse::<u64>().unwrap() <= 1100);
                assert_eq!(waits[0].level, Level::INFO);
                assert_eq!(traces.path(waits[0].span), ["industrydata.start"]);
            }

            #[test]
            fn a_sixth_start_is_throttled_by_the_ledger() {
                let emulator = emulator();
                let traces = Traces::default();
                $run(&traces, $($asynch)* || {
                    let tenant = tenant(&emulator);
                    for _ in 0..5 {
                        drop(tenant.start() $($wait)* .unwrap());
                    }
                    let error = tenant.start() $($wait)* .unwrap_err();
                    assert!(matches!(error.kind(), StartErrorKind::NoSlot(_)));
                });
                laws(&traces);
                assert_eq!(of(&traces.events("throttled")[0], "industrydata.by"), "ledger");
                assert_eq!(field(&traces.spans("industrydata.start")[5], "error.type"), "no_slot");
                assert_eq!(of(&traces.events("failed")[0], "error.type"), "no_slot");
                assert_eq!(traces.spans(REQUEST).len(), 5);
            }

            #[test]
            fn a_poll_that_fails_for_now_is_a_pause() {
                let emulator = emulator();
                emulator.script(Fault::on(On::Operation).status(503).header("x-echo", &token()));
                emulator.script(Fault::on(On::Operation).after(1).status(302).header("location", &format!("/{}", token())));
                let traces = Traces::default();
                let error = $run(&traces, $($asynch)* || {
                    let mut poller = tenant(&emulator).start() $($wait)* .unwrap();
                    poller.until_done() $($wait)* .unwrap_err().to_string()
                });
                laws(&traces);
                assert_eq!(statuses(&traces), ["202", "503", "302"], "{error}");
                // No redirect is followed: the poll ends with it.
                assert_eq!(field(&traces.spans("industrydata.poll")[0], "error.type"), "unexpected");
                let reasons: Vec<_> = traces.events("waits").iter()
                    .map(|it| of(it, "industrydata.reason").to_owned()).collect();
                assert_eq!(reasons, ["interval", "retry"]);
            }

            #[test]
            fn a_lost_answer_is_a_doubt_and_a_reconciliation() {
                let emulator = emulator();
                emulator.script(Fault::on(On::Start).lose(Lose::Answer));
                let traces = Traces::default();
                $run(&traces, $($asynch)* || {
                    let tenant = tenant(&emulator);
                    tenant.start() $($wait)* .unwrap_err();
                    let reconciliation = tenant.reconcile() $($wait)* .unwrap();
                    assert_eq!(reconciliation.left_in_doubt(), 0);
                    let id = tenant.entries() $($wait)* .unwrap()[0].id().to_owned();
                    tenant.resolve(&id, Resolution::NotStarted, "by a person") $($wait)* .unwrap();
                });
                laws(&traces);
                let [doubt] = &traces.events("in doubt")[..] else { panic!("{}", traces.text()) };
                assert_eq!((doubt.level, of(doubt, "error.type")), (Level::WARN, "answer_lost"));
                assert_eq!(traces.path(doubt.span), ["industrydata.start"]);
                let [lost] = &traces.events("no answer")[..] else { panic!("{}", traces.text()) };
                assert_eq!(of(lost, "error.type"), "answer_lost");
                assert_eq!(field(&traces.spans(REQUEST)[0], "error.type"), "answer_lost");
                let changes: Vec<_> = traces.events("ledger").iter()
                    .map(|it| of(it, "industrydata.change").to_owned()).collect();
                assert_eq!(changes[..2], ["reserve", "in_doubt"]);
                let reconciled = traces.events("reconciled");
                assert_eq!(of(&reconciled[0], "industrydata.change"), "resolve_as_started");
                assert_eq!(traces.path(reconciled[0].span), ["industrydata.reconcile"]);
                assert_eq!(of(&reconciled[1], "industrydata.change"), "resolve_as_not_started");
                assert_eq!(traces.path(reconciled[1].span), ["industrydata.ledger"]);
                let start = &traces.spans("industrydata.start")[0];
                for event in &reconciled {
                    assert_eq!(of(event, "industrydata.reservation"), field(start, "industrydata.reservation"));
                }
                // A person's note is not recorded.
                assert!(!traces.text().contains("by a person"));
            }

            #[test]
            fn an_action_without_an_answer_is_a_doubt() {
                let emulator = emulator();
                emulator.script(Fault::on(On::Validate).lose(Lose::Answer));
                let traces = Traces::default();
                $run(&traces, $($asynch)* || {
                    let tenant = tenant(&emulator);
                    tenant.validate("clean") $($wait)* .unwrap_err();
                    drop(tenant.validate("clean") $($wait)* .unwrap());
                });
                laws(&traces);
                let [doubt] = &traces.events("in doubt")[..] else { panic!("{}", traces.text()) };
                assert_eq!(traces.path(doubt.span), ["industrydata.action"]);
                let actions = traces.spans("industrydata.action");
                assert_eq!(field(&actions[0], "error.type"), "answer_lost");
                assert!(!field(&actions[1], "industrydata.operation").is_empty());
                assert!(traces.events("ledger").is_empty());
            }

            #[test]
            fn the_query_of_an_operation_is_not_recorded() {
                let emulator = emulator();
                let location = format!("{}/external/industryData/operations('a-1')?sig=query-secret", emulator.base_url());
                emulator.script(Fault::on(On::Start).status(202).location(&[&location]));
                let traces = Traces::default();
                $run(&traces, $($asynch)* || {
                    let mut poller = tenant(&emulator).start() $($wait)* .unwrap();
                    let _ = poller.progress() $($wait)*;
                });
                laws(&traces);
                let poll = &traces.spans(REQUEST)[1];
                assert!(field(poll, "url.full").ends_with("/operations('a-1')"), "{poll:?}");
                assert_eq!(field(&traces.spans("industrydata.poll")[0], "industrydata.operation"), "a-1");
                assert!(!traces.text().contains("query-secret"), "{}", traces.text());
            }

            #[test]
            fn a_refused_token_and_a_credential_are_recorded_without_a_secret() {
                let emulator = emulator();
                let traces = Traces::default();
                let credentials = |secret: &str| {
                    ClientCredentials::new(emulator.client_id(), secret).authority(emulator.authority_url()).unwrap()
                };
                $run(&traces, $($asynch)* || {
                    let source = CredentialsToken::new(credentials(emulator.client_secret())).unwrap();
                    let client = Client::builder(source, Ledger::memory()).settings(settings(&emulator)).build().unwrap();
                    let tenant = client.tenant("contoso").unwrap();
                    tenant.preflight() $($wait)* .unwrap();
                    emulator.with_service(|service| service.revoke_tokens(None));
                    drop(tenant.start() $($wait)* .unwrap());
                    let source = CredentialsToken::new(credentials("wrong-secret")).unwrap();
                    let client = Client::builder(source, Ledger::memory()).settings(settings(&emulator)).build().unwrap();
                    client.tenant("contoso").unwrap().start() $($wait)* .unwrap_err();
                });
                laws(&traces);
                let text = traces.text();
                for secret in [emulator.client_secret(), "wrong-secret", "client_secret", "grant_type"] {
                    assert!(!text.contains(secret), "{secret}: {text}");
                }
                let requests = traces.spans(REQUEST);
                let resends: Vec<_> = requests.iter()
                    .map(|it| (field(it, "http.response.status_code"), field(it, "http.request.resend_count"))).collect();
                assert_eq!(resends, [("200", ""), ("401", ""), ("202", "1")]);
                assert_eq!(of(&traces.events("no token")[0], "error.type"), "token_refused");
                assert_eq!(field(&traces.spans("industrydata.start")[1], "error.type"), "no_token");
            }

            #[test]
            fn a_read_that_is_repeated_counts_its_resends() {
                let emulator = emulator();
                emulator.script(Fault::on(On::Runs).status(503));
                let traces = Traces::default();
                $run(&traces, $($asynch)* || drop(tenant(&emulator).runs() $($wait)* .unwrap()));
                laws(&traces);
                let requests = traces.spans(REQUEST);
                let resends: Vec<_> = requests.iter().map(|it| field(it, "http.request.resend_count")).collect();
                assert_eq!(resends, ["", "1"]);
                assert_eq!(requests[0].parent, requests[1].parent);
            }

            #[test]
            fn a_service_that_cannot_be_reached_is_recorded_by_how_far_the_request_got() {
                let emulator = emulator();
                let tenant = tenant(&emulator);
                drop(emulator);
                let traces = Traces::default();
                $run(&traces, $($asynch)* || drop(tenant.start() $($wait)* .unwrap_err()));
                laws(&traces);
                assert_eq!(of(&traces.events("no answer")[0], "error.type"), "connect");
                assert_eq!(field(&traces.spans("industrydata.start")[0], "error.type"), "unreachable");
                assert!(traces.events("in doubt").is_empty());
            }

            #[test]
            fn answers_that_repeat_the_token_are_recorded_without_it() {
                let emulator = emulator();
                let echo = format!(r#"{{"error":{{"code":"{0}","message":"{0}"}}}}"#, token());
                for on in [On::Start, On::Operations, On::Runs] {
                    let fault = Fault::on(on).times(9).status(400).body(echo.clone());
                    emulator.script(fault.header("request-id", &token()).header("www-authenticate", &token()));
                }
                let traces = Traces::default();
                $run(&traces, $($asynch)* || {
                    let tenant = tenant(&emulator);
                    tenant.start() $($wait)* .unwrap_err();
                    tenant.runs() $($wait)* .unwrap_err();
                    tenant.preflight() $($wait)* .unwrap_err();
                });
                laws(&traces);
                assert_eq!(traces.spans(REQUEST).len(), 3);
                assert!(traces.spans(REQUEST).iter().all(|it| !field(it, "industrydata.request_id").is_empty()));
            }
        }
    };
}

flavours!(blocking, industrydata_blocking, [], [], within);
flavours!(asynchronous, industrydata_async, [async], [.await], within_runtime);

fn within<T>(traces: &Traces, work: impl FnOnce() -> T) -> T {
    tracing::subscriber::with_default(traces.clone(), work)
}

fn within_runtime<T>(traces: &Traces, work: impl AsyncFnOnce() -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    within(traces, || runtime.block_on(work()))
}

/// Two starts whose futures take turns on one thread: neither is entered while it waits.
#[test]
fn spans_of_futures_that_take_turns_are_kept_apart() {
    let (slow, quick) = (emulator(), emulator());
    slow.script(Fault::on(On::Start).delay(Duration::from_millis(150)));
    let traces = Traces::default();
    within_runtime(&traces, async || {
        let start = async |emulator: &Emulator, key: &str| {
            let token = industrydata_async::FixedToken::new(token()).unwrap();
            let builder = industrydata_async::Client::builder(token, Ledger::memory());
            let client = builder.settings(settings(emulator)).build().unwrap();
            let tenant = client.tenant("contoso").unwrap().key(key).unwrap();
            tenant.start().await.unwrap().until_done().await.unwrap();
        };
        tokio::join!(start(&slow, "slow"), start(&quick, "quick"));
    });
    laws(&traces);
    for (emulator, key) in [(&slow, "slow"), (&quick, "quick")] {
        let spans = traces.all_spans();
        let posts = spans
            .iter()
            .filter(|it| field(it, "http.request.method") == "POST");
        let own: Vec<_> = posts
            .filter(|it| field(it, "url.full").starts_with(&emulator.base_url()))
            .collect();
        let [post] = &own[..] else { panic!("{own:?}") };
        let call = &spans[post.parent.unwrap()];
        assert_eq!(
            (call.name, field(call, "industrydata.key")),
            ("industrydata.start", key)
        );
        assert_eq!(call.parent, None);
    }
}

/// A start that is dropped after its request was sent.
#[test]
fn a_start_that_is_dropped_is_a_doubt() {
    let emulator = emulator();
    emulator.script(Fault::on(On::Start).delay(Duration::from_secs(5)));
    let traces = Traces::default();
    within_runtime(&traces, async || {
        let token = industrydata_async::FixedToken::new(token()).unwrap();
        let builder = industrydata_async::Client::builder(token, Ledger::memory());
        let client = builder.settings(settings(&emulator)).build().unwrap();
        let tenant = client.tenant("contoso").unwrap();
        let start = tokio::time::timeout(Duration::from_millis(300), tenant.start());
        assert!(start.await.is_err());
    });
    laws(&traces);
    let [doubt] = &traces.events("in doubt")[..] else {
        panic!("{}", traces.text())
    };
    assert_eq!(of(doubt, "error.type"), "dropped");
    assert_eq!(
        field(&traces.spans("industrydata.start")[0], "error.type"),
        "dropped"
    );
}
