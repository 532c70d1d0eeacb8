//! The listener over real sockets, with a client that is nothing but bytes.

use std::{
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use industrydata_emulator::{Clock, Config, Emulator, Fault, Lose, On};
use jiff::Timestamp;

const START: &str = "POST /beta/external/industryData/runs/start HTTP/1.1\r\nHost: h\r\n\
    Authorization: Bearer emulator-token\r\nContent-Length: 0\r\n\r\n";
const RUNS: &str = "GET /beta/external/industryData/runs HTTP/1.1\r\nHost: h\r\n\
    Authorization: Bearer emulator-token\r\nConnection: close\r\n\r\n";

fn emulator() -> Emulator {
    Emulator::start(Config::default()).unwrap()
}

fn connect(emulator: &Emulator) -> TcpStream {
    let stream =
        TcpStream::connect(emulator.authority_url().trim_start_matches("http://")).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
}

/// Everything that comes until the server closes.
fn exchange(emulator: &Emulator, request: &str) -> String {
    let mut stream = connect(emulator);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

fn closing(request: &str) -> String {
    request.replace("Host: h", "Host: h\r\nConnection: close")
}

fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_start_and_its_location() {
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
fn the_411_and_the_413() {
    let emulator = emulator();
    let answer = exchange(
        &emulator,
        &closing(&START.replace("Content-Length: 0\r\n", "")),
    );
    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
    assert!(answer.contains("<h2>Length Required</h2>"));
    let chunked =
        START.replace("Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n") + "0\r\n\r\n";
    assert!(exchange(&emulator, &closing(&chunked)).starts_with("HTTP/1.1 202 "));
    let long = "x".repeat(64 * 1024 + 1);
    let answer = exchange(&emulator, &post("/_emulator/faults", &long));
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[test]
fn a_lost_answer_closes_the_connection_without_a_byte() {
    let emulator = emulator();
    for (lose, accepted) in [(Lose::Request, 0), (Lose::Answer, 1)] {
        emulator.script(Fault::on(On::Start).lose(lose));
        assert_eq!(exchange(&emulator, START), "");
        assert_eq!(
            emulator.with_service(|service| service.accepted_starts().len()),
            accepted
        );
    }
    assert!(
        exchange(&emulator, RUNS).starts_with("HTTP/1.1 200 "),
        "others are served"
    );
}

#[test]
fn a_stall_lasts_until_the_client_leaves_or_the_emulator_stops() {
    let emulator = emulator();
    emulator.script(Fault::on(On::Any).stall());
    let mut stream = connect(&emulator);
    stream
        .set_read_timeout(Some(Duration::from_millis(100)))
        .unwrap();
    stream.write_all(START.as_bytes()).unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{error}"
    );
    assert!(
        exchange(&emulator, RUNS).starts_with("HTTP/1.1 200 "),
        "others are served"
    );
    let begin = Instant::now();
    emulator.stop();
    assert!(begin.elapsed() < Duration::from_secs(1));
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    assert!(matches!(stream.read(&mut [0]), Ok(0) | Err(_)));
}

#[test]
fn a_body_is_cut_and_its_head_tells_the_whole_length() {
    let emulator = emulator();
    emulator.script(Fault::on(On::Runs).body("0123456789").cut_after(4));
    let answer = exchange(&emulator, RUNS);
    assert!(answer.contains("content-length: 10\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\n0123"), "{answer}");
    emulator.script(Fault::on(On::Runs).body("0123456789").cut_after(4).stall());
    let mut stream = connect(&emulator);
    stream.write_all(RUNS.as_bytes()).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    let mut answer = Vec::new();
    let error = stream.read_to_end(&mut answer).unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut),
        "{error}"
    );
    assert!(answer.ends_with(b"\r\n\r\n0123"));
}

#[test]
fn delays_and_drips_take_their_time() {
    let emulator = emulator();
    emulator.script(Fault::on(On::Runs).delay(Duration::from_millis(60)));
    emulator.script(
        Fault::on(On::Runs)
            .body("abc")
            .drip(Duration::from_millis(20)),
    );
    for end in ["}", "abc"] {
        let begin = Instant::now();
        let answer = exchange(&emulator, RUNS);
        assert!(answer.ends_with(end), "{answer}");
        assert!(begin.elapsed() >= Duration::from_millis(60));
    }
}

#[test]
fn scripted_answers_reach_the_wire() {
    let emulator = emulator();
    let faults = r#"[{"on":"runs","status":503,"retry_after":7,"headers":{"date":null}},
        {"on":"runs","location":["a","b"],"status":302}]"#;
    assert!(exchange(&emulator, &post("/_emulator/faults", faults)).starts_with("HTTP/1.1 200 "));
    let answer = exchange(&emulator, RUNS);
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 7\r\n"),
        "{answer}"
    );
    assert!(!answer.contains("date: "), "{answer}");
    assert_eq!(exchange(&emulator, RUNS).matches("location: ").count(), 2);
}

#[test]
fn the_clock_is_advanced_from_inside_and_outside() {
    let begin: Timestamp = "2026-01-15T08:00:00Z".parse().unwrap();
    let emulator = Emulator::start_with(Config::default(), Clock::frozen(begin)).unwrap();
    emulator.advance(Duration::from_secs(36_000));
    assert_eq!(
        emulator.with_service(|service| service.runs().len()),
        1,
        "the run of 18:00"
    );
    exchange(&emulator, &post("/_emulator/advance", r#"{"by":"12h"}"#));
    assert_eq!(emulator.now(), begin + Duration::from_secs(22 * 3600));
    let answer = exchange(&emulator, RUNS);
    assert!(
        answer.contains("date: Fri, 16 Jan 2026 06:00:00 GMT\r\n"),
        "{answer}"
    );
    assert_eq!(answer.matches(r#""id":"#).count(), 2);
}

#[test]
fn a_token_from_the_endpoint() {
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
fn it_is_made_and_dropped_inside_a_runtime() {
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
fn dropping_closes_the_port_and_a_taken_port_is_an_error() {
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
fn garbage_and_many_clients_do_not_stop_it() {
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
