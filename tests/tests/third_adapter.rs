//! An adapter in about a hundred lines, over sockets of the standard library: the smallest program that can start a run and
//! see it through. It uses the public API of the core alone, and is the example for whoever writes one for another HTTP
//! client. Read it from top to bottom.
//!
//! The machines decide everything: what to send, whether to send it again, how long to pause, what to record. An adapter
//! has one loop ([`drive`]), one way to send ([`send`]), two clocks and a source of randomness.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use http::{Request, Response, header::HOST, response::Parts};
use industrydata_core::{
    Now, Timestamp,
    auth::AccessToken,
    ledger::Store,
    lro::{Exchange, Machine, Reply, Settings, Step},
    policy::PollingPolicy,
    wire::{IncompleteBody, Phase, TransportError},
};
use industrydata_emulator::{Config, Emulator};
use industrydata_ledger::Ledger;

/// All that is needed for I/O.
struct Adapter {
    token: AccessToken,
    ledger: Ledger,
}

impl Adapter {
    /// Drives any machine to its end: a start, a poll, a read, a reconciliation.
    fn drive<M: Machine>(&self, machine: &mut M) -> Result<M::Output, M::Error> {
        loop {
            match machine.step() {
                // The store makes the change durable before it replies.
                Step::Ledger(transaction, _) => {
                    let reply = self.ledger.transact(transaction.change());
                    transaction.done(reply, now());
                }
                Step::Send(exchange) => self.send(exchange),
                Step::Wait(mut pause) => {
                    if let Some(progress) = pause.progress() {
                        println!("{}, for {:?}", progress.reason(), progress.next_poll_in());
                    }
                    thread::sleep(pause.remaining(now()));
                    pause.over(now());
                }
                Step::Done(outcome) => return outcome,
            }
        }
    }

    /// Sends one request, once, and hands in its one answer. An adapter with token sources would ask for another token if
    /// there is a challenge, within the exchange's time limit, and report a failure with `no_token`.
    fn send(&self, exchange: Exchange<'_>) {
        // Without a request there is nothing to send: the token was refused before, or the time is up.
        let Some((request, reply)) = exchange.request(&self.token, now()) else {
            return;
        };
        match round_trip(&request, &reply) {
            Ok((head, body)) => reply.answer(&head, body, now()),
            Err(error) => reply.lost(error, now()),
        }
    }
}

/// The head of the answer, and its body or what happened to it.
type Answer = (Parts, Result<Vec<u8>, IncompleteBody>);

/// One request on its own connection. The phase of an error matters: before a byte is sent, no run can have started.
fn round_trip(request: &Request<()>, reply: &Reply<'_>) -> Result<Answer, TransportError> {
    let until = Instant::now() + reply.time_limit();
    let host = request.uri().authority().map_or("", |it| it.as_str());
    let mut stream = connect(host, reply.time_limit())
        .map_err(|error| TransportError::new(Phase::Connect, error))?;
    let sent = |error| TransportError::new(Phase::Sent, error);
    stream.write_all(&encode(request, host)).map_err(sent)?;
    let mut bytes = Vec::new();
    let (head, body_at) = loop {
        read_some(&mut stream, &mut bytes, until).map_err(sent)?;
        if let Some(head) = decode(&bytes).map_err(sent)? {
            break head;
        }
    };
    // The head is an answer, whatever happens to the body.
    let most = reply.body_limit(head.status);
    let length = head.headers.get("content-length");
    let length = length.and_then(|it| it.to_str().ok()?.parse().ok());
    let end = body_at + length.unwrap_or(most);
    if most == 0 {
        return Ok((head, Ok(Vec::new())));
    }
    while bytes.len() < end {
        if bytes.len() - body_at > most {
            return Ok((head, Err(IncompleteBody::TooLarge { limit: most })));
        }
        if let Err(error) = read_some(&mut stream, &mut bytes, until) {
            return Ok((head, Err(IncompleteBody::cut(error))));
        }
    }
    Ok((head, Ok(bytes.split_off(body_at))))
}

fn connect(host: &str, limit: Duration) -> io::Result<TcpStream> {
    let address = host.to_socket_addrs()?.next();
    let address = address.ok_or(io::ErrorKind::AddrNotAvailable)?;
    TcpStream::connect_timeout(&address, limit)
}

