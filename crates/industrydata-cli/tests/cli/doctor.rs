//! `doctor`: each check as ok, warning and problem, and the exit code that a start would have. It sends one read at most, and
//! makes no file.

use std::{fs, path::PathBuf, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use industrydata_core::{SignedDuration, Timestamp};
use industrydata_emulator::{Config, Emulator, Grant, Permission};
use rusqlite::Connection;
use serde_json::{Value, json};

use crate::{
    network::{BASE, Inspector, Leaf, Tunnel},
    stage::{
        CANARY, FLAVOURS, Ran, Raw, Stage, answer, closed, emulator, json as json_answer, restrict,
    },
};

const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const OTHER: &str = "72f988bf-86f1-41af-91ab-2d7cd011db48";
const APP: &str = "11111111-2222-3333-4444-555555555555";
const START: &str = "IndustryData-Run.Start";
const READ_OPERATIONS: &str = "IndustryData.ReadBasic.All";
const READ_RUNS: &str = "IndustryData-Run.Read.All";
const LIST: &str = r#"{"value":[]}"#;

/// A token with these claims. Its signature is a secret of the tests.
fn jwt(claims: &Value) -> String {
    let payload = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    format!("e30.{payload}.{CANARY}").replace(CANARY, "canary+c2lnbmF0dXJl/eyJhdWQi==")
}

/// The token of an application with these permissions.
fn app(roles: &[&str]) -> String {
    jwt(&json!({"tid": TENANT, "appid": APP, "roles": roles}))
}

fn whole() -> String {
    app(&[START, READ_OPERATIONS, READ_RUNS])
}

fn service(token: &str, permissions: &[Permission]) -> Emulator {
    Emulator::start(Config {
        tokens: vec![Grant::only(token, permissions)],
        ..Config::default()
    })
    .unwrap()
}

fn doctor(stage: &Stage, http: &str, line: &[&str]) -> (i32, Value) {
    let line = [&["doctor", "--http", http][..], line].concat();
    let (code, document) = stage.any_json(&line);
    let is_problem = |check: &&Value| check["result"] == "problem";
    let checks = document["checks"].as_array().unwrap();
    let first = checks.iter().find(is_problem);
    match first {
        Some(first) => {
            assert_eq!(first["message"], document["error"]["message"], "{document}");
            assert_eq!(first["advice"], document["error"]["advice"], "{document}");
            assert_eq!(document["error"]["may_have_started"], "no", "{document}");
            assert_ne!(code, 0, "{document}");
        }
        None => assert_eq!(
            (code, &document["error"], &document["outcome"]),
            (0, &Value::Null, &json!("succeeded")),
            "{document}"
        ),
    }
    for check in checks {
        let has_advice = check["advice"].as_str().is_some_and(|it| !it.is_empty());
        assert_eq!(has_advice, check["result"] != "ok", "{check}");
        assert!(!check["advice"].to_string().contains("\\n"), "{check}");
    }
    assert_eq!(document["operation"], Value::Null);
    (code, document)
}

/// The check of this name: its result and its message.
#[track_caller]
fn check(document: &Value, name: &str) -> (String, String) {
    let checks = document["checks"].as_array().unwrap();
    let found: Vec<_> = checks
        .iter()
        .filter(|check| check["name"] == name)
        .collect();
    assert_eq!(found.len(), 1, "{name}: {document}");
    let text = |key: &str| found[0][key].as_str().unwrap().to_owned();
    (text("result"), text("message"))
}

#[track_caller]
fn has(document: &Value, name: &str, result: &str, part: &str) {
    let (found, message) = check(document, name);
    assert_eq!(found, result, "{name}: {document}");
    assert!(message.contains(part), "{name}, {part:?}: {message}");
}

fn advice(document: &Value, name: &str) -> String {
    let checks = document["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name).unwrap();
    check["advice"].as_str().unwrap_or_default().to_owned()
}

/// Doctor ends as the start after it does.
#[track_caller]
fn as_a_start(stage: &Stage, http: &str, line: &[&str]) -> Value {
    let (code, document) = doctor(stage, http, line);
    let start = stage.any_json(&[&["start", "--http", http][..], line].concat());
    let kind = |document: &Value| document["error"]["kind"].clone();
    assert_eq!(
        (code, kind(&document), document["outcome"] == "succeeded"),
        (start.0, kind(&start.1), start.0 == 0),
        "{document}\n{}",
        start.1
    );
    document
}

/// The files below the home folder.
fn files(stage: &Stage) -> Vec<PathBuf> {
    let mut folders = vec![stage.home.path().to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path.clone());
            }
            files.push(path);
        }
    }
    files
}

