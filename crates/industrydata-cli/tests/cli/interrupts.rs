//! Signals at each stage of a command.

use std::{
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::stage::{FLAVOURS, Ran, Raw, Stage, emulator, json as json_answer, signal};

/// Sends the signal. The document is printed soon, with exit code 130.
fn ended(child: Child, name: &str) -> Value {
    let began = Instant::now();
    signal(&child, name);
    let ran = Ran::of(child);
    assert!(began.elapsed() < Duration::from_secs(4), "{ran:?}");
    assert_eq!(ran.code, 130, "{ran:?}");
    let document = ran.document();
    assert_eq!(
        (&document["outcome"], &document["error"]["kind"]),
        (&json!("interrupted"), &json!("interrupted"))
    );
    document
}

#[test]
fn between_polls() {
    for (http, name) in FLAVOURS.into_iter().zip(["-INT", "-TERM"]) {
        let raw = Raw::polls(json_answer("200 OK", r#"{"status":"running"}"#));
        let stage = Stage::new(&raw.base);
        let line = [
            "start",
            "--wait",
            "--poll-interval",
            "100ms",
            "--http",
            http,
            "--output",
            "json",
        ];
        let child = stage.spawn(&line);
        raw.wait_for(3);
        let document = ended(child, name);
        assert_eq!(document["error"]["may_have_started"], "yes");
        assert_eq!(
            (
                &document["operation"]["id"],
                &document["operation"]["status"]
            ),
            (&json!("op-1"), &json!("running"))
        );
        assert_eq!(document["quota"]["used"], 1);
        let token = document["operation"]["resume_token"].as_str().unwrap();
        let line = [
            "wait",
            token,
            "--timeout",
            "200ms",
            "--poll-interval",
            "50ms",
            "--http",
            http,
        ];
        assert_eq!(stage.json(&line).0, 7);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_hangup_is_an_interrupt() {
    for http in FLAVOURS {
        let raw = Raw::polls(json_answer("200 OK", r#"{"status":"running"}"#));
        let stage = Stage::new(&raw.base);
        let limits = ["--poll-interval", "100ms", "--output", "json"];
        for command in [&["start", "--wait"][..], &["wait", "op-1"]] {
            let requests = raw.heads().len();
            let child = stage.spawn(&[command, &limits, &["--http", http]].concat());
            raw.wait_for(requests + 3);
            let document = ended(child, "-HUP");
            assert_eq!(document["error"]["may_have_started"], "yes");
            let token = document["operation"]["resume_token"].as_str();
            assert!(token.unwrap().starts_with("idr1:"), "{document}");
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_hangup_that_the_caller_ignores_stops_nothing() {
    let raw = Raw::polls(json_answer("200 OK", r#"{"status":"running"}"#));
    let stage = Stage::new(&raw.base);
    let binary = stage.command(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]);
    shell.arg(binary.get_program());
    shell.args(["wait", "op-1", "--poll-interval", "50ms"]);
    shell.args(["--output", "json"]);
    for (name, value) in binary.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = shell.spawn().unwrap();
    raw.wait_for(2);
    signal(&child, "-HUP");
    raw.wait_for(raw.heads().len() + 4);
    ended(child, "-TERM");
}

#[test]
fn during_a_start() {
    for http in FLAVOURS {
        let raw = Raw::silent();
        let stage = Stage::new(&raw.base);
        let child = stage.spawn(&["start", "--http", http, "--output", "json"]);
        raw.wait_for(1);
        let document = ended(child, "-INT");
        assert_eq!(document["error"]["may_have_started"], "unknown");
        assert_eq!(
            (&document["quota"]["used"], &document["quota"]["in_doubt"]),
            (&json!(1), &json!(1)),
            "{document}"
        );
    }
}

#[test]
fn during_a_poll() {
    for http in FLAVOURS {
        let raw = Raw::silent();
        let stage = Stage::new(&raw.base);
        let child = stage.spawn(&["wait", "op-1", "--http", http, "--output", "json"]);
        raw.wait_for(1);
        let document = ended(child, "-TERM");
        assert_eq!(document["error"]["may_have_started"], "yes");
        assert!(document["operation"]["resume_token"].is_string() && document["quota"].is_null());
    }
}

#[test]
fn during_a_token_command() {
    // Without a name for the tenant, the token comes before the ledger.
    for (http, tenant, used) in FLAVOURS
        .into_iter()
        .flat_map(|http| [(http, "contoso", json!(0)), (http, "", json!(null))])
    {
        let raw = Raw::silent();
        let stage = Stage::new(&raw.base).env("INDUSTRYDATA_TENANT", tenant);
        let line = [
            "start",
            "--token-command",
            "touch began; sleep 20; true",
            "--http",
            http,
            "--output",
            "json",
        ];
        let child = stage.spawn(&line);
        wait_for(|| stage.path("began").exists());
        let document = ended(child, "-INT");
        assert_eq!(document["error"]["may_have_started"], "no");
        assert_eq!(document["quota"]["used"], used, "{document}");
        assert!(raw.heads().is_empty());
    }
}

#[test]
fn during_a_wait_for_a_slot() {
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_secs(60));
        let stage = Stage::new(&emulator.base_url());
        for _ in 0..5 {
            assert_eq!(stage.run(&["start", "--http", http]).code, 0);
        }
        let child = stage.spawn(&[
            "start",
            "--wait-for-slot",
            "--http",
            http,
            "--output",
            "json",
        ]);
        thread::sleep(Duration::from_millis(400));
        let document = ended(child, "-INT");
        assert_eq!(document["error"]["may_have_started"], "no");
        assert_eq!(document["quota"]["used"], 5);
    }
}

#[test]
fn human_output_says_how_to_resume() {
    let raw = Raw::polls(json_answer("200 OK", r#"{"status":"running"}"#));
    let child = Stage::new(&raw.base).spawn(&["start", "--wait", "--poll-interval", "100ms"]);
    raw.wait_for(2);
    signal(&child, "-INT");
    let ran = Ran::of(child);
    assert_eq!(ran.code, 130);
    assert!(ran.stderr.contains("industrydata wait idr1:"), "{ran:?}");
}

#[test]
fn a_second_signal_ends_the_process_at_once() {
    let raw = Raw::silent();
    let stage = Stage::new(&raw.base);
    assert!(
        Command::new("mkfifo")
            .arg(stage.path("pipe"))
            .status()
            .unwrap()
            .success()
    );
    let began = Instant::now();
    let child = stage.spawn(&["start", "--token-file", "pipe", "--output", "json"]);
    thread::sleep(Duration::from_millis(300));
    signal(&child, "-INT");
    thread::sleep(Duration::from_millis(200));
    let document = ended(child, "-INT");
    assert!(began.elapsed() < Duration::from_millis(2500));
    assert_eq!(document["error"]["may_have_started"], "no");
}

#[test]
fn during_a_read_of_a_token_file() {
    let raw = Raw::silent();
    let stage = Stage::new(&raw.base);
    assert!(
        Command::new("mkfifo")
            .arg(stage.path("pipe"))
            .status()
            .unwrap()
            .success()
    );
    for http in FLAVOURS {
        for command in [&["start"][..], &["wait", "op-1"]] {
            let line = ["--http", http, "--token-file", "pipe", "--output", "json"];
            let child = stage.spawn(&[command, &line].concat());
            thread::sleep(Duration::from_millis(300));
            let began = Instant::now();
            ended(child, "-INT");
            assert!(began.elapsed() < Duration::from_secs(1));
        }
    }
    assert!(raw.heads().is_empty());
}

fn wait_for(condition: impl Fn() -> bool) {
    let began = Instant::now();
    while !condition() {
        assert!(began.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(5));
    }
}
