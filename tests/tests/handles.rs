//! What a program holds and gives: a client and its builder, sources of tokens, ids, and errors. Both flavours, over sockets.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics on failure"
)]

use std::{
    error::Error,
    fmt::Debug,
    io,
    iter::successors,
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use industrydata_clock::ManualClock;
use industrydata_core::{
    Tenant, Timestamp,
    auth::{AccessToken, Challenge, ClientCredentials, TokenError},
    lro::{OperationPollErrorKind, StartErrorKind},
    wire::{BaseUrl, BaseUrlError, BuildError},
};
use industrydata_emulator::{Config, Connector, Emulator, Fault, Grant, Lose, On};
use industrydata_ledger::Ledger;

/// The token of the emulated service.
const TOKEN: &str = "emulator-token";

fn emulator() -> Emulator {
    Emulator::start(Config {
        operation_takes: Duration::from_millis(100),
        run_takes: Duration::from_millis(200),
        connectors: vec![Connector::clean("c1")],
        ..Config::default()
    })
    .unwrap()
}

/// The address of a port at which nothing listens.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/beta", listener.local_addr().unwrap())
}

/// The errors of a chain, outermost first.
fn chain<'e>(error: &'e (dyn Error + 'static)) -> Vec<&'e (dyn Error + 'static)> {
    successors(Some(error), |error| (*error).source()).collect()
}

fn has<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    chain(error).iter().any(|error| error.is::<E>())
}

/// What a value shows of itself in a test that fails: a few lines, and no secret.
#[track_caller]
fn brief(value: &dyn Debug) {
    let (line, lines) = (format!("{value:?}"), format!("{value:#?}"));
    assert!(line.len() <= 1500, "{} bytes: {line}", line.len());
    assert!(lines.lines().count() <= 30, "{lines}");
    assert!(!line.contains(TOKEN), "{line}");
    assert!(line.contains(char::is_alphabetic));
}