#[test]
fn a_sound_set_up_is_ok_and_nothing_is_touched() {
    for http in FLAVOURS {
        let emulator = service(&whole(), &Permission::ALL);
        let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_TOKEN", &whole());
        let (code, document) = doctor(&stage, http, &[]);
        assert_eq!(code, 0, "{document}");
        let names: Vec<_> = document["checks"]
            .as_array()
            .unwrap()
            .iter()
            .map(|check| check["name"].as_str().unwrap())
            .collect();
        assert_eq!(
            names,
            [
                "settings",
                "credential",
                "tenant",
                "network",
                "ledger",
                "ledger_place",
                "ledger_names",
                "quota",
                "token",
                "service",
                "clock",
                "permissions"
            ]
        );
        for (name, part) in [
            ("settings", "base URL http://127.0.0.1:"),
            ("credential", "token, from INDUSTRYDATA_TOKEN"),
            ("tenant", TENANT),
            ("network", "without a proxy"),
            ("ledger", "no file yet"),
            ("ledger_names", "no starts under another name"),
            ("quota", "5 of 5 starts left"),
            ("token", APP),
            ("service", "answers"),
            ("clock", "two minutes at most"),
            (
                "permissions",
                "IndustryData-Run.Start, IndustryData.ReadBasic.All and IndustryData-Run.Read.All: enough",
            ),
        ] {
            has(&document, name, "ok", part);
        }
        assert_eq!(document["quota"]["available"], 5);
        // No file and no folder was made, and nothing but one list was asked for.
        assert_eq!(files(&stage), Vec::<PathBuf>::new());
        let (starts, requests) = emulator
            .with_service(|service| (service.accepted_starts().len(), service.requests().len()));
        assert_eq!((starts, requests), (0, 1));
    }
}

#[test]
fn a_ledger_with_starts_stays_as_it_is() {
    for http in FLAVOURS {
        let emulator = service(&whole(), &Permission::ALL);
        let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_TOKEN", &whole());
        assert_eq!(stage.json(&["start"]).0, 0);
        let before = (stage.kept(), files(&stage));
        let (code, document) = doctor(&stage, http, &[]);
        assert_eq!(code, 0, "{document}");
        has(&document, "quota", "ok", "4 of 5 starts left, 1 used");
        has(&document, "ledger", "ok", "can be written");
        assert_eq!((stage.kept(), files(&stage)), before);
        assert_eq!(
            emulator.with_service(|service| service.accepted_starts().len()),
            1
        );
    }
}

#[test]
fn the_credential_and_its_source() {
    let emulator = emulator(Duration::from_secs(60));
    let base = emulator.base_url();
    for http in FLAVOURS {
        let stage = || {
            Stage::new(&base)
                .env("INDUSTRYDATA_LEDGER", "none")
                .env("INDUSTRYDATA_TENANT", "contoso")
        };
        let (code, document) = doctor(
            &stage()
                .env("AZURE_CLIENT_SECRET", "canary+secret/of==")
                .env("IDENTITY_ENDPOINT", "http://localhost:1"),
            http,
            &[],
        );
        assert_eq!(code, 0, "{document}");
        let both =
            "token, from INDUSTRYDATA_TOKEN; also set, and not used: secret, managed-identity";
        has(&document, "credential", "ok", both);

        let file = stage();
        fs::write(file.path("token"), CANARY).unwrap();
        restrict(&file.path("token"));
        let (code, document) = doctor(&file, http, &["--token-file", "token"]);
        assert_eq!(code, 0, "{document}");
        has(
            &document,
            "credential",
            "ok",
            "token-file, from --token-file token; also set, and not used: token",
        );

        let command = format!("echo {CANARY}");
        let (code, document) = doctor(&stage(), http, &["--token-command", &command]);
        assert_eq!(code, 0, "{document}");
        has(
            &document,
            "credential",
            "ok",
            "token-command, from --token-command",
        );

        let none = || stage().env("INDUSTRYDATA_TOKEN", "");
        for (stage, line, part) in [
            (none(), &[][..], "no access token: use --token-file"),
            (
                none().env("AZURE_CLIENT_SECRET", "canary+secret/of=="),
                &[],
                "needs AZURE_TENANT_ID and AZURE_CLIENT_ID",
            ),
            (none().env("AZURE_FEDERATED_TOKEN_FILE", "/x"), &[], "needs"),
            (
                none(),
                &["--token-file", "missing"],
                "missing cannot be read",
            ),
            (
                none(),
                &["--credential", "token"],
                "needs INDUSTRYDATA_TOKEN",
            ),
            (
                stage().env("INDUSTRYDATA_TOKEN", "canary+ canary"),
                &[],
                "INDUSTRYDATA_TOKEN",
            ),
            (
                none().env("MSI_ENDPOINT", "http://localhost:1"),
                &[],
                "Cloud Shell",
            ),
        ] {
            let document = as_a_start(&stage, http, line);
            assert_eq!(document["outcome"], "unauthorized", "{document}");
            has(&document, "credential", "problem", part);
            // What does not depend on it was checked all the same.
            has(&document, "network", "ok", "loopback");
            has(&document, "ledger", "ok", "");
            assert!(!document.to_string().contains("\"service\""), "{document}");
        }
    }
}

