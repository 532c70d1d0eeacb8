//! `start --key`: one start for a key, whatever retries it.

use std::{
    collections::BTreeSet,
    process::Child,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use industrydata_emulator::{Emulator, Fault, Lose, On};
use serde_json::{Value, json};

use crate::{
    postgres::server,
    stage::{FLAVOURS, Ran, Raw, Stage, accepted, answer, emulator, json as json_answer},
};

const KEY: [&str; 3] = ["start", "--key", "nightly-2026-03-10"];

fn starts(emulator: &Emulator) -> usize {
    emulator.with_service(|service| service.accepted_starts().len())
}

fn keyed<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&KEY, more].concat()
}

#[test]
fn a_retry_goes_on_with_the_start_and_ends_alike() {
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_millis(200));
        let stage = Stage::new(&emulator.base_url());
        let (code, first) = stage.json(&keyed(&["--http", http]));
        assert_eq!((code, &first["attached"]), (0, &json!(false)));
        let (code, second) = stage.json(&keyed(&["--http", http]));
        assert_eq!((code, &second["attached"]), (0, &json!(true)), "{second}");
        assert_eq!(second["outcome"], "started");
        assert_eq!(second["operation"]["id"], first["operation"]["id"]);
        assert_eq!(second["quota"]["used"], 1);
        // The other flavour goes on as well, and waits as asked.
        let line = keyed(&["--wait", "--poll-interval", "50ms"]);
        let (code, waited) = stage.json(&line);
        assert_eq!((code, &waited["outcome"]), (0, &json!("succeeded")));
        assert_eq!(waited["attached"], true);
        assert_eq!(waited["operation"]["id"], first["operation"]["id"]);
        assert_eq!(starts(&emulator), 1);
    }
}

#[test]
fn a_retry_follows_the_run_and_says_so_to_people() {
    let emulator = emulator(Duration::from_millis(100));
    let stage = Stage::new(&emulator.base_url());
    assert_eq!(stage.run(&KEY).code, 0);
    let ran = stage.run(&KEY);
    assert!(
        ran.stdout.starts_with("attached to the start of 20"),
        "{ran:?}"
    );
    assert!(ran.stdout.contains("\nstarted: operation "), "{ran:?}");
    let line = keyed(&["--follow", "--timeout", "300ms", "--poll-interval", "50ms"]);
    let ran = stage.run(&line);
    assert!(
        ran.stderr.contains("attached to the start of 20"),
        "{ran:?}"
    );
    let (code, document) = stage.any_json(&line);
    assert_eq!(
        (code, &document["attached"]),
        (7, &json!(true)),
        "{document}"
    );
    assert!(document["run"].is_object(), "{document}");
    assert_eq!(starts(&emulator), 1);
}

#[test]
fn keys_of_other_occasions_and_tenants_are_other_starts() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url());
    for line in [
        vec!["start", "--key", "a"],
        vec!["start", "--key", "b"],
        vec!["start", "--key", "a", "--tenant", "fabrikam"],
        vec!["start"],
        vec!["start"],
    ] {
        let (code, document) = stage.json(&line);
        assert_eq!((code, &document["attached"]), (0, &json!(false)));
    }
    assert_eq!(starts(&emulator), 5);
}

#[test]
fn a_key_that_is_none_is_usage() {
    let stage = Stage::new("http://127.0.0.1:9/beta");
    let long = "k".repeat(129);
    for key in ["", "a\nb", "a\u{85}", &long] {
        let (code, document) = stage.json(&["start", "--key", key]);
        let error = &document["error"];
        assert_eq!((code, &error["kind"]), (2, &json!("usage")), "{document}");
        assert_eq!(error["may_have_started"], "no");
    }
    for line in [
        keyed(&["--ledger", "none"]),
        keyed(&["--ledger", "none", "--wait"]),
    ] {
        let (code, document) = stage.json(&line);
        assert_eq!((code, &document["outcome"]), (2, &json!("usage")));
        let message = document["error"]["message"].as_str().unwrap();
        assert!(message.contains("--key"), "{message}");
    }
    let stage = stage.env("INDUSTRYDATA_LEDGER", "none");
    assert_eq!(stage.json(&KEY).0, 2);
}

#[test]
fn an_earlier_start_in_doubt_is_found_in_the_list() {
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_millis(100));
        emulator.script(Fault::on(On::Start).lose(Lose::Answer));
        let stage = Stage::new(&emulator.base_url());
        let line = keyed(&["--http", http, "--request-timeout", "500ms"]);
        assert_eq!(stage.json(&line).0, 8);
        let (code, document) = stage.json(&keyed(&[
            "--http",
            http,
            "--wait",
            "--poll-interval",
            "50ms",
        ]));
        assert_eq!(
            (code, &document["attached"]),
            (0, &json!(true)),
            "{document}"
        );
        assert_eq!(starts(&emulator), 1);
    }
}

