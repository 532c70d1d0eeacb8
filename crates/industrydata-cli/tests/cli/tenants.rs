//! Whose quota is shown if no tenant is named: the one for which `start` counted.

use std::io::{BufRead, BufReader};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use industrydata_emulator::{Client, Config, Emulator, Fault, Grant, Lose, On};
use serde_json::json;

use crate::stage::{CANARY, Ran, Stage, signal};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// A token that names the tenant.
fn token() -> String {
    let claims = BASE64_URL_SAFE_NO_PAD.encode(format!(r#"{{"tid":"{TENANT}"}}"#));
    format!("e30.{claims}.c2ln")
}

/// An emulator that knows the token, and has identities of the tenant.
fn emulator() -> Emulator {
    Emulator::start(Config {
        tokens: vec![Grant::all(CANARY), Grant::all(token())],
        client: Client {
            tenant_id: TENANT.to_owned(),
            ..Client::default()
        },
        ..Config::default()
    })
    .unwrap()
}

/// A stage whose environment has no token, with one in a file.
fn stage(emulator: &Emulator) -> Stage {
    let authority = emulator.authority_url();
    let stage = Stage::new(&emulator.base_url())
        .env("INDUSTRYDATA_TOKEN", "")
        .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", authority);
    std::fs::write(stage.path("token"), token()).unwrap();
    stage
}

const SOURCES: [[&str; 2]; 3] = [
    ["--token-command", "cat token"],
    ["--token-file", "token"],
    ["--credential", "managed-identity"],
];

#[test]
fn the_quota_is_that_of_the_tenant_for_which_a_start_counted() {
    for source in SOURCES {
        let emulator = emulator();
        let stage = stage(&emulator);
        let ran = stage.run(&[&["start"], &source[..]].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        for line in [&["quota"][..], &[&["quota"], &source[..]].concat()] {
            let (code, document) = stage.any_json(line);
            assert_eq!(code, 0, "{line:?} {document}");
            assert_eq!(document["used"], 1, "{line:?} {document}");
            assert_eq!(document["tenant"], TENANT, "{document}");
            let is_of_token = line.contains(&"--token-file");
            let by = if is_of_token { "token" } else { "ledger" };
            assert_eq!(document["tenant_named_by"], by, "{line:?} {document}");
            let human = stage.run(line);
            let heading = format!("tenant {TENANT} (");
            assert!(human.stdout.starts_with(&heading), "{human:?}");
        }
    }
}

#[test]
fn a_start_is_resolved_for_the_tenant_for_which_it_counted() {
    let emulator = emulator();
    let stage = stage(&emulator);
    emulator.script(Fault::on(On::Start).lose(Lose::Answer));
    let ran = stage.run(&["start", "--token-command", "cat token"]);
    assert_eq!(ran.code, 8, "{ran:?}");
    let (_, document) = stage.any_json(&["quota", "--entries"]);
    assert_eq!(document["in_doubt"], 1, "{document}");
    let id = document["entries"][0]["id"].as_str().unwrap();
    let resolved = format!("{id}=not-started");
    let (code, document) = stage.any_json(&["quota", "--resolve", &resolved]);
    assert_eq!((code, &document["used"]), (0, &json!(0)), "{document}");
}

#[test]
fn of_several_tenants_one_must_be_named() {
    let emulator = emulator();
    let stage = stage(&emulator);
    for tenant in [
        &[][..],
        &["--tenant", "con toso"],
        &["--tenant", "con toso"],
    ] {
        let line = [&["start", "--token-command", "cat token"], tenant].concat();
        assert_eq!(stage.run(&line).code, 0);
    }
    let credential = ["quota", "--credential", "managed-identity"];
    for line in [&["quota"][..], &["quota", "--watch"], &credential] {
        let ran = stage.run(line);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{line:?} {ran:?}");
        for part in [
            format!("--tenant {TENANT} (1 used)"),
            "--tenant 'con toso' (2 used)".to_owned(),
            "INDUSTRYDATA_TENANT".to_owned(),
        ] {
            assert!(ran.stderr.contains(&part), "{line:?} {ran:?}");
        }
    }
    for (line, tenant, used) in [
        (&["quota", "--tenant", "con toso"][..], "con toso", 2),
        (&["quota", "--token-file", "token"], TENANT, 1),
        (
            &["quota", "--reconcile", "--token-command", "cat token"],
            TENANT,
            // The service lists all three.
            3,
        ),
    ] {
        let (code, document) = stage.any_json(line);
        assert_eq!(
            (code, &document["tenant"]),
            (0, &json!(tenant)),
            "{document}"
        );
        assert_eq!(document["used"], used, "{document}");
    }
    // The names of one base are not those of another.
    let elsewhere = stage.any_json(&["quota", "--base-url", "http://127.0.0.1:1/beta"]);
    assert_eq!(elsewhere.1["tenant_named_by"], "nothing", "{elsewhere:?}");
}

/// A command that names no tenant ends no quarantine.
#[test]
fn the_quarantine_of_a_tenant_that_is_not_named_goes_on() {
    let emulator = emulator();
    let stage = stage(&emulator);
    let of_contoso = ["--tenant", "contoso", "--token-file", "token"];
    for line in [
        &["start"][..],
        &["ledger", "reset", "--yes"],
        // It finds the start, so that the new ledger has a tenant.
        &["quota", "--reconcile"],
    ] {
        let ran = stage.run(&[line, &of_contoso].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    let by_hand = ["quota", "--resolve", "quarantine=not-started"];
    let ran = stage.run(&[&by_hand[..], &["--token-command", "cat token"]].concat());
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("add --tenant contoso"), "{ran:?}");
    let (_, document) = stage.any_json(&["quota", "--tenant", "contoso"]);
    assert!(document["quarantined_until"].is_string(), "{document}");
    let ran = stage.run(&[&by_hand[..], &["--tenant", "contoso"]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
}

#[test]
fn a_ledger_without_starts_says_so() {
    let emulator = emulator();
    let stage = stage(&emulator);
    for ledger in [&[][..], &["--ledger", "none"]] {
        let line = [&["quota"], ledger].concat();
        let ran = stage.run(&line);
        assert_eq!(ran.code, 0, "{ran:?}");
        let heading = "no tenant is named, and the ledger counts no starts at ";
        assert!(ran.stdout.starts_with(heading), "{ran:?}");
        assert!(!ran.stdout.contains("tenant default"), "{ran:?}");
        let (code, document) = stage.any_json(&line);
        assert_eq!((code, &document["used"]), (0, &json!(0)), "{document}");
        assert_eq!(document["tenant_named_by"], "nothing", "{document}");
        let ran = stage.run(&[&line[..], &["--resolve", "quarantine=not-started"]].concat());
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(
            ran.stderr.contains("name the tenant with --tenant"),
            "{ran:?}"
        );
    }
    // No quarantine was ended, and a look makes no ledger.
    assert!(
        !stage
            .path(".local/state/industrydata/ledger.sqlite")
            .exists()
    );
}

#[test]
fn a_watch_that_begins_before_the_first_start_finds_its_tenant() {
    let emulator = emulator();
    let stage = stage(&emulator);
    let mut watch = stage.spawn(&["quota", "--watch"]);
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("counts no starts"), "{first}");
    let ran = stage.run(&["start", "--token-command", "cat token"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let found = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|it| it.contains(TENANT));
    // Others may start later.
    assert!(found.is_some_and(|it| !it.contains("the only one")));
    signal(&watch, "-INT");
    assert_eq!(Ran::of(watch).code, 130);
}