#[test]
fn a_token_that_is_not_obtained_ends_as_for_a_start() {
    for http in FLAVOURS {
        for tenant in ["", "contoso"] {
            let stage = || Stage::new(&closed()).env("INDUSTRYDATA_TENANT", tenant);
            let document = as_a_start(&stage(), http, &["--token-command", "exit 3"]);
            assert_eq!(document["error"]["kind"], "token", "{document}");
            has(&document, "token", "problem", "");
            let late = ["--token-command", "sleep 20", "--timeout", "500ms"];
            let document = as_a_start(&stage(), http, &late);
            assert_eq!(document["error"]["kind"], "timed_out", "{document}");
        }
        let platform = Raw::always(json_answer(
            "401 Unauthorized",
            r#"{"error":"invalid_client","error_description":"AADSTS7000215: canary+secret/of== no","error_codes":[7000215]}"#,
        ));
        let stage = Stage::new(&closed())
            .env("INDUSTRYDATA_TOKEN", "")
            .env("AZURE_AUTHORITY_HOST", &platform.base.replace("/beta", ""))
            .env("AZURE_TENANT_ID", TENANT)
            .env("AZURE_CLIENT_ID", APP)
            .env("AZURE_CLIENT_SECRET", "canary+secret/of==");
        let document = as_a_start(&stage, http, &[]);
        has(&document, "token", "problem", "AADSTS7000215");
        assert!(advice(&document, "token").contains("check AZURE_CLIENT_SECRET"));
    }
}

#[test]
fn each_kind_obtains_one_token() {
    for http in FLAVOURS {
        // A service, an authority and a platform in one.
        let raw = Raw::serve(|_, head, _| {
            // Where an assertion is asked for, it is a JWT.
            let is_assertion = head.contains("AzureADTokenExchange");
            let token = if is_assertion { "d.e.f" } else { CANARY };
            let token = format!(r#"{{"access_token":"{token}","expires_in":3600}}"#);
            Some(if head.contains("/external/industryData/") {
                json_answer("200 OK", LIST)
            } else if head.starts_with("GET /github") {
                json_answer("200 OK", r#"{"value":"a.b.c"}"#)
            } else {
                json_answer("200 OK", &token)
            })
        });
        let root = raw.base.replace("/beta", "");
        let stage = || {
            Stage::new(&raw.base)
                .env("INDUSTRYDATA_TOKEN", "")
                .env("INDUSTRYDATA_LEDGER", "none")
                .env("AZURE_AUTHORITY_HOST", &root)
                .env("AZURE_POD_IDENTITY_AUTHORITY_HOST", &root)
                .env("AZURE_TENANT_ID", TENANT)
                .env("AZURE_CLIENT_ID", APP)
        };
        let federated = stage();
        fs::write(federated.path("assertion"), "a.b.c").unwrap();
        let certificate = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../tests/certificates/rsa-pkcs8.pem"
        );
        for (kind, stage, place, requests) in [
            (
                "secret",
                stage().env("AZURE_CLIENT_SECRET", "canary+secret/of=="),
                "AZURE_CLIENT_SECRET",
                1,
            ),
            (
                "certificate",
                stage().env("AZURE_CLIENT_CERTIFICATE_PATH", certificate),
                "AZURE_CLIENT_CERTIFICATE_PATH",
                1,
            ),
            (
                "workload",
                federated.env("AZURE_FEDERATED_TOKEN_FILE", "assertion"),
                "AZURE_FEDERATED_TOKEN_FILE",
                1,
            ),
            (
                "managed-identity",
                stage()
                    .env("IDENTITY_ENDPOINT", &format!("{root}/msi"))
                    .env("IDENTITY_HEADER", "canary+header/of=="),
                "IDENTITY_ENDPOINT",
                1,
            ),
            (
                "managed-identity",
                stage(),
                "AZURE_POD_IDENTITY_AUTHORITY_HOST",
                1,
            ),
            (
                "github",
                stage()
                    .env(
                        "ACTIONS_ID_TOKEN_REQUEST_URL",
                        &format!("{root}/github?a=b"),
                    )
                    .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "canary+request/of=="),
                "ACTIONS_ID_TOKEN_REQUEST_URL",
                2,
            ),
            (
                "managed-identity-federation",
                stage(),
                "AZURE_POD_IDENTITY_AUTHORITY_HOST",
                2,
            ),
        ] {
            for tenant in [TENANT, ""] {
                // Without a name of the tenant, the token is obtained first.
                let needs_tenant = kind != "managed-identity";
                let mut command = stage.command(&["doctor", "--credential", kind, "--http", http]);
                command.args(["--output", "json"]);
                if tenant.is_empty() && !needs_tenant {
                    command.env_remove("AZURE_TENANT_ID");
                }
                let before = raw.heads().len();
                let ran = Ran::of(command.spawn().unwrap());
                assert_eq!(ran.code, 0, "{kind} {ran:?}");
                let found = format!("\"{kind}, from {place}");
                assert!(ran.stdout.contains(&found), "{ran:?}");
                let heads = raw.heads();
                assert_eq!(heads.len() - before, requests + 1, "{kind}: {heads:?}");
                let read = heads.last().unwrap();
                assert!(
                    read.starts_with("GET /beta/") && read.contains(CANARY),
                    "{read}"
                );
            }
        }
    }
}

