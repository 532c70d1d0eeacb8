//! The exchange of assertions that another issuer signed.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use industrydata_emulator::{Client, Config, FederatedCredential};
use serde_json::{Value, json};

use crate::{
    fixture::{Fixture, Reply},
    tokens::{ask, claims},
};

/// The form of a token request with this assertion.
pub(crate) fn form(assertion: &str) -> String {
    format!(
        "grant_type=client_credentials&client_id=emulator-client&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion={assertion}&scope=https://graph.microsoft.com/.default"
    )
}

/// The exchange of an assertion at the token endpoint.
pub(crate) fn exchange(fixture: &mut Fixture, assertion: &str) -> Reply {
    ask(fixture, &form(assertion))
}

/// The code of Entra in an answer; 0 for a token.
pub(crate) fn code(reply: &Reply) -> u64 {
    assert_eq!(reply.status == 200, reply.json["access_token"].is_string());
    reply.json["error_codes"][0].as_u64().unwrap_or_default()
}

/// A JWT that another issuer wrote.
fn foreign(claims: &Value) -> String {
    let part = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part("{}"), part(&claims.to_string()), part("s"))
}

fn github(fixture: &mut Fixture, query: &str) -> Reply {
    let request = http::Request::get(format!("/github/token?api-version=2.0{query}"))
        .header("authorization", "Bearer emulator-request-token");
    fixture.send(request, "")
}

const AUDIENCE: &str = "&audience=api%3A%2F%2FAzureADTokenExchange";

#[test]
fn a_federated_token_is_valid_until_it_expires() {
    let mut fixture = Fixture::new();
    let (assertion, expires) = fixture.service.issue_federated_token();
    assert_eq!(expires, fixture.now + std::time::Duration::from_secs(300));
    assert_eq!(claims(&assertion)["aud"], "api://AzureADTokenExchange");
    for _ in 0..2 {
        let reply = exchange(&mut fixture, &assertion);
        assert_eq!(code(&reply), 0, "{reply:?}");
        fixture.token = reply.json["access_token"].as_str().unwrap().to_owned();
        assert_eq!(fixture.get("runs").status, 200);
    }
    fixture.sleep(299);
    assert_eq!(code(&exchange(&mut fixture, &assertion)), 0);
    fixture.sleep(1);
    let reply = exchange(&mut fixture, &assertion);
    assert_eq!((reply.status, code(&reply)), (401, 700_024));
}

#[test]
fn the_assertion_of_a_job_is_valid_once() {
    let mut fixture = Fixture::new();
    let assertion = |fixture: &mut Fixture| {
        let reply = github(fixture, AUDIENCE);
        reply.json["value"].as_str().unwrap().to_owned()
    };
    let first = assertion(&mut fixture);
    // A request that fails for another reason does not use it up.
    let form =
        format!("grant_type=client_credentials&client_id=emulator-client&client_assertion={first}");
    assert_eq!(code(&ask(&mut fixture, &form)), 900_144);
    assert_eq!(code(&exchange(&mut fixture, &first)), 0);
    let again = exchange(&mut fixture, &first);
    assert_eq!((again.status, code(&again)), (401, 50_013));
    let second = assertion(&mut fixture);
    assert_eq!(code(&exchange(&mut fixture, &second)), 0);
    let late = assertion(&mut fixture);
    fixture.sleep(300);
    assert_eq!(code(&exchange(&mut fixture, &late)), 700_024);
    // For another audience.
    let value = github(&mut fixture, "&audience=x").json["value"].clone();
    assert_eq!(claims(value.as_str().unwrap())["aud"], "x");
    assert_eq!(
        code(&exchange(&mut fixture, value.as_str().unwrap())),
        700_212
    );
}

#[test]
fn a_job_shows_its_request_token() {
    let mut fixture = Fixture::new();
    for authorization in [
        "",
        "Bearer other",
        "Basic emulator-request-token",
        "emulator-request-token",
    ] {
        let request = http::Request::get("/github/token?api-version=2.0")
            .header("authorization", authorization);
        let reply = fixture.send(request, "");
        assert_eq!(reply.status, 401);
        assert!(reply.json["message"].is_string() && reply.json["value"].is_null());
    }
    let reply = github(&mut fixture, "");
    assert_eq!(
        claims(reply.json["value"].as_str().unwrap())["aud"],
        "https://github.com/contoso"
    );
    let post = http::Request::post("/github/token").header("content-length", "0");
    let reply = fixture.send(post, "");
    assert_eq!((reply.status, reply.header("allow")), (405, Some("GET")));
}

#[test]
fn an_assertion_must_match_a_federated_credential() {
    let subject = |subject: &str| FederatedCredential::new("https://issuer.example", subject);
    let client = Client {
        federated: vec![subject("a"), subject("b"), FederatedCredential::workload()],
        ..Client::default()
    };
    let mut fixture = Fixture::with(Config {
        client,
        ..Config::default()
    });
    let now = fixture.now.as_second();
    let good = json!({
        "iss": "https://issuer.example", "sub": "b", "aud": ["api://AzureADTokenExchange"], "exp": now + 1, "nbf": now,
    });
    assert_eq!(code(&exchange(&mut fixture, &foreign(&good))), 0);
    for (name, value, expected) in [
        ("iss", json!("https://issuer.example/"), 700_211),
        ("iss", json!(null), 700_211),
        ("sub", json!("c"), 700_213),
        ("sub", json!("B"), 700_213),
        ("aud", json!("api://AzureADTokenExchange/"), 700_212),
        ("aud", json!(["api://AzureADTokenExchange", "x"]), 700_212),
        ("exp", json!(now), 700_024),
        ("exp", json!(null), 700_024),
        ("exp", json!("soon"), 700_024),
        ("nbf", json!(now + 1), 700_024),
    ] {
        let mut claims = good.clone();
        claims[name] = value;
        let reply = exchange(&mut fixture, &foreign(&claims));
        assert_eq!((reply.status, code(&reply)), (401, expected), "{claims}");
        assert!(reply.json["trace_id"].is_string());
    }
    for text in ["a", "a.b", "a.b.c", "e30.e30.!", "..", ""] {
        let reply = exchange(&mut fixture, text);
        assert_eq!((reply.status, code(&reply)), (400, 50_027), "{text}");
    }
    // An assertion of an issuer that the emulator plays is accepted only if the emulator issued it.
    let (assertion, _) = fixture.service.issue_federated_token();
    let forged = foreign(&claims(&assertion));
    let reply = exchange(&mut fixture, &forged);
    assert_eq!((reply.status, code(&reply)), (401, 50_013));
}

#[test]
fn the_form_names_the_type_of_the_assertion() {
    let mut fixture = Fixture::new();
    let (assertion, _) = fixture.service.issue_federated_token();
    for (kind, expected) in [("", 900_144), ("&client_assertion_type=other", 90_013)] {
        let form = format!(
            "grant_type=client_credentials&client_id=emulator-client&client_assertion={assertion}{kind}&scope=x/.default"
        );
        assert_eq!(code(&ask(&mut fixture, &form)), expected);
    }
}
