//! An unusable ledger stops a start and is not changed; ledgers by tenant and base.

use std::{
    fs,
    io::{BufRead, BufReader},
    time::Duration,
};

use serde_json::{Value, json};

use crate::stage::{FLAVOURS, Ran, Raw, Stage, answer, closed, emulator, restrict, signal};

#[test]
fn an_unusable_ledger_stops_a_start_before_anything_is_sent() {
    let raw = Raw::always(answer("500 Internal Server Error", "", ""));
    for http in FLAVOURS {
        let stage = Stage::new(&raw.base);
        fs::write(
            stage.path("garbage"),
            "not a database, and longer than a header of one would be ".repeat(20),
        )
        .unwrap();
        restrict(&stage.path("garbage"));
        fs::create_dir(stage.path("folder")).unwrap();
        let before = fs::read(stage.path("garbage")).unwrap();
        for ledger in ["garbage", "folder", "missing/ledger.sqlite", "/dev/null"] {
            let (code, document) = stage.json(&["start", "--http", http, "--ledger", ledger]);
            assert_eq!(
                (code, &document["outcome"]),
                (9, &json!("ledger")),
                "{ledger} {document}"
            );
            assert_eq!(document["error"]["kind"], "ledger");
            assert_eq!(
                (&document["error"]["may_have_started"], &document["quota"]),
                (&json!("no"), &Value::Null)
            );
            assert_eq!(stage.json(&["quota", "--ledger", ledger]).0, 9, "{ledger}");
        }
        assert_eq!(fs::read(stage.path("garbage")).unwrap(), before);
    }
    assert!(raw.heads().is_empty());
}

#[cfg(unix)]
#[test]
fn a_read_only_ledger_stops_a_start() {
    use std::os::unix::fs::PermissionsExt;
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_LEDGER", "ledger.sqlite");
    assert_eq!(stage.json(&["start"]).0, 0);
    let path = stage.path("ledger.sqlite");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let before = fs::read(&path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    for http in FLAVOURS {
        assert_eq!(stage.json(&["start", "--http", http]).0, 9);
    }
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
    assert_eq!(emulator.with_service(|service| service.requests().len()), 1);
    let (_, quota) = stage_quota(&stage);
    assert_eq!(quota["used"], 1);
}

#[test]
fn the_ledger_of_a_stopped_emulator_is_named() {
    let stage = Stage::new(&closed());
    let mut emulator = stage.spawn(&["emulator", "--port", "0"]);
    let ledger = BufReader::new(emulator.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap)
        .find_map(|line| Some(line.strip_prefix("export INDUSTRYDATA_LEDGER=")?.to_owned()))
        .unwrap();
    signal(&emulator, "-TERM");
    assert_eq!(Ran::of(emulator).code, 130);
    let exported = Stage::new(&closed()).env("INDUSTRYDATA_LEDGER", &ledger);
    for http in FLAVOURS {
        for (stage, line, named) in [
            (&exported, &["start"][..], "unset INDUSTRYDATA_LEDGER"),
            (&exported, &["quota"], "unset INDUSTRYDATA_LEDGER"),
            (
                &exported,
                &["ledger", "reset", "--yes"],
                "unset INDUSTRYDATA_LEDGER",
            ),
            (&stage, &["start", "--ledger", &ledger], "--ledger"),
        ] {
            let (code, document) = stage.json(&[line, &["--http", http]].concat());
            assert_eq!((code, &document["outcome"]), (9, &json!("ledger")));
            let error = &document["error"];
            let has = |key: &str, text: &str| error[key].as_str().unwrap().contains(text);
            assert!(has("message", "the emulator was stopped"), "{document}");
            assert!(has("advice", named), "{document}");
            assert_eq!(error["may_have_started"], "no");
        }
    }
    // A folder elsewhere, or of another name, is the user's.
    let temporary = std::env::temp_dir();
    for ledger in [
        stage.path("industrydata-emulator-1/ledger"),
        temporary.join("industrydata-none/ledger"),
    ] {
        let (code, document) = stage.json(&["quota", "--ledger", ledger.to_str().unwrap()]);
        let message = document["error"]["message"].as_str().unwrap();
        assert!(
            code == 9 && message.contains("create it first"),
            "{message}"
        );
    }
}

#[test]
fn a_ledger_that_is_not_stored_is_a_warning() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_LEDGER", "none");
    for line in [&["start", "--output", "json"][..], &["start"], &["quota"]] {
        let ran = stage.run(line);
        assert_eq!(ran.code, 0);
        assert!(
            ran.stderr.contains("warning: the ledger is not stored"),
            "{ran:?}"
        );
    }
    assert!(!stage.path("none").exists() && !stage.path(".local").exists());
}

#[test]
fn each_tenant_and_each_base_has_its_own_ledger() {
    let (one, two) = (
        emulator(Duration::from_secs(60)),
        emulator(Duration::from_secs(60)),
    );
    let stage = Stage::new(&one.base_url());
    assert_eq!(
        stage
            .json(&["start", "--tenant", "72F988BF-86F1-41AF-91AB-2D7CD011DB47"])
            .0,
        0
    );
    let used = |line: &[&str]| {
        let line: Vec<_> = ["quota", "--output", "json"]
            .iter()
            .chain(line)
            .copied()
            .collect();
        let ran = stage.run(&line);
        serde_json::from_str::<Value>(&ran.stdout).unwrap()["used"].clone()
    };
    assert_eq!(
        used(&["--tenant", "72f988bf-86f1-41af-91ab-2d7cd011db47"]),
        1
    );
    assert_eq!(used(&["--tenant", "other"]), 0);
    assert_eq!(
        used(&[
            "--tenant",
            "72f988bf-86f1-41af-91ab-2d7cd011db47",
            "--base-url",
            &two.base_url()
        ]),
        0
    );
}

#[cfg(unix)]
fn stage_quota(stage: &Stage) -> (i32, Value) {
    let ran = stage.run(&["quota", "--output", "json"]);
    (ran.code, serde_json::from_str(&ran.stdout).unwrap())
}