#[test]
fn permissions_by_roles_and_by_scopes() {
    use Permission::{ReadOperations, ReadRuns, Start};
    let scopes = |scopes: &str| jwt(&json!({"tid": TENANT, "appid": APP, "scp": scopes}));
    for http in FLAVOURS {
        for (token, permissions, result, part, ids) in [
            (
                app(&[START, READ_OPERATIONS]),
                &[Start, ReadOperations][..],
                "ok",
                "enough for start, wait, follow and reconcile",
                &[][..],
            ),
            (
                scopes(&format!("openid {START} {READ_OPERATIONS}")),
                &[Start, ReadOperations],
                "ok",
                "enough",
                &[],
            ),
            (
                app(&[START]),
                &[Start],
                "warning",
                "wait, follow and reconcile lack IndustryData.ReadBasic.All",
                &["4f5ac95f-62fd-472c-b60f-125d24ca0bc5"],
            ),
            (
                app(&[READ_OPERATIONS, READ_RUNS]),
                &[ReadOperations, ReadRuns],
                "problem",
                "start lacks IndustryData-Run.Start",
                &["7e429772-5b5e-47c0-8fd6-7279294c8033"],
            ),
            (
                jwt(&json!({"tid": TENANT})),
                &[],
                "problem",
                "none of the permissions",
                &[
                    "7e429772-5b5e-47c0-8fd6-7279294c8033",
                    "4f5ac95f-62fd-472c-b60f-125d24ca0bc5",
                ],
            ),
            (
                scopes("User.Read"),
                &[],
                "problem",
                "start lacks",
                &[
                    "oauth2PermissionGrants",
                    "IndustryData-Run.Start IndustryData.ReadBasic.All",
                ],
            ),
        ] {
            let emulator = service(&token, permissions);
            let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_TOKEN", &token);
            let document = as_a_start(&stage, http, &[]);
            has(&document, "permissions", result, part);
            if result == "problem" {
                assert_eq!(document["error"]["kind"], "forbidden", "{document}");
            }
            let advice = advice(&document, "permissions");
            assert_eq!(advice.contains("az rest --method post"), result != "ok");
            for id in ids {
                assert!(advice.contains(id), "{id}: {advice}");
            }
            // A read that is forbidden shows that the service is there.
            has(&document, "service", "ok", "answers");
            has(&document, "clock", "ok", "");
        }
    }
}

#[test]
fn an_opaque_token_is_a_warning() {
    for http in FLAVOURS {
        for (permissions, part) in [
            (&Permission::ALL[..], "lets it read operations"),
            (&[Permission::Start], "lack IndustryData.ReadBasic.All"),
        ] {
            let emulator = service(CANARY, permissions);
            let document = as_a_start(&Stage::new(&emulator.base_url()), http, &[]);
            has(&document, "token", "warning", "opaque");
            has(&document, "tenant", "warning", "names no tenant");
            has(&document, "permissions", "warning", part);
        }
    }
}

#[test]
fn a_token_of_another_tenant_is_a_warning() {
    let emulator = service(&whole(), &Permission::ALL);
    for http in FLAVOURS {
        for (name, result, part) in [
            (OTHER, "warning", "two names have two ledgers"),
            (TENANT, "ok", "which the settings name"),
            ("72F988BF-86F1-41AF-91AB-2D7CD011DB47", "ok", TENANT),
            ("contoso", "ok", "contoso"),
        ] {
            for variable in ["INDUSTRYDATA_TENANT", "AZURE_TENANT_ID"] {
                let stage = Stage::new(&emulator.base_url())
                    .env("INDUSTRYDATA_TOKEN", &whole())
                    .env(variable, name);
                let (code, document) = doctor(&stage, http, &[]);
                assert_eq!(code, 0, "{document}");
                has(&document, "tenant", result, part);
            }
        }
    }
}

#[test]
fn a_token_that_the_service_refuses() {
    for http in FLAVOURS {
        let emulator = service("another", &Permission::ALL);
        let hour_ago = Timestamp::now().as_second() - 3600;
        for (claims, part) in [
            (json!({"tid": TENANT, "roles": [START]}), "401"),
            (
                json!({"tid": TENANT, "roles": [START], "exp": hour_ago}),
                "it expired at",
            ),
        ] {
            let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_TOKEN", &jwt(&claims));
            let document = as_a_start(&stage, http, &[]);
            assert_eq!(document["error"]["kind"], "unauthorized", "{document}");
            has(&document, "token", "problem", part);
            has(&document, "service", "ok", "refuses the token");
            if part == "401" {
                // The claims show no flaw: the advice is the start's.
                let (_, start) = stage.any_json(&["start", "--http", http]);
                assert_eq!(advice(&document, "token"), start["error"]["advice"]);
                assert_eq!(document["error"]["advice"], start["error"]["advice"]);
            }
        }
    }
}

#[test]
fn an_answer_ends_as_for_a_start() {
    for http in FLAVOURS {
        for status in [
            "302 Found",
            "307 Temporary Redirect",
            "400 Bad Request",
            "404 Not Found",
            "408 Request Timeout",
            "410 Gone",
            "429 Too Many Requests",
            "500 Internal Server Error",
            "501 Not Implemented",
            "502 Bad Gateway",
            "503 Service Unavailable",
        ] {
            let raw = Raw::always(answer(
                status,
                "location: https://elsewhere.invalid/\r\n",
                "",
            ));
            let document = as_a_start(&Stage::new(&raw.base), http, &[]);
            has(&document, "service", "problem", "");
            assert!(raw.heads()[0].starts_with("GET "), "{:?}", raw.heads());
            assert!(raw.heads()[1].starts_with("POST "), "{:?}", raw.heads());
        }
        // A captive portal, and servers that answer nothing.
        let portal = answer(
            "200 OK",
            "content-type: text/html\r\n",
            "<html>sign in</html>",
        );
        let document = as_a_start(&Stage::new(&Raw::always(portal).base), http, &[]);
        has(&document, "service", "problem", "");
        let silent = Raw::silent();
        let line = ["--request-timeout", "300ms"];
        let document = as_a_start(&Stage::new(&silent.base), http, &line);
        has(&document, "service", "problem", "no usable answer");
        let cut = Raw::serve(|_, _, _| None);
        let document = as_a_start(&Stage::new(&cut.base), http, &[]);
        has(&document, "service", "problem", "");
        assert!(!document.to_string().contains("\"clock\""), "{document}");
    }
}

