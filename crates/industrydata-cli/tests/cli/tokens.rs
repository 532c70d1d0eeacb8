//! Sources of the token, and where it must not appear.

use std::time::{Duration, Instant};

use industrydata_emulator::{Config, Emulator, Fault, Grant, Lose, On};
use serde_json::json;

use crate::stage::{CANARY, FLAVOURS, Raw, Stage, accepted, answer, closed, emulator};

#[test]
fn the_first_source_that_is_set_is_used() {
    for http in FLAVOURS {
        let raw = Raw::serve(|_, _, base| Some(accepted(base)));
        let stage = Stage::new(&raw.base).env("INDUSTRYDATA_TOKEN", "from-env");
        std::fs::write(
            stage.path("token"),
            "{\"accessToken\": \"from-file\", \"expires_on\": 4102444800}\n",
        )
        .unwrap();
        assert_eq!(stage.json(&["start", "--http", http]).0, 0);
        assert_eq!(
            stage
                .json(&["start", "--http", http, "--token-file", "token"])
                .0,
            0
        );
        assert_eq!(
            stage
                .json(&[
                    "start",
                    "--http",
                    http,
                    "--token-command",
                    "echo; echo from-command"
                ])
                .0,
            0
        );
        for (head, token) in raw
            .heads()
            .iter()
            .zip(["from-env", "from-file", "from-command"])
        {
            assert!(
                head.to_ascii_lowercase()
                    .contains(&format!("authorization: bearer {token}\r\n")),
                "{head}"
            );
        }
    }
}

#[test]
fn a_token_file_is_read_again_after_a_refusal() {
    for http in FLAVOURS {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        std::fs::write(&path, "old").unwrap();
        let rotated = path.clone();
        let raw = Raw::serve(move |_, head, base| {
            if head.contains("Bearer new") {
                return Some(accepted(base));
            }
            std::fs::write(&rotated, "new").unwrap();
            Some(answer("401 Unauthorized", "", ""))
        });
        let (code, document) = Stage::new(&raw.base).json(&[
            "start",
            "--http",
            http,
            "--token-file",
            path.to_str().unwrap(),
        ]);
        assert_eq!((code, raw.heads().len()), (0, 2), "{document}");
    }
}

#[test]
fn an_invalid_token_is_never_sent() {
    let raw = Raw::always(answer("500 Internal Server Error", "", ""));
    for http in FLAVOURS {
        let stage = Stage::new(&raw.base).env("INDUSTRYDATA_TOKEN", "two\nlines");
        std::fs::write(stage.path("empty"), "\n").unwrap();
        for line in [
            &["start"][..],
            &["start", "--token-file", "missing"],
            &["start", "--token-file", "empty"],
            &["start", "--token-file", "."],
            &["start", "--token-command", "exit 3"],
            &["start", "--token-command", "printf 'two\\nlines'"],
            &["start", "--token-command", "true"],
        ] {
            let line: Vec<_> = line.iter().copied().chain(["--http", http]).collect();
            let (code, document) = stage.json(&line);
            assert_eq!(
                (code, &document["error"]["kind"]),
                (4, &json!("token")),
                "{line:?} {document}"
            );
            assert_eq!(document["error"]["may_have_started"], "no");
        }
    }
    assert!(raw.heads().is_empty());
}

#[test]
fn client_credentials_get_a_token() {
    for http in FLAVOURS {
        let emulator = authority(Vec::new());
        let host = format!("{}/", emulator.authority_url());
        let stage = with_credentials(&emulator).env("AZURE_AUTHORITY_HOST", &host);
        assert_eq!(stage.json(&["start", "--http", http]).0, 0);
        let stage = stage.env("AZURE_CLIENT_SECRET", CANARY);
        let (code, document) = stage.json(&["start", "--http", http]);
        assert_eq!(
            (code, &document["error"]["kind"]),
            (4, &json!("token")),
            "{document}"
        );
    }
}

#[test]
fn a_silent_authority_ends_at_the_time_limits() {
    let authority = Raw::silent();
    let host = authority.base.trim_end_matches("/beta").to_owned();
    for http in FLAVOURS {
        let stage = Stage::new(&closed())
            .env("INDUSTRYDATA_TOKEN", "")
            .env("AZURE_TENANT_ID", "contoso")
            .env("AZURE_CLIENT_ID", "app")
            .env("AZURE_CLIENT_SECRET", CANARY)
            .env("AZURE_AUTHORITY_HOST", &host);
        let line = ["start", "--http", http, "--request-timeout", "300ms"];
        assert_eq!(stage.json(&line).0, 4);
        let line = ["start", "--http", http, "--timeout", "300ms"];
        assert_eq!(stage.json(&line).0, 6);
    }
}