macro_rules! handles {
    ($flavour:ident, $client:ident, $http:ty, #[$test:meta], [$($asynch:tt)*], [$($wait:tt)*]) => {
        mod $flavour {
            use super::*;
            use $client::{Client, ClientBuilder, FixedToken, TenantClient};

            fn builder(base: &str) -> ClientBuilder {
                Client::builder(FixedToken::new(TOKEN).unwrap(), Ledger::memory())
                    .base(base)
                    .with(|it| it.polling(Duration::from_millis(10)))
                    // Pauses between tries are not slept.
                    .clock(ManualClock::real())
            }

            fn contoso(builder: ClientBuilder) -> TenantClient {
                builder.build().unwrap().tenant("contoso").unwrap()
            }

            fn at(emulator: &Emulator) -> TenantClient {
                contoso(builder(&emulator.base_url()))
            }

            /// The token is that of the tenant whose session is used, whichever client it is given to.
            #[$test]
            $($asynch)* fn a_session_of_another_tenant_takes_its_token() {
                let emulator = emulator();
                let asked = Arc::new(Mutex::new(Vec::new()));
                let noted = Arc::clone(&asked);
                let tokens = $($asynch)* move |tenant: &Tenant, _: Option<&Challenge>| {
                    noted.lock().unwrap().push(tenant.to_string());
                    AccessToken::new(TOKEN)
                };
                let client = Client::builder(tokens, Ledger::memory()).base(emulator.base_url()).build().unwrap();
                let [contoso, fabrikam] = ["contoso", "fabrikam"].map(|it| client.tenant(it).unwrap());
                fabrikam.operations() $($wait)* .unwrap();
                let mut session = None;
                let contoso = contoso.with(|it| {
                    session = Some(it.clone());
                    it
                });
                let session = session.unwrap();
                let other = fabrikam.clone().with(move |_| session);
                for client in [&other, &fabrikam, &contoso] {
                    client.operations() $($wait)* .unwrap();
                    assert_eq!(*asked.lock().unwrap(), ["fabrikam", "contoso"]);
                }
            }

            #[test]
            fn a_base_is_text_or_a_value_and_its_error_comes_out_of_build() {
                let with = |change: &dyn Fn(ClientBuilder) -> ClientBuilder| {
                    let tokens = FixedToken::new(TOKEN).unwrap();
                    let built = change(Client::builder(tokens, Ledger::memory())).build();
                    built.map(|client| client.base().to_string())
                };
                let text = "https://gateway.example/beta";
                let value = BaseUrl::parse(text).unwrap();
                for built in [
                    with(&|it| it.base(text)),
                    with(&|it| it.base(text.to_owned())),
                    with(&|it| it.base(&text.to_owned())),
                    with(&|it| it.base(&value)),
                    with(&|it| it.base(value.clone())),
                    with(&|it| it.with(|it| it.user_agent("a/1")).base(text).with(|it| it)),
                    with(&|it| it.base("nonsense").settings($client::Settings::default()).base(text)),
                ] {
                    assert_eq!(built.unwrap(), text);
                }
                assert_eq!(with(&|it| it).unwrap(), "https://graph.microsoft.com/beta");
                for (bad, why) in [
                    ("nonsense", BaseUrlError::NotHttp),
                    ("", BaseUrlError::NotHttp),
                    ("http://graph.microsoft.com/beta", BaseUrlError::Insecure),
                    ("https://graph.microsoft.com/v1.0", BaseUrlError::VersionOne),
                ] {
                    let error = with(&|it| it.base(bad).with(|it| it)).unwrap_err();
                    assert!(matches!(error, BuildError::Base(it) if it == why), "{bad}: {error}");
                    assert_eq!(error.to_string(), why.to_string());
                    // The first error stays.
                    let error = with(&|it| it.base(bad).base(text)).unwrap_err();
                    assert!(matches!(error, BuildError::Base(_)));
                }
            }

            #[test]
            fn a_token_is_text_or_a_value_and_its_error_comes_at_once() {
                for good in [
                    FixedToken::new("a.b-c"),
                    FixedToken::new("a.b-c".to_owned()),
                    FixedToken::new(&"a.b-c".to_owned()),
                    FixedToken::new(AccessToken::new("a.b-c").unwrap()),
                    FixedToken::new(&AccessToken::new("a.b-c").unwrap()),
                ] {
                    assert!(!format!("{:?}", good.unwrap()).contains("a.b-c"));
                }
                for bad in ["", "canary one", "canary\ntwo", "Bearer canary", "\u{feff}canary", "{\"canary\":1}"] {
                    let error = FixedToken::new(bad).unwrap_err();
                    assert!(matches!(error, TokenError::Malformed(_)));
                    assert!(!format!("{error} {error:?}").contains("canary"), "{error}");
                }
            }

            #[$test]
            $($asynch)* fn ids_keys_and_tokens_are_what_converts() {
                let emulator = emulator();
                let client = builder(&emulator.base_url()).build().unwrap();
                let tenant = client.tenant("contoso".to_owned()).unwrap();
                assert!(client.tenant(&"contoso".to_owned()).is_ok());
                assert!(client.tenant("").is_err());
                assert!(tenant.clone().key("").is_err());
                let keyed = tenant.clone().key("nightly".to_owned()).unwrap();
                let mut poller = keyed.start() $($wait)* .unwrap();
                poller.until_done() $($wait)* .unwrap();
                let token = poller.resume_token();
                for resumed in [
                    tenant.resume(&token),
                    tenant.resume(token.clone()),
                    tenant.resume(token.to_string()),
                    tenant.resume(token.to_string().as_str()),
                ] {
                    resumed.unwrap().until_done() $($wait)* .unwrap();
                }
                assert!(tenant.resume("nonsense").is_err());
                let id = poller.url().operation_id().to_owned();
                tenant.operation(&id) $($wait)* .unwrap();
                let run = poller.find_run() $($wait)* .unwrap().unwrap().id().to_owned();
                tenant.run_by_id(&run) $($wait)* .unwrap();
                tenant.statistics(run.clone()) $($wait)* .unwrap();
                tenant.follow(&run).until_done() $($wait)* .unwrap();
                tenant.activities(run.as_str()) $($wait)* .unwrap();
                drop(tenant.validate("c1".to_owned()) $($wait)* .unwrap());
            }

            #[$test]
            $($asynch)* fn an_error_says_whether_something_throttles() {
                let emulator = emulator();
                let tenant = at(&emulator);
                emulator.script(Fault::on(On::Start).status(429).retry_after(3600));
                let error = tenant.start() $($wait)* .unwrap_err();
                assert!(error.is_throttled() && !error.is_in_doubt() && !error.is_timeout());
                let hour = Duration::try_from(error.retry_at().unwrap().duration_since(emulator.now())).unwrap();
                assert!(hour > Duration::from_secs(3500) && hour < Duration::from_secs(3700), "{hour:?}");
                // The ledger is closed from then on.
                let error = tenant.start() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), StartErrorKind::NoSlot(_)));
                assert!(error.is_throttled() && error.retry_at() > Some(Timestamp::now()));

                let other = at(&emulator);
                for _ in 0..5 {
                    drop(other.start() $($wait)* .unwrap());
                }
                let error = other.start() $($wait)* .unwrap_err();
                assert!(error.is_throttled() && error.retry_at().is_some());

                emulator.script(Fault::on(On::Runs).status(429).retry_after(7200).times(9));
                let error = other.runs() $($wait)* .unwrap_err();
                assert!(error.is_throttled(), "{error}");
                assert!(error.retry_at() > Some(Timestamp::now()), "{error}");
                emulator.script(Fault::on(On::Validate).status(429).retry_after(600));
                let error = other.validate("c1") $($wait)* .unwrap_err();
                assert!(error.is_throttled() && error.retry_at().is_some() && !error.is_in_doubt());
                emulator.script(Fault::on(On::Start).status(403));
                let error = at(&emulator).start() $($wait)* .unwrap_err();
                assert!(!error.is_throttled() && error.retry_at().is_none());
            }

            #[$test]
            $($asynch)* fn an_error_says_whether_time_ran_out_and_what_is_in_doubt() {
                let emulator = emulator();
                let short = || {
                    let it = builder(&emulator.base_url());
                    contoso(it.with(|it| it.request_limit(Duration::from_millis(300))))
                };
                emulator.script(Fault::on(On::Start).stall());
                let error = short().start() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), StartErrorKind::AnswerLost(_)), "{error}");
                assert!(error.is_timeout() && error.is_in_doubt() && !error.is_throttled(), "{error:?}");

                emulator.script(Fault::on(On::Start).lose(Lose::Answer));
                let error = short().start() $($wait)* .unwrap_err();
                assert!(error.is_in_doubt() && !error.is_timeout(), "{error:?}");

                emulator.script(Fault::on(On::Validate).stall());
                let error = short().validate("c1") $($wait)* .unwrap_err();
                assert!(error.is_timeout() && error.is_in_doubt(), "{error:?}");

                // A poll ends by the limit of the whole call.
                let tenant = at(&emulator).with(|it| it.time_limit(Duration::from_millis(600)));
                emulator.script(Fault::on(On::Operation).operation_status(&[Some("running")]).times(9999));
                let mut poller = tenant.start() $($wait)* .unwrap();
                let error = poller.until_done() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), OperationPollErrorKind::TimeLimit { .. }));
                assert!(error.is_timeout() && !error.is_throttled() && error.retry_at().is_none());
            }

            #[$test]
            $($asynch)* fn a_chain_of_causes_comes_to_the_http_client() {
                let error = contoso(builder(&closed())).start() $($wait)* .unwrap_err();
                assert!(matches!(error.kind(), StartErrorKind::Unreachable(_)), "{error}");
                assert!(has::<io::Error>(&error), "{:?}", chain(&error));
                let error = contoso(builder(&closed())).operations() $($wait)* .unwrap_err();
                assert!(has::<io::Error>(&error), "{:?}", chain(&error));

                let emulator = emulator();
                emulator.script(Fault::on(On::Start).lose(Lose::Answer));
                let error = at(&emulator).start() $($wait)* .unwrap_err();
                assert!(has::<$http>(&error), "{:?}", chain(&error));
                emulator.script(Fault::on(On::Validate).lose(Lose::Answer));
                let error = at(&emulator).validate("c1") $($wait)* .unwrap_err();
                assert!(has::<$http>(&error), "{:?}", chain(&error));
                emulator.script(Fault::on(On::Operations).lose(Lose::Answer).times(9));
                let error = at(&emulator).operations() $($wait)* .unwrap_err();
                assert!(has::<$http>(&error), "{:?}", chain(&error));
            }

            #[$test]
            $($asynch)* fn handles_and_errors_show_themselves_in_a_few_lines() {
                let emulator = emulator();
                let client = builder(&emulator.base_url()).build().unwrap();
                let tenant = client.tenant("contoso").unwrap();
                brief(&builder(&emulator.base_url()));
                brief(&client);
                brief(&tenant);
                brief(&FixedToken::new(TOKEN).unwrap());
                let mut poller = tenant.start() $($wait)* .unwrap();
                brief(&poller);
                assert!(format!("{:?}", poller).contains(poller.url().operation_id()));
                poller.until_done() $($wait)* .unwrap();
                brief(&poller);
                brief(poller.accepted().unwrap());
                let mut run = poller.follow() $($wait)* .unwrap().unwrap();
                brief(&run);
                run.until_done() $($wait)* .unwrap();
                brief(&run);

                let long = "y".repeat(60_000);
                let body = format!(r#"{{"error":{{"code":"{long}","message":"{long} {TOKEN}"}}}}"#);
                for on in [On::Start, On::Operations, On::Validate] {
                    emulator.script(Fault::on(on).status(400).content_type("application/json").body(body.clone()));
                }
                brief(&tenant.start() $($wait)* .unwrap_err());
                brief(&tenant.operations() $($wait)* .unwrap_err());
                brief(&tenant.validate("c1") $($wait)* .unwrap_err());
                emulator.script(Fault::on(On::Start).lose(Lose::Answer));
                let error = tenant.start() $($wait)* .unwrap_err();
                brief(&error);
                let shown = format!("{error:?}");
                assert!(shown.contains("AnswerLost") && shown.contains("in doubt"), "{shown}");
                let nowhere = contoso(builder(&closed()));
                brief(&nowhere.start() $($wait)* .unwrap_err());
                brief(&nowhere.operations() $($wait)* .unwrap_err());
            }

            #[$test]
            $($asynch)* fn a_poller_shows_the_pause_before_its_first_poll() {
                let emulator = emulator();
                let tenant = at(&emulator);
                let mut poller = tenant.start() $($wait)* .unwrap();
                // It is shown as often as it is asked for, and is no progress.
                for _ in 0..2 {
                    let pause = poller.pause().unwrap();
                    assert_eq!((pause.polls(), pause.operation().is_some()), (0, false));
                    assert!(pause.next_poll_in() >= Duration::from_millis(10), "{pause:?}");
                }
                let progress = poller.progress() $($wait)* .unwrap().unwrap();
                assert_eq!(progress.polls(), 1);
                assert_eq!(poller.pause().unwrap().polls(), 1);
                // A poll that another process resumes is due at once.
                assert!(tenant.resume(poller.resume_token()).unwrap().pause().is_none());
                poller.until_done() $($wait)* .unwrap();
                assert!(poller.pause().is_none());
            }
        }
    };
}