#[test]
fn a_base_that_is_not_reached() {
    for http in FLAVOURS {
        for base in [closed(), "https://no-such-host.invalid/beta".to_owned()] {
            let document = as_a_start(&Stage::new(&base), http, &[]);
            assert_eq!(document["error"]["kind"], "unreachable", "{document}");
            has(&document, "service", "problem", "could not be reached");
        }
    }
}

#[test]
fn certificates_and_proxies() {
    for http in FLAVOURS {
        for (leaf, words) in [
            (Leaf::Expired, "has expired"),
            (Leaf::NotYetValid, "is not valid yet"),
            (Leaf::OtherName, "is for another name"),
            (Leaf::ForClients, "is not one for servers"),
        ] {
            let proxy = Inspector::start(leaf, Tunnel::Opened);
            let document = as_a_start(&proxy.trusting(), http, &[]);
            has(&document, "service", "problem", words);
            assert!(proxy.requests().is_empty());
        }
        let proxy = Inspector::start(Leaf::Valid, Tunnel::Opened);
        let document = as_a_start(&proxy.stage(), http, &[]);
        has(
            &document,
            "service",
            "problem",
            "this machine does not trust",
        );
        has(
            &document,
            "network",
            "ok",
            "the authorities of the operating system",
        );
        let (code, document) = doctor(&proxy.trusting(), http, &[]);
        assert_eq!(code, 0, "{document}");
        has(&document, "service", "ok", "its certificate is trusted");
        let (_, message) = check(&document, "network");
        let shown = proxy.url().rsplit_once('@').unwrap().1.to_owned();
        assert!(
            message.contains(&format!("through the proxy http://{shown};")),
            "{message}"
        );
        assert!(message.contains("SSL_CERT_FILE"), "{message}");
        assert!(!document.to_string().contains("user:"), "{document}");
        let refused = Inspector::start(Leaf::Valid, Tunnel::Refused);
        let document = as_a_start(&refused.trusting(), http, &[]);
        has(
            &document,
            "service",
            "problem",
            "the proxy did not open a tunnel",
        );

        for (name, value) in [
            ("https_proxy", "http://canary+user canary@h"),
            ("ALL_PROXY", "socks5://h:1"),
            ("SSL_CERT_FILE", "/none.pem"),
        ] {
            for tenant in ["", "contoso"] {
                let stage = Stage::new(BASE)
                    .env(name, value)
                    .env("INDUSTRYDATA_TENANT", tenant);
                let document = as_a_start(&stage, http, &[]);
                assert_eq!(document["outcome"], "usage", "{document}");
                has(&document, "network", "problem", name);
                has(&document, "token", "warning", "opaque");
                // The client of the token's exchange cannot be built either.
                let stage = stage
                    .env("INDUSTRYDATA_TOKEN", "")
                    .env("AZURE_CLIENT_ID", APP)
                    .env("AZURE_TENANT_ID", TENANT)
                    .env("AZURE_CLIENT_SECRET", "canary+secret/of==");
                let document = as_a_start(&stage, http, &[]);
                has(&document, "network", "problem", name);
            }
        }
    }
}

/// An answer to the list with this `Date`.
fn dated(status: &str, date: &str) -> Raw {
    let fields = format!("content-type: application/json\r\n{date}");
    Raw::always(answer(status, &fields, LIST))
}

#[test]
fn the_clock_against_the_date() {
    let date = |seconds: i64| {
        let at = Timestamp::now() + SignedDuration::from_secs(seconds);
        at.strftime("date: %a, %d %b %Y %H:%M:%S GMT\r\n")
            .to_string()
    };
    for http in FLAVOURS {
        // A refusal has a clock too.
        for status in [
            "200 OK",
            "403 Forbidden",
            "401 Unauthorized",
            "503 Service Unavailable",
        ] {
            for (date, result, part) in [
                (date(0), "ok", "two minutes at most"),
                (date(-60), "ok", "two minutes at most"),
                (date(600), "warning", "s behind the service's"),
                (date(-86_400), "warning", "s ahead of the service's"),
                (String::new(), "warning", "has no Date"),
                ("date: yesterday\r\n".to_owned(), "warning", "has no Date"),
            ] {
                let raw = dated(status, &date);
                let (code, document) = doctor(&Stage::new(&raw.base), http, &[]);
                has(&document, "clock", result, part);
                let is_ok = ["200 OK", "403 Forbidden"].contains(&status);
                assert_eq!(code == 0, is_ok, "{status}: {document}");
            }
        }
    }
}

