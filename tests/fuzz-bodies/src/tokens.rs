//! Access tokens, token endpoints and tenant names: texts from commands, files, token endpoints and users.

use std::time::Duration;

use http::{Response, StatusCode};
use industrydata_core::Now;
use industrydata_core::Tenant;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::Assertion;
use industrydata_core::auth::ClientCredentials;
use industrydata_core::auth::GitHubActions;
use industrydata_core::auth::ManagedIdentity;
use industrydata_core::auth::PemFile;
use industrydata_core::auth::TokenClaims;
use industrydata_core::auth::TokenError;

use crate::{
    Target,
    draw::{CUT, parts},
    echo::echoed,
    ledger_bytes::clock,
    text::{assert_plain, assert_shown},
};

pub(crate) const TARGET: Target = Target {
    name: "tokens",
    about: "token texts, OAuth responses, authorities and tenant names are accepted or refused; no secret is shown",
    body,
    seeds,
    words: &[
        "\u{1}",
        "{\"accessToken\":\"",
        "\"access_token\":\"",
        "\"expires_on\":",
        "\"expiresOn\":\"",
        "\"expires_in\":",
        "\"token_type\":\"Bearer\"",
        "\"error\":\"invalid_client\"",
        "\"error_description\":\"",
        "18446744073709551615",
        "https://",
        "http://127.0.0.1:9",
        "@",
        "?",
        "#",
        "\\",
        "\u{feff}",
        "72F988BF-86F1-41AF-91AB-2D7CD011DB47",
    ],
};

const SECRET: &str = "s3cret-canary~&=+%";
const STATUSES: [u16; 8] = [200, 400, 401, 403, 429, 500, 503, 302];

/// Input: a selector for the kind of text and the status, then the text. In a response, the bytes 1 to 6 become the secret.
fn body(input: &[u8]) {
    let (selector, parts) = parts(input);
    let bytes = parts.join(&CUT);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    match selector & 3 {
        0 => {
            output(&text);
            files(&bytes);
        }
        1 => {
            identity_answer(selector, &bytes);
            answer(selector, &bytes);
        }
        2 => {
            identity(&text);
            authority(&text);
        }
        _ => tenant(&text),
    }
}

/// The output of a command, or the contents of a file.
fn output(text: &str) {
    let now = clock();
    match AccessToken::from_output(text, now) {
        Ok(token) => {
            assert_eq!(format!("{token:?}"), "AccessToken { .. }");
            assert!(token.is_same_token(&token.clone()));
            if let Some(tenant) = TokenClaims::read(&token).and_then(|it| it.tenant().cloned()) {
                assert!(tenant.is_guid(), "{tenant}");
            }
            if let Some(expires) = token.expires() {
                assert_eq!(token.is_valid(now), now < expires);
                assert!(
                    token.is_due(now) || token.is_valid(now),
                    "a token is neither due for renewal nor valid"
                );
            }
            assert!(
                text.bytes()
                    .any(|b| b.is_ascii_alphanumeric() || b"-._~+/".contains(&b))
            );
        }
        Err(error) => {
            assert!(!error.is_transient());
            let shown = format!("{error} {error:?}");
            assert_plain(&shown);
            // A part of the text that is not also a part of the message.
            let part: String = text
                .chars()
                .filter(|c| !c.is_ascii_alphabetic() && *c != ' ')
                .take(12)
                .collect();
            assert!(
                part.len() < 8 || !shown.contains(&part),
                "the message contains the text: {shown}"
            );
        }
    }
}

/// A file with an assertion, or with a key and its certificate.
fn files(bytes: &[u8]) {
    match PemFile::read(bytes) {
        Ok(file) => assert!(!file.certificates().is_empty()),
        Err(error) => assert_plain(&error.to_string()),
    }
    let text = String::from_utf8_lossy(bytes);
    if Assertion::new(&text).is_ok() {
        let text = text.trim();
        assert_eq!(text.split('.').count(), 3);
        assert!(text.bytes().all(|b| b.is_ascii_graphic()));
    }
}

