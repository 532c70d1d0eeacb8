//! The endpoints of managed identities, and the faults of every endpoint of a platform.

use http::{Request, request::Builder};
use industrydata_emulator::{Client, Config, Identity, Permission};
use serde_json::Value;

use crate::{
    assertions::{code, exchange},
    fixture::{Fixture, Reply},
    tokens::claims,
};

const METADATA: &str = "/metadata/identity/oauth2/token?api-version=2018-02-01";
const GRAPH: &str = "&resource=https%3A%2F%2Fgraph.microsoft.com";
const APP: &str = "/msi/token?api-version=2019-08-01";

fn metadata(query: &str) -> Builder {
    Request::get(format!("{METADATA}{query}")).header("metadata", "true")
}

fn app(query: &str) -> Builder {
    Request::get(format!("{APP}{query}")).header("x-identity-header", "emulator-identity-header")
}

fn graph(fixture: &mut Fixture) -> Reply {
    fixture.send(metadata(GRAPH), "")
}

fn text<'r>(reply: &'r Reply, name: &str) -> &'r str {
    reply.json[name].as_str().unwrap()
}

#[test]
fn a_machine_gets_the_token_of_its_identity() {
    let mut fixture = Fixture::new();
    let reply = graph(&mut fixture);
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(
        (text(&reply, "expires_in"), text(&reply, "token_type")),
        ("3599", "Bearer")
    );
    let end = (fixture.now.as_second() + 3599).to_string();
    assert_eq!(
        (text(&reply, "expires_on"), text(&reply, "resource")),
        (end.as_str(), "https://graph.microsoft.com")
    );
    let token = text(&reply, "access_token").to_owned();
    let claims = claims(&token);
    assert_eq!(claims["appid"], "emulator-system-identity");
    assert_eq!(claims["tid"], Client::default().tenant_id);
    fixture.token = token;
    assert_eq!(fixture.start().status, 202);
}

#[test]
fn a_platform_keeps_a_token_for_half_of_its_life() {
    let mut fixture = Fixture::new();
    let token = |fixture: &mut Fixture, second: u64| {
        let reply = graph(fixture.sleep(second));
        let left: u64 = text(&reply, "expires_in").parse().unwrap();
        (text(&reply, "access_token").to_owned(), left)
    };
    let (first, _) = token(&mut fixture, 0);
    assert_eq!(token(&mut fixture, 1799), (first.clone(), 1800));
    // It cannot be made to give another one.
    fixture.service.revoke_tokens(None);
    assert_eq!(token(&mut fixture, 0).0, first);
    fixture.token = first.clone();
    assert_eq!(fixture.get("runs").status, 401);
    let (second, left) = token(&mut fixture, 1);
    assert!(second != first && left == 3599);
    fixture.token = second;
    assert_eq!(fixture.get("runs").status, 200);
    // Another identity has another token.
    let user = fixture.send(
        metadata(&format!("{GRAPH}&client_id=emulator-identity")),
        "",
    );
    assert_ne!(text(&user, "access_token"), fixture.token);
}

#[test]
fn the_metadata_service_checks_the_request() {
    let mut fixture = Fixture::new();
    let bare =
        |query: &str| Request::get(format!("/metadata/identity/oauth2/token?{query}{GRAPH}"));
    let version = "api-version=2018-02-01";
    let requests = [
        (bare(version), "Metadata: true"),
        (bare(version).header("metadata", "yes"), "Metadata: true"),
        (
            metadata(GRAPH).header("x-forwarded-for", "10.0.0.1"),
            "X-Forwarded-For",
        ),
        (
            metadata(GRAPH).header("x-forwarded-for", ""),
            "X-Forwarded-For",
        ),
        (bare("").header("metadata", "True"), "api-version"),
        (
            bare("api-version=1").header("metadata", "true"),
            "api-version",
        ),
        (metadata(""), "'resource'"),
        (metadata("&resource="), "'resource'"),
        (metadata("&resource=https://vault.example"), "AADSTS500011"),
        (
            metadata(&format!("{GRAPH}&client_id=other")),
            "Identity not found",
        ),
        (
            metadata(&format!("{GRAPH}&client_id=emulator-identity&object_id=x")),
            "only one",
        ),
    ];
    for (request, part) in requests {
        let reply = fixture.send(request, "");
        assert_eq!(reply.status, 400, "{reply:?}");
        assert!(
            text(&reply, "error_description").contains(part),
            "{reply:?}"
        );
        assert!(reply.json["error"].is_string());
    }
    let post = Request::post(format!("{METADATA}{GRAPH}")).header("content-length", "0");
    assert_eq!(fixture.send(post, "").status, 405);
    assert_eq!(graph(&mut fixture).status, 200);
}

