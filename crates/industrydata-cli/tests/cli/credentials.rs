//! Kinds of credentials in the environment, and the tenant that a token names.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::json;

use crate::stage::{CANARY, FLAVOURS, Raw, Stage, accepted, answer, closed, json as json_answer};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";

/// The endpoints of a platform and of an authority in one server: it answers by the path.
struct Platform {
    url: String,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Platform {
    fn start(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if let Some(request) = read(&stream) {
                    let text = answer(&request);
                    shared.lock().unwrap().push(request);
                    let _ = (&stream).write_all(text.as_bytes());
                }
            }
        });
        Self { url, seen }
    }

    /// Gives this token at every endpoint, and an assertion where one is asked for.
    fn giving(token: &str) -> Self {
        let token = token.to_owned();
        Self::start(move |request| {
            if request.starts_with("GET /github") {
                return json_answer("200 OK", r#"{"value":"a.b.c"}"#);
            }
            let token = if request.contains("AzureADTokenExchange") {
                "d.e.f"
            } else {
                &token
            };
            json_answer(
                "200 OK",
                &format!(r#"{{"access_token":"{token}","expires_in":"3600"}}"#),
            )
        })
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }

    /// A stage without a token, and with the addresses of this platform.
    fn stage(&self, base: &str) -> Stage {
        Stage::new(base)
            .env("INDUSTRYDATA_TOKEN", "")
            .env("AZURE_AUTHORITY_HOST", &self.url)
            .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", &self.url)
    }
}

/// A request with its body.
fn read(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut request = String::new();
    while !request.ends_with("\r\n\r\n") {
        if reader.read_line(&mut request).ok()? == 0 {
            return None;
        }
    }
    let length = request.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        (name.eq_ignore_ascii_case("content-length")).then(|| value.parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body).ok()?;
    request.push_str(&String::from_utf8(body).ok()?);
    Some(request)
}

fn certificates() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/certificates")
}

fn jwt(claims: &str) -> String {
    format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
}