#[test]
fn a_token_in_an_answer_is_not_shown() {
    let percent = "canary%2BeyJ0eXAi%2FeyJhdWQi.c2ln%3D%3D";
    for echo in [
        CANARY,
        percent,
        &percent.replace('%', "%25"),
        &CANARY.to_uppercase(),
        &CANARY.replace('a', r"\u0061").replace('/', r"\/"),
        &CANARY.replace('+', r"\\u002b").replace('/', r"\\/"),
        "Y2FuYXJ5K2V5SjBlWEFpL2V5SmhkV1FpLmMybG49PQ==",
    ] {
        // The spelling is one that the search for the canary knows.
        assert_eq!(crate::canary::hits(echo.as_bytes()), 1, "{echo}");
        let body = format!(
            r#"{{"error":{{"code":"c","message":"{echo}","innerError":{{"request-id":"{echo}"}}}}}}"#
        );
        let refused = Raw::always(crate::stage::json("400 Bad Request", &body));
        let location = format!("location: /{echo}\r\nrequest-id: {echo}\r\n");
        let location = Raw::always(answer("202 Accepted", &location, ""));
        let status = format!(r#"{{"status":"failed","statusDetail":"{echo}"}}"#);
        let failed = Raw::polls(crate::stage::json("200 OK", &status));
        for http in FLAVOURS {
            for base in [&refused.base, &location.base, &failed.base] {
                let line = ["start", "--wait", "--poll-interval", "20ms", "--http", http];
                // `Ran::of` searches the output for the canary.
                assert_ne!(Stage::new(base).run(&line).code, 0);
                let stage = Stage::new(base);
                assert_ne!(stage.json(&line).0, 0);
                assert_eq!(crate::canary::hits(&stage.kept()), 0, "{echo}");
            }
        }
    }
}

#[test]
fn a_client_secret_in_an_answer_is_not_shown() {
    let secret = "canary+8Q~a/kLm.NoPqRsTuVwXyZ0123==";
    for echo in [
        secret,
        "canary%2B8Q~a%2FkLm.NoPqRsTuVwXyZ0123%3D%3D",
        "Y2FuYXJ5KzhRfmEva0xtLk5vUHFSc1R1VndYeVowMTIzPT0=",
        &secret.replace('a', r"\u0061").replace('/', r"\/"),
    ] {
        assert_eq!(crate::canary::hits(echo.as_bytes()), 1, "{echo}");
        let body = format!(r#"{{"error":"invalid_client","error_description":"bad {echo}"}}"#);
        let authority = Raw::always(crate::stage::json("401 Unauthorized", &body));
        let host = authority.base.trim_end_matches("/beta").to_owned();
        for http in FLAVOURS {
            let stage = Stage::new("http://127.0.0.1:9/beta")
                .env("INDUSTRYDATA_TOKEN", "")
                .env("AZURE_TENANT_ID", "contoso.com")
                .env("AZURE_CLIENT_ID", "app")
                .env("AZURE_CLIENT_SECRET", secret)
                .env("AZURE_AUTHORITY_HOST", &host);
            let (code, document) = stage.json(&["start", "--http", http]);
            assert_eq!(code, 4, "{document}");
            let message = document["error"]["message"].to_string();
            assert!(message.contains("invalid_client"), "{message}");
            assert!(message.contains("[redacted]"), "{message}");
        }
    }
}

#[test]
fn a_proxy_password_in_an_answer_is_not_shown() {
    // The password as the proxy's URL has it, and the header field that it becomes.
    let login = "user:canary%2Bpass%2Fword.c2ln%3D%3D";
    for http in FLAVOURS {
        let proxy = Raw::serve(|_, head, _| {
            let field = head.lines().find_map(|line| line.split_once("Basic "));
            let echo = field.map_or("", |(_, echo)| echo).trim();
            let challenge = format!("proxy-authenticate: Basic realm=\"{echo}\"\r\n");
            let status = format!("407 {echo}");
            Some(answer(
                &status,
                &challenge,
                &format!("{echo} canary+pass/word.c2ln=="),
            ))
        });
        let place = proxy.base.strip_prefix("http://").unwrap();
        let place = place.strip_suffix("/beta").unwrap();
        let stage = Stage::new("https://graph.example/beta")
            .env("HTTPS_PROXY", &format!("http://{login}@{place}"));
        let line = ["start", "--http", http, "--timeout", "5s"];
        // `Ran::of` searches the output for the canary.
        assert_ne!(stage.run(&line).code, 0);
        assert_ne!(stage.json(&line).0, 0);
        let heads = proxy.heads();
        assert!(!heads.is_empty(), "{http}");
        let sent = |head: &String| head.starts_with("CONNECT ") && head.contains("Basic ");
        assert!(heads.iter().all(sent), "{http}: {heads:?}");
        assert_eq!(crate::canary::hits(&stage.kept()), 0);
    }
}

#[test]
fn a_token_file_may_be_a_pipe() {
    let emulator = emulator(Duration::from_secs(60));
    let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_TOKEN", "");
    let mut command = stage.command(&["start", "--token-file", "/dev/stdin", "--output", "json"]);
    let mut child = command.stdin(std::process::Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), CANARY.as_bytes()).unwrap();
    assert_eq!(crate::stage::Ran::of(child).code, 0);
}

#[cfg(unix)]
#[test]
fn a_slow_token_file_ends_at_the_time_limit() {
    let raw = Raw::silent();
    for http in FLAVOURS {
        let stage = Stage::new(&raw.base);
        let made = std::process::Command::new("mkfifo")
            .arg(stage.path("pipe"))
            .status();
        assert!(made.unwrap().success());
        for (command, expected) in [(&["start"][..], (6, "no")), (&["wait", "op-1"], (7, "yes"))] {
            let began = Instant::now();
            let line = ["--token-file", "pipe", "--timeout", "300ms", "--http", http];
            let (code, document) = stage.json(&[command, &line].concat());
            assert!(began.elapsed() < Duration::from_secs(2), "{document}");
            let error = &document["error"];
            assert_eq!(
                (code, error["may_have_started"].as_str().unwrap()),
                expected,
                "{document}"
            );
            assert_eq!(error["kind"], "timed_out");
        }
        assert!(!stage.path(".local").exists());
    }
    assert!(raw.heads().is_empty());
}

#[test]
fn the_output_of_the_usual_tools_is_accepted() {
    for http in FLAVOURS {
        let raw = Raw::serve(|_, _, base| Some(accepted(base)));
        let stage = Stage::new(&raw.base).env("INDUSTRYDATA_TOKEN", "");
        let utf16 = |text: &str| {
            let units = text.encode_utf16();
            units.flat_map(u16::to_le_bytes).collect::<Vec<_>>()
        };
        for output in [
            b"{\"accessToken\": \"eyJ0+/.c2ln==\"}\x1b[0m".to_vec(),
            b"\"eyJ0+/.c2ln==\"\n".to_vec(),
            utf16("\u{feff}{\"accessToken\": \"eyJ0+/.c2ln==\"}\r\n"),
            b"{\"access_token\":\"eyJ0+/.c2ln==\",\"expires_on\":\"4102444800\"}".to_vec(),
            b"eyJ0+/.c2ln==\n".to_vec(),
        ] {
            std::fs::write(stage.path("output"), output).unwrap();
            for option in [
                ["--token-command", "cat output"],
                ["--token-file", "output"],
            ] {
                let line = [&["start", "--ledger", "none", "--http", http], &option[..]].concat();
                let (code, document) = stage.json(&line);
                assert_eq!(code, 0, "{document}");
            }
        }
        let heads = raw.heads();
        assert_eq!(heads.len(), 10);
        for head in heads {
            assert!(head.contains("Bearer eyJ0+/.c2ln==\r\n"), "{head}");
        }
    }
}

#[test]
fn a_message_says_how_to_correct_the_source() {
    for http in FLAVOURS {
        let table = "printf 'AccessToken  ExpiresOn\\n-----------  ---------\\neyJ0  now\\n'";
        let stage = Stage::new(&closed());
        let line = ["start", "--http", http, "--token-command", table];
        let (code, document) = stage.json(&line);
        let message = document["error"]["message"].as_str().unwrap();
        assert!(code == 4 && message.contains("--output json"), "{document}");
        let stage = stage.env("INDUSTRYDATA_TOKEN", &format!("Bearer {CANARY}"));
        let (code, document) = stage.json(&["start", "--http", http]);
        let message = document["error"]["message"].as_str().unwrap();
        assert!(
            code == 4 && message.contains("leave out `Bearer `"),
            "{document}"
        );
    }
}

#[test]
fn every_az_command_has_its_output_format() {
    let stage = Stage::new(&closed()).env("INDUSTRYDATA_TOKEN", "");
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
    for text in [
        std::fs::read_to_string(readme).unwrap(),
        stage.run(&["--help"]).stdout,
        stage.run(&["start"]).stderr,
    ] {
        let mut commands = text.split("az account get-access-token").skip(1).peekable();
        assert!(commands.peek().is_some(), "{text}");
        for rest in commands {
            let end = rest.find(['"', '\'', '`']).unwrap();
            assert!(rest[..end].contains("--output json"), "{rest}");
        }
    }
}

/// A stage with the client credentials of the emulator.
fn with_credentials(emulator: &Emulator) -> Stage {
    Stage::new(&emulator.base_url())
        .env("INDUSTRYDATA_TOKEN", "")
        .env("AZURE_TENANT_ID", "contoso")
        .env("AZURE_CLIENT_ID", emulator.client_id())
        .env("AZURE_CLIENT_SECRET", emulator.client_secret())
        .env("AZURE_AUTHORITY_HOST", emulator.authority_url())
}

/// An emulator whose next token requests meet these faults.
fn authority(faults: Vec<Fault>) -> Emulator {
    let emulator = Emulator::start(Config {
        tokens: vec![Grant::all("a+/b==")],
        ..Config::default()
    })
    .unwrap();
    faults.into_iter().for_each(|fault| emulator.script(fault));
    emulator
}

/// How many requests came.
fn requests(emulator: &Emulator) -> usize {
    emulator.with_service(|service| service.requests().len())
}

#[test]
fn the_answers_of_a_token_endpoint_are_read() {
    for http in FLAVOURS {
        for life in ["3600.0", "\"3599\"", "1e4", "-1"] {
            let body = format!(
                "\u{feff}{{\"token_type\":\"Bearer\",\"expires_in\":{life},\"access_token\":\"a+/b==\"}}"
            );
            let emulator = authority(vec![Fault::on(On::Token).body(body)]);
            let stage = with_credentials(&emulator);
            // The service knows no other token.
            let (code, document) = stage.json(&["start", "--http", http]);
            assert_eq!(code, 0, "{document}");
        }
        let body = r#"{"error":"invalid_client","error_description":"AADSTS7000222: expired"}"#;
        let emulator = authority(vec![Fault::on(On::Token).body(body)]);
        let (code, document) = with_credentials(&emulator).json(&["start", "--http", http]);
        let message = document["error"]["message"].as_str().unwrap();
        assert!(code == 4 && message.contains("AADSTS7000222"), "{document}");
        assert_eq!(requests(&emulator), 1);
    }
}

#[test]
fn a_source_that_fails_once_does_not_end_a_wait() {
    // The first token has expired at the first poll, or is refused by it. The second call of the command fails.
    for (first, refuses) in [
        (r#"{"accessToken": "first", "expires_on": 1}"#, false),
        ("first", true),
    ] {
        for second in ["exit 1", "printf {", "true"] {
            for http in FLAVOURS {
                let raw = Raw::serve(move |_, head, base| {
                    Some(if head.starts_with("POST") {
                        accepted(base)
                    } else if refuses && head.contains("Bearer first\r\n") {
                        answer("401 Unauthorized", "", "")
                    } else {
                        crate::stage::json("200 OK", "{\"status\":\"succeeded\"}")
                    })
                });
                let stage = Stage::new(&raw.base);
                let script = format!(
                    "echo >> calls\ncase $(wc -l < calls) in\n1) echo '{first}' ;;\n2) {second} ;;\n*) echo third ;;\nesac\n"
                );
                std::fs::write(stage.path("script"), script).unwrap();
                let line = ["start", "--wait", "--poll-interval", "20ms", "--http", http];
                let (code, document) =
                    stage.json(&[&line[..], &["--token-command", ". ./script"]].concat());
                assert_eq!(code, 0, "{first} {second} {document}");
                let polls = if refuses { 2 } else { 1 };
                assert_eq!(raw.heads().len(), 1 + polls);
            }
        }
    }
}

#[test]
fn the_ends_of_credentials_are_trimmed_with_a_warning() {
    for http in FLAVOURS {
        let emulator = Emulator::start(Config::default()).unwrap();
        let authority = emulator.authority_url();
        let stage = Stage::new(&format!("{}\n", emulator.base_url()))
            .env("INDUSTRYDATA_TOKEN", "")
            .env("AZURE_TENANT_ID", "contoso\r\n")
            .env("AZURE_CLIENT_ID", &format!("{}\r", emulator.client_id()))
            .env(
                "AZURE_CLIENT_SECRET",
                &format!("{}\n", emulator.client_secret()),
            )
            .env("AZURE_AUTHORITY_HOST", &format!("{authority}\n"));
        let ran = stage.run(&["start", "--http", http]);
        assert_eq!(ran.code, 0, "{ran:?}");
        for name in [
            "INDUSTRYDATA_BASE_URL",
            "AZURE_TENANT_ID",
            "AZURE_CLIENT_ID",
            "AZURE_CLIENT_SECRET",
            "AZURE_AUTHORITY_HOST",
        ] {
            let warnings = ran.stderr.lines().filter(|line| line.ends_with(name));
            assert_eq!(warnings.count(), 1, "{name} {}", ran.stderr);
        }
        let stage = stage.env("AZURE_CLIENT_SECRET", &format!("{CANARY}\nb"));
        let (code, document) = stage.json(&["start", "--http", http]);
        let message = document["error"]["message"].as_str().unwrap();
        assert!(
            code == 4 && message.starts_with("AZURE_CLIENT_SECRET "),
            "{document}"
        );
    }
}

#[cfg(unix)]
#[test]
fn a_token_command_does_not_inherit_secrets() {
    let raw = Raw::serve(|_, _, base| Some(accepted(base)));
    for http in FLAVOURS {
        let stage = Stage::new(&raw.base)
            .env("INDUSTRYDATA_LEDGER", "none")
            .env("AZURE_CLIENT_SECRET", CANARY)
            .env("AZURE_CLIENT_ID", "app")
            .env("PGPASSWORD", CANARY);
        let command = "env > env-of-command; echo a-token";
        let line = ["start", "--http", http, "--token-command", command];
        let (code, document) = stage.json(&line);
        assert_eq!(code, 0, "{document}");
        let env = std::fs::read_to_string(stage.path("env-of-command")).unwrap();
        assert!(env.contains("AZURE_CLIENT_ID=app\n"), "{env}");
        for name in [
            CANARY,
            "AZURE_CLIENT_SECRET",
            "INDUSTRYDATA_TOKEN",
            "INDUSTRYDATA_LEDGER",
            "PGPASSWORD",
        ] {
            assert!(!env.contains(name), "{env}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_child_that_keeps_the_output_open_does_not_hold_the_token() {
    let raw = Raw::serve(|_, _, base| Some(accepted(base)));
    for http in FLAVOURS {
        for (command, code) in [
            ("sleep 20 2>&- & echo $! > child; echo a-token", 0),
            (
                "echo a-token; (sleep 20; echo late) 2>&- & echo $! > child",
                0,
            ),
            ("sleep 20 2>&- & echo $! > child; echo a-token; exit 3", 4),
            ("sleep 20 2>&- & echo $! > child", 4),
            // The output of a child that ends within the grace counts.
            ("(sleep 0.3; echo a-token) 2>&- & echo $! > child", 0),
        ] {
            let stage = Stage::new(&raw.base);
            let began = Instant::now();
            let line = ["start", "--http", http, "--token-command", command];
            let (got, document) = stage.json(&line);
            assert_eq!(got, code, "{command} {document}");
            assert!(began.elapsed() < Duration::from_secs(5), "{command}");
            let child = std::fs::read_to_string(stage.path("child")).unwrap();
            let _ = std::process::Command::new("kill")
                .arg(child.trim())
                .stderr(std::process::Stdio::null())
                .status();
        }
    }
    for head in raw.heads() {
        assert!(head.contains("Bearer a-token\r\n"), "{head}");
    }
}

#[cfg(unix)]
#[test]
fn the_children_of_a_command_end_with_its_time_limit() {
    for http in FLAVOURS {
        let stage = Stage::new(&closed());
        let command = "sleep 30 2>&- & echo $! > child; wait";
        let line = ["start", "--timeout", "500ms", "--http", http];
        let line = [&line[..], &["--token-command", command]].concat();
        let (code, document) = stage.json(&line);
        assert_eq!(code, 6, "{document}");
        let child = std::fs::read_to_string(stage.path("child")).unwrap();
        let began = Instant::now();
        let is_alive = || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
            // A process that was killed may wait for its parent to notice.
            stat.is_ok_and(|stat| !stat.contains(") Z "))
        };
        while is_alive() {
            assert!(began.elapsed() < Duration::from_secs(5), "{http}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn a_token_file_may_be_absent_or_half_written_for_a_moment() {
    for http in FLAVOURS {
        // Before a start: 1.2 s. In a wait, after a 401: longer than one reading of the file is patient.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let write = |delay: u64, text: &'static str| {
            let path = path.clone();
            std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(delay));
                std::fs::write(path, text).unwrap();
            })
        };
        let first = write(1200, "first");
        let during = path.clone();
        let raw = Raw::serve(move |number, head, base| {
            Some(match number {
                0 => accepted(base),
                1 => {
                    std::fs::write(&during, "{\"accessToken\": \"sec").unwrap();
                    let path = during.clone();
                    std::thread::spawn(move || {
                        std::thread::sleep(Duration::from_millis(2600));
                        std::fs::write(path, "second").unwrap();
                    });
                    answer("401 Unauthorized", "", "")
                }
                _ => {
                    assert!(head.contains("Bearer second\r\n"), "{head}");
                    crate::stage::json("200 OK", "{\"status\":\"succeeded\"}")
                }
            })
        });
        let line = ["start", "--wait", "--poll-interval", "20ms", "--http", http];
        let file = ["--token-file", path.to_str().unwrap()];
        let (code, document) = Stage::new(&raw.base).json(&[&line[..], &file].concat());
        assert_eq!((code, raw.heads().len()), (0, 3), "{document}");
        first.join().unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_token_file_that_others_can_read_or_write_is_reported() {
    use std::os::unix::fs::PermissionsExt;
    let raw = Raw::serve(|_, _, base| Some(accepted(base)));
    for http in FLAVOURS {
        let stage = Stage::new(&raw.base);
        let path = stage.path("token");
        std::fs::write(&path, CANARY).unwrap();
        for (mode, code, words) in [
            (0o600, 0, ""),
            (0o644, 0, "warning: every user of this machine can read"),
            (0o646, 4, "can be written by every user"),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let ran = stage.run(&["start", "--http", http, "--token-file", "token"]);
            assert_eq!(ran.code, code, "{ran:?}");
            assert!(ran.stderr.contains(words), "{ran:?}");
            assert_eq!(ran.stderr.contains("every user"), !words.is_empty());
        }
    }
}

#[test]
fn a_token_endpoint_that_fails_once_is_asked_again() {
    let status = |status| Fault::on(On::Token).status(status).body("");
    let lost = || Fault::on(On::Token).lose(Lose::Answer);
    for http in FLAVOURS {
        for (failures, least) in [
            (vec![status(503)], 500),
            (vec![status(429).retry_after(2)], 2000),
            (vec![lost()], 500),
            (vec![Fault::on(On::Token).cut_after(5)], 500),
            (vec![lost(), status(504)], 1500),
        ] {
            let tries = failures.len() + 1;
            let emulator = authority(failures);
            let began = Instant::now();
            let (code, document) = with_credentials(&emulator).json(&["start", "--http", http]);
            assert_eq!((code, requests(&emulator)), (0, tries + 1), "{document}");
            assert!(began.elapsed() >= Duration::from_millis(least));
        }
        // Three tries in all; a refusal has one, and so has a Retry-After that leaves no time.
        for (failure, tries) in [
            (status(503), 3),
            (status(401), 1),
            (status(429).retry_after(90), 1),
        ] {
            let emulator = authority(vec![failure.times(9)]);
            let stage = with_credentials(&emulator);
            let (code, document) = stage.json(&["start", "--http", http]);
            assert_eq!((code, requests(&emulator)), (4, tries), "{document}");
            assert_eq!(document["error"]["may_have_started"], "no");
        }
        // The time limit of the command ends a pause.
        let emulator = authority(vec![status(503).retry_after(30)]);
        let began = Instant::now();
        let line = ["start", "--timeout", "700ms", "--http", http];
        assert_eq!(with_credentials(&emulator).json(&line).0, 6);
        assert!(began.elapsed() < Duration::from_secs(5));
    }
}
