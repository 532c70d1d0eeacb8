//! The variables that `emulator` prints for each kind of credential, as a shell reads them.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::stage::{FLAVOURS, Ran, Stage, closed, signal};

/// Every kind, with the endpoints that give its tokens.
const KINDS: [(&str, &[&str]); 9] = [
    ("token", &[]),
    ("secret", &[TOKEN]),
    ("certificate", &[TOKEN]),
    ("workload", &[TOKEN]),
    ("managed-identity", &[METADATA]),
    ("github", &["/github/token", TOKEN]),
    ("managed-identity-federation", &[METADATA, TOKEN]),
    ("token-file", &[]),
    ("token-command", &[]),
];
const TOKEN: &str = "/{tenant}/oauth2/v2.0/token";
const METADATA: &str = "/metadata/identity/oauth2/token";

/// An emulator in another process, and what it printed.
struct Emulated {
    child: Option<Child>,
    _stdout: BufReader<ChildStdout>,
    /// The lines that are no comments.
    script: String,
    /// The comments.
    notes: Vec<String>,
}

impl Emulated {
    fn start(kind: &str, options: &[&str]) -> Self {
        let stage = Stage::new(&closed());
        let line = [&["emulator", "--port", "0", "--credential", kind], options].concat();
        let mut child = stage.spawn(&line);
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (mut script, mut notes) = (String::new(), Vec::new());
        // The lines of the last shell have one for each of the first.
        let mut missing = None;
        while missing != Some(0) {
            let mut line = String::new();
            assert_ne!(stdout.read_line(&mut line).unwrap(), 0, "{kind}: it ended");
            missing = missing.map(|lines: usize| lines - 1);
            if line == "# in cmd:\n" {
                missing = Some(script.lines().count() + extra(kind));
            }
            match line.strip_prefix("# ") {
                Some(note) => notes.push(note.trim_end().to_owned()),
                None => script += &line,
            }
        }
        Self {
            child: Some(child),
            _stdout: stdout,
            script,
            notes,
        }
    }

    fn value(&self, name: &str) -> &str {
        let line = format!("export {name}=");
        let line = self.script.lines().find_map(|it| it.strip_prefix(&line));
        line.unwrap_or_else(|| panic!("{name} is not set in {}", self.script))
    }

    /// Starts the program in a shell that has read the lines, and nothing else of this project.
    fn spawn(&self, stage: &Stage, line: &str) -> Child {
        self.spawn_with(stage, "", line)
    }

    /// The same with another variable.
    fn spawn_with(&self, stage: &Stage, variable: &str, line: &str) -> Child {
        let option = self.notes.iter().find_map(|note| {
            let option = note.strip_prefix("then: industrydata start --wait ")?;
            Some(option.to_owned())
        });
        let option = option.unwrap_or_default();
        let program = env!("CARGO_BIN_EXE_industrydata");
        let script = format!("{}\n{variable} exec {program} {line} {option}", self.script);
        let mut shell = Command::new("sh");
        shell.env_clear().args(["-c", &script]);
        shell.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        shell.env("HOME", stage.home.path()).env("TZ", "UTC0");
        shell.current_dir(stage.home.path());
        shell.stdout(Stdio::piped()).stderr(Stdio::piped());
        shell.spawn().unwrap()
    }

    /// What the program in such a shell ends with.
    fn run(&self, line: &str) -> (i32, Value) {
        let stage = Stage::new(&closed());
        let ran = Ran::of(self.spawn(&stage, line));
        (ran.code, ran.document())
    }

