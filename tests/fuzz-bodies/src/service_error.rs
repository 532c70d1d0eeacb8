//! Service errors (rule E): every response is read, and no shown text has control characters or the access token.

use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use industrydata_core::wire::ClaimsChallenge;
use industrydata_core::wire::ServiceError;

use crate::{
    Target,
    draw::{joined, parts},
    echo::{assert_hidden, echoed},
    json::scan,
    text::assert_shown,
    vectors,
};

pub(crate) const TARGET: Target = Target {
    name: "service_error",
    about: "every error response is read; its texts have no controls and no token; claims are JSON",
    body,
    seeds,
    words: &[
        "\u{1}",
        "\u{2}",
        "\u{3}",
        "\u{4}",
        "\u{5}",
        "\u{6}",
        "\"error\":",
        "\"code\":",
        "\"message\":",
        "\"innerError\":",
        "\"innererror\":",
        "\"details\":[",
        "\"request-id\":",
        "\"value\":",
        "\\u001b[2J",
        "\\r\\n",
        "Bearer ",
        "error=\"insufficient_claims\"",
        "claims=\"",
        "eyJhIjoxfQ",
        "\", ",
        "Negotiate, ",
        "token68==",
        "\\\"",
        "request-id: ",
        "www-authenticate: ",
        "\u{202e}",
    ],
};

/// The request's token. Its spellings replace the bytes 1 to 6 of the input, so that every part of a response may echo it.
const TOKEN: &str = "eyJ0b2tlbi1jYW5hcnk.q-7_~+/x.MTIzNDU2Nzg5MA==";
const STATUSES: [u16; 8] = [401, 400, 403, 404, 429, 500, 503, 200];

/// Input: a selector for the status, then any number of `name: value` lines, then the body.
fn body(input: &[u8]) {
    let (selector, mut parts) = parts(input);
    let status =
        StatusCode::from_u16(STATUSES[usize::from(selector) % STATUSES.len()]).expect("a status");
    let body = echoed(parts.pop().unwrap_or_default(), TOKEN);
    let mut headers = HeaderMap::new();
    for line in parts {
        let line = echoed(line, TOKEN);
        let Some(at) = line.iter().position(|b| *b == b':') else {
            continue;
        };
        let (name, value) = (
            HeaderName::from_bytes(&line[..at]),
            HeaderValue::from_bytes(&line[at + 1..]),
        );
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    let error = ServiceError::decode(status, &headers, &body, Some(TOKEN));
    assert_shown(&error, TOKEN);
    assert_eq!(error.status(), status);
    assert!(error.inner_codes().len() <= 32, "E4");
    let texts = [
        error.code(),
        error.message(),
        error.target(),
        error.request_id(),
        error.client_request_id(),
    ];
    let details = error
        .details()
        .iter()
        .flat_map(|it| [it.code(), it.message(), it.target()]);
    let inner = error.inner_codes().iter().map(|code| Some(code.as_str()));
    for text in texts.into_iter().chain(details).chain(inner).flatten() {
        assert_hidden(text, TOKEN);
    }
    let challenge = ClaimsChallenge::from_headers(&headers);
    if let Some(claims) = challenge.as_ref().and_then(ClaimsChallenge::claims) {
        let read = scan(claims);
        assert!(read.is_some(), "the claims are not JSON: {claims:?}");
    }
    assert_eq!(
        error.claims().is_some(),
        challenge.is_some() && status == StatusCode::UNAUTHORIZED,
        "E7"
    );
    assert_eq!(
        ServiceError::decode(status, &headers, &body, Some(TOKEN)),
        error,
        "reading it twice gives two results"
    );
    if !body
        .windows(TOKEN.len())
        .any(|part| part == TOKEN.as_bytes())
    {
        assert_unredacted(&body);
    }
}

/// Without a token nothing is redacted: the texts are those that an independent reader finds.
fn assert_unredacted(body: &[u8]) {
    let error = ServiceError::decode(StatusCode::BAD_REQUEST, &HeaderMap::new(), body, None);
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else {
        return;
    };
    let member = |name| {
        value
            .get("error")
            .and_then(|error| error.get(name))
            .and_then(|text| text.as_str())
    };
    if value.get("error").is_some_and(serde_json::Value::is_object) {
        if member("code").is_some() {
            assert_eq!(error.code(), member("code"), "E2");
        }
        if member("message").is_some() {
            assert_eq!(error.message(), member("message"), "E2");
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<Vec<u8>> = Vec::new();
    for vector in vectors::of("error_body") {
        let status = vector
            .get("status")
            .and_then(serde_json::Value::as_u64)
            .unwrap_or_default();
        let selector = STATUSES
            .iter()
            .position(|known| u64::from(*known) == status)
            .unwrap_or(1);
        let mut parts = Vec::new();
        for header in vectors::list(&vector, "headers") {
            let (name, value) = (
                header[0].as_str().unwrap_or_default(),
                header[1].as_str().unwrap_or_default(),
            );
            parts.push(format!("{name}:{value}").into_bytes());
        }
        parts.push(vectors::body(&vector));
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        seeds.push(joined(u8::try_from(selector).unwrap_or_default(), &parts));
    }
    // The token in each part that is read.
    let fields = "request-id:\u{1} and www-authenticate:Bearer error=\"insufficient_claims\", claims=\"\u{1}\"";
    let mut parts: Vec<&[u8]> = fields.split(" and ").map(str::as_bytes).collect();
    let body = r#"{"error":{"code":"@","message":"a @","target":"@","details":[{"code":"@","message":"@"}],
        "innerError":{"request-id":"@","client-request-id":"@","date":"@","code":"@"}}}"#;
    for spelling in 1..=6 {
        let body = body.replace('@', &char::from(spelling).to_string());
        seeds.push(joined(1, &[body.as_bytes()]));
    }
    let basic = "www-authenticate:Bearer error=\"insufficient_claims\", claims=\"\u{5}\"";
    seeds.push(joined(0, &[basic.as_bytes(), b"x-ms-request-id:\x02", b""]));
    parts.push(br#"{"error":"\u0007"}"#);
    seeds.push(joined(0, &parts));
    vectors::kept(seeds)
}
