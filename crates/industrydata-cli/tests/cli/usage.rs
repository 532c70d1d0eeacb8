//! Invalid command lines and settings, and the order of the checks.

use serde_json::json;

use crate::stage::{Ran, Raw, Stage, answer, closed, snapshot};

#[test]
fn a_usage_error_is_one_document() {
    let stage = Stage::new(&closed());
    for line in [
        &["--output", "json"][..],
        &["--output=json", "nonsense"],
        &["start", "--nonsense", "--output", "json"],
        &["start", "--output", "json", "--timeout", "0s"],
        &["start", "--output", "json", "--timeout", "30"],
        &["start", "--output", "json", "--poll-interval", "-1s"],
        &["start", "--output", "json", "--request-timeout", "soon"],
        &["start", "--output", "json", "--request-timeout", "61m"],
        &["wait", "--output", "json"],
        &["start", "--output", "json", "--http", "gopher"],
        &[
            "start",
            "--output",
            "json",
            "--token-file",
            "a",
            "--token-command",
            "b",
        ],
        &[
            "--token-file",
            "a",
            "start",
            "--token-command",
            "b",
            "--output",
            "json",
        ],
        &["start", "--output", "json", "--tenant", "a\nb"],
        &["emulator", "--output", "json", "--speed", "0"],
        &["emulator", "--output", "json", "--port", "99999"],
    ] {
        let ran = stage.run(line);
        let document = ran.document();
        assert_eq!(ran.code, 2, "{ran:?}");
        assert_eq!(document["outcome"], "usage", "{ran:?}");
        assert_eq!(document["error"]["kind"], "usage");
        assert_eq!(document["error"]["may_have_started"], "no");
    }
    snapshot("usage_duration", &stage.run(&["start", "--timeout", "30"]));
    let line = ["start", "--token-file", "a", "--token-command", "b"];
    snapshot("usage_tokens", &stage.run(&line));
    assert_eq!(stage.run(&[]).code, 2);
}

#[test]
fn an_invalid_base_is_a_usage_error() {
    for bad in [
        "http://example.com/beta",
        "https://graph.microsoft.com/v1.0",
        "nonsense",
        "https://graph.microsoft.us/beta",
    ] {
        for line in [&["start"][..], &["quota"], &["wait", "op-1"]] {
            let (code, document) = Stage::new(bad).json(line);
            assert_eq!(
                (code, &document["error"]["kind"]),
                (2, &json!("base")),
                "{bad}"
            );
        }
    }
}

#[test]
fn help_and_version_exit_with_zero() {
    let stage = Stage::new(&closed());
    for line in [
        &["--help"][..],
        &["--version"],
        &["start", "--help"],
        &["--output", "json", "--help"],
        &["help", "wait"],
        &["--version", "--output", "json"],
        &["-V"],
    ] {
        let ran = stage.run(line);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        assert!(ran.stdout.contains("industrydata"));
    }
    let version = stage.run(&["--version"]).stdout;
    let ledger = stage.path(".local/state/industrydata/ledger.sqlite");
    for text in ["schema version 1", ledger.to_str().unwrap()] {
        assert!(version.contains(text), "{version}");
    }
    assert_eq!(stage.run(&["-V"]).stdout.lines().count(), 1);
}

#[test]
fn help_is_as_wide_as_the_terminal_and_coloured_if_asked_to() {
    let stage = Stage::new(&closed());
    for columns in ["40", "60", "80"] {
        let stage = Stage::new(&closed()).env("COLUMNS", columns);
        for line in [&["--help"][..], &["start", "--help"], &["quota", "-h"]] {
            let ran = stage.run(line);
            let limit: usize = columns.parse().unwrap();
            let is_word = |line: &str| !line.trim().contains(' ');
            let fits = |line: &str| {
                line.chars().count() <= limit || is_word(line) || line.starts_with("Usage: ")
            };
            assert!(ran.stdout.lines().all(fits), "{}", ran.stdout);
        }
    }
    for (line, env, is_coloured) in [
        (&["--help"][..], None, false),
        (&["--help", "--color", "always"], None, true),
        (
            &["--color=always", "start", "--help"],
            Some("NO_COLOR"),
            true,
        ),
        (&["--help"], Some("CLICOLOR_FORCE"), true),
        (&["--help", "--color=never"], Some("CLICOLOR_FORCE"), false),
        (&["strat", "--color", "always"], None, true),
        (&["start", "--color", "always"], None, true),
        (&["quota", "--color", "always"], None, true),
        (&["quota"], None, false),
        (
            &["quota", "--color", "always", "--output", "json"],
            None,
            false,
        ),
    ] {
        let mut command = stage.command(line);
        command.envs(env.map(|name| (name, "1")));
        let ran = Ran::of(command.spawn().unwrap());
        let has_escape = [&ran.stdout, &ran.stderr]
            .iter()
            .any(|it| it.contains('\u{1b}'));
        assert_eq!(has_escape, is_coloured, "{line:?} {ran:?}");
    }
}