#[test]
fn an_identity_is_chosen_by_each_of_its_ids() {
    let mut fixture = Fixture::new();
    let user = Identity::user();
    for (machine, platform, id) in [
        ("client_id", "client_id", &user.client_id),
        ("object_id", "principal_id", &user.object_id),
        ("msi_res_id", "mi_res_id", &user.resource_id),
    ] {
        for id in [id.clone(), id.to_uppercase()] {
            let reply = fixture.send(metadata(&format!("{GRAPH}&{machine}={id}")), "");
            assert_eq!(text(&reply, "client_id"), user.client_id, "{machine}");
            let reply = fixture.send(app(&format!("{GRAPH}&{platform}={id}")), "");
            assert_eq!(text(&reply, "client_id"), user.client_id, "{platform}");
        }
    }
    let other = Identity {
        client_id: "other".to_owned(),
        ..Identity::user()
    };
    for (identities, expected) in [
        (vec![], None),
        (vec![Identity::user()], Some("emulator-identity")),
        (vec![Identity::user(), other.clone()], None),
        (
            vec![Identity::user(), other, Identity::system()],
            Some("emulator-system-identity"),
        ),
    ] {
        let mut fixture = Fixture::with(Config {
            identities,
            ..Config::default()
        });
        let reply = graph(&mut fixture);
        assert_eq!(reply.json["client_id"].as_str(), expected, "{reply:?}");
        assert_eq!(reply.status, if expected.is_some() { 200 } else { 400 });
    }
}

