//! End-to-end tests of both flavours against the emulated service.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics on failure"
)]

use std::time::Duration;

use industrydata_core::auth::AccessToken;
use industrydata_core::auth::ClientCredentials;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::OperationPollErrorKind;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::Settings;
use industrydata_core::lro::StartErrorKind;
use industrydata_core::model::OperationStatus;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::wire::BaseUrl;
use industrydata_emulator::{Config, Emulator, Fault, Grant, Lose, On};
use industrydata_ledger::Ledger;

/// How long an operation takes.
const TAKES: Duration = Duration::from_millis(300);

fn emulator() -> Emulator {
    Emulator::start(Config {
        operation_takes: TAKES,
        ..Config::default()
    })
    .unwrap()
}

fn token(text: &str) -> AccessToken {
    AccessToken::new(text).unwrap()
}

fn credentials(emulator: &Emulator) -> ClientCredentials {
    ClientCredentials::new(emulator.client_id(), emulator.client_secret())
        .authority(emulator.authority_url())
        .unwrap()
}

/// How many starts were requested from the service.
fn starts_requested(emulator: &Emulator) -> usize {
    emulator.with_service(|service| {
        let requested = service
            .requests()
            .iter()
            .filter(|request| request.path.ends_with("/runs/start"));
        requested.count()
    })
}

fn accepted(emulator: &Emulator) -> usize {
    emulator.with_service(|service| service.accepted_starts().len())
}