/// The request as it is: an adapter adds nothing but the host, and follows no redirect.
fn encode(request: &Request<()>, host: &str) -> Vec<u8> {
    let target = request.uri().path_and_query().map_or("/", |it| it.as_str());
    let mut bytes = format!(
        "{} {target} HTTP/1.1\r\n{HOST}: {host}\r\n",
        request.method()
    )
    .into_bytes();
    for (name, value) in request.headers() {
        bytes.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    bytes.extend_from_slice(b"connection: close\r\n\r\n");
    bytes
}

/// The head of an answer and where its body begins, once it is whole.
fn decode(bytes: &[u8]) -> io::Result<Option<(Parts, usize)>> {
    let mut fields = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(body_at) = head.parse(bytes).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let mut response = Response::builder().status(head.code.unwrap_or_default());
    for field in head.headers {
        response = response.header(field.name, field.value);
    }
    let response = response.body(()).map_err(io::Error::other)?;
    Ok(Some((response.into_parts().0, body_at)))
}

fn read_some(stream: &mut TcpStream, bytes: &mut Vec<u8>, until: Instant) -> io::Result<()> {
    let left = until.saturating_duration_since(Instant::now());
    stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
    let mut buffer = [0; 4096];
    match stream.read(&mut buffer)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        read => {
            bytes.extend(buffer.iter().take(read));
            Ok(())
        }
    }
}

/// Both clocks: the core reads none.
fn now() -> Now {
    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let steady = ORIGIN.elapsed();
    Now::new(Timestamp::now(), steady)
}

/// Sixteen random bytes for one machine: the core rolls no dice.
fn seed() -> [u8; 16] {
    let random = || u128::from(RandomState::new().build_hasher().finish());
    (random() << 64 | random()).to_be_bytes()
}

/// An operation's way from its start to the end of its run.
#[test]
fn a_run_is_started_and_seen_through() -> Result<(), Box<dyn std::error::Error>> {
    let emulator = Emulator::start(Config {
        speed: 1000.0,
        schedule: None,
        ..Config::default()
    })?;
    let adapter = Adapter {
        token: AccessToken::new(emulator.token())?,
        ledger: Ledger::memory(),
    };
    let session = Settings::default()
        .base(emulator.base_url().parse()?)
        .polling(PollingPolicy::every(Duration::from_millis(20)))
        .session("contoso".parse()?, "third-adapter/1");

    let accepted = adapter.drive(&mut session.start(seed(), now()))?;
    let mut poll = session.after(accepted);
    let operation = adapter.drive(&mut poll)?;
    assert_eq!(operation.status().as_str(), "succeeded");

    let found = adapter.drive(&mut session.find_run(poll.poll(), seed(), now()))?;
    let run = session.poll_run(found.unwrap().id(), seed(), now());
    let run = adapter.drive(&mut { run })?;
    assert!(run.ended().is_some());

    let quota = adapter.drive(&mut session.quota())?;
    assert_eq!((quota.used(), quota.available()), (1, 4));
    let reconciled = adapter.drive(&mut session.reconcile(seed(), now()))?;
    assert_eq!((reconciled.drift(), reconciled.left_in_doubt()), (0, 0));
    emulator.with_service(|service| assert_eq!(service.accepted_starts().len(), 1));
    Ok(())
}

/// Nothing listens: nothing was sent, so no run has started and the slot is given back.
#[test]
fn a_start_that_cannot_connect_gives_its_slot_back() -> Result<(), Box<dyn std::error::Error>> {
    let adapter = Adapter {
        token: AccessToken::new("a-token")?,
        ledger: Ledger::memory(),
    };
    let port = std::net::TcpListener::bind("127.0.0.1:0")?
        .local_addr()?
        .port();
    let base = format!("http://127.0.0.1:{port}/beta").parse()?;
    let session = Settings::default()
        .base(base)
        .session("contoso".parse()?, "third-adapter/1");
    let error = adapter
        .drive(&mut session.start(seed(), now()))
        .unwrap_err();
    assert_eq!(error.may_have_started().as_str(), "no", "{error}");
    assert_eq!(adapter.drive(&mut session.quota())?.used(), 0);
    Ok(())
}