#[test]
fn an_unusable_ledger() {
    let emulator = emulator(Duration::from_secs(60));
    for http in FLAVOURS {
        let stage = Stage::new(&emulator.base_url());
        fs::write(stage.path("garbage"), "not a database ".repeat(90)).unwrap();
        restrict(&stage.path("garbage"));
        fs::create_dir(stage.path("folder")).unwrap();
        let before = files(&stage);
        for (ledger, part) in [
            ("garbage", "not an SQLite database"),
            ("folder", "not a regular file"),
            ("missing/ledger.sqlite", "create it first"),
            ("/dev/null", ""),
            ("mysql://u:canary@h/d", "postgres:// URL or none"),
            ("postgres://u:canary+pw@127.0.0.1:1/d", "127.0.0.1:1"),
        ] {
            let document = as_a_start(&stage, http, &["--ledger", ledger]);
            assert_eq!(document["error"]["kind"], "ledger", "{document}");
            has(&document, "ledger", "problem", part);
            assert_eq!(document["quota"], Value::Null);
            // What does not depend on it was checked all the same.
            has(&document, "service", "ok", "answers");
            has(&document, "credential", "ok", "");
        }
        assert_eq!(files(&stage), before);
    }
    assert_eq!(
        emulator.with_service(|service| service.accepted_starts().len()),
        0
    );
}

