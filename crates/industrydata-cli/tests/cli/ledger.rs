//! All books out of a ledger and into another, and out of a damaged one.

use std::{fs, io::Write, os::unix::fs::PermissionsExt, process::Stdio, time::Duration};

use serde_json::{Value, json};

use crate::stage::{FLAVOURS, Ran, Stage, closed, emulator, keys};

const KEYS: [&str; 5] = ["error", "ledger", "operation", "outcome", "quota"];
const LEDGER: [&str; 8] = [
    "books",
    "changed",
    "damage",
    "entries",
    "export",
    "exported_at",
    "file",
    "whole",
];
const LONG: &str =
    "日本語のとても長い名前 日本語のとても長い名前 日本語のとても長い名前 日本語のとても長い名前";

/// The one document of a `ledger` command.
fn ledger(stage: &Stage, line: &[&str]) -> (i32, Value) {
    let line: Vec<_> = ["ledger"].iter().chain(line).copied().collect();
    let line: Vec<_> = line.into_iter().chain(["--output", "json"]).collect();
    let ran = stage.run(&line);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:?}");
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(keys(&document), KEYS, "{ran:?}");
    if !document["ledger"].is_null() {
        assert_eq!(keys(&document["ledger"]), LEDGER, "{ran:?}");
    }
    (ran.code, document)
}

fn used(stage: &Stage, ledger: &str, tenant: &str) -> Value {
    let line = [
        "quota", "--output", "json", "--ledger", ledger, "--tenant", tenant,
    ];
    let ran = stage.run(&line);
    serde_json::from_str::<Value>(&ran.stdout).unwrap()["used"].clone()
}

/// Two starts of `contoso` and one of a tenant with a long name, in `l.sqlite`.
fn filled(base: &str) -> Stage {
    let stage = Stage::new(base).env("INDUSTRYDATA_LEDGER", "l.sqlite");
    for tenant in ["contoso", "contoso", LONG] {
        let (code, document) = stage.json(&["start", "--tenant", tenant, "--label", "é, nightly"]);
        assert_eq!(code, 0, "{document}");
    }
    stage
}

#[test]
fn books_are_moved_and_a_second_time_changes_nothing() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = filled(&emulator.base_url());
    let (code, document) = ledger(&stage, &["export", "b.json"]);
    let (report, file) = (&document["ledger"], stage.path("b.json"));
    assert_eq!((code, &document["outcome"]), (0, &json!("succeeded")));
    assert_eq!(
        (&report["books"], &report["entries"]),
        (&json!(2), &json!(3))
    );
    assert_eq!(
        (&report["whole"], &report["export"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("é, nightly") && text.contains("\"version\": 1"));
    assert_eq!(
        ledger(&stage, &["export", "b.json"]).0,
        2,
        "it is not written over"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);

    for changed in [3, 0] {
        let (code, document) = ledger(&stage, &["import", "b.json", "--ledger", "new.sqlite"]);
        assert_eq!((code, &document["ledger"]["changed"]), (0, &json!(changed)));
    }
    assert_eq!(used(&stage, "new.sqlite", "contoso"), 2);
    assert_eq!(used(&stage, "new.sqlite", LONG), 1);
    assert_eq!(used(&stage, "new.sqlite", "other"), 0);
    let entries = stage.run(&[
        "quota",
        "--entries",
        "--ledger",
        "new.sqlite",
        "--tenant",
        LONG,
    ]);
    assert!(entries.stdout.contains("é, nightly"), "{entries:?}");
}

#[test]
fn a_document_goes_through_a_pipe_in_either_form() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = filled(&emulator.base_url());
    let lines: [&[&str]; 3] = [
        &["ledger", "export"],
        &["ledger", "export", "-"],
        &["ledger", "export", "--output", "json"],
    ];
    for (n, line) in lines.into_iter().enumerate() {
        let out = stage.run(line);
        assert_eq!(out.code, 0, "{out:?}");
        let new = format!("new-{n}.sqlite");
        let mut child = stage
            .command(&["ledger", "import", "-", "--ledger", &new])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(out.stdout.as_bytes())
            .unwrap();
        let ran = Ran::of(child);
        assert_eq!(ran.code, 0, "{ran:?}");
        assert_eq!(used(&stage, &new, "contoso"), 2);
    }
}