/// The response of an identity endpoint, and of GitHub's token service.
fn identity_answer(selector: u8, bytes: &[u8]) {
    let parts: Vec<&[u8]> = bytes.split(|b| *b == 1).collect();
    let body = parts.join(SECRET.as_bytes());
    let status = STATUSES[usize::from(selector >> 2) % STATUSES.len()];
    let mut head = Response::new(()).into_parts().0;
    head.status = StatusCode::from_u16(status).expect("a status");
    let now = Now::new(clock(), Duration::ZERO);
    let app = ManagedIdentity::app_service("http://127.0.0.1/", SECRET).expect("an address");
    match app.read(&head, Ok(body.clone()), now) {
        Ok(token) => {
            assert_eq!(status, 200);
            assert!(token.expires().is_some_and(|expires| expires >= now.utc));
        }
        Err(error) => assert_shown(&error, SECRET),
    }
    let job = GitHubActions::new("https://github.example/", SECRET).expect("an address");
    match job.read(&head, Ok(body)) {
        Ok(_) => assert_eq!(status, 200),
        Err(error) => assert_shown(&error, SECRET),
    }
}

/// The URL of an identity endpoint, which decides where its secret is sent.
fn identity(text: &str) {
    let Ok(app) = ManagedIdentity::app_service(text, SECRET) else {
        return;
    };
    let request = app.request().expect("a request");
    let sent = request.uri().to_string();
    assert_eq!(request.headers()["x-identity-header"], SECRET);
    // According to the URL library of reqwest, which must not respell it, plain http goes next door.
    let Ok(read) = url::Url::parse(&sent) else {
        return;
    };
    assert!(
        sent.contains('\'') || read.as_str() == sent,
        "{read} for {sent}"
    );
    let is_near = match read.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback() || address.is_link_local(),
        Some(url::Host::Ipv6(address)) => address.is_loopback() || address.is_unicast_link_local(),
        None => false,
    };
    assert!(
        read.scheme() == "https" || is_near,
        "the secret is sent unencrypted to {read}"
    );
}

/// The response of a token endpoint.
fn answer(selector: u8, bytes: &[u8]) {
    let body = echoed(bytes, SECRET);
    let status = STATUSES[usize::from(selector >> 2) % STATUSES.len()];
    let mut head = Response::new(()).into_parts().0;
    head.status = StatusCode::from_u16(status).expect("a status");
    let now = Now::new(clock(), Duration::ZERO);
    let credentials = ClientCredentials::new("app", SECRET);
    match credentials.read(&head, Ok(body.clone()), now) {
        Ok(token) => {
            assert_eq!(status, 200, "a token was read from an error response");
            assert!(token.expires().is_some_and(|expires| expires >= now.utc));
            // Members other than the required ones are not read, and may be invalid UTF-8.
            let Ok(value) = serde_json::from_slice::<serde_json::Value>(&body) else {
                return;
            };
            let text = value.get("access_token").and_then(|it| it.as_str());
            let text = text.expect("an access_token");
            assert!(AccessToken::new(text).is_ok_and(|it| it.is_same_token(&token)));
        }
        Err(error) => {
            assert_shown(&error, SECRET);
            let asks_again = matches!(status, 408 | 429) || status >= 500;
            let shown = error.to_string();
            if asks_again {
                assert!(error.is_transient(), "{status}: {shown}");
            } else if error.is_transient() {
                let code = shown.to_ascii_lowercase();
                let codes = ["temporarily_unavailable", "server_error"];
                assert!(
                    codes.iter().any(|it| code.contains(it)),
                    "{status}: {shown}"
                );
            } else {
                let answer = std::str::from_utf8(&body).unwrap_or_default();
                let answer = answer.strip_prefix('\u{feff}').unwrap_or(answer);
                let answer: serde_json::Value = serde_json::from_str(answer).unwrap_or_default();
                let is_refusal = status != 200
                    || !answer["error"].is_null() && !answer["access_token"].is_string();
                let is_refused = matches!(error, TokenError::Refused(_));
                assert_eq!(is_refused, is_refusal, "{status}: {shown}");
            }
        }
    }
}