#[test]
fn doubt_that_stays_is_exit_8_and_sends_nothing() {
    for http in FLAVOURS {
        let raw = Raw::always(answer("503 Service Unavailable", "", ""));
        let stage = Stage::new(&raw.base);
        let line = keyed(&["--http", http, "--timeout", "3s"]);
        assert_eq!(stage.json(&line).0, 8);
        let (code, document) = stage.json(&line);
        assert_eq!((code, &document["outcome"]), (8, &json!("in_doubt")));
        assert_eq!(document["error"]["may_have_started"], "unknown");
        assert_eq!(document["attached"], false);
        let posts = raw.heads();
        let posts = posts.iter().filter(|head| head.starts_with("POST"));
        assert_eq!(posts.count(), 1);
    }
}

#[test]
fn an_accepted_start_without_an_operation_is_exit_5_again() {
    let raw = Raw::always(answer("202 Accepted", "", ""));
    let stage = Stage::new(&raw.base);
    for _ in 0..2 {
        let (code, document) = stage.json(&KEY);
        let error = &document["error"];
        assert_eq!((code, &error["kind"]), (5, &json!("not_followable")));
        assert_eq!(error["may_have_started"], "yes");
    }
    assert_eq!(raw.heads().len(), 1);
}

#[test]
fn a_failed_operation_is_exit_1_again() {
    let raw = Raw::polls(json_answer("200 OK", r#"{"status":"failed"}"#));
    let stage = Stage::new(&raw.base);
    let line = keyed(&["--wait", "--poll-interval", "20ms"]);
    let codes: Vec<_> = (0..3).map(|_| stage.json(&line)).collect();
    let attached: Vec<_> = codes.iter().map(|(_, it)| it["attached"].clone()).collect();
    assert!(codes.iter().all(|(code, _)| *code == 1), "{codes:?}");
    assert_eq!(attached, [json!(false), json!(true), json!(true)]);
    let posts = raw.heads();
    let posts = posts.iter().filter(|head| head.starts_with("POST"));
    assert_eq!(posts.count(), 1);
}

#[test]
fn entries_show_their_keys() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url());
    stage.run(&KEY);
    stage.run(&["start"]);
    let ran = stage.run(&["quota", "--entries"]);
    assert!(ran.stdout.contains("KEY"), "{ran:?}");
    assert!(ran.stdout.contains("nightly-2026-03-10"), "{ran:?}");
    let (_, document) = stage.any_json(&["quota", "--entries"]);
    let keys: Vec<_> = document["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["key"])
        .collect();
    assert_eq!(keys, [&json!("nightly-2026-03-10"), &Value::Null]);
}

#[test]
fn a_locked_ledger_is_busy_and_nothing_is_sent() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url());
    stage.run(&["start", "--tenant", "fabrikam"]);
    let path = stage.path(".local/state/industrydata/ledger.sqlite");
    let lock = rusqlite::Connection::open(path).unwrap();
    lock.execute_batch("BEGIN EXCLUSIVE").unwrap();
    let line = keyed(&["--timeout", "1s", "--output", "json"]);
    let two: Vec<_> = (0..2).map(|_| stage.spawn(&line)).collect();
    for child in two {
        let ran = Ran::of(child);
        assert_eq!(ran.code, 9, "{ran:?}");
        assert_eq!(ran.document()["error"]["may_have_started"], "no");
    }
    assert_eq!(starts(&emulator), 1);
    drop(lock);
    assert_eq!(stage.json(&KEY).0, 0);
}

/// A server that answers a start once it may.
fn held(ending: &'static str, is_over: Arc<AtomicBool>) -> Raw {
    Raw::serve(move |_, _, base| {
        while !is_over.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
        Some(match ending.starts_with("202") {
            true => accepted(base),
            false => answer(ending, "", ""),
        })
    })
}

/// A start is held at its POST, and others with its key wait.
#[test]
fn others_wait_for_the_start_that_is_being_made() {
    for (ending, codes) in [("202 Accepted", [0, 0]), ("409 Conflict", [5, 5])] {
        let is_over = Arc::new(AtomicBool::new(false));
        let raw = held(ending, Arc::clone(&is_over));
        let stage = Stage::new(&raw.base);
        let line = keyed(&["--output", "json"]);
        let first = stage.spawn(&line);
        raw.wait_for(1);
        let second = stage.spawn(&line);
        thread::sleep(Duration::from_millis(300));
        assert_eq!(raw.heads().len(), 1);
        let third = stage.json(&keyed(&["--timeout", "1s"]));
        assert_eq!(
            (third.0, &third.1["error"]["kind"]),
            (7, &json!("timed_out"))
        );
        assert_eq!(third.1["error"]["resume"][0], "start");
        is_over.store(true, Ordering::SeqCst);
        let ends = [first, second].map(Ran::of);
        assert_eq!(ends.each_ref().map(|ran| ran.code), codes, "{ends:?}");
        let posts = if ending.starts_with("202") { 1 } else { 2 };
        assert_eq!(raw.heads().len(), posts);
    }
}