#[test]
fn a_ledger_that_was_altered_or_is_locked() {
    let emulator = emulator(Duration::from_secs(60));
    for http in FLAVOURS {
        let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_LEDGER", "ledger.sqlite");
        let path = stage.path("ledger.sqlite");
        let tenant = format!("contoso-{http}");
        let tenant = ["--tenant", tenant.as_str()];
        let started = [&["start"][..], &tenant].concat();
        assert_eq!(stage.json(&started).0, 0);
        {
            let holder = Connection::open(&path).unwrap();
            holder.execute_batch("BEGIN EXCLUSIVE").unwrap();
            let (code, document) = doctor(&stage, http, &tenant);
            assert_eq!(code, 9, "{document}");
            has(&document, "ledger", "problem", "locked by another process");
        }
        let db = Connection::open(&path).unwrap();
        let named = "SELECT name FROM sqlite_schema WHERE sql LIKE '%value BLOB%'";
        let table: String = db.query_row(named, [], |row| row.get(0)).unwrap();
        db.execute_batch(&format!("UPDATE {table} SET value = x'00'"))
            .unwrap();
        drop(db);
        let before = fs::read(&path).unwrap();
        let document = as_a_start(&stage, http, &tenant);
        has(&document, "ledger", "problem", "damaged");
        assert!(
            document["error"]["message"]
                .as_str()
                .unwrap()
                .contains("ledger reset")
        );
        // Another tenant's start is possible.
        let (code, document) = doctor(&stage, http, &["--tenant", TENANT]);
        assert_eq!(code, 0, "{document}");
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[cfg(unix)]
#[test]
fn a_ledger_that_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt;
    let emulator = emulator(Duration::from_secs(60));
    for http in FLAVOURS {
        let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_LEDGER", "d/ledger");
        fs::create_dir(stage.path("d")).unwrap();
        let mode = |name: &str, mode| {
            fs::set_permissions(stage.path(name), fs::Permissions::from_mode(mode)).unwrap();
        };
        // There is no file yet, and none may be made.
        mode("d", 0o500);
        let document = as_a_start(&stage, http, &[]);
        has(&document, "ledger", "problem", "read-only");
        mode("d", 0o700);
        let tenant = format!("t-{http}");
        assert_eq!(stage.json(&["start", "--tenant", &tenant]).0, 0);
        for (bits, part) in [(0o400, "read-only"), (0o644, "open to other users")] {
            mode("d/ledger", bits);
            let document = as_a_start(&stage, http, &[]);
            has(&document, "ledger", "problem", part);
        }
    }
}

#[test]
fn no_slot_ends_as_for_a_start() {
    for http in FLAVOURS {
        let emulator = service(&whole(), &Permission::ALL);
        let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_TOKEN", &whole());
        for _ in 0..5 {
            assert_eq!(stage.json(&["start"]).0, 0);
        }
        let (code, document) = doctor(&stage, http, &[]);
        assert_eq!((code, &document["outcome"]), (3, &json!("throttled")));
        has(
            &document,
            "quota",
            "problem",
            "all starts of the window are used",
        );
        has(&document, "service", "ok", "answers");
        let (_, start) = stage.json(&["start"]);
        for key in ["kind", "message", "advice", "may_have_started"] {
            assert_eq!(document["error"][key], start["error"][key], "{key}");
        }
        assert_eq!(document["quota"], start["quota"]);

        // A reset moves it aside, and the new one is in quarantine.
        assert_eq!(stage.run(&["ledger", "reset", "--yes"]).code, 0);
        let (code, document) = doctor(&stage, http, &[]);
        assert_eq!(code, 3, "{document}");
        has(&document, "quota", "problem", "quarantine");
        let (_, start) = stage.json(&["start"]);
        for key in ["kind", "message", "advice"] {
            assert_eq!(document["error"][key], start["error"][key], "{key}");
        }
        assert!(document["quota"]["quarantined_until"].is_string());
    }
}

#[test]
fn a_start_in_doubt_is_a_warning_and_a_closed_service_a_problem() {
    for http in FLAVOURS {
        let raw = Raw::serve(|_, head, _| {
            Some(if head.starts_with("POST") {
                answer("503 Service Unavailable", "", "")
            } else {
                json_answer("200 OK", LIST)
            })
        });
        let stage = Stage::new(&raw.base);
        assert_eq!(stage.json(&["start"]).0, 8);
        let (code, document) = doctor(&stage, http, &[]);
        assert_eq!(code, 0, "{document}");
        has(&document, "quota", "warning", "1 start in doubt");

        let raw = Raw::serve(|_, head, _| {
            Some(if head.starts_with("POST") {
                answer("429 Too Many Requests", "retry-after: 3600\r\n", "")
            } else {
                json_answer("200 OK", LIST)
            })
        });
        let stage = Stage::new(&raw.base);
        assert_eq!(stage.json(&["start"]).0, 3);
        let (code, document) = doctor(&stage, http, &[]);
        assert_eq!(code, 3, "{document}");
        has(
            &document,
            "quota",
            "problem",
            "the service asked for no start",
        );
        let (_, start) = stage.json(&["start"]);
        assert_eq!(document["error"]["message"], start["error"]["message"]);
    }
}

#[test]
fn starts_under_another_name_of_the_tenant() {
    for http in FLAVOURS {
        let emulator = service(&whole(), &Permission::ALL);
        let stage = Stage::new(&emulator.base_url()).env("INDUSTRYDATA_TOKEN", &whole());
        let names = |name: &str| doctor(&stage, http, &["--tenant", name]).1;
        assert_eq!(stage.json(&["start", "--tenant", OTHER]).0, 0);
        // Two directory ids are two tenants.
        has(
            &names(TENANT),
            "ledger_names",
            "ok",
            "no starts under another name",
        );
        assert_eq!(stage.json(&["start", "--tenant", "contoso"]).0, 0);
        has(
            &names(TENANT),
            "ledger_names",
            "warning",
            "may be this tenant's: \"contoso\" (1)",
        );
        assert_eq!(stage.json(&["start", "--tenant", TENANT]).0, 0);
        // The token names the id, so that is sure.
        let sure = format!("under another name of this tenant: \"{TENANT}\" (1);");
        has(&names("contoso"), "ledger_names", "warning", &sure);
        // At another base, nothing counts.
        let (_, document) = doctor(&stage, http, &["--base-url", &closed()]);
        has(&document, "ledger_names", "ok", "no starts");
    }
}

#[test]
fn a_ledger_that_is_not_stored() {
    let emulator = emulator(Duration::from_secs(60));
    for http in FLAVOURS {
        let stage = Stage::new(&emulator.base_url());
        let document = as_a_start(&stage, http, &["--ledger", "none"]);
        has(&document, "ledger_place", "warning", "not stored");
        has(&document, "quota", "ok", "5 of 5");
        assert_eq!(files(&stage), Vec::<PathBuf>::new());
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_ledger_in_memory_is_a_warning() {
    let emulator = emulator(Duration::from_secs(60));
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap();
    if !mounts.contains(" /dev/shm tmpfs ") {
        println!("not run: /dev/shm is not in memory here");
        return;
    }
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let ledger = folder.path().join("ledger.sqlite");
    let line = ["--ledger", ledger.to_str().unwrap()];
    let (code, document) = doctor(&Stage::new(&emulator.base_url()), "blocking", &line);
    assert_eq!(code, 0, "{document}");
    has(&document, "ledger_place", "warning", "is in memory (tmpfs)");
    assert!(!ledger.exists());
}

#[test]
fn a_ledger_in_postgresql_is_looked_at_and_not_made() {
    let Some(url) = crate::postgres::server("doctor") else {
        return;
    };
    let emulator = service(&whole(), &Permission::ALL);
    for http in FLAVOURS {
        let url = format!("{url}_{http}");
        let stage = Stage::new(&emulator.base_url())
            .env("INDUSTRYDATA_LEDGER", &url)
            .env("INDUSTRYDATA_TOKEN", &whole());
        for _ in 0..2 {
            let (code, document) = doctor(&stage, http, &[]);
            assert_eq!(code, 0, "{document}");
            has(&document, "ledger", "ok", "takes writes");
            has(&document, "ledger_place", "ok", "the database");
            has(&document, "ledger_names", "ok", "no starts");
            has(&document, "quota", "ok", "5 of 5");
            has(&document, "clock", "ok", "");
        }
        assert_eq!(stage.json(&["start", "--tenant", "contoso"]).0, 0);
        let (_, document) = doctor(&stage, http, &[]);
        has(&document, "ledger_names", "warning", "\"contoso\" (1)");
        has(&document, "quota", "ok", "5 of 5");
    }
}

#[test]
fn invalid_settings() {
    for http in FLAVOURS {
        let stage = || Stage::new(&closed());
        for (stage, line) in [
            (Stage::new("http://graph.example/beta"), &[][..]),
            (Stage::new("nonsense"), &[]),
            (stage().env("INDUSTRYDATA_SCHEDULE", "tomorrow"), &[]),
            (stage().env("INDUSTRYDATA_CREDENTIAL", "magic"), &[]),
            (stage().env("INDUSTRYDATA_TENANT", &"t".repeat(300)), &[]),
            (stage().env("INDUSTRYDATA_LEDGER", " "), &[]),
            (stage(), &["--token-file", "a", "--token-command", "b"]),
            (stage(), &["--token-file", "a", "--credential", "secret"]),
        ] {
            let document = as_a_start(&stage, http, line);
            assert_eq!(document["outcome"], "usage", "{document}");
            has(&document, "settings", "problem", "");
        }
    }
    // What is no command line has no checks.
    assert_eq!(stage_usage(&["doctor", "--wait"]), 2);
    assert_eq!(stage_usage(&["doctor", "--timeout", "5"]), 2);
    assert_eq!(stage_usage(&["doctor", "now"]), 2);
}

fn stage_usage(line: &[&str]) -> i32 {
    Stage::new(&closed()).json(line).0
}

#[test]
fn the_first_problem_in_the_order_of_a_start_decides() {
    for http in FLAVOURS {
        let full = service(&whole(), &Permission::ALL);
        let stage = Stage::new(&full.base_url()).env("INDUSTRYDATA_TOKEN", &whole());
        for _ in 0..5 {
            assert_eq!(stage.json(&["start"]).0, 0);
        }
        // No slot, and a token that is refused.
        let stage = stage.env("INDUSTRYDATA_TOKEN", &app(&[READ_RUNS]));
        let document = as_a_start(&stage, http, &[]);
        assert_eq!(document["outcome"], "throttled", "{document}");
        has(&document, "token", "problem", "401");
        has(&document, "permissions", "problem", "lacks");
        // A proxy variable before an unusable ledger, and that before the network.
        fs::write(stage.path("garbage"), "garbage ".repeat(200)).unwrap();
        restrict(&stage.path("garbage"));
        let unreachable = Stage::new(&closed());
        let garbage = stage.path("garbage");
        let line = ["--ledger", garbage.to_str().unwrap()];
        let document = as_a_start(&unreachable, http, &line);
        assert_eq!(document["outcome"], "ledger", "{document}");
        has(&document, "service", "problem", "could not be reached");
        let broken = Stage::new(BASE).env("https_proxy", "socks5://h:1");
        let document = as_a_start(&broken, http, &line);
        assert_eq!(document["outcome"], "usage", "{document}");
        // A token that names the tenant is obtained before the ledger is read, any other after it.
        for (tenant, outcome) in [("", "unauthorized"), ("contoso", "ledger")] {
            let stage = Stage::new(&closed()).env("INDUSTRYDATA_TENANT", tenant);
            let line = [&line[..], &["--token-command", "exit 3"]].concat();
            let document = as_a_start(&stage, http, &line);
            assert_eq!(document["outcome"], outcome, "{document}");
        }
        // A folder that is missing comes before the token.
        let line = ["--ledger", "missing/x", "--token-command", "exit 3"];
        let document = as_a_start(&Stage::new(&closed()), http, &line);
        assert_eq!(document["outcome"], "ledger", "{document}");
    }
}

#[test]
fn lines_for_people() {
    let emulator = service(&app(&[READ_OPERATIONS]), &[Permission::ReadOperations]);
    let stage = |columns: &str| {
        Stage::new(&emulator.base_url())
            .env("INDUSTRYDATA_TOKEN", &app(&[READ_OPERATIONS]))
            .env("COLUMNS", columns)
    };
    for columns in [80, 40] {
        let ran = stage(&columns.to_string()).run(&["doctor"]);
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
        for line in ran.stdout.lines() {
            // A word is never broken, so that a command can be copied.
            let is_word = !line.trim().trim_end_matches(" \\").contains(' ');
            let fits = line.chars().count() <= columns;
            assert!(fits || is_word, "{columns}: {line:?}");
        }
    }
    let ran = stage("").run(&["doctor"]);
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("ok      settings: "), "{ran:?}");
    let problem = lines
        .iter()
        .position(|it| it.starts_with("problem permissions: "));
    let advice = lines[problem.unwrap() + 1];
    assert!(
        advice.starts_with("        what to do: have an administrator grant"),
        "{ran:?}"
    );
    let grant = "        az rest --method post --url \"https://graph.microsoft.com/v1.0/servicePrincipals/$graph/appRoleAssignedTo\"";
    assert!(lines.iter().any(|it| it.starts_with(grant)), "{ran:?}");
    assert!(
        lines
            .last()
            .unwrap()
            .starts_with("a start would end with exit code 4"),
        "{ran:?}"
    );
    for (name, value, is_coloured) in [("CLICOLOR_FORCE", "1", true), ("NO_COLOR", "1", false)] {
        let ran = stage("").env(name, value).run(&["doctor"]);
        assert_eq!(ran.stdout.contains("\u{1b}[32mok"), is_coloured, "{ran:?}");
    }
    let ran = stage("").run(&["doctor", "--color", "always"]);
    assert!(ran.stdout.contains("\u{1b}[1m\u{1b}[31mproblem"), "{ran:?}");
    let ran = stage("").run(&["doctor", "--quiet"]);
    assert!(ran.stderr.is_empty() && !ran.stdout.is_empty(), "{ran:?}");
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_it() {
    for http in FLAVOURS {
        let silent = Raw::silent();
        let stage = Stage::new(&silent.base);
        let child = stage.spawn(&["doctor", "--http", http, "--output", "json"]);
        silent.wait_for(1);
        crate::stage::signal(&child, "-INT");
        let ran = Ran::of(child);
        assert_eq!(ran.code, 130, "{ran:?}");
        assert_eq!(ran.document()["error"]["may_have_started"], "no");
    }
}
