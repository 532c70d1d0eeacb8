//! What the libraries and the crates below them write to a logger that takes everything.

use std::{
    fmt::Write,
    sync::{Mutex, Once},
};

use industrydata_async as asynchronous;
use industrydata_blocking as blocking;
use industrydata_core::{auth::ClientCredentials, lro::Settings, policy::PollingPolicy};
use industrydata_ledger::Ledger;
use log::{LevelFilter, Log, Metadata, Record};

use crate::{
    network::{BASE, Inspector, Leaf, Tunnel},
    stage::CANARY,
};

/// The secrets of a run: the token, the application's, the proxy's in three spellings, and the query of the operation.
const SECRETS: [&str; 6] = [
    CANARY,
    "canary-secret",
    "canary-p%40ss",
    "canary-p@ss",
    "dXNlcjpjYW5hcnktcEBzcw",
    "canary-query",
];

/// Keeps every record: its text, and the bytes that it dumps.
struct Capture(Mutex<(String, Vec<u8>)>);

static CAPTURE: Capture = Capture(Mutex::new((String::new(), Vec::new())));

impl Log for Capture {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let line = format!("{}", record.args());
        let mut kept = self.0.lock().unwrap();
        // A dump has bytes in hexadecimal first, in groups, and in characters then.
        let digits: String = line
            .split(' ')
            .take_while(|group| {
                group.len() == 4 && group.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
            })
            .collect();
        let bytes = digits.as_bytes().chunks(2);
        kept.1.extend(
            bytes.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()),
        );
        writeln!(kept.0, "{} {} {line}", record.target(), record.level()).unwrap();
    }

    fn flush(&self) {}
}

/// The secrets that were logged since the last call, and how many lines there were.
fn logged() -> (Vec<&'static str>, usize) {
    let (text, bytes) = std::mem::take(&mut *CAPTURE.0.lock().unwrap());
    let dumped = String::from_utf8_lossy(&bytes).into_owned();
    let is_logged = |secret: &&str| text.contains(*secret) || dumped.contains(*secret);
    let found = SECRETS.into_iter().filter(is_logged).collect();
    (found, text.lines().count())
}

fn begin() {
    static LOGGER: Once = Once::new();
    LOGGER.call_once(|| log::set_logger(&CAPTURE).unwrap());
    log::set_max_level(LevelFilter::Trace);
    // As in `main`. An error means that another test has done it.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn credentials() -> ClientCredentials {
    let credentials = ClientCredentials::new("app", "canary-secret").directory("contoso");
    credentials.authority("https://login.invalid").unwrap()
}

fn settings() -> Settings {
    let polling = PollingPolicy::every(std::time::Duration::from_millis(10));
    Settings::default()
        .base(BASE.parse().unwrap())
        .polling(polling)
}

/// One test, because the logger belongs to the process.
#[test]
fn no_secret_is_logged_at_any_level() {
    begin();
    let proxy = Inspector::start(Leaf::Valid, Tunnel::Opened);
    let url = proxy.url();

    let config = || {
        let root = ureq::tls::Certificate::from_pem(proxy.authority.as_bytes()).unwrap();
        let tls = ureq::tls::TlsConfig::builder()
            .root_certs(ureq::tls::RootCerts::new_with_certs(&[root]));
        let config = ureq::Agent::config_builder().tls_config(tls.build());
        config.proxy(Some(ureq::Proxy::new(&url).unwrap()))
    };
    // The check finds what is logged: ureq itself logs all of it but the secret of the proxy.
    let answer = config()
        .build()
        .new_agent()
        .get(format!("{BASE}/x?sig=canary-query"));
    drop(
        answer
            .header("authorization", format!("Bearer {CANARY}"))
            .call(),
    );
    assert_eq!(logged().0, [CANARY, "canary-query"]);

    let tokens = blocking::CredentialsToken::with_config(credentials(), config()).unwrap();
    let client = blocking::Client::builder(tokens, Ledger::memory());
    let client = client
        .settings(settings())
        .config(config())
        .build()
        .unwrap();
    let mut poller = client.tenant("contoso").unwrap().start().unwrap();
    assert_eq!(poller.until_done().unwrap().status().as_str(), "succeeded");
    drop((poller, client));
    let (found, lines) = logged();
    assert_eq!(found, [""; 0], "blocking");
    assert!(lines > 10, "nothing was captured");

    let config = || {
        let root = reqwest::Certificate::from_pem(proxy.authority.as_bytes()).unwrap();
        let config = reqwest::ClientBuilder::new().tls_certs_only([root]);
        config
            .proxy(reqwest::Proxy::all(&url).unwrap())
            .connection_verbose(true)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        // Its log of every byte is what the client turns off.
        let request = config()
            .build()
            .unwrap()
            .get(format!("{BASE}/x?sig=canary-query"));
        drop(request.bearer_auth(CANARY).send().await.unwrap());
        let (found, _) = logged();
        assert_eq!(found, [CANARY, "canary-query"]);

        let tokens = asynchronous::CredentialsToken::with_config(credentials(), config()).unwrap();
        let client = asynchronous::Client::builder(tokens, Ledger::memory());
        let client = client
            .settings(settings())
            .config(config())
            .build()
            .unwrap();
        let mut poller = client.tenant("contoso").unwrap().start().await.unwrap();
        assert_eq!(
            poller.until_done().await.unwrap().status().as_str(),
            "succeeded"
        );
    });
    drop(runtime);
    let (found, lines) = logged();
    assert_eq!(found, [""; 0], "async");
    assert!(lines > 10, "nothing was captured");
}