#[test]
fn completions_and_man_pages_are_written() {
    let stage = Stage::new(&closed());
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = stage.run(&["completions", shell]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        assert!(ran.stdout.contains("reconcile"), "{shell}");
        let home = stage.home.path().to_str().unwrap();
        assert!(!ran.stdout.contains(home), "{shell}");
    }
    if let Ok(bash) = std::process::Command::new("bash").arg("--version").output() {
        assert!(bash.status.success());
        let script = stage.run(&["completions", "bash"]).stdout;
        std::fs::write(stage.path("script"), script).unwrap();
        let try_it = "source ./script; COMP_WORDS=(industrydata sta); COMP_CWORD=1; \
            _industrydata industrydata sta industrydata; echo \"${COMPREPLY[@]}\"";
        let mut bash = std::process::Command::new("bash");
        let bash = bash.args(["-c", try_it]).current_dir(stage.home.path());
        let replies = String::from_utf8(bash.output().unwrap().stdout).unwrap();
        assert_eq!(replies.trim(), "start");
    }

    let ran = stage.run(&["man", "pages/man1"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    for page in [
        "industrydata.1",
        "industrydata-start.1",
        "industrydata-runs-list.1",
    ] {
        let path = stage.path("pages/man1").join(page);
        let text = std::fs::read_to_string(path).unwrap();
        assert!(
            text.contains(".SH NAME") && !text.contains('\u{1b}'),
            "{page}"
        );
        assert!(ran.stdout.contains(&format!("{page}\n")), "{ran:?}");
    }
    let start = std::fs::read_to_string(stage.path("pages/man1/industrydata-start.1")).unwrap();
    assert!(start.contains("wait\\-for\\-slot"), "{start}");
    std::fs::write(stage.path("file"), "").unwrap();
    let (code, document) = stage.json(&["man", "file/man1"]);
    assert_eq!(
        (code, &document["error"]["kind"]),
        (5, &json!("unexpected"))
    );
}

#[test]
fn a_word_that_is_misspelt_gets_a_suggestion() {
    let stage = Stage::new(&closed());
    for (line, meant) in [
        (&["strat"][..], "start"),
        (&["quotas"], "quota"),
        (&["runs", "lsit"], "list"),
        (&["start", "--wiat"], "--wait"),
        (&["quota", "--entires"], "--entries"),
        (&["start", "--http", "asinc"], "async"),
        (&["completions", "bahs"], "bash"),
    ] {
        let ran = stage.run(line);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(&format!("'{meant}'")), "{ran:?}");
        let (code, document) = stage.json(line);
        let advice = document["error"]["advice"].as_str().unwrap();
        assert!(
            code == 2 && advice.contains(&format!("`{meant}`")),
            "{advice}"
        );
    }
}

#[test]
fn usage_is_checked_before_the_token_and_the_token_before_the_ledger() {
    let raw = Raw::always(answer("500 Internal Server Error", "", ""));
    let stage = Stage::new(&raw.base).env("INDUSTRYDATA_TOKEN", "");
    std::fs::write(stage.path("garbage"), "not a database at all").unwrap();
    let line = ["start", "--ledger", "garbage"];
    assert_eq!(stage.json(&[&line[..], &["--tenant", ""]].concat()).0, 2);
    assert_eq!(stage.json(&line).0, 4);
    assert_eq!(stage.env("INDUSTRYDATA_TOKEN", "abc").json(&line).0, 9);
    assert!(raw.heads().is_empty());
}

#[test]
fn global_options_are_accepted_before_and_after_the_command() {
    let stage = Stage::new("nonsense");
    let base = closed();
    let before = [
        "--base-url",
        &base,
        "--tenant",
        "a",
        "--ledger",
        "l.sqlite",
        "--output",
        "json",
        "quota",
    ];
    let after = [
        "quota",
        "--base-url",
        &base,
        "--tenant",
        "a",
        "--ledger",
        "l.sqlite",
        "--output",
        "json",
    ];
    for line in [before, after] {
        let ran = stage.run(&line);
        assert_eq!(ran.code, 0, "{ran:?}");
        let quota: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(quota["available"], 5);
        assert_eq!(
            (&quota["tenant"], &quota["ledger"]),
            (&json!("a"), &json!("l.sqlite"))
        );
        assert_eq!(quota["base_url"], base);
    }
}

#[test]
fn a_closed_standard_output_is_not_a_panic() {
    let stage = Stage::new(&closed());
    for line in [
        &["--help"][..],
        &["quota"],
        &["start", "--output", "json"],
        &["nonsense", "--output", "json"],
    ] {
        let mut child = stage.spawn(line);
        drop(child.stdout.take());
        let ran = Ran::of(child);
        assert!([0, 2, 6].contains(&ran.code), "{ran:?}");
    }
}
