//! Human output, the emulator and the demo.

use std::{
    io::{BufRead, BufReader},
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::contract;
use crate::stage::{
    FLAVOURS, Ran, Raw, Stage, answer, closed, emulator, json as json_answer, snapshot,
};

#[test]
fn control_characters_are_escaped() {
    let body = r#"{"status":"run\u001b[2Jning\u202e","statusDetail":"a\r\nb"}"#;
    let raw = Raw::polls(json_answer("200 OK", body));
    let refused = Raw::always(json_answer(
        "400 Bad Request",
        r#"{"error":{"code":"c","message":"x\u001b]0;y\u0007"}}"#,
    ));
    for http in FLAVOURS {
        let line = [
            "start",
            "--wait",
            "--timeout",
            "2s",
            "--poll-interval",
            "50ms",
            "--http",
            http,
        ];
        for base in [&raw.base, &refused.base] {
            let ran = Stage::new(base).run(&line);
            let hidden = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
            assert!(
                !ran.stdout.contains(hidden) && !ran.stderr.contains(hidden),
                "{ran:?}"
            );
            assert!(ran.stderr.contains("\\u{1b}"), "{ran:?}");
        }
    }
}

#[test]
fn a_time_limit_says_how_to_resume() {
    let raw = Raw::polls(json_answer("200 OK", r#"{"status":"running"}"#));
    let line = [
        "start",
        "--wait",
        "--timeout",
        "1500ms",
        "--poll-interval",
        "50ms",
    ];
    let ran = Stage::new(&raw.base).run(&line);
    snapshot("time_limit", &ran);
}

#[test]
fn a_start_says_how_to_wait_for_it() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url());
    snapshot("start", &stage.run(&["start"]));
    snapshot("quota", &stage.run(&["quota"]));
}

#[test]
fn the_settings_that_the_emulator_prints_work() {
    let stage = Stage::new(&closed());
    let mut child = stage.spawn(&["emulator", "--port", "0", "--speed", "1000"]);
    let mut lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let mut value = |name: &str| {
        let line = lines.next().unwrap();
        line.strip_prefix(&format!("export {name}="))
            .unwrap()
            .to_owned()
    };
    let base = value("INDUSTRYDATA_BASE_URL");
    let user = Stage::new(&base).env("INDUSTRYDATA_TOKEN", &value("INDUSTRYDATA_TOKEN"));
    let ledger = value("INDUSTRYDATA_LEDGER");
    let user = user.env("INDUSTRYDATA_LEDGER", &ledger);
    for line in [
        "# in PowerShell:".to_owned(),
        format!("# $env:INDUSTRYDATA_BASE_URL = '{base}'"),
    ] {
        assert_eq!(lines.next().unwrap(), line);
    }
    let cmd = lines.find(|line| line == "# in cmd:");
    let line = lines.next().unwrap();
    assert!(cmd.is_some() && line == format!("# set \"INDUSTRYDATA_BASE_URL={base}\""));
    let page = base.trim_end_matches("beta");
    assert!(lines.any(|line| line == format!("# status page, for a browser: {page}")));
    for http in FLAVOURS {
        assert_eq!(
            user.json(&["start", "--wait", "--poll-interval", "50ms", "--http", http])
                .0,
            0
        );
    }
    assert!(std::path::Path::new(&ledger).exists() && !user.path(".local").exists());
    assert!(
        Command::new("kill")
            .arg(child.id().to_string())
            .status()
            .unwrap()
            .success()
    );
    drop(lines);
    assert_eq!(Ran::of(child).code, 130);
    assert!(!std::path::Path::new(&ledger).parent().unwrap().exists());
}

#[test]
fn the_document_of_the_emulator_is_its_base() {
    let stage = Stage::new(&closed());
    let mut child = stage.spawn(&["emulator", "--port", "0", "--output", "json"]);
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    assert_eq!(contract::check(&line), "emulator");
    let document: Value = serde_json::from_str(&line).unwrap();
    let base = document["base_url"].as_str().unwrap();
    assert_eq!(document["environment"]["INDUSTRYDATA_BASE_URL"], base);
    let port = base.trim_end_matches("/beta").rsplit(':').next().unwrap();
    let (code, taken) = stage.json(&["emulator", "--port", port]);
    assert_eq!((code, taken["outcome"].as_str().unwrap()), (2, "usage"));
    assert!(
        Command::new("kill")
            .args(["-INT", &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
    line.clear();
    assert_eq!(stdout.read_line(&mut line).unwrap(), 0, "{line}");
    assert_eq!(Ran::of(child).code, 130);
}

#[test]
fn the_demo_needs_no_setting_and_is_short() {
    let stage = Stage::new("nonsense").env("INDUSTRYDATA_TOKEN", "");
    let began = Instant::now();
    let ran = stage.run(&["demo"]);
    assert!(began.elapsed() < Duration::from_secs(30), "{ran:?}");
    snapshot("demo", &ran);
    let (code, document) = stage.json(&["demo"]);
    assert_eq!(
        (code, document["outcome"].as_str().unwrap()),
        (0, "succeeded")
    );
    assert_eq!(document["quota"]["available"], 0);
    assert!(!stage.path(".local").exists());
}

#[test]
fn human_output_has_no_query_of_a_location() {
    let raw = Raw::serve(|_, _, base| {
        let location = format!("location: {base}/external/industryData/operations/op-1?sig=s3\r\n");
        Some(answer("202 Accepted", &location, ""))
    });
    let stage = Stage::new(&raw.base);
    let ran = stage.run(&["start"]);
    assert!(
        ran.stdout.contains("/operations/op-1\n") && !ran.stdout.contains("sig="),
        "{ran:?}"
    );
    let (_, document) = stage.json(&["start"]);
    let location = document["operation"]["location"].as_str().unwrap();
    assert!(location.ends_with("?sig=s3"), "{document}");
}

/// Runs the line with a standard output on which every write fails for want of space.
#[cfg(target_os = "linux")]
fn unwritten(stage: &Stage, line: &[&str]) -> Ran {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let ran = Ran::of(stage.command(line).stdout(full).spawn().unwrap());
    let reported = "error: cannot write the result to standard output: ";
    assert!(ran.stderr.contains(reported), "{ran:?}");
    ran
}

#[cfg(target_os = "linux")]
#[test]
fn a_result_that_cannot_be_written_is_exit_code_74() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url());
    let (_, started) = stage.json(&["start"]);
    let id = started["operation"]["id"].as_str().unwrap();
    for line in [
        &["doctor", "--quiet"][..],
        &["quota"],
        &["quota", "--entries"],
        &["runs", "list"],
        &["operations", "list"],
        &["operations", "show", id],
    ] {
        for http in FLAVOURS {
            for output in ["human", "json"] {
                let line = [line, &["--http", http, "--output", output]].concat();
                assert_eq!(unwritten(&stage, &line).code, 74, "{line:?}");
                let (reader, writer) = std::io::pipe().unwrap();
                drop(reader);
                let ran = Ran::of(stage.command(&line).stdout(writer).spawn().unwrap());
                assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{line:?}");
            }
        }
    }
    for line in [&["--help"][..], &["--version"], &["start", "--help"]] {
        assert_eq!(unwritten(&stage, line).code, 74, "{line:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_error_keeps_its_exit_code_and_is_reported_if_its_document_cannot_be_written() {
    let stage = Stage::new(&closed());
    for (line, code) in [
        (&["runs", "list"][..], 7),
        (&["quota", "--ledger", "/dev/null"], 9),
        (&["start", "--ledger", "/dev/null"], 9),
    ] {
        let line = [line, &["--timeout", "300ms", "--output", "json"]].concat();
        let ran = unwritten(&stage, &line);
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(ran.stderr.contains("may have started: no"), "{ran:?}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_start_keeps_its_exit_code_and_names_its_operation_on_standard_error() {
    let raw = Raw::polls(json_answer("200 OK", r#"{"status":"succeeded"}"#));
    let failing = Raw::polls(json_answer("200 OK", r#"{"status":"failed"}"#));
    for http in FLAVOURS {
        for output in ["human", "json"] {
            for line in [&["start"][..], &["start", "--wait"], &["wait", "op-1"]] {
                let line = [line, &["--http", http, "--output", output]].concat();
                let ran = unwritten(&Stage::new(&raw.base), &line);
                assert_eq!(ran.code, 0, "{ran:?}");
                assert!(ran.stderr.contains("operation: op-1\n"), "{ran:?}");
                let resume = "wait for it with: industrydata wait idr1:";
                let is_running = !line.contains(&"--wait") && line[0] == "start";
                assert_eq!(ran.stderr.contains(resume), is_running, "{ran:?}");
            }
        }
        let line = ["start", "--wait", "--http", http, "--output", "json"];
        let ran = unwritten(&Stage::new(&failing.base), &line);
        assert_eq!(ran.code, 1, "{ran:?}");
        for text in ["operation: op-1\n", "error: the operation failed: "] {
            assert!(ran.stderr.contains(text), "{ran:?}");
        }
    }
}
