//! What the program tells people to do next: commands to paste, the help to read, the words of a start without an answer.

use std::time::Duration;

use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
use serde_json::json;

use crate::stage::{
    CANARY, FLAVOURS, Ran, Raw, Stage, accepted, answer, closed, emulator, json as json_answer,
    signal,
};

/// The words of the command after this label, without the program.
fn pasted(text: &str, label: &str) -> Vec<String> {
    let line = text.lines().find_map(|it| it.strip_prefix(label));
    let line = line.unwrap_or_else(|| panic!("no {label:?} in {text}"));
    let words: Vec<_> = line.split(' ').map(|it| it.replace('\'', "")).collect();
    assert_eq!(words[0], "industrydata");
    words[1..].to_vec()
}

fn run(stage: &Stage, words: &[String]) -> Ran {
    stage.run(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn a_start_in_doubt_names_the_command_that_resolves_it() {
    for http in FLAVOURS {
        let emulator = emulator(Duration::from_secs(60));
        let base = emulator.base_url();
        let stage = Stage::new("nonsense").env("INDUSTRYDATA_TOKEN", "");
        std::fs::write(stage.path("token"), CANARY).unwrap();
        let options = [
            "--base-url",
            &base,
            "--tenant",
            "contoso",
            "--ledger",
            "l.sqlite",
            "--token-file",
            "token",
            "--http",
            http,
        ];
        emulator.script(Fault::on(On::Start).lose(Lose::Answer));
        let ran = stage.run(&[&["start"], &options[..]].concat());
        assert_eq!(ran.code, 8, "{ran:?}");
        let command = pasted(&ran.stderr, "resolve it with: ");
        assert_eq!(command[..2], ["quota", "--reconcile"], "{command:?}");
        let resolved = run(&stage, &command);
        assert_eq!(resolved.code, 0, "{resolved:?}");
        assert!(resolved.stdout.contains("still in doubt 0"), "{resolved:?}");
    }
}

#[test]
fn a_start_without_an_operation_names_the_command_that_shows_it() {
    // Without a stored ledger there is nothing to resolve, and without a Location the start was made.
    let lost =
        Raw::serve(|_, head, _| (!head.starts_with("POST")).then(|| json_answer("200 OK", "{}")));
    let bare = Raw::always(answer("202 Accepted", "", ""));
    for (raw, options, code) in [(&lost, &["--ledger", "none"][..], 8), (&bare, &[], 5)] {
        let ran = Stage::new(&raw.base).run(&[&["start"], options].concat());
        assert_eq!(ran.code, code, "{ran:?}");
        assert!(!ran.stderr.contains("resolve it with"), "{ran:?}");
        let command = pasted(&ran.stderr, "look at the runs with: ");
        assert_eq!(command, ["runs", "list"]);
    }
    // What certainly started nothing has no such command.
    let ran = Stage::new(&closed()).run(&["start", "--timeout", "300ms"]);
    assert!(!ran.stderr.contains(" with: "), "{ran:?}");
}

#[test]
fn an_action_in_doubt_names_the_command_that_shows_it() {
    let lost = Raw::serve(|_, _, _| None);
    let stage = Stage::new(&lost.base);
    for line in [
        &["validate", "c", "--tenant", "t"][..],
        &["flows", "reset", "s", "f", "--yes", "--tenant", "t"],
    ] {
        let ran = stage.run(&[line, &["--ledger", "l.sqlite"]].concat());
        assert_eq!(ran.code, 8, "{ran:?}");
        let command = pasted(&ran.stderr, "look at the operations with: ");
        assert_eq!(command, ["operations", "list", "--tenant", "t"]);
    }
}

#[test]
fn the_command_that_waits_has_what_wait_takes() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url());
    for options in [
        &["--ledger", "l.sqlite", "--strict"][..],
        &["--ledger", "none"],
    ] {
        let ran = stage.run(&[&["start", "--tenant", "t"], options].concat());
        assert_eq!(ran.code, 0, "{ran:?}");
        let command = pasted(&ran.stdout, "wait for it with: ");
        assert_eq!(command[2..], ["--tenant", "t"], "{command:?}");
        let help = stage.run(&["wait", "--help"]).stdout;
        for option in command.iter().filter(|it| it.starts_with("--")) {
            assert!(help.contains(option.as_str()), "{option}");
        }
    }
}

