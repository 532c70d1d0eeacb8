//! Shared by the tests: runs of the binary in a clean environment, and a scripted server.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use industrydata_emulator::{Config, Emulator};
use serde_json::Value;
use tempfile::TempDir;

use crate::contract;

pub(crate) const FLAVOURS: [&str; 2] = ["blocking", "async"];
/// The token of the tests. Every encoding changes it.
pub(crate) const CANARY: &str = "canary+eyJ0eXAi/eyJhdWQi.c2ln==";
const DEADLINE: Duration = Duration::from_secs(30);

/// A home folder and an environment for runs of the binary.
pub(crate) struct Stage {
    pub(crate) home: TempDir,
    env: Vec<(String, String)>,
}

/// Exit code and output of a run of the binary.
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
            .env("HOME", self.home.path())
            .env("TZ", "UTC0");
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

    /// Runs the line with `--output json`, and returns its exit code and result.
    pub(crate) fn json(&self, line: &[&str]) -> (i32, Value) {
        let line: Vec<_> = line.iter().copied().chain(["--output", "json"]).collect();
        let ran = self.run(&line);
        let document = ran.document();
        // What is no start for the command line has no key of one.
        let is_start = line.contains(&"start") && document["outcome"] != "usage";
        assert!(!is_start || document["attached"].is_boolean(), "{ran:?}");
        (ran.code, document)
    }

    /// The contents of the files in the home folder, such as the ledger.
    pub(crate) fn kept(&self) -> Vec<u8> {
        let mut folders = vec![self.home.path().to_owned()];
        let mut kept = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    kept.extend(std::fs::read(path).unwrap());
                }
            }
        }
        assert!(!kept.is_empty(), "there is no ledger");
        kept
    }

    /// Runs the line with `--output json`, and returns the document with whatever keys it has.
    pub(crate) fn any_json(&self, line: &[&str]) -> (i32, Value) {
        let ran = self.run(&[line, &["--output", "json"]].concat());
        assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
        (ran.code, serde_json::from_str(&ran.stdout).unwrap())
    }

    /// Starts the line as a child process.
    pub(crate) fn spawn(&self, line: &[&str]) -> Child {
        self.command(line).spawn().unwrap()
    }
}

impl Ran {
    /// Waits for the end, up to a deadline.
    pub(crate) fn of(mut child: Child) -> Self {
        let began = Instant::now();
        // Read meanwhile: what is longer than a pipe holds would stop the child.
        let (stdout, stderr) = (text_of(child.stdout.take()), text_of(child.stderr.take()));
        let mut is_late = false;
        let status = loop {
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > DEADLINE && !is_late {
                is_late = true;
                child.kill().unwrap();
            }
            thread::sleep(Duration::from_millis(5));
        };
        let ran = Self {
            code: status.code().unwrap_or(-1),
            stdout: stdout.join().unwrap(),
            stderr: stderr.join().unwrap(),
        };
        assert!(!is_late, "no end within the deadline: {ran:?}");
        let shown = [&ran.stdout, &ran.stderr].map(|text| crate::canary::hits(text.as_bytes()));
        assert_eq!(shown, [0, 0], "{ran:?}");
        assert!(!ran.stderr.contains("panicked"), "{ran:?}");
        if contract::is_document(&ran.stdout) {
            contract::check(&ran.stdout);
        }
        ran
    }

    /// The document on standard output, which is a result.
    pub(crate) fn document(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        assert_eq!(contract::check(&self.stdout), "result", "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// Reads a stream to its end, unless the test has taken it.
fn text_of(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut stream) = stream {
            stream.read_to_string(&mut text).unwrap();
        }
        text
    })
}

/// Lets only the user read and write the file, where the system has such permissions.
pub(crate) fn restrict(path: &Path) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    assert!(path.exists());
}

/// Sends a signal by its name, such as `-INT`.
pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill")
        .args([name, &child.id().to_string()])
        .status();
    assert!(status.unwrap().success());
}

/// Compares human output with the reviewed text in `snapshots/NAME.snap`.
pub(crate) fn snapshot(name: &str, ran: &Ran) {
    let text = format!(
        "exit code {}\n--- stdout\n{}--- stderr\n{}",
        ran.code, ran.stdout, ran.stderr
    );
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, redacted(&text)));
}

/// Replaces ids, times and ports by their kind, and keeps one of the progress lines that differ only in these.
fn redacted(text: &str) -> String {
    let temporary = std::env::temp_dir();
    let home = |word: &str| word.starts_with(&*temporary.to_string_lossy());
    let text: String = text
        .split_inclusive(char::is_whitespace)
        .map(|word| if home(word) { "PATH\n" } else { word })
        .collect();
    let mut lines: Vec<String> = text.lines().map(redacted_line).collect();
    lines.dedup_by(|a, b| a == b && a.contains(" · "));
    lines.join("\n")
}

