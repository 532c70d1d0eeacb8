//! The listener on real sockets.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

use industrydata_emulator::{Clock, Config, Emulator};
use jiff::Timestamp;

use crate::socket::{RUNS, START, closing, connect, control, emulator, exchange, post};

#[test]
fn a_start_returns_a_location_to_poll() {
    let emulator = emulator();
    let answer = exchange(&emulator, &closing(START));
    assert!(answer.starts_with("HTTP/1.1 202 Accepted\r\n"), "{answer}");
    let location = answer
        .lines()
        .find_map(|line| line.strip_prefix("location: "))
        .unwrap();
    assert!(location.starts_with(&format!(
        "{}/external/industryData/operations/",
        emulator.base_url()
    )));
    assert!(answer.contains("content-length: 0\r\n"));
    assert!(answer.ends_with("\r\n\r\n"));
    assert_eq!(answer.matches("date: ").count(), 1);
    let path = location.strip_prefix(emulator.authority_url()).unwrap();
    let poll = RUNS.replace("/beta/external/industryData/runs", path);
    assert!(exchange(&emulator, &poll).contains(r#""status":"notStarted""#));
}

#[test]
fn a_connection_serves_many_requests() {
    let emulator = emulator();
    let mut stream = connect(&emulator);
    for _ in 0..3 {
        stream.write_all(START.as_bytes()).unwrap();
        let mut answer = Vec::new();
        while !answer.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            answer.extend(byte);
        }
    }
    assert_eq!(
        emulator.with_service(|service| service.accepted_starts().len()),
        3
    );
}

#[test]
fn a_missing_length_gets_411_and_a_long_body_413() {
    let emulator = emulator();
    let answer = exchange(
        &emulator,
        &closing(&START.replace("Content-Length: 0\r\n", "")),
    );
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
    assert!(answer.contains("<h2>Length Required</h2>"));
    for authorization in [
        "",
        "Authorization: Bearer other\r\n",
        "Authorization: ?\r\n",
    ] {
        let request = START
            .replace("Content-Length: 0\r\n", "")
            .replace("Authorization: Bearer emulator-token\r\n", authorization);
        let answer = exchange(&emulator, &closing(&request));
        assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
        let request = request.replace("Host: h", "Host: h\r\nContent-Length: 0");
        let answer = exchange(&emulator, &closing(&request));
        assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    }
    let elsewhere = "POST /beta/external/industryData/runs HTTP/1.1\r\nHost: h\r\n\r\n";
    let answer = exchange(&emulator, &closing(elsewhere));
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
    let chunked =
        START.replace("Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n";
    assert!(exchange(&emulator, &closing(&chunked)).starts_with("HTTP/1.1 202 "));
    let long = "x".repeat(64 * 1024 + 1);
    let answer = exchange(&emulator, &control("faults", &long));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

/// The status of a control request with these headers.
fn status(emulator: &Emulator, line: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    let request = format!(
        "{line} HTTP/1.1\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    exchange(emulator, &request)[9..12].to_owned()
}

#[test]
fn control_paths_serve_loopback_names_only() {
    let emulator = emulator();
    let state = "GET /_emulator/state";
    for (host, expected) in [
        ("localhost", "200"),
        ("LOCALHOST:8085", "200"),
        ("127.0.0.1:8085", "200"),
        ("127.9.8.7", "200"),
        ("[::1]", "200"),
        ("[::1]:8085", "200"),
        ("evil.example", "403"),
        ("evil.example:8085", "403"),
        ("localhost.evil.example", "403"),
        ("127.0.0.1.evil.example", "403"),
        ("localhost@evil.example", "403"),
        ("evil.example@localhost", "403"),
        ("localhost:port", "403"),
        ("192.168.0.1", "403"),
        ("0.0.0.0", "403"),
        ("[::]", "403"),
        ("[::1", "403"),
        ("", "403"),
    ] {
        let headers = format!("Host: {host}\r\n");
        assert_eq!(status(&emulator, state, &headers, ""), expected, "{host}");
    }
    assert_eq!(status(&emulator, state, "", ""), "403");
    let two = "Host: localhost\r\nHost: evil.example\r\n";
    assert_eq!(status(&emulator, state, two, ""), "403");
    let absolute = "GET http://evil.example/_emulator/state";
    assert_eq!(
        status(&emulator, absolute, "Host: localhost\r\n", ""),
        "403"
    );
}

#[test]
fn control_paths_refuse_foreign_origins() {
    let emulator = emulator();
    for (origin, expected) in [
        ("http://localhost:8085", "200"),
        ("http://evil.example", "403"),
        ("http://localhost:8086", "403"),
        ("http://localhost", "403"),
        ("https://localhost:8085", "403"),
        ("http://localhost:8085/", "403"),
        ("null", "403"),
        ("", "403"),
    ] {
        let headers = format!("Host: localhost:8085\r\nOrigin: {origin}\r\n");
        for line in [
            "GET /_emulator/state",
            "POST /_emulator/revoke",
            "POST /_emulator/rotate",
        ] {
            let actual = status(&emulator, line, &headers, "");
            assert_eq!(actual, expected, "{line} {origin}");
        }
    }
}

#[test]
fn control_bodies_are_json_by_their_type() {
    let emulator = emulator();
    for (content_type, expected) in [
        ("Content-Type: application/json\r\n", "200"),
        (
            "content-type: Application/JSON ; charset=\"utf-8\"\r\n",
            "200",
        ),
        ("Content-Type: text/plain\r\n", "403"),
        ("Content-Type: text/plain;application/json\r\n", "403"),
        ("Content-Type: application/jsonp\r\n", "403"),
        ("Content-Type: application/x-www-form-urlencoded\r\n", "403"),
        (
            "Content-Type: application/json\r\nContent-Type: text/plain\r\n",
            "403",
        ),
        ("", "403"),
    ] {
        let headers = format!("Host: localhost\r\n{content_type}");
        let line = "POST /_emulator/advance";
        let actual = status(&emulator, line, &headers, r#"{"seconds":1}"#);
        assert_eq!(actual, expected, "{content_type}");
    }
    let plain = "Host: localhost\r\nContent-Type: text/plain\r\n";
    let revoke = "POST /_emulator/revoke";
    assert_eq!(status(&emulator, revoke, plain, ""), "403");
    assert!(exchange(&emulator, RUNS).starts_with("HTTP/1.1 200 "));
    assert_eq!(status(&emulator, revoke, "Host: localhost\r\n", ""), "200");
    assert!(exchange(&emulator, RUNS).starts_with("HTTP/1.1 401 "));
}

#[test]
fn the_clock_advances_by_method_and_by_control_path() {
    let begin: Timestamp = "2026-01-15T08:00:00Z".parse().unwrap();
    let emulator = Emulator::start_with(Config::default(), Clock::frozen(begin)).unwrap();
    emulator.advance(Duration::from_secs(36_000));
    assert_eq!(
        emulator.with_service(|service| service.runs().len()),
        1,
        "the run scheduled for 18:00"
    );
    exchange(&emulator, &control("advance", r#"{"by":"12h"}"#));
    assert_eq!(emulator.now(), begin + Duration::from_secs(22 * 3600));
    let answer = exchange(&emulator, RUNS);
    assert!(
        answer.contains("date: Fri, 16 Jan 2026 06:00:00 GMT\r\n"),
        "{answer}"
    );
    assert_eq!(answer.matches(r#""id":"#).count(), 2);
}

#[test]
fn the_token_endpoint_issues_a_valid_token() {
    let emulator = emulator();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&scope=https://h/.default",
        emulator.client_id(),
        emulator.client_secret()
    );
    let request = post("/contoso/oauth2/v2.0/token", &form).replace(
        "Host: h",
        "Host: h\r\nContent-Type: application/x-www-form-urlencoded",
    );
    let answer = exchange(&emulator, &request);
    let body: serde_json::Value =
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let token = body["access_token"].as_str().unwrap();
    assert!(
        exchange(&emulator, &RUNS.replace("emulator-token", token)).starts_with("HTTP/1.1 200 ")
    );
    assert_eq!(emulator.token(), "emulator-token");
}

#[test]
fn an_emulator_lives_inside_a_runtime() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let emulator = emulator();
        assert!(exchange(&emulator, RUNS).starts_with("HTTP/1.1 200 "));
        drop(emulator);
    });
}

#[test]
fn dropping_frees_the_port_and_a_port_in_use_is_an_error() {
    let first = emulator();
    let port: u16 = first
        .authority_url()
        .rsplit_once(':')
        .unwrap()
        .1
        .parse()
        .unwrap();
    let taken = Emulator::start(Config {
        port,
        ..Config::default()
    });
    assert_eq!(taken.unwrap_err().kind(), ErrorKind::AddrInUse);
    let mut idle = connect(&first);
    drop(first);
    assert!(
        matches!(idle.read(&mut [0]), Ok(0) | Err(_)),
        "idle connections are closed"
    );
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    let again = Emulator::start(Config {
        port,
        ..Config::default()
    })
    .unwrap();
    assert_eq!(again.base_url(), format!("http://127.0.0.1:{port}/beta"));
}

#[test]
fn the_listener_survives_garbage_and_many_clients() {
    let emulator = emulator();
    connect(&emulator)
        .write_all(b"\x16\x03\x01 not http\r\n\r\n")
        .unwrap();
    let many = 40;
    thread::scope(|scope| {
        for _ in 0..many {
            scope.spawn(|| exchange(&emulator, &closing(START)));
        }
    });
    let (accepted, seen) = emulator
        .with_service(|service| (service.accepted_starts().len(), service.requests().len()));
    assert_eq!((accepted, seen), (5, many));
}
