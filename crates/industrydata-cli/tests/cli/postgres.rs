//! A ledger in PostgreSQL. `cargo xtask test` starts the server that some of these tests need.

use std::{collections::BTreeMap, env, process, time::Duration};

use serde_json::json;

use crate::stage::{FLAVOURS, Ran, Stage, closed, emulator};

/// The test server, with its own schema; `None` without a server, which is printed.
fn server(name: &str) -> Option<String> {
    let Ok(url) = env::var("INDUSTRYDATA_TEST_POSTGRES") else {
        println!("not run: no PostgreSQL server, which `cargo xtask test` starts");
        return None;
    };
    let sign = if url.contains('?') { '&' } else { '?' };
    Some(format!("{url}{sign}schema=cli_{name}_{}", process::id()))
}

#[test]
fn sixteen_processes_race_for_five_slots() {
    let Some(url) = server("race") else { return };
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_LEDGER", &url);
    let children: Vec<_> = (0..16)
        .map(|number| {
            let http = FLAVOURS[number % 2];
            stage.spawn(&["start", "--output", "json", "--http", http])
        })
        .collect();
    let mut codes = BTreeMap::new();
    for child in children {
        *codes.entry(Ran::of(child).code).or_insert(0) += 1;
    }
    assert_eq!(codes, BTreeMap::from([(0, 5), (3, 11)]));
    assert_eq!(
        emulator.with_service(|service| service.accepted_starts().len()),
        5
    );
    let ran = stage.run(&["quota", "--output", "json"]);
    assert!(ran.stdout.contains("\"available\":0"), "{ran:?}");
}

#[test]
fn the_password_comes_from_the_environment() {
    let Some(url) = server("password") else {
        return;
    };
    let (login, place) = url.split_once('@').unwrap();
    let (scheme, login) = login.split_once("://").unwrap();
    let (user, password) = login.split_once(':').unwrap();
    let bare = format!("{scheme}://{user}@{place}");
    let emulator = emulator(Duration::from_secs(60));
    for http in FLAVOURS {
        let stage =
            Stage::new(&emulator.base_url()).env("PGPASSWORD", &password.replace("%20", " "));
        let (code, document) = stage.json(&["start", "--http", http, "--ledger", &bare]);
        assert_eq!(code, 0, "{document}");
        let wrong = stage.env("PGPASSWORD", "canary+of/a.password==");
        let (code, document) = wrong.json(&["start", "--http", http, "--ledger", &bare]);
        assert_eq!((code, &document["error"]["kind"]), (9, &json!("ledger")));
        assert!(!document.to_string().contains("canary"), "{document}");
    }
    assert_eq!(
        emulator.with_service(|service| service.accepted_starts().len()),
        2
    );
}

#[test]
fn a_keyword_string_is_a_database() {
    let Some(url) = server("keywords") else {
        return;
    };
    let (login, place) = url.split_once('@').unwrap();
    let (user, password) = login.split_once("://").unwrap().1.split_once(':').unwrap();
    let (at, rest) = place.split_once('/').unwrap();
    let (host, port) = at.split_once(':').unwrap();
    let (base, schema) = rest.split_once("?schema=").unwrap();
    let password = password.replace("%20", " ");
    let text = format!(
        "host={host} port={port} dbname={base} user={user} password='{password}' schema={schema}"
    );
    let emulator = emulator(Duration::from_secs(60));
    for (used, http) in (1_u32..).zip(FLAVOURS) {
        // Two machines: what one starts, the other counts.
        let (one, other) = (
            Stage::new(&emulator.base_url()),
            Stage::new(&emulator.base_url()),
        );
        let (code, document) = one.json(&["start", "--http", http, "--ledger", &text]);
        assert_eq!(code, 0, "{document}");
        assert!(!document.to_string().contains(&password), "{document}");
        let other = other.env("INDUSTRYDATA_LEDGER", &format!("{text}\n"));
        let ran = other.run(&["quota", "--output", "json"]);
        assert!(ran.stdout.contains(&format!("\"used\":{used},")), "{ran:?}");
        for stage in [one, other] {
            assert_eq!(std::fs::read_dir(stage.path("")).unwrap().count(), 0);
        }
    }
}

#[test]
fn the_authorities_of_the_operating_system() {
    let Some(url) = server("system") else { return };
    let folder = env::var_os("INDUSTRYDATA_TEST_POSTGRES_CERTIFICATES").expect("set with the URL");
    let url = url.replace("127.0.0.1", "localhost") + "&sslrootcert=system";
    for (name, code) in [("ca.pem", 0), ("other.pem", 9)] {
        let file = std::path::Path::new(&folder).join(name);
        let stage = Stage::new(&closed())
            .env("SSL_CERT_FILE", file.to_str().unwrap())
            .env("INDUSTRYDATA_LEDGER", &url);
        let ran = stage.run(&["quota", "--output", "json"]);
        assert_eq!(ran.code, code, "{ran:?}");
        assert_eq!(
            ran.stdout.contains("no known authority"),
            code == 9,
            "{ran:?}"
        );
    }
}

#[test]
fn an_unreachable_database_stops_a_start() {
    let place = closed().replace("http://", "").replace("/beta", "");
    let ledger = format!("postgres://user:canary@{place}/ledger");
    let emulator = emulator(Duration::from_secs(60));
    for http in FLAVOURS {
        for ledger in [&ledger, "mysql://user:canary@127.0.0.1/ledger"] {
            let stage = Stage::new(&emulator.base_url());
            let (code, document) = stage.json(&["start", "--http", http, "--ledger", ledger]);
            let error = &document["error"];
            assert_eq!((code, &error["kind"]), (9, &json!("ledger")), "{document}");
            assert_eq!(error["may_have_started"], "no");
            assert!(!document.to_string().contains("canary"), "{document}");
            let ran = stage.run(&["quota", "--ledger", ledger]);
            assert_eq!(ran.code, 9, "{ran:?}");
            assert!(
                ran.stderr.starts_with("error: ") && !ran.stderr.contains("canary"),
                "{ran:?}"
            );
        }
    }
    assert!(emulator.with_service(|service| service.requests().is_empty()));
}