    fn control(&self, method: &str, name: &str, body: &str) -> Value {
        let base = self.value("INDUSTRYDATA_BASE_URL");
        let host = base.strip_prefix("http://").unwrap();
        let host = host.strip_suffix("/beta").unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        let length = body.len();
        write!(
            stream,
            "{method} /_emulator/{name} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn script(&self, faults: &str) {
        self.control("POST", "faults", faults);
    }

    /// How many requests came to this endpoint.
    fn requests(&self, endpoint: &str) -> u64 {
        self.control("GET", "state", "")["requests"][endpoint]
            .as_u64()
            .unwrap_or_default()
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        let child = self.child.take().unwrap();
        signal(&child, "-INT");
        let ran = Ran::of(child);
        assert!(std::thread::panicking() || ran.code == 130, "{ran:?}");
    }
}

/// How many notes follow the variables.
fn extra(kind: &str) -> usize {
    match kind {
        "managed-identity" => 3,
        "token-file" | "token-command" => 1,
        _ => 0,
    }
}

#[test]
fn a_wait_of_several_token_lives_succeeds_with_each_kind() {
    // An operation takes 10 s, and a token lives for 4 s.
    let options = ["--speed", "12", "--token-lifetime", "4s"];
    let emulated =
        KINDS.map(|(kind, endpoints)| (Emulated::start(kind, &options), kind, endpoints));
    let began = Instant::now();
    let mut running = Vec::new();
    for (emulated, kind, _) in &emulated {
        for http in FLAVOURS {
            let stage = Stage::new(&closed());
            let line = format!(
                "start --wait --output json --poll-interval 500ms --timeout 25s --http {http}"
            );
            running.push((emulated.spawn(&stage, &line), stage, *kind, http));
        }
    }
    for (child, _stage, kind, http) in running {
        let ran = Ran::of(child);
        assert_eq!(ran.code, 0, "{kind} {http}: {ran:?}");
        assert_eq!(
            ran.document()["outcome"],
            "succeeded",
            "{kind} {http}: {ran:?}"
        );
    }
    assert!(began.elapsed() >= Duration::from_secs(10));
    for (emulated, kind, endpoints) in &emulated {
        for endpoint in *endpoints {
            // For two waits, each of more than two lives.
            let requests = emulated.requests(endpoint);
            assert!(requests >= 6, "{kind}: {requests} at {endpoint}");
        }
        let state = emulated.control("GET", "state", "");
        assert_eq!(state["accepted_starts"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn an_app_has_the_variables_of_its_comment() {
    let mut emulated = Emulated::start("managed-identity", &["--speed", "1000"]);
    for note in &emulated.notes {
        if note.starts_with("export ") {
            emulated.script += &format!("{note}\n");
        }
    }
    assert!(!emulated.value("IDENTITY_HEADER").is_empty());
    for http in FLAVOURS {
        let line = format!("start --wait --output json --poll-interval 50ms --http {http}");
        assert_eq!(emulated.run(&line).0, 0);
    }
    assert_eq!(
        (emulated.requests("/msi/token"), emulated.requests(METADATA)),
        (2, 0)
    );
    // The platform changes the secret, and this shell has the old one.
    emulated.control("POST", "rotate", "{}");
    for http in FLAVOURS {
        let (code, document) = emulated.run(&format!("start --output json --http {http}"));
        let message = without_token(code, &document);
        assert!(message.contains("IDENTITY_ENDPOINT"), "{message}");
    }
}

#[test]
fn files_are_private_and_end_with_the_emulator() {
    for (kind, name) in [
        ("certificate", "AZURE_CLIENT_CERTIFICATE_PATH"),
        ("workload", "AZURE_FEDERATED_TOKEN_FILE"),
    ] {
        let emulated = Emulated::start(kind, &[]);
        let path = std::path::PathBuf::from(emulated.value(name));
        assert!(path.is_file());
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let folder = std::fs::metadata(path.parent().unwrap()).unwrap();
            assert_eq!(folder.permissions().mode() & 0o77, 0);
        }
        drop(emulated);
        assert!(!path.parent().unwrap().exists());
    }
}

#[test]
fn a_busy_metadata_service_is_survived() {
    for http in FLAVOURS {
        let emulated = Emulated::start("managed-identity", &[]);
        emulated.script(
            r#"[{"on":"metadata","status":404},{"on":"metadata","status":500},{"on":"metadata","status":429,"retry_after":1},
                {"on":"metadata","delay_ms":1500,"after":3}]"#,
        );
        let (code, document) = emulated.run(&format!("start --output json --http {http}"));
        assert_eq!(code, 0, "{document}");
        assert_eq!(emulated.requests(METADATA), 4);
    }
}

#[test]
fn a_metadata_service_that_is_updated_is_waited_for() {
    let emulated = Emulated::start("managed-identity", &[]);
    emulated.script(r#"{"on":"metadata","status":410,"times":2}"#);
    let waiting = FLAVOURS.map(|http| {
        let stage = Stage::new(&closed());
        (
            emulated.spawn(&stage, &format!("start --output json --http {http}")),
            stage,
        )
    });
    let began = Instant::now();
    for (child, _stage) in waiting {
        assert_eq!(Ran::of(child).code, 0);
    }
    assert!(began.elapsed() >= Duration::from_secs(10));
    assert_eq!(emulated.requests(METADATA), 4);
}

#[test]
fn an_endpoint_that_fails_starts_nothing() {
    for (kind, on, variable) in [
        (
            "managed-identity",
            "metadata",
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        ),
        (
            "managed-identity-federation",
            "metadata",
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        ),
        ("github", "github", "ACTIONS_ID_TOKEN_REQUEST_URL"),
    ] {
        let emulated = Emulated::start(kind, &[]);
        let elsewhere = Emulated::start("token", &[]);
        let to = elsewhere
            .value("INDUSTRYDATA_BASE_URL")
            .replace("/beta", "/msi/token");
        let redirect = format!(r#"{{"on":"{on}","status":307,"location":"{to}"}}"#);
        let fault = |rest: &str| format!(r#"{{"on":"{on}",{rest}}}"#);
        for (fault, part) in [
            (fault(r#""body":"<html>""#), "sent an answer"),
            (fault(r#""body":{"token":7}"#), "sent an answer"),
            (fault(r#""body":"{""#), "sent an answer"),
            (fault(r#""status":400"#), "400"),
            (redirect, "redirect"),
        ] {
            for http in FLAVOURS {
                emulated.control("DELETE", "faults", "");
                emulated.script(&fault);
                let (code, document) = emulated.run(&format!("start --output json --http {http}"));
                let message = without_token(code, &document);
                assert!(
                    message.contains(part) && message.contains(variable),
                    "{fault} {message}"
                );
            }
        }
        let state = elsewhere.control("GET", "state", "");
        assert_eq!(state["requests"], serde_json::json!({}));
        let state = emulated.control("GET", "state", "");
        assert_eq!(state["accepted_starts"], serde_json::json!([]));
    }
}

/// The message of a start that got no token.
fn without_token(code: i32, document: &Value) -> &str {
    let error = &document["error"];
    assert_eq!((code, &error["kind"]), (4, &"token".into()), "{document}");
    assert_eq!(error["may_have_started"], "no", "{document}");
    error["message"].as_str().unwrap()
}

#[test]
fn an_endpoint_that_hangs_is_given_up() {
    let kinds = [
        ("secret", "token", "could not obtain a token"),
        (
            "managed-identity",
            "metadata",
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
        ),
        ("github", "github", "ACTIONS_ID_TOKEN_REQUEST_URL"),
    ];
    let emulated = kinds.map(|(kind, on, _)| {
        let emulated = Emulated::start(kind, &[]);
        emulated.script(&format!(r#"{{"on":"{on}","stall":true,"times":99}}"#));
        emulated
    });
    let mut running = Vec::new();
    for (emulated, (_, _, part)) in emulated.iter().zip(kinds) {
        for http in FLAVOURS {
            let stage = Stage::new(&closed());
            let line = format!("start --output json --request-timeout 300ms --http {http}");
            running.push((emulated.spawn(&stage, &line), stage, part));
        }
    }
    for (child, _stage, part) in running {
        let ran = Ran::of(child);
        let document = ran.document();
        let message = without_token(ran.code, &document);
        assert!(message.contains(part), "{message}");
    }
}

#[test]
fn a_federated_token_file_is_read_again() {
    let emulated = Emulated::start("workload", &[]);
    let good = std::fs::read_to_string(emulated.value("AZURE_FEDERATED_TOKEN_FILE")).unwrap();
    let large = "a".repeat(70_000);
    let mut running = Vec::new();
    for (before, after, part) in [
        (Some(""), None, "is empty"),
        (None, None, "does not exist"),
        (Some(large.as_str()), None, "64 KiB"),
        (Some("canary"), None, "no JWT"),
        (Some(""), Some(&good), ""),
        (None, Some(&good), ""),
        (Some("a.b"), Some(&good), ""),
    ] {
        for http in FLAVOURS {
            let stage = Stage::new(&closed());
            if let Some(before) = before {
                std::fs::write(stage.path("federated"), before).unwrap();
            }
            let line = format!("start --output json --ledger none --http {http}");
            let other = "AZURE_FEDERATED_TOKEN_FILE=federated";
            let child = emulated.spawn_with(&stage, other, &line);
            running.push((child, stage, after, part));
        }
    }
    std::thread::sleep(Duration::from_millis(500));
    for (_, stage, after, _) in &running {
        if let Some(after) = after {
            std::fs::write(stage.path("federated"), after).unwrap();
        }
    }
    let mut accepted = 0;
    for (child, _stage, after, part) in running {
        let ran = Ran::of(child);
        let document = ran.document();
        if after.is_some() {
            // The sixth is one too many for the throttle.
            accepted += u32::from(ran.code == 0);
            assert!([0, 3].contains(&ran.code), "{ran:?}");
            continue;
        }
        let message = without_token(ran.code, &document);
        let has_variable = message.contains("AZURE_FEDERATED_TOKEN_FILE");
        assert!(has_variable && message.contains(part), "{message}");
    }
    assert_eq!(accepted, 5);
}

#[test]
fn codes_of_entra_have_their_advice() {
    for (kind, code, part) in [
        ("secret", 7_000_222, "add a new one"),
        ("secret", 700_016, "check AZURE_CLIENT_ID"),
        ("secret", 90_002, "check AZURE_TENANT_ID"),
        ("certificate", 700_027, "upload the certificate"),
        ("workload", 700_024, "correct the clock"),
        ("github", 700_213, "compare the issuer"),
        ("managed-identity-federation", 700_236, "home tenant"),
    ] {
        let emulated = Emulated::start(kind, &[]);
        for http in FLAVOURS {
            emulated.script(&format!(r#"{{"on":"token","aadsts":{code}}}"#));
            let (exit, document) = emulated.run(&format!("start --output json --http {http}"));
            let message = without_token(exit, &document);
            assert!(message.contains(&format!("AADSTS{code}")), "{message}");
            assert!(
                document["error"]["advice"].as_str().unwrap().contains(part),
                "{document}"
            );
        }
        // A busy token endpoint is asked again.
        emulated.script(r#"{"on":"token","aadsts":90033}"#);
        assert_eq!(emulated.run("start --output json").0, 0);
    }
}

#[test]
fn a_clock_that_is_ahead_refuses_a_certificate() {
    let emulated = Emulated::start("certificate", &[]);
    assert_eq!(emulated.run("start --output json").0, 0);
    emulated.control("POST", "advance", r#"{"by":"1h"}"#);
    let (code, document) = emulated.run("start --output json");
    let message = document["error"]["message"].as_str().unwrap();
    assert!(code == 4 && message.contains("AADSTS700024"), "{document}");
}
