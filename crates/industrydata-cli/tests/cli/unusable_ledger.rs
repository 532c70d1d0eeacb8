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
fn text_that_is_no_path_never_becomes_a_file() {
    let raw = Raw::always(answer("500 Internal Server Error", "", ""));
    for http in FLAVOURS {
        for ledger in [
            "host=127.0.0.1 port=1 dbname=school user=u password=canary",
            "host=db;dbname=school;password=canary",
            "host=db speed=9 password=canary",
            "service=canary",
            "Host=db;Username=u;Password=canary",
            "mysql://u:canary@127.0.0.1/school",
            "sqlite:canary.db",
            "file:canary.db",
            ":memory:",
            "u:canary@127.0.0.1:5432/school",
            "127.0.0.1:5432",
            "Postgres://u:canary@127.0.0.1/school",
            "postgres//u:canary@127.0.0.1/school",
            "None",
            "NONE",
            " none ",
            "none\n",
            "\"none\"",
            "~/canary.db",
            "canary.db\n",
        ] {
            // As an option, and from the environment with a blank that stays.
            let stage = Stage::new(&raw.base);
            let variable = Stage::new(&raw.base).env("INDUSTRYDATA_LEDGER", &format!("{ledger}\t"));
            let of_option = stage.json(&["start", "--http", http, "--ledger", ledger]);
            let of_variable = variable.json(&["start", "--http", http]);
            for (code, document) in [of_option, of_variable] {
                let error = &document["error"];
                assert_eq!((code, &error["kind"]), (9, &json!("ledger")), "{document}");
                assert_eq!(error["may_have_started"], "no");
                assert!(!document.to_string().contains("canary"), "{document}");
            }
            for stage in [stage, variable] {
                let files = fs::read_dir(stage.path("")).unwrap().count();
                assert_eq!(files, 0, "{ledger:?}");
            }
        }
    }
    assert!(raw.heads().is_empty());
}

#[test]
fn a_path_that_begins_as_one_is_a_file_whatever_follows() {
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_secs(60));
        let stage = Stage::new(&emulator.base_url());
        for name in ["none", "host=db dbname=x", "sqlite:x", "a@b:c"] {
            let ledger = format!("./{name}");
            let (code, document) = stage.json(&[
                "start",
                "--http",
                http,
                "--tenant",
                &format!("{name} {http}"),
                "--ledger",
                &ledger,
            ]);
            assert_eq!(code, 0, "{document}");
            assert!(stage.path(name).is_file());
            // The same file by its absolute path, from a file of variables with a line break.
            let whole = format!("{}\r\n", stage.path(name).display());
            let mut command = stage.command(&["quota", "--output", "json"]);
            command
                .env("INDUSTRYDATA_LEDGER", &whole)
                .env("INDUSTRYDATA_TENANT", format!("{name} {http}"));
            let ran = Ran::of(command.spawn().unwrap());
            assert!(ran.stdout.contains("\"used\":1,"), "{ran:?}");
            assert!(ran.stderr.contains("INDUSTRYDATA_LEDGER"), "{ran:?}");
        }
        let files = fs::read_dir(stage.path("")).unwrap();
        let files: Vec<_> = files.map(|it| it.unwrap().file_name()).collect();
        assert_eq!(files.len(), 4, "{files:?}");
    }
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