/// Twenty processes at once with one key, of which a third is killed at random. What is left ends with 0 and the same
/// operation, or with 8 where the one that sent was killed round its POST.
fn twenty_at_once(ledger: Option<&str>, seed: u64) {
    let emulator = emulator(Duration::from_millis(600));
    // Long enough for a process to be killed while its POST is under way.
    let slow = Fault::on(On::Start).delay(Duration::from_millis(400));
    emulator.script(slow.times(50));
    let mut stage = Stage::new(&emulator.base_url());
    if let Some(ledger) = ledger {
        stage = stage.env("INDUSTRYDATA_LEDGER", ledger);
    }
    // A start that is killed is in doubt once its lease ends: a minute for the token, 30 s, and twice this.
    let line = |http| {
        let mut line = vec!["start", "--key", "nightly", "--wait", "--output", "json"];
        line.extend(["--request-timeout", "2s", "--poll-interval", "100ms"]);
        line.extend(["--http", http]);
        line
    };
    let mut dice = seed;
    let mut below = |most: u64| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (dice >> 33) % most
    };
    let began = Instant::now();
    let mut children: Vec<(usize, Child)> = (0..20)
        .map(|n| (n, stage.spawn(&line(FLAVOURS[n % 2]))))
        .collect();
    let mut killed = 0;
    while killed < 7 {
        thread::sleep(Duration::from_millis(below(150)));
        let at = usize::try_from(below(children.len() as u64)).unwrap();
        let (_, mut child) = children.swap_remove(at);
        // It may have ended before.
        let _ = child.kill();
        let _ = child.wait();
        killed += 1;
    }
    let mut operations = BTreeSet::new();
    let mut codes = Vec::new();
    for (n, child) in children {
        let mut ran = within(child, Duration::from_secs(150));
        // In doubt: a start was killed round its POST. A retry ends the same way, or goes on once the list shows it.
        while ran.code == 8 && began.elapsed() < Duration::from_secs(200) {
            thread::sleep(Duration::from_millis(500));
            ran = within(stage.spawn(&line(FLAVOURS[n % 2])), Duration::from_secs(60));
        }
        codes.push(ran.code);
        let document = ran.document();
        match ran.code {
            0 => drop(operations.insert(document["operation"]["id"].to_string())),
            code => assert_eq!(code, 8, "{ran:?}"),
        }
    }
    println!("seed {seed}: codes {codes:?} after {:?}", began.elapsed());
    assert!(operations.len() <= 1, "{operations:?}");
    let accepted = starts(&emulator);
    assert!(accepted <= 1, "{accepted}");
    if codes.contains(&0) {
        assert_eq!((accepted, operations.len()), (1, 1));
    }
}

/// The lease of the one that was killed ends, the others find its operation in the list, and go on with it.
#[test]
fn others_go_on_when_the_one_that_sent_is_killed_round_its_post() {
    let emulator = emulator(Duration::from_millis(300));
    emulator.script(Fault::on(On::Start).delay(Duration::from_secs(5)));
    let stage = Stage::new(&emulator.base_url());
    let line = |http| {
        keyed(&[
            "--wait",
            "--output",
            "json",
            "--request-timeout",
            "1s",
            "--http",
            http,
        ])
    };
    let mut first = stage.spawn(&line("blocking"));
    let began = Instant::now();
    while starts(&emulator) == 0 {
        assert!(began.elapsed() < Duration::from_secs(20));
        thread::sleep(Duration::from_millis(5));
    }
    first.kill().unwrap();
    first.wait().unwrap();
    let others = FLAVOURS.map(|http| stage.spawn(&line(http)));
    // Who does not wait so long gives up, and starts nothing.
    let (code, document) = stage.json(&keyed(&["--timeout", "2s"]));
    assert_eq!((code, &document["outcome"]), (7, &json!("timed_out")));
    // A minute for the token, 30 s, and twice the time of a request.
    let ends = others.map(|child| within(child, Duration::from_secs(150)));
    let ids = ends
        .each_ref()
        .map(|ran| ran.document()["operation"]["id"].clone());
    assert!(ends.iter().all(|ran| ran.code == 0), "{ends:?}");
    assert!(ids[0] == ids[1] && ids[0].is_string(), "{ends:?}");
    assert_eq!(starts(&emulator), 1);
}

fn within(mut child: Child, most: Duration) -> Ran {
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() && began.elapsed() < most {
        thread::sleep(Duration::from_millis(20));
    }
    Ran::of(child)
}

#[test]
fn twenty_processes_with_one_key_make_one_start_in_sqlite() {
    for seed in [7, 21] {
        twenty_at_once(None, seed);
    }
}

#[test]
fn twenty_processes_with_one_key_make_one_start_in_postgresql() {
    let Some(url) = server("keys") else { return };
    twenty_at_once(Some(&url), 11);
}
