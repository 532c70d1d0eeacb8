//! What a terminal shows: the binary runs on a pseudo-terminal of a given width.

use std::{
    fs::File,
    io::Read,
    process::{Child, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use industrydata_core::{SignedDuration, Timestamp};
use industrydata_emulator::{Config, Emulator, Fault, Grant, Lose, On, Schedule};
use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};

use crate::stage::{CANARY, Ran, Raw, Stage, emulator, json as json_answer, signal};

const DEADLINE: Duration = Duration::from_secs(30);

/// A run of the binary on a terminal.
struct Screen {
    child: Child,
    bytes: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

/// The end of a run on a terminal.
struct Shown {
    code: i32,
    /// All that was written, control sequences included.
    raw: String,
}

impl Screen {
    fn run(stage: &Stage, columns: u16, line: &[&str]) -> Self {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&terminal).unwrap();
        unlockpt(&terminal).unwrap();
        let size = Winsize {
            ws_row: 30,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&terminal, size).unwrap();
        let name = ptsname(&terminal, Vec::new()).unwrap();
        let side = || {
            let flags = OFlags::RDWR | OFlags::NOCTTY;
            Stdio::from(open(name.as_c_str(), flags, Mode::empty()).unwrap())
        };
        let mut command = stage.command(line);
        command.env("TERM", "xterm-256color");
        command.stdin(side()).stdout(side()).stderr(side());
        let child = command.spawn().unwrap();
        // The command holds the other side too, which would keep the terminal open.
        drop(command);
        let bytes = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&bytes);
        let reader = thread::spawn(move || {
            let mut terminal = File::from(terminal);
            let mut buffer = [0; 4096];
            // The terminal reports an error when the program has ended.
            while let Ok(length @ 1..) = terminal.read(&mut buffer) {
                shared.lock().unwrap().extend(&buffer[..length]);
            }
        });
        Self {
            child,
            bytes,
            reader,
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.lock().unwrap()).into_owned()
    }

    fn wait_for(&self, text: &str) {
        let began = Instant::now();
        while !self.text().contains(text) {
            assert!(
                began.elapsed() < DEADLINE,
                "no {text:?} in {:?}",
                self.text()
            );
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn end(mut self) -> Shown {
        let began = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if began.elapsed() > DEADLINE {
                self.child.kill().unwrap();
                panic!("no end within the deadline: {:?}", self.text());
            }
            thread::sleep(Duration::from_millis(10));
        };
        self.reader.join().unwrap();
        let raw = String::from_utf8(self.bytes.lock().unwrap().clone()).unwrap();
        assert!(!raw.contains(CANARY), "{raw:?}");
        Shown {
            code: status.code().unwrap_or(-1),
            raw,
        }
    }
}

impl Shown {
    /// Every line as it was at some time, without styles.
    fn lines(&self) -> Vec<String> {
        let text = anstream::adapter::strip_str(&self.raw).to_string();
        text.split(['\r', '\n']).map(str::to_owned).collect()
    }

    /// The lines that are left at the end: what was written over is not among them.
    fn left(&self) -> Vec<String> {
        let erased = "\u{1b}[2K";
        let rows = self.raw.split('\n').map(|row| {
            let last = row.rsplit(erased).next().unwrap_or_default();
            let text = anstream::adapter::strip_str(last).to_string();
            text.trim_matches('\r').to_owned()
        });
        rows.filter(|row| !row.is_empty()).collect()
    }
}

#[test]
fn a_wait_has_one_line_that_is_replaced_and_then_gone() {
    for columns in [80, 40] {
        let emulator = emulator(Duration::from_secs(2));
        let stage = Stage::new(&emulator.base_url());
        let line = ["start", "--wait", "--poll-interval", "400ms"];
        let screen = Screen::run(&stage, columns, &line);
        let shown = screen.end();
        assert_eq!(shown.code, 0, "{:?}", shown.raw);
        let lines = shown.lines();
        let states: Vec<_> = lines.iter().filter(|it| it.contains(" · ")).collect();
        assert!(states.len() >= 4, "{states:?}");
        for line in &states {
            assert!(line.chars().count() <= usize::from(columns), "{line}");
        }
        if columns == 80 {
            let full = |it: &&&String| it.starts_with("running · ") && it.contains("gives up at");
            assert!(states.iter().any(|it| full(&it)), "{states:?}");
        }
        let left = shown.left();
        assert!(!left.iter().any(|it| it.contains(" · ")), "{left:?}");
        assert!(
            left.iter().any(|it| it.starts_with("succeeded: ")),
            "{left:?}"
        );
        assert!(shown.raw.contains("\u{1b}[32m"), "{:?}", shown.raw);
    }
}

#[test]
fn the_status_is_shown_before_the_first_poll() {
    let raw = Raw::serve(|_, _, base| {
        let location = format!("{base}/external/industryData/operations/op-1");
        let head = format!("location: {location}\r\nretry-after: 30\r\n");
        Some(crate::stage::answer("202 Accepted", &head, ""))
    });
    for (columns, part) in [
        (80, "next poll in 30 s: the service"),
        (40, "next poll in 30 s"),
    ] {
        let before = raw.heads().len();
        let stage = Stage::new(&raw.base);
        let screen = Screen::run(&stage, columns, &["start", "--wait"]);
        screen.wait_for(part);
        signal(&screen.child, "-INT");
        let shown = screen.end();
        assert_eq!(shown.code, 130);
        assert_eq!(raw.heads().len(), before + 1, "it was not polled yet");
        for line in shown.lines().iter().filter(|it| it.contains(" · ")) {
            assert!(line.chars().count() <= usize::from(columns), "{line}");
        }
    }
}

#[test]
fn an_empty_slot_is_faint_and_the_demo_fits_40_columns() {
    let stage = Stage::new("http://127.0.0.1:1/beta");
    let shown = Screen::run(&stage, 80, &["quota"]).end();
    let faint = "|\u{1b}[2m....";
    assert_eq!(shown.raw.matches(faint).count(), 5, "{:?}", shown.raw);
    let shown = Screen::run(&stage, 40, &["demo"]).end();
    assert_eq!(shown.code, 0, "{:?}", shown.raw);
    let left = shown.left();
    let next = left
        .iter()
        .position(|it| it.starts_with("try next"))
        .unwrap();
    for line in &left[next..] {
        assert!(line.chars().count() <= 40, "{line:?}");
    }
    assert!(left[next].contains("three shells"), "{left:?}");
}

#[test]
fn what_a_validation_found_fits_the_terminal() {
    let emulator = Emulator::start(Config {
        tokens: vec![Grant::all(CANARY)],
        action_takes: Duration::from_secs(1),
        ..Config::default()
    })
    .unwrap();
    let stage = Stage::new(&emulator.base_url());
    for columns in [80, 40] {
        let line = [
            "validate",
            "with-errors",
            "--wait",
            "--poll-interval",
            "300ms",
        ];
        let shown = Screen::run(&stage, columns, &line).end();
        assert_eq!(shown.code, 10, "{:?}", shown.raw);
        assert!(shown.lines().iter().any(|it| it.contains(" · ")));
        let left = shown.left();
        assert!(!left.iter().any(|it| it.contains(" · ")), "{left:?}");
        // An id and a URL are on one line, so that they can be copied.
        let is_whole = |it: &&String| it.starts_with("location: ") || it.starts_with("succeeded: ");
        for line in left.iter().filter(|it| !is_whole(it)) {
            let is_word = !line.trim().contains(' ');
            let fits = line.chars().count() <= usize::from(columns);
            assert!(fits || is_word, "{columns}: {line:?}");
        }
        for part in ["2 errors in the data:", "  orgs.csv", "error: "] {
            assert!(left.iter().any(|it| it.starts_with(part)), "{left:?}");
        }
    }
}

#[test]
fn colours_are_left_out_if_the_user_wants_none() {
    let raw = Raw::polls(json_answer("200 OK", r#"{"status":"succeeded"}"#));
    for (name, value, is_coloured) in [
        ("NO_COLOR", "1", false),
        ("CLICOLOR", "0", false),
        ("NO_COLOR", "", true),
        ("CLICOLOR", "1", true),
    ] {
        let stage = Stage::new(&raw.base).env(name, value);
        for (extra, is_coloured) in [
            (&[][..], is_coloured),
            (&["--color", "always"], true),
            (&["--color", "never"], false),
        ] {
            let line = [&["wait", "op-1", "--poll-interval", "20ms"][..], extra].concat();
            let shown = Screen::run(&stage, 80, &line).end();
            assert_eq!(shown.code, 0);
            let has_style = shown.raw.contains("\u{1b}[32m");
            assert_eq!(has_style, is_coloured, "{name}={value} {:?}", shown.raw);
        }
    }
}

#[test]
fn a_warning_stands_above_the_status_line() {
    // The third poll fails, and the operation ends with another id.
    let raw = Raw::serve(|number, head, base| {
        Some(match number {
            _ if head.starts_with("POST") => crate::stage::accepted(base),
            2 => crate::stage::answer("503 Service Unavailable", "", ""),
            0..6 => json_answer("200 OK", r#"{"status":"running"}"#),
            _ => json_answer("200 OK", r#"{"status":"succeeded","id":"other"}"#),
        })
    });
    let stage = Stage::new(&raw.base);
    let line = ["start", "--wait", "--poll-interval", "150ms"];
    let shown = Screen::run(&stage, 80, &line).end();
    assert_eq!(shown.code, 0, "{:?}", shown.raw);
    assert!(
        shown.raw.contains("the last poll failed"),
        "{:?}",
        shown.raw
    );
    let left = shown.left().join("\n");
    assert!(left.contains("note: the service calls this operation other"));
    assert!(!left.contains("the last poll failed"), "{left}");
}

#[test]
fn an_interrupt_leaves_the_command_that_resumes() {
    let raw = Raw::polls(json_answer("200 OK", r#"{"status":"running"}"#));
    let stage = Stage::new(&raw.base);
    let screen = Screen::run(&stage, 40, &["start", "--wait"]);
    screen.wait_for("next poll in");
    signal(&screen.child, "-INT");
    let shown = screen.end();
    assert_eq!(shown.code, 130);
    let left = shown.left();
    let command = left.iter().find_map(|it| it.strip_prefix("resume with: "));
    // The terminal breaks the line, not the program: it can be pasted.
    let command: Vec<_> = command.unwrap().split(' ').collect();
    assert_eq!(command[..2], ["industrydata", "wait"]);
    let line = [&command[1..], &["--timeout", "200ms"]].concat();
    assert_eq!(stage.json(&line).0, 7);
}

#[test]
fn quiet_shows_no_progress_and_verbose_more() {
    let emulator = emulator(Duration::from_millis(200));
    let stage = Stage::new(&emulator.base_url());
    let line = [
        "start",
        "--wait",
        "--poll-interval",
        "50ms",
        "--tenant",
        "contoso",
    ];
    let quiet = Screen::run(&stage, 80, &[&line[..], &["-q"]].concat()).end();
    assert!(!quiet.raw.contains(" · ") && !quiet.raw.contains("starting"));
    assert!(quiet.left().iter().any(|it| it.starts_with("succeeded: ")));
    for form in ["human", "json"] {
        let ran = stage.run(&[&line[..], &["-q", "--output", form]].concat());
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{form}");
    }
    let emulator = crate::stage::emulator(Duration::from_millis(200));
    let stage = Stage::new(&emulator.base_url());
    let ran = stage.run(&[&line[..], &["--output", "json"]].concat());
    assert!(ran.stderr.contains("starting a run"), "{ran:?}");
    let ran = stage.run(&[&line[..], &["-v", "--output", "json"]].concat());
    for text in ["credential: token", "ledger: ", "ureq"] {
        assert!(ran.stderr.contains(text), "{ran:?}");
    }
    for http in ["blocking", "async"] {
        let ran = stage.run(&[&line[..], &["-v", "--http", http]].concat());
        let requests = ran.stderr.replace("\n  ", " ");
        let request = |start: &str| {
            let line = requests.lines().find(|it| it.starts_with(start));
            line.unwrap_or_else(|| panic!("{start}: {ran:?}"))
        };
        for line in [
            request("POST /beta/external/industryData/runs/start: 202 in "),
            request("GET /beta/external/industryData/operations/"),
        ] {
            let ids = [", request-id ", ", client-request-id "];
            assert!(ids.iter().all(|id| line.contains(id)), "{line}");
            assert!(!ran.stderr.contains(CANARY), "{ran:?}");
        }
    }
    drop(emulator);
    let ran = stage.run(&["operations", "list", "-v", "--timeout", "300ms"]);
    assert!(
        ran.stderr.contains("operations: no answer (connect) in "),
        "{ran:?}"
    );
    let ran = stage.run(&["quota", "-q", "-v"]);
    assert_eq!(ran.code, 2, "{ran:?}");
}

/// A ledger with a start of each kind, and a service that refuses more for ten minutes.
fn busy() -> (Emulator, Stage) {
    let emulator = Emulator::start(Config {
        tokens: vec![Grant::all(CANARY)],
        operation_takes: Duration::from_secs(60),
        schedule: Some(Schedule {
            past_runs: 3,
            ..Schedule::default()
        }),
        ..Config::default()
    })
    .unwrap();
    let stage = Stage::new(&emulator.base_url());
    assert_eq!(stage.run(&["start"]).code, 0);
    emulator.script(Fault::on(On::Start).lose(Lose::Answer));
    assert_eq!(stage.run(&["start"]).code, 8);
    emulator.script(Fault::on(On::Start).status(429).retry_after(600).act(false));
    assert_eq!(stage.run(&["start"]).code, 3);
    (emulator, stage)
}

#[test]
fn the_picture_of_the_quota_fits_the_terminal() {
    let (_emulator, stage) = busy();
    for columns in [200, 80, 60, 40] {
        let line = ["quota", "--entries", "--schedule", "infer"];
        let shown = Screen::run(&stage, columns, &line).end();
        assert_eq!(shown.code, 0);
        let lines = shown.lines();
        for line in &lines {
            let is_word = !line.trim().contains(' ');
            let fits = line.chars().count() <= usize::from(columns);
            assert!(fits || is_word, "{columns}: {line:?}");
        }
        let bars: Vec<_> = lines
            .iter()
            .filter(|it| it.ends_with('|') || it.contains("| "))
            .collect();
        let labels: Vec<_> = bars
            .iter()
            .filter_map(|it| it.split('|').next())
            .map(str::trim)
            .collect();
        let expected = [
            "",
            "confirmed",
            "in doubt",
            "closed",
            "closed",
            "closed",
            "scheduled",
        ];
        assert_eq!(labels, expected, "{lines:?}");
        let text = lines.join(" ");
        for part in ["closed by the service until", "(in 9 min", "| in 1"] {
            assert!(text.contains(part), "{columns}: no {part} in {text}");
        }
    }
}

#[test]
fn the_picture_is_by_the_clock_of_the_service_and_says_so() {
    // The service is three hours ahead of this machine, whose clock is that of the ledger.
    let ahead = SignedDuration::from_hours(3);
    let raw = Raw::serve(move |_, _, base| {
        let date = (Timestamp::now() + ahead).strftime("%a, %d %b %Y %H:%M:%S GMT");
        let location = format!("{base}/external/industryData/operations('op-1')");
        let head = format!("Location: {location}\r\nDate: {date}\r\n");
        Some(crate::stage::answer("202 Accepted", &head, ""))
    });
    let stage = Stage::new(&raw.base);
    assert_eq!(stage.run(&["start"]).code, 0);
    for columns in [80, 40] {
        let shown = Screen::run(&stage, columns, &["quota"]).end();
        let text = shown.lines().join(" ");
        let words: Vec<_> = text.split_whitespace().collect();
        let text = words.join(" ");
        assert!(text.contains("s behind the service's,"), "{text}");
        let free = text.split("confirmed ").nth(2).unwrap_or_default();
        let free = free.split_whitespace().take(2).collect::<Vec<_>>();
        let free: Timestamp = free.join("T").parse().unwrap();
        let after = free.duration_since(Timestamp::now()) - ahead;
        let window = SignedDuration::from_hours(12);
        assert!(
            (after - window).abs() < SignedDuration::from_mins(5),
            "{text}"
        );
    }
}

#[test]
fn a_watched_quota_is_drawn_in_place_until_interrupted() {
    let (_emulator, stage) = busy();
    let screen = Screen::run(&stage, 80, &["quota", "--watch"]);
    screen.wait_for("(1 in doubt)");
    // Another process resolves the start in doubt.
    assert_eq!(stage.run(&["quota", "--reconcile"]).code, 0);
    screen.wait_for("quota: 2 of 5 starts in 12 h used, ");
    signal(&screen.child, "-INT");
    let shown = screen.end();
    assert_eq!(shown.code, 130, "{:?}", shown.raw);
    let left = shown.left().join("\n");
    assert_eq!(left.matches("quota: ").count(), 1, "{left}");

    // Without a terminal each change is written.
    let child = stage.spawn(&["quota", "--watch"]);
    thread::sleep(Duration::from_millis(300));
    signal(&child, "-TERM");
    let ran = Ran::of(child);
    assert_eq!((ran.code, ran.stdout.matches("quota: ").count()), (130, 1));
    assert_eq!(ran.stderr, "");

    // Once its reader has ended, it ends with the next change.
    let mut child = stage.spawn(&["quota", "--watch"]);
    drop(child.stdout.take());
    assert_eq!(Ran::of(child).code, 0);

    let ran = stage.run(&["quota", "--watch", "--output", "json"]);
    assert_eq!(ran.document()["outcome"], "usage");
    assert_eq!(ran.code, 2);
}