#[test]
fn the_way_out_of_a_damaged_ledger() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = filled(&emulator.base_url());
    let path = stage.path("l.sqlite");
    let mut bytes = fs::read(&path).unwrap();
    // Within the books of the other tenant, which sort behind.
    let at = bytes.windows(9).position(|it| it == b"confirmed").unwrap();
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    for http in FLAVOURS {
        let (code, document) = stage.json(&["start", "--tenant", LONG, "--http", http]);
        let message = document["error"]["message"].as_str().unwrap();
        assert_eq!(code, 9);
        assert!(
            message.contains("industrydata ledger export FILE"),
            "{message}"
        );
    }
    let (code, document) = ledger(&stage, &["export", "b.json"]);
    assert_eq!((code, &document["outcome"]), (9, &json!("ledger")));
    let error = &document["error"];
    assert_eq!(
        (&error["kind"], &error["may_have_started"]),
        (&json!("ledger"), &json!("no"))
    );
    assert!(error["message"].as_str().unwrap().contains(LONG), "{error}");
    let damage = document["ledger"]["damage"].as_array().unwrap();
    assert_eq!((damage.len(), &damage[0]["tenant"]), (1, &json!(LONG)));
    assert_eq!(fs::read(&path).unwrap(), bytes, "the ledger stays as it is");

    let ran = stage.run(&["ledger", "import", "b.json", "--ledger", "new.sqlite"]);
    assert_eq!(ran.code, 0);
    assert!(
        ran.stderr.contains("was damaged") && ran.stderr.contains(LONG),
        "{ran:?}"
    );
    let new = |line: &[&str]| {
        let line: Vec<_> = line
            .iter()
            .chain(&["--ledger", "new.sqlite"])
            .copied()
            .collect();
        stage.json(&line).0
    };
    assert_eq!(
        new(&["start", "--tenant", LONG]),
        3,
        "its starts are not under-counted"
    );
    assert_eq!(
        new(&["start", "--tenant", "contoso"]),
        0,
        "the other's are sound"
    );
    assert_eq!(used(&stage, "new.sqlite", "contoso"), 3);
}

#[test]
fn what_cannot_be_exported_or_imported_is_told_once() {
    let stage = Stage::new(&closed()).env("INDUSTRYDATA_LEDGER", "l.sqlite");
    fs::write(
        stage.path("not.json"),
        "{\"format\": \"else\", \"version\": 1}",
    )
    .unwrap();
    fs::write(
        stage.path("newer.json"),
        "{\"format\": \"industrydata-ledger\", \"version\": 2, \"x\": 0}",
    )
    .unwrap();
    let (_, document) = ledger(&stage, &["export", "empty.json"]);
    assert_eq!(document["ledger"]["books"], 0);
    let text = fs::read_to_string(stage.path("empty.json")).unwrap();
    fs::write(stage.path("altered.json"), text.replace("20", "21")).unwrap();
    fs::write(stage.path("cut.json"), &text[..text.len() / 2]).unwrap();
    fs::write(stage.path("garbage.sqlite"), "no ledger ".repeat(900)).unwrap();
    fs::set_permissions(
        stage.path("garbage.sqlite"),
        fs::Permissions::from_mode(0o600),
    )
    .unwrap();
    for (line, code, said) in [
        (&["import", "not.json"][..], 2, "no export"),
        (&["import", "newer.json"], 2, "newer release"),
        (&["import", "altered.json"], 2, "checksum"),
        (&["import", "cut.json"], 2, "no export"),
        (&["import", "missing.json"], 2, "cannot be read"),
        (&["import", "/"], 2, "cannot be read"),
        (&["import", "-"], 2, "no export"),
        (&["export", "no/folder.json"], 2, "cannot be written"),
        (&["export", "/"], 2, "there already"),
        (
            &["export", "x", "--ledger", "garbage.sqlite"],
            9,
            "nothing can be read",
        ),
        (
            &["import", "empty.json", "--ledger", "no/l.sqlite"],
            9,
            "does not exist",
        ),
        (
            &[
                "export",
                "x",
                "--ledger",
                "postgres://u:canary@127.0.0.1:1/x",
            ],
            9,
            "127.0.0.1",
        ),
    ] {
        let (got, document) = ledger(&stage, line);
        let error = &document["error"];
        assert_eq!(got, code, "{line:?} {document}");
        assert!(
            error["message"].as_str().unwrap().contains(said),
            "{line:?} {document}"
        );
        assert!(!document.to_string().contains("canary") && document["ledger"].is_null());
    }
    assert!(!stage.path("l.sqlite").exists() && !stage.path("x").exists());
}

#[test]
fn an_export_that_cannot_be_printed_is_no_success() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = filled(&emulator.base_url());
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    for line in [
        &["ledger", "export"][..],
        &["ledger", "export", "--output", "json"],
    ] {
        let child = stage.command(line).stdout(full()).spawn().unwrap();
        let ran = Ran::of(child);
        assert!(
            ran.code == 2 && ran.stderr.contains("cannot be written"),
            "{ran:?}"
        );
    }
}