#[test]
fn a_start_that_another_process_made_is_dated_in_local_time() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url()).env("TZ", "IST-5:30");
    let line = ["start", "--key", "k"];
    assert_eq!(stage.run(&line).code, 0);
    let is_local = |text: &str| {
        let line = text
            .lines()
            .find(|it| it.starts_with("attached to the start of "));
        let line = line.unwrap_or_else(|| panic!("{text}"));
        assert!(line.contains(" +05:30") && !line.contains('T'), "{line}");
    };
    is_local(&stage.run(&line).stdout);
    let wait = [&line[..], &["--wait", "--timeout", "200ms"]].concat();
    is_local(&stage.run(&wait).stderr);
}

#[test]
fn a_stopped_wait_for_a_run_says_what_the_second_signal_would() {
    let raw = Raw::silent();
    for http in FLAVOURS {
        let before = raw.heads().len();
        let line = ["runs", "follow", "r-1", "--http", http, "--output", "json"];
        let child = Stage::new(&raw.base).spawn(&line);
        raw.wait_for(before + 1);
        signal(&child, "-INT");
        let ran = Ran::of(child);
        let document = ran.document();
        // The document that an interrupt prints has the same advice: `Document::interrupted_run`.
        let advice = "poll the run again by its id; do not start again: it continues";
        assert_eq!(document["error"]["advice"], advice, "{ran:?}");
        assert_eq!(
            document["error"]["resume"],
            json!(["runs", "follow", "r-1"])
        );
    }
}

#[test]
fn advice_names_the_help_of_the_command() {
    let stage = Stage::new(&closed());
    for (line, help) in [
        (&["start", "--nonsense"][..], "industrydata start --help"),
        (&["start", "--wiat"], "industrydata start --help"),
        (&["start", "--timeout", "0s"], "industrydata start --help"),
        (&["start", "--tenant", "a\nb"], "industrydata start --help"),
        (&["runs"], "industrydata runs --help"),
        (&["runs", "lsit"], "industrydata runs --help"),
        (
            &["runs", "list", "--limit", "0"],
            "industrydata runs list --help",
        ),
        (&["flows"], "industrydata flows --help"),
        (
            &["--ledger", "l", "quota", "--entires"],
            "industrydata quota --help",
        ),
        (&["wait", "a b"], "industrydata wait --help"),
        (&["nonsense"], "industrydata --help"),
        (&[], "industrydata --help"),
    ] {
        let (code, document) = stage.any_json(line);
        let advice = document["error"]["advice"].as_str().unwrap();
        assert_eq!(code, 2, "{document}");
        assert!(advice.contains(&format!("`{help}`")), "{line:?} {advice}");
    }
    let (_, document) = stage.any_json(&["runs"]);
    let message = "no command of `industrydata runs` was given";
    assert_eq!(document["error"]["message"], message);
    for line in [&["ledger", "reset"][..], &["flows", "reset", "s", "f"]] {
        let (code, document) = stage.any_json(line);
        let advice = document["error"]["advice"].as_str().unwrap();
        assert!(code == 2 && advice.contains("add --yes"), "{document}");
    }
}

#[test]
fn no_token_says_which_login_carries_the_permissions() {
    let stage = Stage::new(&closed()).env("INDUSTRYDATA_TOKEN", "");
    let (_, document) = stage.json(&["start"]);
    let advice = document["error"]["advice"].as_str().unwrap().to_owned();
    let help = stage.run(&["--help"]).stdout;
    for text in [advice, help] {
        for login in ["az login --service-principal", "--identity"] {
            assert!(text.contains(login), "{text}");
        }
    }
}

