//! Time limits, released slots and tokens in use while a call waits for something other than its response.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use conformance::Deaf;
use industrydata_async as nonblocking;
use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::Challenge;
use industrydata_core::auth::TokenError;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::Settings;
use industrydata_core::lro::StartErrorKind;
use industrydata_ledger::Ledger;
use nonblocking::{TokenFuture, TokenSource};

fn token(name: &str) -> AccessToken {
    AccessToken::new(name).unwrap()
}

/// A token source that returns a token due for renewal, then fails or hangs.
struct Failing {
    calls: Arc<AtomicU32>,
    hangs: bool,
}

impl TokenSource for Failing {
    fn token<'a>(&'a self, _: &'a Tenant, _: Option<&'a Challenge>) -> TokenFuture<'a> {
        TokenFuture::new(async {
            if self.calls.fetch_add(1, Ordering::SeqCst) == 0 {
                let now = Timestamp::now();
                let life = Duration::from_secs(3600);
                let (began, ends) = (now - life, now + Duration::from_secs(90));
                return Ok(token("canary+kept/token.c2ln==").with_life(began, ends));
            }
            if self.hangs {
                std::future::pending::<()>().await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
            Err(TokenError::unavailable("the authority is down"))
        })
    }
}

/// The base URL of a server that accepts every start after this time.
fn accepting(after: Duration) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/beta", listener.local_addr().unwrap());
    let own = base.clone();
    thread::spawn(move || {
        for stream in listener.incoming().take(64) {
            let (mut stream, base) = (stream.unwrap(), own.clone());
            thread::spawn(move || {
                let mut buffer = [0; 4096];
                while stream.read(&mut buffer).is_ok_and(|read| read > 0) {
                    thread::sleep(after);
                    let head = format!(
                        "HTTP/1.1 202 Accepted\r\nlocation: {base}/external/industryData/operations/a\r\ncontent-length: 0\r\n\r\n"
                    );
                    if stream.write_all(head.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    base
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_valid_token_stays_in_use_when_its_renewal_fails_or_hangs() {
    for hangs in [false, true] {
        let tokens = Failing {
            calls: Arc::default(),
            hangs,
        };
        let client = nonblocking::Client::builder(tokens, Ledger::memory())
            .settings(
                Settings::default()
                    .base(accepting(Duration::ZERO).parse().unwrap())
                    .time_limit(Duration::from_secs(if hangs { 4 } else { 60 })),
            )
            .build()
            .unwrap();
        drop(client.tenant("a").unwrap().start().await.unwrap());
        let again = || {
            let client = client.clone();
            tokio::spawn(async move { client.tenant("a").unwrap().start().await.map(drop) })
        };
        let both = [again(), again()];
        for start in both {
            let outcome = start.await.unwrap();
            if hangs {
                // The time limit passes while the source hangs, before anything is sent.
                assert!(
                    matches!(outcome, Err(error) if error.may_have_started() == MayHaveStarted::No)
                );
            } else {
                outcome.unwrap();
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_while_connecting_starts_nothing() {
    let Some(deaf) = Deaf::start() else {
        println!("not run: this system has no full backlog");
        return;
    };
    let tokens = nonblocking::FixedToken::from(token("canary+fixed/token.c2ln=="));
    let ledger = Ledger::memory();
    let client = nonblocking::Client::builder(tokens, ledger)
        .settings(
            Settings::default().base(format!("http://{}/beta", deaf.address()).parse().unwrap()),
        )
        .build()
        .unwrap();
    let stop = client.stop_handle();
    thread::spawn(move || {
        thread::sleep(Duration::from_millis(400));
        stop.stop();
    });
    let error = client.tenant("a").unwrap().start().await.unwrap_err();
    assert_eq!(error.may_have_started(), MayHaveStarted::No, "{error:?}");
    assert_eq!(client.tenant("a").unwrap().quota().await.unwrap().used(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timeout_of_the_callers_http_client_while_connecting_leaves_no_start_in_doubt() {
    let Some(deaf) = Deaf::start() else {
        println!("not run: this system has no full backlog");
        return;
    };
    let tokens = nonblocking::FixedToken::from(token("canary+fixed/token.c2ln=="));
    let own = reqwest::ClientBuilder::new()
        .timeout(Duration::from_millis(300))
        .read_timeout(Duration::from_millis(300));
    let client = nonblocking::Client::builder(tokens, Ledger::memory())
        .settings(
            Settings::default()
                .base(format!("http://{}/beta", deaf.address()).parse().unwrap())
                .request_limit(Duration::from_secs(1)),
        )
        .config(own)
        .build()
        .unwrap();
    let error = client.tenant("a").unwrap().start().await.unwrap_err();
    assert!(
        matches!(error.kind(), StartErrorKind::Unreachable(_)),
        "{error:?}"
    );
}

/// The base URL of a server that accepts every start, and the values of `Host` that it was sent.
fn heard() -> (String, mpsc::Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}/beta", listener.local_addr().unwrap());
    let (own, (send, heard)) = (base.clone(), mpsc::channel());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (mut reader, mut writer) = (BufReader::new(&stream), &stream);
            let mut hosts = Vec::new();
            let mut line = String::new();
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                let field = line
                    .split_once(':')
                    .filter(|it| it.0.eq_ignore_ascii_case("host"));
                hosts.extend(field.map(|(_, value)| value.trim().to_owned()));
                line.clear();
            }
            let answer = format!(
                "HTTP/1.1 202 Accepted\r\nlocation: {own}/external/industryData/operations/a\r\ncontent-length: 0\r\n\
                 connection: close\r\n\r\n"
            );
            writer.write_all(answer.as_bytes()).unwrap();
            let _ = send.send(hosts);
        }
    });
    (base, heard)
}

/// A gateway may be reached under another name than that of the service it stands for.
#[tokio::test]
async fn the_callers_http_client_may_have_its_own_host() {
    let (base, heard) = heard();
    let authority = base.split('/').nth(2).unwrap().to_owned();
    let own = || reqwest::ClientBuilder::new();
    let named = |name: &'static str| {
        let fields = [(http::header::HOST, http::HeaderValue::from_static(name))];
        own().default_headers(fields.into_iter().collect())
    };
    for (config, host) in [
        (None, authority.as_str()),
        (Some(own()), &authority),
        (
            Some(named("graph.gateway.example")),
            "graph.gateway.example",
        ),
        (Some(named("127.0.0.1:1")), "127.0.0.1:1"),
    ] {
        let tokens = nonblocking::FixedToken::from(token("canary+fixed/token.c2ln=="));
        let mut builder = nonblocking::Client::builder(tokens, Ledger::memory()).base(&base);
        if let Some(config) = config {
            builder = builder.config(config);
        }
        let client = builder.build().unwrap();
        drop(client.tenant("a").unwrap().start().await.unwrap());
        assert_eq!(heard.recv().unwrap(), [host], "one, whichever it is");
    }
}

#[test]
fn waiting_for_a_pooled_connection_ends_at_the_time_limit() {
    let base = accepting(Duration::from_secs(4));
    let fixed = || industrydata_blocking::FixedToken::from(token("canary+fixed/token.c2ln=="));
    let client = industrydata_blocking::Client::builder(fixed(), Ledger::memory())
        .settings(Settings::default().base(base.parse().unwrap()))
        .connections(1)
        .build()
        .unwrap();
    let first = client.clone();
    let first = thread::spawn(move || first.tenant("a").unwrap().start().map(drop));
    thread::sleep(Duration::from_millis(500));
    let began = Instant::now();
    let limited = client
        .tenant("b")
        .unwrap()
        .with(|session| session.time_limit(Duration::from_secs(1)));
    let error = limited.start().unwrap_err();
    assert_eq!(error.may_have_started(), MayHaveStarted::No, "{error:?}");
    assert!(
        began.elapsed() < Duration::from_secs(3),
        "{:?}",
        began.elapsed()
    );
    assert_eq!(client.tenant("b").unwrap().quota().unwrap().used(), 0);
    first.join().unwrap().unwrap();
}

#[test]
fn a_panic_in_the_token_source_releases_the_slot() {
    let panics = |_: &Tenant, _: Option<&Challenge>| -> Result<AccessToken, TokenError> {
        panic!("on purpose")
    };
    let ledger = Ledger::memory();
    let client = industrydata_blocking::Client::builder(panics, ledger)
        .settings(Settings::default().base(accepting(Duration::ZERO).parse().unwrap()))
        .build()
        .unwrap();
    let caught = {
        let client = client.clone();
        thread::spawn(move || client.tenant("a").unwrap().start().map(drop)).join()
    };
    assert!(caught.is_err());
    assert_eq!(client.tenant("a").unwrap().quota().unwrap().used(), 0);
}

#[test]
fn extreme_time_limits_do_not_panic() {
    for limit in [Duration::ZERO, Duration::from_nanos(1), Duration::MAX] {
        let fixed = industrydata_blocking::FixedToken::from(token("canary+fixed/token.c2ln=="));
        let client = industrydata_blocking::Client::builder(fixed, Ledger::memory())
            .settings(
                Settings::default()
                    .base(accepting(Duration::ZERO).parse().unwrap())
                    .request_limit(limit)
                    .time_limit(limit),
            )
            .build()
            .unwrap();
        let outcome = client.tenant("a").unwrap().start();
        assert_eq!(outcome.is_ok(), limit == Duration::MAX, "{outcome:?}");
    }
}