handles!(blocking, industrydata_blocking, hyper::Error, #[test], [], []);
handles!(asynchronous, industrydata_async, reqwest::Error, #[tokio::test], [async], [.await]);

/// Whether a client with these tokens starts a run.
fn starts_blocking<K>(tokens: impl industrydata_blocking::IntoTokenSource<K>, emulator: &Emulator) {
    let client = industrydata_blocking::Client::builder(tokens, Ledger::memory());
    let client = client.base(emulator.base_url()).build().unwrap();
    let started = client.tenant("contoso").unwrap().start();
    drop(started.unwrap());
}

#[test]
fn closures_are_token_sources() {
    let emulator = emulator();
    let text = TOKEN.to_owned();
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    starts_blocking(|| AccessToken::new(TOKEN), &emulator);
    starts_blocking(
        move || {
            counted.fetch_add(1, Ordering::Relaxed);
            AccessToken::new(&text)
        },
        &emulator,
    );
    assert_eq!(calls.load(Ordering::Relaxed), 1);
    starts_blocking(
        |tenant: &Tenant, challenge: Option<&Challenge>| {
            assert!(tenant.as_str() == "contoso" && challenge.is_none());
            AccessToken::new(TOKEN)
        },
        &emulator,
    );
    let boxed: Box<dyn industrydata_blocking::TokenSource> =
        Box::new(industrydata_blocking::FixedToken::new(TOKEN).unwrap());
    starts_blocking(boxed, &emulator);
    let fails = || Err(TokenError::unavailable("the vault is closed"));
    let client = industrydata_blocking::Client::builder(fails, Ledger::memory());
    let client = client.base(emulator.base_url()).build().unwrap();
    let error = client.tenant("contoso").unwrap().start().unwrap_err();
    assert!(error.to_string().contains("the vault is closed"), "{error}");
}

async fn starts<K>(tokens: impl industrydata_async::IntoTokenSource<K>, emulator: &Emulator) {
    let client = industrydata_async::Client::builder(tokens, Ledger::memory());
    let client = client.base(emulator.base_url()).build().unwrap();
    let contoso = client.tenant("contoso").unwrap();
    // A task: the future of the token can be sent to another thread.
    tokio::spawn(async move { drop(contoso.start().await.unwrap()) })
        .await
        .unwrap();
}

/// A source elsewhere.
async fn vault(text: &str) -> Result<AccessToken, TokenError> {
    tokio::task::yield_now().await;
    AccessToken::new(text)
}

async fn with_arguments(
    _: &Tenant,
    challenge: Option<&Challenge>,
) -> Result<AccessToken, TokenError> {
    assert!(challenge.is_none());
    vault(TOKEN).await
}

#[tokio::test(flavor = "multi_thread")]
async fn async_closures_are_token_sources() {
    let emulator = emulator();
    let text = Arc::new(TOKEN.to_owned());
    starts(async || AccessToken::new(TOKEN), &emulator).await;
    let held = Arc::clone(&text);
    starts(async move || vault(&held).await, &emulator).await;
    let held = Arc::clone(&text);
    let shares = move || {
        let held = Arc::clone(&held);
        async move { vault(&held).await }
    };
    starts(shares, &emulator).await;
    starts(with_arguments, &emulator).await;
    let emulator = self::emulator();
    starts(
        async move |tenant: &Tenant, _: Option<&Challenge>| {
            assert_eq!(tenant.as_str(), "contoso");
            vault(&text).await
        },
        &emulator,
    )
    .await;
    let boxed: Box<dyn industrydata_async::TokenSource> =
        Box::new(industrydata_async::FixedToken::new(TOKEN).unwrap());
    starts(boxed, &emulator).await;
}

/// The chain has the error with which a source fails.
#[tokio::test]
async fn the_error_of_a_token_source_is_in_the_chain() {
    let fails = async || {
        Err(TokenError::unavailable(io::Error::other(
            "the vault is closed",
        )))
    };
    let client = industrydata_async::Client::builder(fails, Ledger::memory());
    let client = client.base(emulator().base_url()).build().unwrap();
    let error = client.tenant("contoso").unwrap().start().await.unwrap_err();
    assert!(has::<io::Error>(&error), "{:?}", chain(&error));
}

/// Time that the caller has paused jumps over pauses, and not over requests, tokens and ledgers.
#[tokio::test(start_paused = true)]
async fn a_paused_time_of_tokio_jumps_over_pauses_alone() {
    use industrydata_async::{Client, FixedToken};

    let emulator = Emulator::start(Config {
        speed: 1000.0,
        ..Config::default()
    })
    .unwrap();
    // An answer that takes a while, beside a timer of the caller that would pass.
    emulator.script(Fault::on(On::Start).delay(Duration::from_millis(300)));
    let began = (tokio::time::Instant::now(), std::time::Instant::now());
    let client = Client::builder(FixedToken::new(TOKEN).unwrap(), Ledger::memory())
        .base(emulator.base_url())
        .build()
        .unwrap();
    let contoso = client.tenant("contoso").unwrap();
    let hour = Duration::from_secs(3600);
    let mut poller = tokio::time::timeout(hour, contoso.start())
        .await
        .expect("the caller's timer")
        .unwrap();
    assert_eq!(began.0.elapsed(), Duration::ZERO, "no time passed");
    let operation = poller.until_done().await.unwrap();
    assert_eq!(operation.status().as_str(), "succeeded");
    // The first poll comes after five seconds.
    assert!(began.0.elapsed() >= Duration::from_secs(5));
    assert!(began.1.elapsed() < Duration::from_secs(5));
}

/// A limit is that of the caller's time for a whole call, and real time for a request.
#[tokio::test(start_paused = true)]
async fn limits_hold_in_a_paused_time() {
    use industrydata_async::{Client, FixedToken};

    let client = |emulator: &Emulator| {
        Client::builder(FixedToken::new(TOKEN).unwrap(), Ledger::memory())
            .base(emulator.base_url())
            .with(|it| {
                it.request_limit(Duration::from_millis(400))
                    .time_limit(Duration::from_secs(3600))
            })
            .build()
            .unwrap()
    };
    let began = std::time::Instant::now();
    // Its operation takes two minutes of real time, which do not pass here.
    let emulator = Emulator::start(Config::default()).unwrap();
    let contoso = client(&emulator).tenant("contoso").unwrap();
    let mut poller = contoso.start().await.unwrap();
    let virtually = tokio::time::Instant::now();
    let error = poller.until_done().await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
    let hour = virtually.elapsed();
    assert!(
        hour > Duration::from_secs(3500) && hour < Duration::from_secs(3700),
        "{hour:?}"
    );

    emulator.script(Fault::on(On::Start).stall());
    let error = contoso.start().await.unwrap_err();
    assert!(error.is_timeout() && error.is_in_doubt(), "{error}");

    // A token source that sleeps is jumped over, and one that never ends meets a limit.
    let slow = async || {
        tokio::time::sleep(Duration::from_secs(30)).await;
        AccessToken::new(TOKEN)
    };
    let slow = Client::builder(slow, Ledger::memory()).base(emulator.base_url());
    let slow = slow.build().unwrap().tenant("contoso").unwrap();
    drop(slow.start().await.unwrap());

    // So do the other sources: a command, and an exchange with an endpoint that takes its time.
    let command = industrydata_async::CommandToken::shell("sleep 0.3; echo emulator-token");
    let command = Client::builder(command, Ledger::memory()).base(emulator.base_url());
    let command = command.build().unwrap().tenant("contoso").unwrap();
    command.preflight().await.unwrap();
    let credentials = ClientCredentials::new(emulator.client_id(), emulator.client_secret())
        .authority(emulator.authority_url())
        .unwrap();
    emulator.script(Fault::on(On::Token).delay(Duration::from_millis(300)));
    let tokens = industrydata_async::CredentialsToken::new(credentials).unwrap();
    let tokens = Client::builder(tokens, Ledger::memory()).base(emulator.base_url());
    let tokens = tokens.build().unwrap().tenant("contoso").unwrap();
    tokens.preflight().await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(20),
        "{:?}",
        began.elapsed()
    );
}

/// The emulated service as a program under test holds it: no token, secret or identity header is shown.
#[test]
fn the_emulator_shows_no_secret() {
    const CANARY: &str = "canary-5f1d";
    let config = Config {
        tokens: vec![Grant::all(format!("{CANARY}-token"))],
        client: industrydata_emulator::Client {
            secret: format!("{CANARY}-secret"),
            ..industrydata_emulator::Client::default()
        },
        ..Config::default()
    };
    let emulator = Emulator::start(config.clone()).unwrap();
    let header = emulator.identity_header();
    emulator.script(Fault::on(On::Start).status(503));
    let service = emulator.with_service(|service| format!("{service:#?}"));
    let shown = [
        format!("{config:#?}"),
        format!("{:#?}", config.tokens),
        format!("{:#?}", config.client),
        format!("{emulator:#?}"),
        service,
    ];
    for text in shown {
        assert!(!text.contains(CANARY) && !text.contains(&header), "{text}");
        assert!(text.contains(char::is_alphabetic));
    }
    brief(&emulator);
}
