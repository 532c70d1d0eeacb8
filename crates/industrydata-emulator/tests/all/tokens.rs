//! The token endpoint and the life of its tokens.

use std::time::Duration;

use http::Request;
use industrydata_emulator::{Client, Config, Grant, Permission};

use crate::fixture::{Fixture, Reply};

const GOOD: &str = "grant_type=client_credentials&client_id=emulator-client&client_secret=emulator-secret\
    &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";

fn ask(fixture: &mut Fixture, form: &str) -> Reply {
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
        (GOOD.replace("client_secret", "x"), 400, "invalid_request"),
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
            401,
            "invalid_client",
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
