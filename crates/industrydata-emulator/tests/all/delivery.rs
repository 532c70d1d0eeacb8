//! Faults as a client sees them on a real socket.

use std::{
    io::{ErrorKind, Read, Write},
    time::{Duration, Instant},
};

use industrydata_emulator::{Fault, Lose, On};

use crate::socket::{RUNS, START, connect, control, emulator, exchange};

#[test]
fn a_lost_response_closes_the_connection_without_a_byte() {
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
        "other connections are served"
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
        "other connections are served"
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
fn a_cut_body_has_its_full_content_length() {
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
fn delays_and_drips_take_real_time() {
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
fn scripted_headers_reach_the_client() {
    let emulator = emulator();
    let faults = r#"[{"on":"runs","status":503,"retry_after":7,"headers":{"date":null}},
        {"on":"runs","location":["a","b"],"status":302}]"#;
    assert!(exchange(&emulator, &control("faults", faults)).starts_with("HTTP/1.1 200 "));
    let answer = exchange(&emulator, RUNS);
    assert!(
        answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 7\r\n"),
        "{answer}"
    );
    assert!(!answer.contains("date: "), "{answer}");
    assert_eq!(exchange(&emulator, RUNS).matches("location: ").count(), 2);
}
