//! A client that sends and receives plain bytes.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use industrydata_emulator::{Config, Emulator};

pub(crate) const START: &str = "POST /beta/external/industryData/runs/start HTTP/1.1\r\nHost: h\r\n\
    Authorization: Bearer emulator-token\r\nContent-Length: 0\r\n\r\n";
pub(crate) const RUNS: &str = "GET /beta/external/industryData/runs HTTP/1.1\r\nHost: h\r\n\
    Authorization: Bearer emulator-token\r\nConnection: close\r\n\r\n";

pub(crate) fn emulator() -> Emulator {
    Emulator::start(Config::default()).unwrap()
}

pub(crate) fn connect(emulator: &Emulator) -> TcpStream {
    let stream =
        TcpStream::connect(emulator.authority_url().trim_start_matches("http://")).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    stream
}

/// Sends a request and returns everything received until the server closes the connection.
pub(crate) fn exchange(emulator: &Emulator, request: &str) -> String {
    let mut stream = connect(emulator);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8(answer).unwrap()
}

pub(crate) fn closing(request: &str) -> String {
    request.replace("Host: h", "Host: h\r\nConnection: close")
}

pub(crate) fn control(name: &str, body: &str) -> String {
    post(&format!("/_emulator/{name}"), body).replace(
        "Host: h",
        "Host: 127.0.0.1\r\nContent-Type: application/json",
    )
}

pub(crate) fn post(path: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
