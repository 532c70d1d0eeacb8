//! The token endpoint and the life of its tokens.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::Request;
use industrydata_emulator::{Client, Config, Grant, Permission};
use serde_json::{Value, json};

use crate::fixture::{Fixture, Reply};

const GOOD: &str = "grant_type=client_credentials&client_id=emulator-client&client_secret=emulator-secret\
    &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";

pub(crate) fn ask(fixture: &mut Fixture, form: &str) -> Reply {
    let request = Request::post("/contoso/oauth2/v2.0/token")
        .header("content-type", "application/x-www-form-urlencoded")
        .header("content-length", form.len());
    fixture.send(request, form)
}

#[test]
fn a_token_is_valid_for_its_lifetime() {
    let mut fixture = Fixture::new();
    let answer = ask(&mut fixture, GOOD);
    assert_eq!(
        (answer.status, answer.json["token_type"].as_str()),
        (200, Some("Bearer"))
    );
    assert_eq!(answer.json["expires_in"], 3599);
    fixture.token = answer.json["access_token"].as_str().unwrap().to_owned();
    assert_eq!(fixture.sleep(3598).get("runs").status, 200);
    let expired = fixture.sleep(1).get("runs");
    assert_eq!(
        (expired.status, expired.json["error"]["message"].as_str()),
        (401, Some("the access token has expired"))
    );
    let again = ask(&mut fixture, GOOD);
    assert_ne!(again.json["access_token"], fixture.token.as_str());
}

/// The claims of a JWT.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap()
}

#[test]
fn a_token_says_whom_it_is_for() {
    let guid = "11111111-2222-3333-4444-55555555aaaa";
    let client = Client {
        permissions: vec![Permission::ReadRuns, Permission::Start],
        ..Client::default()
    };
    let own = client.tenant_id.clone();
    let mut fixture = Fixture::with(Config {
        client,
        ..Config::default()
    });
    for (tenant, tid) in [("contoso", own.as_str()), (&guid.to_uppercase(), guid)] {
        let request = Request::post(format!("/{tenant}/oauth2/v2.0/token"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("content-length", GOOD.len());
        let answer = fixture.send(request, GOOD);
        let claims = claims(answer.json["access_token"].as_str().unwrap());
        assert_eq!(claims["tid"], tid);
        assert_eq!(claims["appid"], "emulator-client");
        assert_eq!(
            claims["roles"],
            json!(["IndustryData-Run.Read.All", "IndustryData-Run.Start"])
        );
        let now = fixture.now.as_second();
        assert_eq!(
            (&claims["nbf"], &claims["exp"]),
            (&json!(now), &json!(now + 3599))
        );
    }
}

#[test]
fn an_expired_token_gets_a_challenge() {
    let mut fixture = Fixture::new();
    let answer = ask(&mut fixture, GOOD);
    fixture.token = answer.json["access_token"].as_str().unwrap().to_owned();
    // Another token than those that were issued is refused, however alike.
    let altered = fixture.token.replace('.', "._");
    let token = std::mem::replace(&mut fixture.token, altered);
    assert_eq!(fixture.get("runs").status, 401);
    fixture.token = token;
    assert_eq!(fixture.get("runs").status, 200);
    let refused = fixture.sleep(3599).get("runs");
    assert_eq!(refused.status, 401);
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.starts_with("Bearer realm="), "{challenge}");
}

#[test]
fn a_fixed_token_outlives_thousands_of_issued_ones() {
    let mut fixture = Fixture::new();
    for _ in 0..5000 {
        fixture.service.issue_access_token();
    }
    assert_eq!(fixture.get("runs").status, 200);
}

#[test]
fn issued_tokens_have_the_permissions_of_the_client() {
    let client = Client {
        permissions: vec![Permission::ReadRuns],
        tenant: Some("CONTOSO".to_owned()),
        token_lifetime: Duration::from_secs(60),
        ..Client::default()
    };
    let mut fixture = Fixture::with(Config {
        client,
        ..Config::default()
    });
    let answer = ask(&mut fixture, GOOD);
    assert_eq!(answer.json["expires_in"], 60);
    fixture.token = answer.json["access_token"].as_str().unwrap().to_owned();
    assert_eq!(
        (fixture.start().status, fixture.get("runs").status),
        (403, 200)
    );
}

#[test]
fn invalid_token_requests_are_refused() {
    for (form, status, error) in [
        ("".to_owned(), 400, "invalid_request"),
        (GOOD.replace("&scope", "&x"), 400, "invalid_request"),
        (GOOD.replace("client_secret", "x"), 401, "invalid_client"),
        (
            format!("{GOOD}&client_assertion=a.b.c"),
            400,
            "invalid_request",
        ),
        (
            GOOD.replace("client_credentials", "password"),
            400,
            "unsupported_grant_type",
        ),
        (
            GOOD.replace("emulator-secret", "wrong"),
            401,
            "invalid_client",
        ),
        (
            GOOD.replace("emulator-client", "wrong"),
            400,
            "unauthorized_client",
        ),
        (GOOD.replace(".default", "User.Read"), 400, "invalid_scope"),
        (format!("{GOOD}+x%2F.default"), 400, "invalid_scope"),
    ] {
        let answer = ask(&mut Fixture::new(), &form);
        assert_eq!(
            (answer.status, answer.json["error"].as_str()),
            (status, Some(error)),
            "{form}"
        );
        assert!(
            answer.json["error_description"]
                .as_str()
                .unwrap()
                .starts_with("AADSTS")
        );
        let code = answer.json["error_codes"][0].to_string();
        let description = answer.json["error_description"].as_str().unwrap();
        assert!(description.starts_with(&format!("AADSTS{code}: ")));
        assert!(!answer.json["trace_id"].as_str().unwrap().is_empty());
        assert!(!answer.json["correlation_id"].as_str().unwrap().is_empty());
        assert_eq!(answer.json["timestamp"], "2026-01-15 08:00:00Z");
    }
    let client = Client {
        tenant: Some("fabrikam".to_owned()),
        ..Client::default()
    };
    let mut other = Fixture::with(Config {
        client,
        ..Config::default()
    });
    assert_eq!(ask(&mut other, GOOD).json["error"], "invalid_request");
    let get = Request::get("/contoso/oauth2/v2.0/token");
    assert_eq!(other.send(get, "").status, 405);
    let no_form = Request::post("/contoso/oauth2/v2.0/token").header("content-length", "0");
    assert_eq!(other.send(no_form, "").json["error"], "invalid_request");
}

#[test]
fn a_revoked_token_can_cause_a_claims_challenge() {
    let mut fixture = Fixture::new();
    fixture.service.revoke_tokens(None);
    let plain = fixture.get("runs");
    assert_eq!(plain.status, 401);
    assert!(!plain.header("www-authenticate").unwrap().contains("claims"));
    fixture
        .service
        .revoke_tokens(Some(r#"{"access_token":{}}"#));
    assert!(
        fixture
            .get("runs")
            .header("www-authenticate")
            .unwrap()
            .ends_with(r#", error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4iOnt9fQ==""#)
    );
    fixture.token = ask(&mut fixture, GOOD).json["access_token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        fixture.get("runs").status,
        200,
        "a token issued afterwards is valid"
    );
    fixture.service.accept_token(Grant::all("emulator-token"));
    fixture.token = "emulator-token".to_owned();
    assert_eq!(fixture.get("runs").status, 200);
}