#[test]
fn a_wait_without_a_terminal_says_when_the_first_poll_is() {
    let raw = Raw::serve(|_, head, base| {
        let head = format!(
            "location: {base}/external/industryData/{}\r\nretry-after: 30\r\n",
            if head.contains("/validate") {
                "operations/v-1"
            } else {
                "operations/op-1"
            }
        );
        Some(answer("202 Accepted", &head, ""))
    });
    for http in FLAVOURS {
        for line in [
            &["start", "--wait"][..],
            &["start", "--follow"],
            &["validate", "c", "--wait"],
        ] {
            let line = [line, &["--http", http]].concat();
            let before = raw.heads().len();
            let child = Stage::new(&raw.base).spawn(&line);
            raw.wait_for(before + 1);
            std::thread::sleep(Duration::from_millis(500));
            signal(&child, "-INT");
            let ran = Ran::of(child);
            assert_eq!(raw.heads().len(), before + 1, "{ran:?}");
            let status = ran.stderr.lines().find(|it| it.contains(" · "));
            let status = status.unwrap_or_else(|| panic!("{ran:?}"));
            for part in [
                "status not known yet · ",
                " · next poll in 30 s: the service asked to wait",
                "(gives up at ",
            ] {
                assert!(status.contains(part), "{status}");
            }
        }
    }
}

#[test]
fn entries_show_when_the_start_was_made_and_from_when_it_counts() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url());
    emulator.script(Fault::on(On::Start).lose(Lose::Answer));
    let before = industrydata_core::Timestamp::now();
    assert_eq!(stage.run(&["start"]).code, 8);
    let (_, document) = stage.any_json(&["quota", "--entries"]);
    let entry = &document["entries"][0];
    let time = |key: &str| -> industrydata_core::Timestamp {
        entry[key].as_str().unwrap().parse().unwrap()
    };
    let late = time("started").duration_since(before).as_secs();
    assert!((0..30).contains(&late), "{entry}");
    let counts = time("date").duration_since(time("started")).as_secs();
    assert!((60..300).contains(&counts), "{entry}");
    let text = stage.run(&["quota", "--entries"]).stdout;
    let heads = text.lines().find(|it| it.contains("STARTED"));
    assert!(heads.is_some_and(|it| it.contains("COUNTS FROM")), "{text}");
    let shown = |at: industrydata_core::Timestamp| at.strftime("%Y-%m-%d %H:%M:%SZ").to_string();
    for time in [time("started"), time("date")] {
        assert!(text.contains(&shown(time)), "{text}");
    }
}

#[test]
fn all_times_of_a_quota_are_by_one_clock() {
    let emulator = Emulator::start(Config {
        tokens: vec![industrydata_emulator::Grant::all(CANARY)],
        schedule: Some(industrydata_emulator::Schedule {
            past_runs: 3,
            ..industrydata_emulator::Schedule::default()
        }),
        ..Config::default()
    })
    .unwrap();
    emulator.advance(Duration::from_secs(13 * 3600));
    let stage = Stage::new(&emulator.base_url());
    let refused = || {
        let fault = Fault::on(On::Start).status(429).retry_after(3600);
        emulator.script(fault.act(false));
    };
    refused();
    let start = stage.run(&["start", "--schedule", "infer"]);
    assert_eq!(start.code, 3, "{start:?}");
    let quota = stage.run(&["quota", "--schedule", "infer"]);
    assert_eq!(quota.code, 0, "{quota:?}");
    // An hour, and less than that since.
    for (text, label) in [
        (&start.stderr, "next slot at "),
        (&quota.stdout, "next slot at "),
        (&quota.stdout, "closed by the service until "),
    ] {
        let (_, rest) = text.split_once(label).unwrap_or_else(|| panic!("{text}"));
        let (_, rest) = rest.split_once('(').unwrap();
        assert!(
            rest.starts_with("in 59 min ") || rest.starts_with("in 1 h)"),
            "{text}"
        );
    }
    let bar = quota.stdout.lines().find_map(|it| {
        let rest = it.trim().strip_prefix("scheduled")?;
        rest.rsplit_once("| ").map(|(_, note)| note.to_owned())
    });
    let bar = bar.unwrap_or_else(|| panic!("{quota:?}"));
    let (_, sentence) = quota.stdout.split_once("next scheduled run: ").unwrap();
    assert!(sentence.contains(&format!("({bar})")), "{quota:?}");
    let (_, sentence) = start.stderr.split_once("next scheduled run: ").unwrap();
    let minutes = bar
        .rsplit_once(' ')
        .map_or(bar.as_str(), |(hours, _)| hours);
    let hours = minutes.rsplit_once(' ').map_or(minutes, |(hours, _)| hours);
    assert!(
        sentence.contains(&format!("({hours} ")),
        "{hours} {start:?}"
    );
}