/// The authority URL, which decides where the secret is sent.
fn authority(text: &str) {
    if text.contains(SECRET) {
        // The caller has put the secret into the URL, so showing the URL shows it.
        return;
    }
    let made = ClientCredentials::new("app", SECRET)
        .directory("contoso.com")
        .authority(text);
    let Ok(credentials) = made else {
        return;
    };
    let shown = format!("{credentials:?}");
    assert!(!shown.contains(SECRET), "{shown}");
    assert_plain(&shown);
    let Ok(request) = credentials.request(&"contoso".parse().expect("a tenant"), None) else {
        return;
    };
    let scheme = request.uri().scheme_str().unwrap_or_default();
    assert_eq!(credentials.is_plain(), scheme == "http");
    assert!(
        request
            .uri()
            .path()
            .ends_with("/contoso.com/oauth2/v2.0/token"),
        "{}",
        request.uri()
    );
    assert!(request.uri().query().is_none());
    let pairs: Vec<(String, String)> = url::form_urlencoded::parse(request.body())
        .into_owned()
        .collect();
    assert!(
        pairs.contains(&("client_secret".to_owned(), SECRET.to_owned())),
        "{pairs:?}"
    );
    assert_eq!(pairs.len(), 4);
    // According to the URL library of reqwest: plain http is only used on loopback, and the URL has no user name.
    if let Ok(read) = url::Url::parse(&request.uri().to_string()) {
        assert!(
            read.username().is_empty() && read.password().is_none(),
            "{read}"
        );
        let is_local = match read.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        assert!(
            scheme == "https" || is_local,
            "the secret is sent unencrypted to {read}"
        );
    }
}

fn tenant(text: &str) {
    let is_name = (1..=256).contains(&text.len()) && !text.chars().any(char::is_control);
    match text.parse::<Tenant>() {
        Ok(tenant) => {
            assert!(is_name, "{text:?}");
            assert!(tenant.as_str().eq_ignore_ascii_case(text));
            assert_eq!(tenant.as_str().parse().as_ref(), Ok(&tenant));
            // The token request is refused, or its path is the authority's path for this tenant.
            if let Ok(request) = ClientCredentials::new("app", SECRET).request(&tenant, None) {
                let uri = request.uri();
                assert_eq!(uri.host(), Some("login.microsoftonline.com"), "{uri}");
                let path = format!("/{}/oauth2/v2.0/token", tenant.as_str());
                assert_eq!(uri.path(), path);
                let read = url::Url::parse(&uri.to_string()).expect("a URL");
                assert_eq!(read.path(), path, "another path by WHATWG");
            }
        }
        Err(error) => {
            assert!(!is_name, "{text:?}");
            assert_plain(&error.to_string());
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let texts: [&[&str]; 4] = [
        &[
            "abc.def-_~+/==",
            " \n\u{feff}abc\n",
            r#"{"accessToken": "abc", "expires_on": 3600, "expiresOn": "2026-03-10 12:00:00.000000", "tokenType": "Bearer"}"#,
            r#"{"accessToken":"abc","expires_on":"1773147600"}"#,
            r#"{"accessToken":"abc","expiresOn":"2026-03-10T12:00:00Z"}"#,
            "e30.eyJ0aWQiOiI3MmY5ODhiZi04NmYxLTQxYWYtOTFhYi0yZDdjZDAxMWRiNDcifQ.c2ln",
            "-----BEGIN PRIVATE KEY-----\nYWJj\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nYWJj\n-----END CERTIFICATE-----\n",
        ],
        &[
            r#"{"token_type":"Bearer","expires_in":3599,"access_token":"abc"}"#,
            r#"{"expires_in":"60","access_token":"abc"}"#,
            "{\"error\":\"invalid_client\",\"error_description\":\"bad \u{1} \\u001b\"}",
            "{\"error\":\"invalid_client\",\"error_description\":\"bad \u{2} \u{3} \u{4} \u{5} \u{6}\"}",
            "<html>",
            r#"{"access_token":"abc","expires_on":"3600"}"#,
            r#"{"value":"a.b.c"}"#,
        ],
        &[
            "https://login.microsoftonline.com",
            "http://127.0.0.1:9/",
            "HTTP://localhost",
            "http://[::1]:80/x",
            "https://u@a",
            "https://a?x",
            "https://a#x",
            "http://169.254.169.254/metadata?x='",
            "http://localhost:42356/msi/token",
            "http://[fe80::1]:80/",
        ],
        &[
            "contoso",
            "72F988BF-86F1-41AF-91AB-2D7CD011DB47",
            "contoso.onmicrosoft.com",
            "../é",
            "a..b",
            "a\nb",
        ],
    ];
    let mut seeds = Vec::new();
    for (kind, texts) in (0_u8..).zip(texts) {
        for (n, text) in (0_u8..).zip(texts) {
            seeds.push([&[kind | (n << 2)], text.as_bytes()].concat());
            seeds.push([&[kind], text.as_bytes()].concat());
        }
    }
    seeds
}
