//! Kinds of credentials in the environment, and the tenant that a token names.

use std::path::Path;

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use industrydata_emulator::{Client, Config, Emulator, Fault, Identity, On, Throttle};
use serde_json::json;

use crate::stage::{CANARY, FLAVOURS, Raw, Stage, accepted, closed, json as json_answer};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const METADATA: &str = "GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fgraph.microsoft.com";

/// An emulator whose application has secrets that no output may show.
fn emulator() -> Emulator {
    Emulator::start(Config {
        client: Client {
            secret: "canary-secret".to_owned(),
            tenant_id: TENANT.to_owned(),
            ..Client::default()
        },
        ..Config::default()
    })
    .unwrap()
}

/// A stage without a token, and with the addresses of this emulator.
fn stage(emulator: &Emulator) -> Stage {
    Stage::new(&emulator.base_url())
        .env("INDUSTRYDATA_TOKEN", "")
        .env("AZURE_AUTHORITY_HOST", emulator.authority_url())
        .env(
            "AZURE_POD_IDENTITY_AUTHORITY_HOST",
            emulator.authority_url(),
        )
}

/// The same for its application, whose id has a line break at its end.
fn application(emulator: &Emulator) -> Stage {
    stage(emulator)
        .env("AZURE_TENANT_ID", TENANT)
        .env("AZURE_CLIENT_ID", "emulator-client\n")
}

/// The requests that came, in order, with their methods.
fn seen(emulator: &Emulator) -> Vec<String> {
    emulator.with_service(|service| {
        let requests = service.requests().iter();
        requests
            .map(|it| format!("{} {}", it.method, it.path))
            .collect()
    })
}

fn certificates() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/certificates")
}

/// The certificate of the file in DER.
fn certificate() -> Vec<u8> {
    let pem = std::fs::read_to_string(certificates().join("rsa-pkcs8.pem")).unwrap();
    let (_, rest) = pem.split_once("-----BEGIN CERTIFICATE-----").unwrap();
    let (base64, _) = rest.split_once("-----END").unwrap();
    let base64: String = base64.split_whitespace().collect();
    BASE64_STANDARD.decode(base64).unwrap()
}

fn jwt(claims: &str) -> String {
    format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
}

