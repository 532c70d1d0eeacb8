//! A process that is stopped for a while, and a machine that starts no further thread.

use std::{
    io::{ErrorKind, Read},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::stage::{FLAVOURS, Ran, Raw, Stage, accepted, signal};

/// The limit of a request in these tests, and a stop that is longer.
const LIMIT: &str = "2s";
const LONGER: Duration = Duration::from_secs(4);

/// A listener whose backlog is full: a connection is made only once a place is free.
struct Full {
    listener: TcpListener,
    waiting: Vec<TcpStream>,
}

impl Full {
    fn start() -> Self {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket
            .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
        socket.listen(0).unwrap();
        let listener = TcpListener::from(socket);
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            assert!(waiting.len() < 32, "this system has no full backlog");
            waiting.push(stream);
        }
        Self { listener, waiting }
    }

    /// Makes room, and returns what the connections that come then send within a time. `None` if none came.
    fn received(self, within: Duration) -> Option<Vec<u8>> {
        let known: Vec<_> = self
            .waiting
            .iter()
            .map(|it| it.local_addr().unwrap())
            .collect();
        self.listener.set_nonblocking(true).unwrap();
        let (began, mut others) = (Instant::now(), Vec::new());
        while began.elapsed() < within {
            match self.listener.accept() {
                Ok((_, from)) if known.contains(&from) => {}
                Ok((stream, _)) => others.push(stream),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
            }
            thread::sleep(Duration::from_millis(10));
        }
        let mut bytes = Vec::new();
        for mut stream in others.iter() {
            stream
                .set_read_timeout(Some(Duration::from_millis(200)))
                .unwrap();
            // The client has closed it, or it is still there and silent.
            let _ = stream.read_to_end(&mut bytes);
        }
        (!others.is_empty()).then_some(bytes)
    }
}

#[test]
fn a_start_that_was_stopped_past_its_limit_sends_nothing() {
    for http in FLAVOURS {
        let full = Full::start();
        let base = format!("http://{}/beta", full.listener.local_addr().unwrap());
        let stage = Stage::new(&base);
        let child = stage.spawn(&["start", "--http", http, "--request-timeout", LIMIT]);
        // It waits for its connection.
        thread::sleep(Duration::from_millis(700));
        signal(&child, "-STOP");
        let received = thread::spawn(move || full.received(LONGER + Duration::from_secs(3)));
        thread::sleep(LONGER);
        signal(&child, "-CONT");
        let ran = Ran::of(child);
        assert_eq!(ran.code, 6, "{http}: {ran:?}");
        // The connection was made while the process was stopped.
        assert_eq!(received.join().unwrap(), Some(Vec::new()), "{http}");
        let quota = stage.run(&["quota", "--output", "json"]);
        assert!(quota.stdout.contains("\"used\":0"), "{http}: {quota:?}");
    }
}

/// The same, but the process goes on in time.
#[test]
fn a_start_that_was_stopped_for_a_moment_is_sent() {
    for http in FLAVOURS {
        let full = Full::start();
        let base = format!("http://{}/beta", full.listener.local_addr().unwrap());
        let stage = Stage::new(&base);
        let child = stage.spawn(&["start", "--http", http, "--request-timeout", "9s"]);
        thread::sleep(Duration::from_millis(700));
        signal(&child, "-STOP");
        let received = thread::spawn(move || full.received(LONGER));
        thread::sleep(Duration::from_millis(500));
        signal(&child, "-CONT");
        let sent = received.join().unwrap().unwrap();
        assert!(
            sent.starts_with(b"POST /beta/external/"),
            "{http}: {sent:?}"
        );
        // The server has gone without an answer.
        assert_eq!(Ran::of(child).code, 8, "{http}");
    }
}

/// Runs the line as a user who may have no further thread.
fn without_threads(stage: &Stage, line: &[&str]) -> Ran {
    let inner = stage.command(line);
    let mut command = Command::new("setpriv");
    command
        .args([
            "--reuid=64999",
            "--regid=64999",
            "--clear-groups",
            "prlimit",
            "--nproc=1",
        ])
        .arg(inner.get_program())
        .args(inner.get_args())
        .env_clear()
        .current_dir(stage.home.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in inner.get_envs() {
        command.env(name, value.unwrap());
    }
    Ran::of(command.spawn().unwrap())
}

#[test]
fn a_thread_that_is_refused_is_an_error_with_its_own_words() {
    // Another user, to whom the limit applies; only root can become one.
    let id = Command::new("id").arg("-u").output().unwrap();
    assert_eq!(id.stdout, b"0\n", "not run: this test needs root");
    let server = Raw::serve(|_, _, base| Some(accepted(base)));
    let base = server.base.replace("127.0.0.1", "localhost");
    for (http, line) in [
        // The name is resolved on a thread, and so is the ledger used in the async flavour.
        ("blocking", &["start", "--ledger", "none"][..]),
        ("async", &["start", "--ledger", "none"]),
    ] {
        let stage = Stage::new(&base);
        let ran = without_threads(&stage, &[line, &["--http", http]].concat());
        assert!(![0, 101].contains(&ran.code), "{http} {line:?}: {ran:?}");
        assert!(
            ran.stderr.contains("starts no further thread"),
            "{http} {line:?}: {ran:?}"
        );
        assert!(
            !ran.stderr.contains("could not be reached"),
            "{http} {line:?}: {ran:?}"
        );
        assert!(server.heads().is_empty(), "{http} {line:?}");
    }
}
