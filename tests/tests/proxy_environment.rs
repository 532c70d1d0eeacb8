//! A proxy in the environment receives no loopback requests, and authorities that cannot be read do not matter for them. Each
//! flavour runs in a new process, because the environment belongs to the process.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test panics on failure"
)]

use std::{env, process::Command};

use conformance::{Do, Flavour, Scenario, Server, accepted, check, status};
use industrydata_emulator::{Config, Emulator};
use industrydata_ledger::Ledger;

/// The environment variables that name a proxy.
const NAMES: [&str; 6] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Those that name the trusted authorities.
const AUTHORITIES: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

#[test]
fn the_blocking_client_does_not_use_the_proxy() {
    sends_nothing("run_blocking");
}

#[test]
fn the_async_client_does_not_use_the_proxy() {
    sends_nothing("run_async");
}

#[test]
#[ignore = "run by other tests, in a process with a proxy in its environment"]
fn run_blocking() {
    run(Flavour::Blocking);
}

#[test]
#[ignore = "run by other tests, in a process with a proxy in its environment"]
fn run_async() {
    run(Flavour::Async);
}

#[test]
fn no_authority_is_read_for_loopback() {
    let mut child = child("run_without_authorities");
    passes(child.envs(AUTHORITIES.map(|name| (name, "/none"))));
}

#[test]
#[ignore = "run by other tests, in a process without authorities"]
fn run_without_authorities() {
    let is_none = |name: &str| env::var(name).is_ok_and(|value| value == "/none");
    assert!(
        AUTHORITIES.into_iter().all(is_none),
        "this test needs the environment that its parent test sets"
    );
    let emulator = Emulator::start(Config::default()).unwrap();
    let base = emulator.base_url();
    {
        use industrydata_blocking::{Client, FixedToken};
        let client = |base: &str| {
            let tokens = FixedToken::new(emulator.token()).unwrap();
            Client::builder(tokens, Ledger::memory()).base(base)
        };
        let own = ureq::Agent::config_builder();
        for client in [client(&base), client(&base).config(own)] {
            let contoso = client.build().unwrap().tenant("contoso").unwrap();
            contoso.runs().unwrap();
        }
        // With TLS they are read.
        assert!(client("https://graph.invalid/beta").build().is_err());
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        use industrydata_async::{Client, FixedToken};
        let client = |base: &str| {
            let tokens = FixedToken::new(emulator.token()).unwrap();
            Client::builder(tokens, Ledger::memory()).base(base)
        };
        let own = reqwest::Client::builder();
        for client in [client(&base), client(&base).config(own)] {
            let contoso = client.build().unwrap().tenant("contoso").unwrap();
            contoso.runs().await.unwrap();
        }
        assert!(client("https://graph.invalid/beta").build().is_err());
    });
}

/// This program as another process, which runs one of its ignored tests.
fn child(test: &str) -> Command {
    let mut child = Command::new(env::current_exe().unwrap());
    child.args(["--ignored", "--exact", "--nocapture", test]);
    child
}

fn passes(child: &mut Command) {
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
    assert!(!text.contains(conformance::CANARY), "{text}");
}

fn sends_nothing(test: &str) {
    let proxy = Server::silent();
    let mut child = child(test);
    child.env("CONFORMANCE_PROXY", proxy.address().to_string());
    for name in NAMES {
        child.env(name, format!("http://user:password@{}", proxy.address()));
    }
    for name in ["NO_PROXY", "no_proxy"] {
        child.env_remove(name);
    }
    passes(&mut child);
    assert_eq!(proxy.seen().connections.len(), 0);
}

/// Plays a run in this process, whose environment must name a proxy.
fn run(flavour: Flavour) {
    let proxy = env::var("CONFORMANCE_PROXY").unwrap_or_default();
    assert!(
        env::var("HTTP_PROXY").is_ok_and(|value| value.contains(&proxy)),
        "this test needs the environment that its parent test sets"
    );
    for address in [conformance::Address::Ip, conformance::Address::Localhost] {
        let scenario = Scenario::new("a proxy in the environment", "I1")
            .address(address)
            .turn(conformance::located("../operations/a-1"))
            .turn(status("running"))
            .turn(status("succeeded"))
            .turn(accepted())
            .step(Do::Run, "succeeded")
            .wire("PGG")
            .ledger(1, 0);
        check(&scenario, flavour).unwrap();
    }
}