macro_rules! journeys {
    ($flavour:ident, $client:ident, #[$test:meta], [$($asynch:tt)*], [$($wait:tt)*]) => {
        mod $flavour {
            use super::*;
            use $client::{Client, CredentialsToken, FixedToken, TenantClient};

            fn tenant(emulator: &Emulator, ledger: Ledger) -> TenantClient {
                with_token(emulator, emulator.token(), ledger)
            }

            fn with_token(emulator: &Emulator, text: &str, ledger: Ledger) -> TenantClient {
                build(emulator, Client::builder(FixedToken::from(token(text)), ledger))
            }

            fn with_credentials(emulator: &Emulator, ledger: Ledger) -> TenantClient {
                let source = CredentialsToken::new(credentials(emulator)).unwrap();
                build(emulator, Client::builder(source, ledger))
            }

            fn build(emulator: &Emulator, builder: $client::ClientBuilder) -> TenantClient {
                let client = builder
.settings(Settings::default()
                    .base(BaseUrl::parse(&emulator.base_url()).unwrap())
                    .polling(PollingPolicy::every(Duration::from_millis(20)))
                    .request_limit(Duration::from_secs(10))
                    .time_limit(Duration::from_secs(60)))
                    .build()
                    .unwrap();
                client.tenant("contoso").unwrap()
            }

            #[$test]
            $($asynch)* fn a_run_is_started_and_its_operation_polled_to_the_end() {
                let emulator = emulator();
                let tenant = tenant(&emulator, Ledger::memory());
                let mut run = tenant.start() $($wait)* .unwrap();
                let mut polls = 0;
                while let Some(progress) = run.progress() $($wait)* .unwrap() {
                    polls += 1;
                    assert_eq!(progress.polls(), polls);
                }
                let operation = run.operation().unwrap().clone();
                assert_eq!(*operation.status(), OperationStatus::Succeeded);
                assert!(operation.resource_location().unwrap().starts_with(&emulator.base_url()));
                assert_eq!(operation.id(), Some(run.url().operation_id()));
                let quota = tenant.quota() $($wait)* .unwrap();
                assert_eq!((quota.confirmed(), quota.available()), (1, 4));
                assert_eq!(quota.entries()[0].operation(), operation.id());
                // Polling again after the end gives the same result.
                assert_eq!(run.until_done() $($wait)* .unwrap().status(), operation.status());
            }

            #[$test]
            $($asynch)* fn a_failed_operation_reports_its_status_detail() {
                let emulator = emulator();
                emulator.script(Fault::on(On::Start).fail_operation("the file is empty"));
                let tenant = tenant(&emulator, Ledger::memory());
                let error = tenant.start() $($wait)* .unwrap().until_done() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), OperationPollErrorKind::Failed));
                assert_eq!(error.operation().unwrap().status_detail(), Some("the file is empty"));
                assert!(error.resume_token().is_none());
            }

            #[$test]
            $($asynch)* fn a_sixth_start_is_refused_by_the_ledger_and_by_the_service() {
                let emulator = emulator();
                let tenant = tenant(&emulator, Ledger::memory());
                for _ in 0..5 {
                    drop(tenant.start() $($wait)* .unwrap());
                }
                let error = tenant.start() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), StartErrorKind::NoSlot(_)), "{error}");
                assert_eq!((starts_requested(&emulator), accepted(&emulator)), (5, 5));

                // Another ledger does not contain these starts, so the service refuses.
                let other = super::$flavour::tenant(&emulator, Ledger::memory());
                let error = other.start() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), StartErrorKind::Throttled { .. }), "{error}");
                assert_eq!(error.may_have_started(), MayHaveStarted::No);
                let until = error.retry_at().unwrap();
                assert!(until.duration_since(emulator.now()).as_hours() >= 11);
                let error = other.start() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), StartErrorKind::NoSlot(_)), "{error}");
                assert_eq!((starts_requested(&emulator), accepted(&emulator)), (6, 5));
            }

            #[$test]
            $($asynch)* fn a_start_whose_response_is_lost_is_in_doubt() {
                let emulator = emulator();
                emulator.script(Fault::on(On::Start).lose(Lose::Answer));
                let tenant = tenant(&emulator, Ledger::memory());
                let error = tenant.start() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), StartErrorKind::AnswerLost(_)), "{error}");
                assert_eq!((starts_requested(&emulator), accepted(&emulator)), (1, 1));
                let quota = tenant.quota() $($wait)* .unwrap();
                assert_eq!((quota.confirmed(), quota.in_doubt(), quota.available()), (0, 1, 4));
            }

            #[$test]
            $($asynch)* fn a_start_whose_request_is_lost_is_in_doubt() {
                let emulator = emulator();
                emulator.script(Fault::on(On::Start).lose(Lose::Request));
                let tenant = tenant(&emulator, Ledger::memory());
                let error = tenant.start() $($wait)* .unwrap_err();
                assert_eq!(error.may_have_started(), MayHaveStarted::Unknown);
                assert_eq!((starts_requested(&emulator), accepted(&emulator)), (1, 0));
                assert_eq!(tenant.quota() $($wait)* .unwrap().in_doubt(), 1);
            }

            #[$test]
            $($asynch)* fn polling_survives_transient_errors_of_the_service() {
                let emulator = emulator();
                emulator.script(Fault::on(On::Operation).status(503));
                emulator.script(Fault::on(On::Operation).status(404));
                emulator.script(Fault::on(On::Operation).lose(Lose::Answer));
                emulator.script(Fault::on(On::Operation).body("<html>Sign in</html>"));
                emulator.script(Fault::on(On::Operation).cut_after(5));
                emulator.script(Fault::on(On::Operation).status(429).retry_after("0.1"));
                let tenant = tenant(&emulator, Ledger::memory());
                let operation = tenant.start() $($wait)* .unwrap().until_done() $($wait)* .unwrap();
                assert!(operation.status().is_terminal());
                assert!(emulator.with_service(|service| service.faults().is_empty()));
            }

            #[$test]
            $($asynch)* fn a_revoked_token_is_replaced_with_the_client_credentials() {
                let emulator = emulator();
                let tenant = with_credentials(&emulator, Ledger::memory());
                let mut run = tenant.start() $($wait)* .unwrap();
                run.progress() $($wait)* .unwrap();
                emulator.with_service(|service| {
                    service.revoke_tokens(Some(r#"{"access_token":{"nbf":{"essential":true}}}"#));
                });
                let operation = run.until_done() $($wait)* .unwrap();
                assert_eq!(*operation.status(), OperationStatus::Succeeded);
                let tokens = emulator.with_service(|service| {
                    service.requests().iter().filter(|request| request.path.ends_with("/oauth2/v2.0/token")).count()
                });
                assert_eq!(tokens, 2);
            }

            #[$test]
            $($asynch)* fn a_wrong_secret_starts_nothing() {
                let emulator = emulator();
                let wrong = ClientCredentials::new(emulator.client_id(), "not-the-secret")
                    .authority(emulator.authority_url())
                    .unwrap();
                let source = CredentialsToken::new(wrong).unwrap();
                let tenant = build(&emulator, Client::builder(source, Ledger::memory()));
                let error = tenant.start() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), StartErrorKind::NoToken(_)), "{error}");
                assert!(!format!("{error} {error:?}").contains("not-the-secret"));
                assert_eq!(starts_requested(&emulator), 0);
                assert_eq!(tenant.quota() $($wait)* .unwrap().used(), 0);
            }

            #[$test]
            $($asynch)* fn polling_ended_by_a_revoked_token_resumes_with_a_new_client() {
                let emulator = emulator();
                let ledger = Ledger::memory();
                let mut run = tenant(&emulator, ledger.clone()).start() $($wait)* .unwrap();
                run.progress() $($wait)* .unwrap();
                emulator.with_service(|service| service.revoke_tokens(None));
                let error = run.until_done() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), OperationPollErrorKind::Unauthorized { .. }), "{error}");

                emulator.with_service(|service| service.accept_token(Grant::all("canary+another/token.c2ln==")));
                let resume: ResumeToken = error.resume_token().unwrap().to_string().parse().unwrap();
                let next = with_token(&emulator, "canary+another/token.c2ln==", ledger);
                let operation = next.resume(&resume).unwrap().until_done() $($wait)* .unwrap();
                assert_eq!(*operation.status(), OperationStatus::Succeeded);
                assert_eq!(accepted(&emulator), 1);
            }

            #[$test]
            $($asynch)* fn polling_without_the_permission_to_read_is_forbidden() {
                let emulator = emulator();
                emulator.with_service(|service| {
                    service.accept_token(Grant::only("canary+starts/only.c2ln==", &[industrydata_emulator::Permission::Start]));
                });
                let tenant = with_token(&emulator, "canary+starts/only.c2ln==", Ledger::memory());
                let error = tenant.start() $($wait)* .unwrap().until_done() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), OperationPollErrorKind::Forbidden(_)), "{error}");
                assert!(error.request_id().is_some());
            }
        }
    };
}

