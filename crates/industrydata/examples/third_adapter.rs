//! An adapter in about a hundred lines, over hyper's connections: the smallest program that can start a run and poll it until
//! it ends. It uses only the public API of the core, and is the example for an adapter over another HTTP client. Read it from
//! top to bottom. It calls an emulated service in this process.
//!
//! The machines decide everything: what to send, whether to send it again, how long to pause, what to record. An adapter
//! has one loop ([`Adapter::drive`]), one way to send ([`Adapter::send`]), two clocks and a source of randomness.

use std::{
    collections::hash_map::RandomState,
    error::Error,
    hash::{BuildHasher, Hasher},
    sync::LazyLock,
    thread,
    time::{Duration, Instant},
};

use http::{Request, StatusCode, header::HOST, response::Parts};
use http_body_util::{BodyExt, Empty, LengthLimitError, Limited};
use hyper::{
    body::Bytes,
    client::conn::http1::{self, SendRequest},
};
use hyper_util::rt::TokioIo;
use industrydata_core::{
    Now, Timestamp,
    auth::AccessToken,
    ledger::Store,
    lro::{Exchange, Machine, Settings, Step},
    policy::PollingPolicy,
    wire::{IncompleteBody, Phase, TransportError},
};
use industrydata_emulator::{Config, Emulator};
use industrydata_ledger::Ledger;
use tokio::{net::TcpStream, runtime::Runtime, time::timeout_at};

/// The body of every request: it has none.
type NoBody = Empty<Bytes>;

/// Everything that I/O needs. Its methods block; hyper runs on a runtime that only they use.
struct Adapter {
    runtime: Runtime,
    token: AccessToken,
    ledger: Ledger,
}

impl Adapter {
    fn new(token: &str) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?,
            token: AccessToken::new(token)?,
            ledger: Ledger::memory(),
        })
    }

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

    /// Sends one request once, and hands in its one answer. An adapter with token sources would get a token first, within
    /// the exchange's time limit and another one if there is a challenge, and would report a failure with `no_token`.
    fn send(&self, exchange: Exchange<'_>) {
        // There is no request if the token was refused before, or if the time is up.
        let Some((request, reply)) = exchange.request(&self.token, now()) else {
            return;
        };
        let most = |status| reply.body_limit(status);
        let answer = round_trip(request, reply.time_limit(), most);
        match self.runtime.block_on(answer) {
            Ok((head, body)) => reply.answer(&head, body, now()),
            Err(error) => reply.lost(error, now()),
        }
    }
}

/// The head of the answer, and its body or the reason why it is incomplete.
type Answer = (Parts, Result<Vec<u8>, IncompleteBody>);
type Failure = Box<dyn Error + Send + Sync>;

/// One request on its own connection. The phase of an error matters: before a byte is sent, no run can have started.
async fn round_trip(
    request: Request<()>,
    limit: Duration,
    most: impl Fn(StatusCode) -> usize,
) -> Result<Answer, TransportError> {
    let until = Instant::now() + limit;
    let connected = within(until, connect(request)).await;
    let (mut sender, request) =
        connected.map_err(|error| TransportError::new(Phase::Connect, error))?;
    let response = within(until, async { Ok(sender.send_request(request).await?) }).await;
    let response = response.map_err(|error| TransportError::new(Phase::Sent, error))?;
    // The head is an answer, whatever happens to the body.
    let (head, body) = response.into_parts();
    let most = most(head.status);
    if most == 0 {
        return Ok((head, Ok(Vec::new())));
    }
    let body = match within(until, Limited::new(body, most).collect()).await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(IncompleteBody::TooLarge { limit: most })
        }
        Err(error) => Err(IncompleteBody::cut(error)),
    };
    Ok((head, body))
}

/// A connection, and the request as it is sent: the core's, with a host. hyper follows no redirect and repeats nothing.
async fn connect(request: Request<()>) -> Result<(SendRequest<NoBody>, Request<NoBody>), Failure> {
    let (mut parts, ()) = request.into_parts();
    let host = parts
        .uri
        .authority()
        .ok_or("the URI has no host")?
        .to_string();
    let stream = TcpStream::connect(&host).await?;
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    parts.headers.insert(HOST, host.parse()?);
    parts.uri = parts
        .uri
        .path_and_query()
        .ok_or("the URI has no path")?
        .as_str()
        .parse()?;
    Ok((sender, Request::from_parts(parts, NoBody::new())))
}

async fn within<T>(
    until: Instant,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    timeout_at(until.into(), work).await?
}

/// Both clocks: the core reads none.
fn now() -> Now {
    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    let steady = ORIGIN.elapsed();
    Now::new(Timestamp::now(), steady)
}

/// Sixteen random bytes for one machine: the core has no source of randomness.
fn seed() -> [u8; 16] {
    let random = || u128::from(RandomState::new().build_hasher().finish());
    (random() << 64 | random()).to_be_bytes()
}

/// An operation's way from its start to the end of its run.
fn main() -> Result<(), Box<dyn Error>> {
    let emulator = Emulator::start(Config {
        speed: 1000.0,
        schedule: None,
        ..Config::default()
    })?;
    let adapter = Adapter::new(emulator.token())?;
    let session = Settings::default()
        .base(emulator.base_url().parse()?)
        .polling(PollingPolicy::every(Duration::from_millis(20)))
        .session("contoso".parse()?, "third-adapter/1");

    let accepted = adapter.drive(&mut session.start(seed(), now()))?;
    let mut poll = session.after(accepted);
    let operation = adapter.drive(&mut poll)?;
    assert_eq!(operation.status().as_str(), "succeeded");

    let found = adapter.drive(&mut session.find_run(poll.poll(), seed(), now()))?;
    let found = found.ok_or("the operation has no run")?;
    let run = session.poll_run(found.id(), seed(), now());
    let run = adapter.drive(&mut { run })?;
    assert!(run.ended().is_some());

    let quota = adapter.drive(&mut session.quota())?;
    assert_eq!((quota.used(), quota.available()), (1, 4));
    let reconciled = adapter.drive(&mut session.reconcile(seed(), now()))?;
    assert_eq!((reconciled.drift(), reconciled.left_in_doubt()), (0, 0));
    emulator.with_service(|service| assert_eq!(service.accepted_starts().len(), 1));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_started_and_seen_through() -> Result<(), Box<dyn Error>> {
        main()
    }

    /// Nothing listens: nothing was sent, so no run has started and the slot is given back.
    #[test]
    fn a_start_that_cannot_connect_gives_its_slot_back() -> Result<(), Box<dyn Error>> {
        let adapter = Adapter::new("a-token")?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?
            .local_addr()?
            .port();
        let base = format!("http://127.0.0.1:{port}/beta").parse()?;
        let session = Settings::default()
            .base(base)
            .session("contoso".parse()?, "third-adapter/1");
        let Err(error) = adapter.drive(&mut session.start(seed(), now())) else {
            return Err("a start was accepted by nothing".into());
        };
        assert_eq!(error.may_have_started().as_str(), "no", "{error}");
        assert_eq!(adapter.drive(&mut session.quota())?.used(), 0);
        Ok(())
    }
}
