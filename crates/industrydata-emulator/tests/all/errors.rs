//! Which requests the service refuses, in which order, and the shape of an error.

use http::Request;
use industrydata_emulator::{Config, Grant, MAX_BODY, Permission};
use serde_json::json;

use crate::fixture::{DATA, Fixture};

#[test]
fn an_error_has_the_shape_of_graph() {
    let mut fixture = Fixture::new();
    for (client, expected) in [(Some("c-9"), "c-9"), (None, "")] {
        let mut request = fixture.request("GET", &format!("{DATA}/operations/none"));
        if let Some(client) = client {
            request = request.header("client-request-id", client);
        }
        let answer = fixture.send(request, "");
        let id = answer.header("request-id").unwrap();
        assert_eq!(answer.header("client-request-id"), client);
        assert_eq!(
            answer.json,
            json!({"error": {
                "code": "itemNotFound",
                "message": "there is no resource with this id",
                "innerError": {
                    "date": "2026-01-15T08:00:00",
                    "request-id": id,
                    "client-request-id": if client.is_some() { expected } else { id },
                },
            }})
        );
    }
}

#[test]
fn each_refusal_has_its_status_and_code() {
    for (method, path, status, code) in [
        (
            "GET",
            "/beta/external/industryData/operations/none",
            404,
            "itemNotFound",
        ),
        (
            "GET",
            "/beta/external/industryData/runs/none",
            404,
            "itemNotFound",
        ),
        (
            "GET",
            "/beta/external/industryData/runs/none/getStatistics",
            404,
            "itemNotFound",
        ),
        (
            "GET",
            "/beta/external/industryData/runs/none/activities",
            404,
            "itemNotFound",
        ),
        (
            "GET",
            "/beta/external/industryData/years",
            404,
            "Request_ResourceNotFound",
        ),
        (
            "GET",
            "/v1.0/external/industryData/runs",
            404,
            "Request_ResourceNotFound",
        ),
        (
            "GET",
            "/beta/external/industryData/runs?$filter=a",
            400,
            "invalidRequest",
        ),
        (
            "GET",
            "/beta/external/industryData/runs?$top=-1",
            400,
            "invalidRequest",
        ),
        (
            "GET",
            "/beta/external/industryData/runs/start",
            405,
            "notAllowed",
        ),
        (
            "POST",
            "/beta/external/industryData/operations",
            405,
            "notAllowed",
        ),
        (
            "DELETE",
            "/beta/external/industryData/operations/none",
            405,
            "notAllowed",
        ),
    ] {
        let mut fixture = Fixture::new();
        let request = fixture.request(method, path);
        let answer = fixture.send(request, "");
        assert_eq!(
            (answer.status, answer.json["error"]["code"].as_str()),
            (status, Some(code)),
            "{method} {path}"
        );
    }
}

#[test]
fn a_wrong_method_gets_the_allowed_one() {
    let mut fixture = Fixture::new();
    assert_eq!(fixture.get("runs/start").header("allow"), Some("POST"));
    let request = fixture.request("PUT", &format!("{DATA}/runs"));
    assert_eq!(fixture.send(request, "").header("allow"), Some("GET"));
}

#[test]
fn a_post_without_a_length_gets_html() {
    let mut fixture = Fixture::new();
    let bare = || {
        Request::post(format!("{DATA}/runs/start")).header("authorization", "Bearer emulator-token")
    };
    let answer = fixture.send(bare(), "");
    assert_eq!(
        (answer.status, answer.header("content-type")),
        (411, Some("text/html; charset=us-ascii"))
    );
    assert!(answer.text.starts_with("<!DOCTYPE HTML>"));
    assert!(answer.header("request-id").is_some());
    assert!(fixture.service.accepted_starts().is_empty());
    assert_eq!(
        fixture
            .send(bare().header("transfer-encoding", "chunked"), "")
            .status,
        202
    );
    assert_eq!(
        fixture
            .send(bare().header("content-length", "0"), "")
            .status,
        202
    );
}

#[test]
fn a_body_above_the_cap_is_refused() {
    let mut fixture = Fixture::new();
    for (length, status) in [(MAX_BODY, 202), (MAX_BODY + 1, 413)] {
        let request = fixture.request("POST", &format!("{DATA}/runs/start"));
        assert_eq!(fixture.send(request, &"x".repeat(length)).status, status);
    }
    assert_eq!(
        fixture
            .control("POST", "faults", &"x".repeat(MAX_BODY + 1))
            .status,
        413
    );
}

#[test]
fn the_token_is_checked_before_the_permission() {
    for (field, message) in [
        (None, "the request has no access token"),
        (
            Some("Basic abc"),
            "the authorization header does not use the bearer scheme",
        ),
        (
            Some("Bearer"),
            "the authorization header does not use the bearer scheme",
        ),
        (Some("Bearer other"), "the access token is unknown"),
    ] {
        let mut fixture = Fixture::new();
        let mut request = Request::post(format!("{DATA}/runs/start")).header("content-length", "0");
        if let Some(field) = field {
            request = request.header("authorization", field);
        }
        let answer = fixture.send(request, "");
        assert_eq!(
            (answer.status, answer.json["error"]["message"].as_str()),
            (401, Some(message))
        );
        assert_eq!(answer.json["error"]["code"], "InvalidAuthenticationToken");
        assert_eq!(
            answer.header("www-authenticate"),
            Some(
                r#"Bearer realm="", authorization_uri="http://127.0.0.1:8085/common/oauth2/authorize""#
            )
        );
        assert_eq!(fixture.service.requests()[0].authorization, field.is_some());
    }
}

#[test]
fn each_permission_allows_its_own_requests() {
    use Permission::{ReadOperations, ReadRuns, Start};
    for (permissions, start, operations, runs) in [
        (&[][..], 403, 403, 403),
        (&[Start], 202, 403, 200),
        (&[ReadOperations], 403, 200, 403),
        (&[ReadRuns], 403, 403, 200),
        (&Permission::ALL, 202, 200, 200),
    ] {
        let tokens = vec![Grant::only("emulator-token", permissions)];
        let mut fixture = Fixture::with(Config {
            tokens,
            ..Config::default()
        });
        let answers = [
            fixture.start(),
            fixture.get("operations"),
            fixture.get("runs"),
        ];
        assert_eq!(
            answers.each_ref().map(|answer| answer.status),
            [start, operations, runs],
            "{permissions:?}"
        );
        for answer in answers.iter().filter(|answer| answer.status == 403) {
            assert_eq!(answer.json["error"]["code"], "accessDenied");
        }
    }
}