#[test]
fn an_app_shows_the_current_header() {
    let mut fixture = Fixture::new();
    let reply = fixture.send(app(GRAPH), "");
    assert_eq!(reply.status, 200);
    assert!(reply.json["expires_in"].is_null() && reply.json["expires_on"].is_string());
    let without = || Request::get(format!("{APP}{GRAPH}"));
    for request in [
        without(),
        without().header("x-identity-header", "other"),
        without().header("metadata", "true"),
    ] {
        let reply = fixture.send(request, "");
        assert_eq!(
            (reply.status, &reply.json["statusCode"]),
            (401, &Value::from(401))
        );
        assert!(text(&reply, "message").contains("IDENTITY_HEADER"));
    }
    let version = Request::get(format!("/msi/token?api-version=2018-02-01{GRAPH}"))
        .header("x-identity-header", "emulator-identity-header");
    assert_eq!(fixture.send(version, "").status, 400);

    let rotated = fixture.control("POST", "rotate", "");
    let header = text(&rotated, "identity_header").to_owned();
    assert_eq!(fixture.service.identity_header(), header);
    assert_eq!(fixture.send(app(GRAPH), "").status, 401);
    let again = without().header("x-identity-header", &header);
    assert_eq!(fixture.send(again, "").status, 200);
    fixture.script(r#"{"on":"identity","rotate":true}"#);
    for _ in 0..2 {
        let again = without().header("x-identity-header", &header);
        assert_eq!(fixture.send(again, "").status, 401);
    }
    assert_eq!(fixture.control("GET", "rotate", "").status, 405);
}

#[test]
fn an_identity_stands_in_for_the_application() {
    let mut fixture = Fixture::new();
    for request in [metadata, app] {
        for choice in ["", "&client_id=emulator-identity"] {
            let query = format!("&resource=api%3A%2F%2FAzureADTokenExchange{choice}");
            let reply = fixture.send(request(&query), "");
            let assertion = text(&reply, "access_token").to_owned();
            assert_eq!(code(&exchange(&mut fixture, &assertion)), 0);
            // It is no token for the service.
            fixture.token = assertion;
            assert_eq!(fixture.get("runs").status, 401);
        }
    }
}

#[test]
fn identities_have_their_own_permissions() {
    let reader = Identity {
        permissions: vec![Permission::ReadRuns],
        ..Identity::system()
    };
    let mut fixture = Fixture::with(Config {
        identities: vec![reader],
        ..Config::default()
    });
    let reply = graph(&mut fixture);
    fixture.token = text(&reply, "access_token").to_owned();
    assert_eq!(
        (fixture.start().status, fixture.get("runs").status),
        (403, 200)
    );
}

#[test]
fn each_endpoint_has_faults_of_its_shape() {
    for (on, request, member) in [
        ("metadata", metadata(GRAPH), "error_description"),
        ("identity", app(GRAPH), "message"),
        ("github", Request::get("/github/token"), "message"),
    ] {
        let parts = request.body(()).unwrap();
        let again = || {
            let mut builder = Request::get(parts.uri().clone());
            *builder.headers_mut().unwrap() = parts.headers().clone();
            builder
        };
        for status in [404, 410, 429, 500, 503] {
            let mut fixture = Fixture::scripted(&format!(r#"{{"on":"{on}","status":{status}}}"#));
            let reply = fixture.send(again(), "");
            assert_eq!(reply.status, status, "{on}");
            assert!(reply.json[member].is_string(), "{reply:?}");
            assert!(!fixture.service.requests()[0].acted);
        }
        let mut fixture = Fixture::scripted(&format!(
            r#"{{"on":"{on}","status":302,"location":"http://x.example/"}}"#
        ));
        let reply = fixture.send(again(), "");
        assert_eq!(
            (reply.status, reply.header("location")),
            (302, Some("http://x.example/"))
        );
        let mut fixture = Fixture::scripted(&format!(r#"{{"on":"{on}","body":"<html>"}}"#));
        let reply = fixture.send(again(), "");
        assert!(
            reply
                .header("content-type")
                .unwrap()
                .starts_with("text/html")
        );
        let mut fixture = Fixture::scripted(r#"{"on":"any","status":503}"#);
        assert_eq!(fixture.send(again(), "").status, 503);
    }
}

#[test]
fn codes_of_entra_are_scripted() {
    for (code, status, error) in [
        (700_016, 400, "unauthorized_client"),
        (7_000_215, 401, "invalid_client"),
        (7_000_222, 401, "invalid_client"),
        (700_024, 401, "invalid_client"),
        (700_027, 401, "invalid_client"),
        (700_236, 400, "invalid_request"),
        (90_002, 400, "invalid_request"),
        (90_033, 503, "temporarily_unavailable"),
        (53_003, 400, "invalid_grant"),
        (50_076, 400, "invalid_grant"),
        (65_001, 400, "invalid_grant"),
        (1, 400, "invalid_request"),
    ] {
        let mut fixture = Fixture::scripted(&format!(r#"{{"on":"token","aadsts":{code}}}"#));
        let reply = exchange(&mut fixture, "a.b.c");
        assert_eq!(
            (reply.status, text(&reply, "error")),
            (status, error),
            "{code}"
        );
        assert_eq!(reply.json["error_codes"], serde_json::json!([code]));
        let prefix = format!("AADSTS{code}: ");
        assert!(text(&reply, "error_description").starts_with(&prefix));
        assert!(reply.json["trace_id"].is_string() && reply.json["correlation_id"].is_string());
        for (on, request, member) in [
            ("metadata", metadata(GRAPH), "error_description"),
            ("identity", app(GRAPH), "message"),
        ] {
            let mut fixture = Fixture::scripted(&format!(r#"{{"on":"{on}","aadsts":{code}}}"#));
            let reply = fixture.send(request, "");
            assert_eq!(reply.status, status);
            assert!(text(&reply, member).starts_with(&prefix));
        }
    }
    let mut fixture =
        Fixture::scripted(r#"{"on":"token","aadsts":90033,"status":429,"retry_after":3}"#);
    let reply = exchange(&mut fixture, "a.b.c");
    assert_eq!(
        (reply.status, reply.header("retry-after")),
        (429, Some("3"))
    );
}