#[test]
fn each_kind_starts_a_run() {
    for http in FLAVOURS {
        // Every endpoint of it checks what it gets.
        let emulator = Emulator::start(Config {
            client: Client {
                secret: "canary-secret".to_owned(),
                certificates: vec![certificate()],
                ..Client::default()
            },
            identities: vec![
                Identity::system(),
                Identity {
                    client_id: "emulator-client".to_owned(),
                    ..Identity::user()
                },
            ],
            throttle: Throttle {
                limit: 100,
                ..Throttle::default()
            },
            ..Config::default()
        })
        .unwrap();
        let stage = || application(&emulator);
        let federated = stage();
        emulator
            .keep_federated_token(federated.path("assertion"))
            .unwrap();
        let certificate = certificates().join("rsa-pkcs8.pem");
        let token = format!("POST /{TENANT}/oauth2/v2.0/token");
        let stages = [
            (
                "secret",
                stage().env("AZURE_CLIENT_SECRET", "canary-secret"),
                vec![token.clone()],
                true,
            ),
            (
                "certificate",
                stage().env("AZURE_CLIENT_CERTIFICATE_PATH", certificate.to_str().unwrap()),
                vec![token.clone()],
                true,
            ),
            (
                "workload",
                federated.env("AZURE_FEDERATED_TOKEN_FILE", "assertion"),
                vec![token.clone()],
                true,
            ),
            (
                "managed-identity",
                stage()
                    .env("IDENTITY_ENDPOINT", &emulator.identity_endpoint())
                    .env("IDENTITY_HEADER", &emulator.identity_header()),
                vec!["GET /msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.microsoft.com&client_id=emulator-client".to_owned()],
                true,
            ),
            (
                "managed-identity",
                stage(),
                vec![format!("{METADATA}&client_id=emulator-client")],
                false,
            ),
            (
                "github",
                stage()
                    .env("ACTIONS_ID_TOKEN_REQUEST_URL", &emulator.github_url())
                    .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", emulator.github_token()),
                vec![
                    "GET /github/token?api-version=2.0&audience=api%3A%2F%2FAzureADTokenExchange".to_owned(),
                    token.clone(),
                ],
                false,
            ),
            (
                "managed-identity-federation",
                stage().env("AZURE_MANAGED_IDENTITY_CLIENT_ID", "emulator-client"),
                vec![
                    METADATA.replace("https%3A%2F%2Fgraph.microsoft.com", "api%3A%2F%2FAzureADTokenExchange&client_id=emulator-client"),
                    token,
                ],
                false,
            ),
        ];
        for (kind, stage, mut requests, is_found) in stages {
            let before = seen(&emulator).len();
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
            let exchange = requests.clone();
            requests.push("POST /beta/external/industryData/runs/start".to_owned());
            assert_eq!(seen(&emulator)[before..], requests, "{kind}");
            // A check obtains a token in the same way, and one only.
            let before = seen(&emulator).len();
            let (code, document) =
                stage.any_json(&["doctor", "--credential", kind, "--http", http]);
            assert_eq!(code, 0, "{kind} {document}");
            let found = format!("\"{kind}, from ");
            assert!(document.to_string().contains(&found), "{document}");
            let checked = seen(&emulator).split_off(before);
            assert_eq!(checked[..exchange.len()], exchange, "{kind}");
            assert_eq!(checked.len(), exchange.len() + 1, "{checked:?}");
            assert!(
                checked[exchange.len()].starts_with("GET /beta/"),
                "{checked:?}"
            );
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
    let emulator = emulator();
    let stage = application(&emulator)
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
    assert_eq!(Stage::new(&emulator.base_url()).json(&both).0, 2);
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
            let emulator = emulator();
            emulator.script(Fault::on(On::Token).status(401).body(body));
            let stage = application(&emulator)
                .env("INDUSTRYDATA_BASE_URL", &closed())
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
    let (emulator, elsewhere) = (emulator(), emulator());
    let own = emulator.identity_endpoint();
    let html = Fault::on(On::Identity).status(200).body("<html>");
    let redirect = Fault::on(On::Identity)
        .status(302)
        .location(&[&elsewhere.identity_endpoint()]);
    for http in FLAVOURS {
        for (endpoint, fault, part) in [
            (own.as_str(), Some(&html), "not a token"),
            (&own, Some(&redirect), "redirect"),
            (&own, None, "X-IDENTITY-HEADER"),
            ("nonsense", None, "not a URL"),
            ("http://identity.example/", None, "link-local"),
        ] {
            for tenant in ["", "contoso"] {
                fault.into_iter().for_each(|it| emulator.script(it.clone()));
                let stage = stage(&emulator)
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
    assert!(seen(&emulator).iter().all(|it| it.starts_with("GET /msi/")));
    assert!(seen(&elsewhere).is_empty());
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
        assert_eq!(used(&[]), 2);
        assert_eq!(used(&["--token-file", "token"]), 2);
        // A command is not run for a name.
        assert_eq!(used(&["--token-command", &command]), 2);
        assert_eq!(std::fs::read_to_string(stage.path("calls")).unwrap(), "x\n");
        let human = stage.run(&["quota", "--token-file", "token"]);
        assert!(
            human
                .stdout
                .contains(&format!("tenant {TENANT} (named by the token) at")),
            "{human:?}"
        );
        let human = stage.run(&["quota"]);
        let only = format!("tenant {TENANT} (the only one in this ledger) at");
        assert!(human.stdout.contains(&only), "{human:?}");
    }
}

#[test]
fn a_managed_identity_names_the_tenant() {
    for http in FLAVOURS {
        let emulator = emulator();
        let stage = stage(&emulator);
        let line = ["start", "--credential", "managed-identity", "--http", http];
        assert_eq!(stage.run(&line).code, 0);
        assert_eq!(seen(&emulator).len(), 2, "it is asked once");
        let quota = stage.run(&["quota", "--tenant", TENANT]);
        assert!(quota.stdout.contains(TENANT), "{quota:?}");
        let ran = stage.run(&["quota", "--output", "json", "--tenant", TENANT]);
        let document: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(document["used"], 1, "{document}");
        assert_eq!(seen(&emulator).len(), 2, "a quota needs no token");
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
