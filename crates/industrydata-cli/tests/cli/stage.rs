//! What the tests stand on: runs of the binary in a clean environment, and a raw server.

use std::{
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use industrydata_emulator::{Config, Emulator};
use serde_json::Value;
use tempfile::TempDir;

pub(crate) const FLAVOURS: [&str; 2] = ["blocking", "async"];
pub(crate) const CANARY: &str = "canary-eyJ0eXAi.eyJhdWQi.c2ln";
const KEYS: [&str; 4] = ["error", "operation", "outcome", "quota"];
const OPERATION: [&str; 7] = [
    "created",
    "id",
    "last_action",
    "location",
    "resume_token",
    "status",
    "status_detail",
];
const QUOTA: [&str; 8] = [
    "available",
    "forecast",
    "in_doubt",
    "limit",
    "next_slot_at",
    "quarantined_until",
    "used",
    "window_seconds",
];
const ERROR: [&str; 5] = [
    "advice",
    "kind",
    "may_have_started",
    "message",
    "request_id",
];
const DEADLINE: Duration = Duration::from_secs(30);

/// A home folder of its own, and what every run is given.
pub(crate) struct Stage {
    pub(crate) home: TempDir,
    env: Vec<(String, String)>,
}

/// What a run of the binary came to.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Stage {
    pub(crate) fn new(base: &str) -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            env: vec![
                ("INDUSTRYDATA_BASE_URL".to_owned(), base.to_owned()),
                ("INDUSTRYDATA_TOKEN".to_owned(), CANARY.to_owned()),
            ],
        }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.retain(|(other, _)| other != name);
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn command(&self, line: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_industrydata"));
        command.args(line).env_clear().current_dir(self.home.path());
        command
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.home.path());
        command.envs(self.env.iter().cloned());
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, line: &[&str]) -> Ran {
        Ran::of(self.command(line).spawn().unwrap())
    }

    /// The line with `--output json`; the document is checked for its keys.
    pub(crate) fn json(&self, line: &[&str]) -> (i32, Value) {
        let line: Vec<_> = line.iter().copied().chain(["--output", "json"]).collect();
        let ran = self.run(&line);
        (ran.code, ran.document())
    }

    /// Starts the line and gives it as a child.
    pub(crate) fn spawn(&self, line: &[&str]) -> Child {
        self.command(line).spawn().unwrap()
    }
}

impl Ran {
    /// Waits for the end, but not for ever.
    pub(crate) fn of(mut child: Child) -> Self {
        let began = Instant::now();
        while child.try_wait().unwrap().is_none() {
            if began.elapsed() > DEADLINE {
                child.kill().unwrap();
                panic!("it hangs: {:?}", child.wait_with_output());
            }
            thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().unwrap();
        let ran = Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        };
        assert!(
            !ran.stdout.contains(CANARY) && !ran.stderr.contains(CANARY),
            "{ran:?}"
        );
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
        ran
    }

    /// The one document on standard output, with exactly the keys of the contract.
    pub(crate) fn document(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        let document: Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(keys(&document), KEYS, "{self:?}");
        for (name, expected) in [
            ("operation", &OPERATION[..]),
            ("quota", &QUOTA[..]),
            ("error", &ERROR[..]),
        ] {
            let part = &document[name];
            assert!(part.is_null() || keys(part) == expected, "{self:?}");
        }
        document
    }
}

pub(crate) fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = value
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    keys.sort_unstable();
    keys
}

/// An emulator that takes the canary for its token, and finishes an operation in `takes`.
pub(crate) fn emulator(takes: Duration) -> Emulator {
    Emulator::start(Config {
        tokens: vec![industrydata_emulator::Grant::all(CANARY)],
        operation_takes: takes,
        ..Config::default()
    })
    .unwrap()
}

/// A server that answers as it is told, and keeps what it was sent.
pub(crate) struct Raw {
    pub(crate) base: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    /// `answer` gets the number of the request and its head; `None` hangs up without a word.
    pub(crate) fn serve(
        answer: impl Fn(usize, &str, &str) -> Option<String> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/beta", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (kept, told) = (Arc::clone(&heads), base.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let Some(head) = read_head(&stream) else {
                    continue;
                };
                let number = {
                    let mut kept = kept.lock().unwrap();
                    kept.push(head.clone());
                    kept.len() - 1
                };
                if let Some(answer) = answer(number, &head, &told) {
                    let _ = (&stream).write_all(answer.as_bytes());
                }
            }
        });
        Self { base, heads }
    }

    /// One answer to all that comes.
    pub(crate) fn always(answer: String) -> Self {
        Self::serve(move |_, _, _| Some(answer.clone()))
    }

    /// A start is accepted, and every poll gets this answer.
    pub(crate) fn polls(answer: String) -> Self {
        Self::serve(move |_, head, base| {
            Some(if head.starts_with("POST") {
                accepted(base)
            } else {
                answer.clone()
            })
        })
    }

    /// Accepts the request and never answers.
    pub(crate) fn silent() -> Self {
        Self::serve(|_, _, _| {
            thread::sleep(DEADLINE);
            None
        })
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// Waits until so many requests came.
    pub(crate) fn wait_for(&self, requests: usize) {
        let began = Instant::now();
        while self.heads().len() < requests {
            assert!(began.elapsed() < DEADLINE, "no request came");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    )
}

pub(crate) fn json(status: &str, body: &str) -> String {
    answer(
        status,
        "content-type: application/json\r\nrequest-id: rid-1\r\n",
        body,
    )
}

pub(crate) fn accepted(base: &str) -> String {
    answer(
        "202 Accepted",
        &format!("location: {base}/external/industryData/operations/op-1\r\n"),
        "",
    )
}

/// A port on which nobody listens.
pub(crate) fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/beta", listener.local_addr().unwrap())
}

fn read_head(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if line == "\r\n" {
            return Some(head);
        }
        head.push_str(&line);
    }
}