#[test]
fn each_kind_starts_a_run() {
    for http in FLAVOURS {
        let platform = Platform::giving(CANARY);
        let raw = Raw::serve(|_, head, base| {
            Some(if head.starts_with("POST") {
                accepted(base)
            } else {
                json_answer("200 OK", r#"{"value":[]}"#)
            })
        });
        let app = |stage: Stage| {
            stage
                .env("AZURE_TENANT_ID", "contoso.com")
                .env("AZURE_CLIENT_ID", "app\n")
        };
        let stage = || app(platform.stage(&raw.base));
        let file = stage().path("assertion");
        let federated = stage();
        std::fs::write(federated.path("assertion"), "a.b.c").unwrap();
        drop(file);
        let certificate = certificates().join("rsa-pkcs8.pem");
        let certificate = certificate.to_str().unwrap();
        let github = format!("{}/github?a=b", platform.url);
        let endpoint = format!("{}/msi", platform.url);
        let stages = [
            (
                "secret",
                stage().env("AZURE_CLIENT_SECRET", "canary-secret"),
                "client_secret=canary-secret",
                true,
            ),
            (
                "certificate",
                stage().env("AZURE_CLIENT_CERTIFICATE_PATH", certificate),
                "client_assertion=eyJ",
                true,
            ),
            (
                "workload",
                federated.env("AZURE_FEDERATED_TOKEN_FILE", "assertion"),
                "client_assertion=a.b.c",
                true,
            ),
            (
                "managed-identity",
                stage()
                    .env("IDENTITY_ENDPOINT", &endpoint)
                    .env("IDENTITY_HEADER", "canary-header"),
                "GET /msi?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.microsoft.com&client_id=app ",
                true,
            ),
            (
                "managed-identity",
                stage(),
                "GET /metadata/identity/oauth2/token?",
                false,
            ),
            (
                "github",
                stage()
                    .env("ACTIONS_ID_TOKEN_REQUEST_URL", &github)
                    .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary-request"),
                "client_assertion=a.b.c",
                false,
            ),
            (
                "managed-identity-federation",
                stage().env("AZURE_MANAGED_IDENTITY_CLIENT_ID", "identity"),
                "client_assertion=d.e.f",
                false,
            ),
        ];
        for (kind, stage, part, is_found) in stages {
            let before = platform.seen().len();
            let ran = stage.run(&[
                "start",
                "--credential",
                kind,
                "--http",
                http,
                "--output",
                "json",
                "-v",
            ]);
            assert_eq!(ran.code, 0, "{kind} {ran:?}");
            assert!(
                ran.stderr.contains(&format!("credential: {kind}\n")),
                "{ran:?}"
            );
            assert!(
                ran.stderr.contains("around the value of AZURE_CLIENT_ID"),
                "{ran:?}"
            );
            assert!(!ran.stderr.contains("canary"), "{ran:?}");
            let seen = platform.seen()[before..].concat();
            assert!(seen.contains(part), "{kind}: {seen}");
            let head = raw.heads().pop().unwrap();
            assert!(head.contains(&format!("Bearer {CANARY}\r\n")), "{head}");
            // A check obtains a token in the same way, and one only.
            let (exchange, sent) = (platform.seen().len() - before, raw.heads().len());
            let (code, document) =
                stage.any_json(&["doctor", "--credential", kind, "--http", http]);
            assert_eq!(code, 0, "{kind} {document}");
            let found = format!("\"{kind}, from ");
            assert!(document.to_string().contains(&found), "{document}");
            assert_eq!(platform.seen().len() - before, exchange * 2, "{kind}");
            assert!(raw.heads().len() == sent + 1 && raw.heads()[sent].starts_with("GET "));
            let (code, document) = stage.json(&["start", "--ledger", "none", "--http", http]);
            let is_none = document["error"]["message"]
                .as_str()
                .is_some_and(|it| it.contains("no access token"));
            assert_eq!(
                (code == 0, is_none),
                (is_found, !is_found),
                "{kind} {document}"
            );
        }
    }
}

#[test]
fn the_environment_is_used_in_its_order() {
    let platform = Platform::giving(CANARY);
    let raw = Raw::serve(|_, _, base| Some(accepted(base)));
    let stage = platform
        .stage(&raw.base)
        .env("AZURE_TENANT_ID", "contoso.com")
        .env("AZURE_CLIENT_ID", "app")
        .env("AZURE_CLIENT_SECRET", "canary-secret")
        .env("AZURE_FEDERATED_TOKEN_FILE", "/nonexistent")
        .env("IDENTITY_ENDPOINT", "http://localhost:1")
        .env("IDENTITY_HEADER", "canary-header");
    let ran = stage.run(&["start", "-v"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    let note = "credential: secret; also set, and not used: workload, managed-identity\n";
    assert!(ran.stderr.contains(note), "{ran:?}");
    let ran = stage
        .env("INDUSTRYDATA_CREDENTIAL", "workload")
        .run(&["start", "-v"]);
    assert_eq!(ran.code, 4);
    assert!(
        ran.stderr.contains("/nonexistent") && ran.stderr.contains("AZURE_FEDERATED_TOKEN_FILE"),
        "{ran:?}"
    );
    let both = ["start", "--credential", "secret", "--token-command", "true"];
    assert_eq!(Stage::new(&raw.base).json(&both).0, 2);
}

#[test]
fn a_refusal_has_the_advice_for_its_code() {
    let body = r#"{"error":"invalid_client","error_description":"AADSTS7000215: canary-secret is wrong.","error_codes":[7000215],"trace_id":"trace-1","correlation_id":"correlation-2"}"#;
    for http in FLAVOURS {
        for line in [
            &["start"][..],
            &["wait", "op-1"],
            &["runs", "list"],
            &["runs", "follow", "run-1"],
            &["validate", "connector-1"],
            &["flows", "reset", "set-1", "flow-1", "--yes"],
        ] {
            let platform = Platform::start(move |_| json_answer("401 Unauthorized", body));
            let stage = platform
                .stage(&closed())
                .env("AZURE_TENANT_ID", "contoso.com")
                .env("AZURE_CLIENT_ID", "app")
                .env("AZURE_CLIENT_SECRET", "canary-secret");
            let (code, document) = stage.any_json(&[line, &["--http", http]].concat());
            let error = &document["error"];
            assert_eq!((code, &error["kind"]), (4, &json!("token")), "{document}");
            let message = error["message"].as_str().unwrap();
            for part in ["AADSTS7000215", "trace-1", "correlation-2"] {
                assert!(message.contains(part), "{message}");
            }
            assert!(!document.to_string().contains("canary"), "{document}");
            let advice = error["advice"].as_str().unwrap();
            assert!(advice.contains("check AZURE_CLIENT_SECRET"), "{advice}");
        }
    }
}

#[test]
fn an_unusable_platform_starts_nothing() {
    let raw = Raw::serve(|_, _, base| Some(accepted(base)));
    let elsewhere = Platform::giving(CANARY);
    let redirect = format!("location: {}/msi\r\n", elsewhere.url);
    let platform = Platform::start(move |request| {
        if request.starts_with("GET /html") {
            answer("200 OK", "content-type: text/html\r\n", "<html>")
        } else {
            answer("302 Found", &redirect, "")
        }
    });
    let html = format!("{}/html", platform.url);
    for http in FLAVOURS {
        for (endpoint, part) in [
            (html.as_str(), "not a token"),
            (&platform.url, "redirect"),
            ("nonsense", "not a URL"),
            ("http://identity.example/", "link-local"),
        ] {
            for tenant in ["", "contoso"] {
                let stage = Stage::new(&raw.base)
                    .env("INDUSTRYDATA_TOKEN", "")
                    .env("INDUSTRYDATA_TENANT", tenant)
                    .env("IDENTITY_ENDPOINT", endpoint)
                    .env("IDENTITY_HEADER", "canary-header");
                let (code, document) = stage.json(&["start", "--http", http]);
                let error = &document["error"];
                assert_eq!((code, &error["kind"]), (4, &json!("token")), "{document}");
                assert_eq!(error["may_have_started"], "no");
                let message = error["message"].as_str().unwrap();
                assert!(
                    message.contains(part) && message.contains("IDENTITY_ENDPOINT"),
                    "{message}"
                );
                assert!(!message.contains("canary"), "{message}");
            }
        }
    }
    assert!(raw.heads().is_empty() && elsewhere.seen().is_empty());
}

#[test]
fn a_silent_platform_ends_at_the_time_limit() {
    let silent = Raw::silent();
    let endpoint = silent.base.clone();
    for http in FLAVOURS {
        for tenant in ["", "contoso"] {
            let stage = Stage::new(&closed())
                .env("INDUSTRYDATA_TOKEN", "")
                .env("INDUSTRYDATA_TENANT", tenant)
                .env("IDENTITY_ENDPOINT", &endpoint)
                .env("IDENTITY_HEADER", "canary-header");
            for (line, expected, may) in [
                (&["start"][..], 6, "no"),
                (&["wait", "op-1"], 7, "yes"),
                (&["quota", "--reconcile"], 7, "no"),
            ] {
                let line = [line, &["--timeout", "300ms", "--http", http]].concat();
                let (code, document) = stage.json(&line);
                assert_eq!(
                    (code, &document["error"]["kind"]),
                    (expected, &json!("timed_out")),
                    "{line:?} {document}"
                );
                assert_eq!(document["error"]["may_have_started"], may, "{document}");
            }
        }
    }
}

#[test]
fn the_token_names_the_tenant() {
    let token = jwt(&format!(r#"{{"tid":"{}"}}"#, TENANT.to_uppercase()));
    for http in FLAVOURS {
        let raw = Raw::serve(|_, _, base| Some(accepted(base)));
        let stage = Stage::new(&raw.base).env("INDUSTRYDATA_TOKEN", "");
        let used = |line: &[&str]| {
            let ran = stage.run(&[&["quota", "--output", "json"], line].concat());
            assert_eq!(ran.code, 0, "{ran:?}");
            let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
            document["used"].as_u64().unwrap()
        };
        std::fs::write(stage.path("token"), &token).unwrap();
        let command = format!("echo x >> calls; echo {token}");
        // A file, and a command that runs once although the name is needed first.
        for source in [["--token-file", "token"], ["--token-command", &command]] {
            let ran = stage.run(&[&["start", "--http", http, "-v"], &source[..]].concat());
            assert_eq!(ran.code, 0, "{ran:?}");
            assert!(
                ran.stderr
                    .contains(&format!("tenant: {TENANT}, which the token names")),
                "{ran:?}"
            );
            assert!(
                !ran.stderr.contains("names no tenant") && !ran.stderr.contains("is of tenant"),
                "{ran:?}"
            );
        }
        assert_eq!(std::fs::read_to_string(stage.path("calls")).unwrap(), "x\n");
        assert_eq!(used(&["--tenant", TENANT]), 2);
        assert_eq!(used(&[]), 0);
        assert_eq!(used(&["--token-file", "token"]), 2);
        // A command is not run for a name.
        assert_eq!(used(&["--token-command", &command]), 0);
        assert_eq!(std::fs::read_to_string(stage.path("calls")).unwrap(), "x\n");
        let human = stage.run(&["quota", "--token-file", "token"]);
        assert!(
            human
                .stdout
                .contains(&format!("tenant {TENANT} (named by the token) at")),
            "{human:?}"
        );
        let human = stage.run(&["quota"]);
        assert!(human.stdout.contains("tenant default at"), "{human:?}");
    }
}

#[test]
fn a_managed_identity_names_the_tenant() {
    let platform = Platform::giving(&jwt(&format!(r#"{{"tid":"{TENANT}"}}"#)));
    for http in FLAVOURS {
        let raw = Raw::serve(|_, _, base| Some(accepted(base)));
        let stage = platform.stage(&raw.base);
        let before = platform.seen().len();
        let line = ["start", "--credential", "managed-identity", "--http", http];
        assert_eq!(stage.run(&line).code, 0);
        assert_eq!(platform.seen().len(), before + 1, "it is asked once");
        let quota = stage.run(&["quota", "--tenant", TENANT]);
        assert!(quota.stdout.contains(TENANT), "{quota:?}");
        let ran = stage.run(&["quota", "--output", "json", "--tenant", TENANT]);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(document["used"], 1, "{document}");
        assert_eq!(platform.seen().len(), before + 1, "a quota needs no token");
    }
}

#[test]
fn another_tenant_is_warned_of_once() {
    let other = jwt(&format!(r#"{{"tid":"{TENANT}"}}"#));
    for http in FLAVOURS {
        let raw = Raw::polls(json_answer("200 OK", r#"{"status":"succeeded"}"#));
        let named = "11111111-2222-3333-4444-555555555555";
        let stage = Stage::new(&raw.base)
            .env("INDUSTRYDATA_TOKEN", &other)
            .env("INDUSTRYDATA_TENANT", named);
        let line = ["start", "--wait", "--poll-interval", "20ms", "--http", http];
        let ran = stage.run(&line);
        assert_eq!(ran.code, 0, "{ran:?}");
        let warning = format!("the token is of tenant {TENANT}");
        assert_eq!(ran.stderr.matches(&warning).count(), 1, "{ran:?}");
        for tenant in [TENANT, "contoso"] {
            let stage = Stage::new(&raw.base)
                .env("INDUSTRYDATA_TOKEN", &other)
                .env("AZURE_TENANT_ID", tenant);
            let ran = stage.run(&line);
            assert!(!ran.stderr.contains("warning"), "{ran:?}");
        }
    }
}

#[test]
fn a_token_without_a_tenant_counts_for_the_default() {
    for http in FLAVOURS {
        let raw = Raw::serve(|_, _, base| Some(accepted(base)));
        for token in [
            CANARY.to_owned(),
            jwt("{}"),
            jwt(r#"{"tid":"contoso.com"}"#),
        ] {
            let stage = Stage::new(&raw.base).env("INDUSTRYDATA_TOKEN", &token);
            let ran = stage.run(&["start", "--http", http]);
            assert_eq!(ran.code, 0, "{ran:?}");
            assert!(ran.stderr.contains("the token names no tenant"), "{ran:?}");
            let (code, _) = stage.json(&["start", "--http", http, "--tenant", "default"]);
            assert_eq!(code, 0);
            let quota = stage.run(&["quota", "--output", "json"]);
            let document: serde_json::Value = serde_json::from_str(&quota.stdout).unwrap();
            assert_eq!(
                (document["used"].as_u64(), quota.stderr.as_str()),
                (Some(2), "")
            );
        }
    }
}