#[test]
fn short_requests_are_shown_in_milliseconds() {
    let raw = Raw::serve(|_, _, base| Some(accepted(base)));
    let ran = Stage::new(&raw.base).run(&["start", "-v"]);
    let line = ran.stderr.lines().find(|it| it.starts_with("POST "));
    let line = line.unwrap_or_else(|| panic!("{ran:?}"));
    let (_, took) = line.split_once("202 in ").unwrap();
    assert!(took.contains(" ms"), "{line}");
}

#[test]
fn a_word_that_is_nearly_none_makes_no_file() {
    let stage = Stage::new(&closed());
    for word in ["mem", "memory", "Memory", "null", "None"] {
        for line in [&["quota"][..], &["start"]] {
            let ran = stage.run(&[line, &["--ledger", word]].concat());
            assert_eq!(ran.code, 9, "{ran:?}");
            assert!(ran.stderr.contains("write none in lower case"), "{ran:?}");
            assert!(!stage.path(word).exists(), "{word}");
        }
        let file = format!("./{word}");
        assert_eq!(stage.run(&["quota", "--ledger", &file]).code, 0);
    }
    // What the help says names a file does.
    for word in ["ledger", "nonesuch", "memory.sqlite"] {
        assert_eq!(stage.run(&["quota", "--ledger", word]).code, 0, "{word}");
    }
    let ran = stage.run(&["quota", "--ledger", "postgress://x"]);
    let sentence = "the place of the ledger has a colon";
    assert_eq!(ran.stderr.matches(sentence).count(), 1, "{ran:?}");
}

#[test]
fn completion_offers_what_help_shows() {
    let stage = Stage::new(&closed());
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert_eq!(stage.run(&["completions", shell]).code, 0);
    }
    let script = stage.run(&["completions", "bash"]).stdout;
    let offered = |command: &str| {
        let at = format!("        industrydata__subcmd__{command})\n            opts=\"");
        let (_, rest) = script
            .split_once(&at)
            .unwrap_or_else(|| panic!("{at} in {script}"));
        let words = rest.split('"').next().unwrap_or_default();
        words.split(' ').map(str::to_owned).collect::<Vec<_>>()
    };
    for (command, option, is_offered) in [
        ("wait", "--ledger", false),
        ("wait", "--tenant", true),
        ("emulator", "--tenant", false),
        ("emulator", "--credential", true),
        ("start", "--ledger", true),
        ("quota", "--ledger", true),
        ("runs__subcmd__list", "--ledger", false),
        ("runs__subcmd__list", "--output", true),
        ("ledger__subcmd__reset", "--token-file", false),
        ("ledger__subcmd__reset", "--ledger", true),
    ] {
        let words = offered(command);
        assert_eq!(
            words.contains(&option.to_owned()),
            is_offered,
            "{command} {words:?}"
        );
    }
}