journeys!(blocking, industrydata_blocking, #[test], [], []);
journeys!(asynchronous, industrydata_async, #[tokio::test(flavor = "multi_thread", worker_threads = 2)], [async], [.await]);

/// Several clients of each flavour start runs at the same time with one SQLite file.
#[test]
fn clients_of_both_flavours_share_a_ledger_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.sqlite3");
    let emulator = emulator();
    let base = BaseUrl::parse(&emulator.base_url()).unwrap();
    let source = token(emulator.token());
    let started = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|number| {
                let (base, source, path) = (base.clone(), source.clone(), path.clone());
                scope.spawn(move || {
                    let ledger = Ledger::sqlite(path).unwrap();
                    if number % 2 == 0 {
                        let token = industrydata_blocking::FixedToken::from(source);
                        let client = industrydata_blocking::Client::builder(token, ledger)
                            .settings(Settings::default().base(base))
                            .build()
                            .unwrap();
                        client.tenant("contoso").unwrap().start().map(drop)
                    } else {
                        let runtime = tokio::runtime::Builder::new_current_thread()
                            .enable_all()
                            .build()
                            .unwrap();
                        runtime.block_on(async {
                            let token = industrydata_async::FixedToken::from(source);
                            let client = industrydata_async::Client::builder(token, ledger)
                                .settings(Settings::default().base(base))
                                .build()
                                .unwrap();
                            client.tenant("contoso").unwrap().start().await.map(drop)
                        })
                    }
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect::<Vec<_>>()
    });
    let accepted_here = started.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(
        (
            accepted_here,
            starts_requested(&emulator),
            accepted(&emulator)
        ),
        (5, 5, 5),
        "{started:?}"
    );
    for outcome in started {
        if let Err(error) = outcome {
            assert!(matches!(error.kind(), StartErrorKind::NoSlot(_)), "{error}");
        }
    }
}

/// One flavour starts, the other resumes.
#[test]
fn a_resume_token_passes_from_one_flavour_to_the_other() {
    let emulator = emulator();
    let base = BaseUrl::parse(&emulator.base_url()).unwrap();
    let fixed = industrydata_blocking::FixedToken::from(token(emulator.token()));
    let client = industrydata_blocking::Client::builder(fixed, Ledger::memory())
        .settings(Settings::default().base(base.clone()))
        .build()
        .unwrap();
    let mut run = client.tenant("contoso").unwrap().start().unwrap();
    let resume = run.resume_token().to_string();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let operation = runtime.block_on(async {
        let fixed = industrydata_async::FixedToken::from(token(emulator.token()));
        let client = industrydata_async::Client::builder(fixed, Ledger::memory())
            .settings(
                Settings::default()
                    .base(base)
                    .polling(PollingPolicy::every(Duration::from_millis(20))),
            )
            .build()
            .unwrap();
        let tenant = client.tenant("contoso").unwrap();
        tenant.resume(&resume).unwrap().until_done().await.unwrap()
    });
    assert_eq!(*operation.status(), OperationStatus::Succeeded);
    client.stop_handle().stop();
    let error = run.until_done().unwrap_err();
    assert!(
        matches!(error.kind(), OperationPollErrorKind::Stopped),
        "{error}"
    );
    assert_eq!(error.resume_token().unwrap().to_string(), resume);
}

/// The iterator of one flavour and the stream of the other report the same progress.
#[test]
fn the_blocking_iterator_and_the_async_stream_report_the_same() {
    let emulator = emulator();
    emulator.script(Fault::on(On::Start).times(2).operation_status(&[
        Some("notStarted"),
        Some("running"),
        Some("succeeded"),
    ]));
    let base = BaseUrl::parse(&emulator.base_url()).unwrap();
    let every = PollingPolicy::every(Duration::from_millis(10));
    let shown = |progress: &industrydata_core::lro::Progress| {
        progress.operation().unwrap().status().to_string()
    };

    let fixed = industrydata_blocking::FixedToken::from(token(emulator.token()));
    let builder = industrydata_blocking::Client::builder(fixed, Ledger::memory());
    let client = builder
        .settings(Settings::default().base(base.clone()).polling(every))
        .build()
        .unwrap();
    let mut run = client.tenant("contoso").unwrap().start().unwrap();
    let blocking: Vec<_> = run
        .by_ref()
        .map(|progress| shown(&progress.unwrap()))
        .collect();
    assert!(run.next().is_none());

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let asynchronous = runtime.block_on(async {
        let fixed = industrydata_async::FixedToken::from(token(emulator.token()));
        let builder = industrydata_async::Client::builder(fixed, Ledger::memory());
        let client = builder
            .settings(Settings::default().base(base).polling(every))
            .build()
            .unwrap();
        let mut run = client.tenant("contoso").unwrap().start().await.unwrap();
        let mut stream = run.stream();
        let mut all = Vec::new();
        while let Some(progress) = next(&mut stream).await {
            all.push(shown(&progress.unwrap()));
        }
        assert!(next(&mut stream).await.is_none());
        all
    });
    assert_eq!(blocking, ["notStarted", "running"]);
    assert_eq!(asynchronous, blocking);
}

async fn next<S: futures_core::Stream + Unpin>(stream: &mut S) -> Option<S::Item> {
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *stream).poll_next(context)).await
}