fn redacted_line(line: &str) -> String {
    // The columns of these tables are as wide as what is redacted.
    let is_table = line.starts_with("ID ") || line.starts_with("STATE ");
    let mut text = String::new();
    let mut collapse = is_table;
    for part in line.split_inclusive([' ', ',', ';', '(', ')', '/']) {
        let word = part.trim_end_matches([' ', ',', ';', '(', ')', '/', ':']);
        if part == " " && collapse && text.ends_with("  ") {
            continue;
        }
        let shown = redacted_word(word, line.contains(" · "));
        collapse = is_table || shown != word || (part == " " && collapse);
        text.push_str(shown);
        text.push_str(&part[word.len()..]);
    }
    let text = text.replace("at N TIME", "at TIME");
    let text = ["(in ", "| in "].iter().fold(text, |text, before| {
        let mut parts = text.split(before);
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| {
            let units = ["d", "h", "min", "s"];
            let is_time = |word: &&str| word.parse::<u32>().is_ok() || units.contains(word);
            let words: Vec<_> = part.split_inclusive([' ', ')']).collect();
            let bare = |word: &&str| word.trim_end_matches([' ', ')']).to_owned();
            let time = words
                .iter()
                .take_while(|word| is_time(&bare(word).as_str()))
                .map(|word| word.len())
                .sum::<usize>();
            let (time, rest) = part.split_at(time);
            let end = time.chars().last().filter(|c| *c == ')' || *c == ' ');
            let end = end.map(String::from).unwrap_or_default();
            format!("{text}{before}N{end}{rest}")
        })
    });
    text.replace("DATE TIME", "TIME")
}

fn redacted_word(word: &str, is_progress: bool) -> &str {
    let is_number = word.starts_with(|c: char| c.is_ascii_digit());
    let is_id = word.len() >= 32 && word.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let is_date = word.len() == 10 && word.matches('-').count() == 2;
    match word {
        _ if is_date && is_number => "DATE",
        _ if word.starts_with("idr1:") || word.starts_with("idr2:") => "RESUME-TOKEN",
        _ if word.starts_with("127.0.0.1:") => "127.0.0.1:PORT",
        _ if is_id => "ID",
        _ if is_number && word.ends_with('Z') => "TIME",
        _ if is_number && is_progress => "N",
        _ => word,
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

/// An emulator that accepts the canary token, and whose operations take this long.
pub(crate) fn emulator(takes: Duration) -> Emulator {
    Emulator::start(Config {
        tokens: vec![industrydata_emulator::Grant::all(CANARY)],
        operation_takes: takes,
        ..Config::default()
    })
    .unwrap()
}

/// A server that answers as scripted, and records the heads of the requests.
pub(crate) struct Raw {
    pub(crate) base: String,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Raw {
    /// `answer` gets the number of the request, its head and the base. `None` closes the connection.
    pub(crate) fn serve(
        answer: impl Fn(usize, &str, &str) -> Option<String> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base = format!("http://{}/beta", listener.local_addr().unwrap());
        let heads = Arc::new(Mutex::new(Vec::new()));
        let (recorded, own_base) = (Arc::clone(&heads), base.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                let Some(head) = read_head(&stream) else {
                    continue;
                };
                let number = {
                    let mut recorded = recorded.lock().unwrap();
                    recorded.push(head.clone());
                    recorded.len() - 1
                };
                if let Some(answer) = answer(number, &head, &own_base) {
                    let _ = (&stream).write_all(answer.as_bytes());
                }
            }
        });
        Self { base, heads }
    }

    /// Gives the same answer to every request.
    pub(crate) fn always(answer: String) -> Self {
        Self::serve(move |_, _, _| Some(answer.clone()))
    }

    /// Accepts a start, and gives this answer to every poll.
    pub(crate) fn polls(answer: String) -> Self {
        Self::serve(move |_, head, base| {
            Some(if head.starts_with("POST") {
                accepted(base)
            } else {
                answer.clone()
            })
        })
    }

    /// Reads each request and never answers.
    pub(crate) fn silent() -> Self {
        Self::serve(|_, _, _| {
            thread::sleep(DEADLINE);
            None
        })
    }

    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }

    /// Waits until this many requests have come.
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

/// A base on a port where no server listens. A client's connection holds the port, so that no other test gets it.
pub(crate) fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let base = format!("http://{}/beta", client.local_addr().unwrap());
    std::mem::forget((listener, client));
    base
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
