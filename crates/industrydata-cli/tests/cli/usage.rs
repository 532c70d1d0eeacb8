//! Invalid command lines and settings, and the order of the checks.

use serde_json::json;

use crate::stage::{Ran, Raw, Stage, answer, closed, keys, snapshot};

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
    ] {
        let ran = stage.run(line);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
        assert!(ran.stdout.contains("industrydata"));
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
        assert_eq!(
            keys(&quota),
            [
                "available",
                "base_url",
                "forecast",
                "in_doubt",
                "ledger",
                "limit",
                "next_slot_at",
                "quarantined_until",
                "tenant",
                "used",
                "window_seconds"
            ]
        );
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
