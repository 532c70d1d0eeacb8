use http::{HeaderName, HeaderValue};
use proptest::prelude::*;

use super::*;

fn decode_with(fields: &[(&'static str, &str)], body: &str, token: Option<&str>) -> ServiceError {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        headers.append(HeaderName::from_static(name), value);
    }
    ServiceError::decode(StatusCode::UNAUTHORIZED, &headers, body.as_bytes(), token)
}

fn decode(body: &str) -> ServiceError {
    decode_with(&[], body, None)
}

fn check(body: &str, code: Option<&str>, message: Option<&str>) {
    let error = decode(body);
    assert_eq!(
        (error.code(), error.message()),
        (code, message),
        "{body:.200}"
    );
}

#[test]
fn envelopes() {
    check(
        r#"{"error":{"code":"a","message":"b"}}"#,
        Some("a"),
        Some("b"),
    );
    check(
        " \u{a}{\"\\u0065rror\":{\"code\":\"\\u0061\"}}\r\n",
        Some("a"),
        None,
    );
    check("\u{feff}{\"error\":{\"code\":\"a\"}}", Some("a"), None);
    check("\u{feff}\u{feff}{\"error\":{\"code\":\"a\"}}", None, None);
    check(r#"{"error":{"code":-5,"message":null}}"#, Some("-5"), None);
    check(
        r#"{"error":{"code":18446744073709551615}}"#,
        Some("18446744073709551615"),
        None,
    );
    check(r#"{"error":{"code":1.5}}"#, Some("1.5"), None);
    check(r#"{"error":{"code":true,"message":7}}"#, None, None);
    check(
        r#"{"error":{"code":["a"],"message":{"lang":"en","value":"v"}}}"#,
        None,
        Some("v"),
    );
    check(
        r#"{"error":{"code":{"value":"a"},"message":{"lang":"en"}}}"#,
        None,
        None,
    );
    check(r#"{"error":{"message":{"value":1}}}"#, None, None);
    check(
        r#"{"error":"invalid_grant","error_description":"d","message":"m"}"#,
        Some("invalid_grant"),
        Some("d"),
    );
    check(
        r#"{"error":"invalid_grant","error_description":1}"#,
        Some("invalid_grant"),
        None,
    );
    check(r#"{"message":"m","Message":"M"}"#, None, Some("m"));
    check(r#"{"message":1,"Message":"M"}"#, None, Some("M"));
    check(r#"{"message":{"value":"m"}}"#, None, None);
    check(r#"{"error":null,"message":"m"}"#, None, None);
    check(r#"{"error":[{"code":"a"}],"message":"m"}"#, None, None);
    check(r#"{"error":1}"#, None, None);
    check(
        r#"{"error":{"code":"first"},"error":{"code":"last"}}"#,
        Some("last"),
        None,
    );
    check(
        r#"{"n":1e999999,"error":{"code":"a","x":[{"y":-1e999999}]}}"#,
        Some("a"),
        None,
    );
    for body in [
        "",
        "null",
        "[]",
        "\"error\"",
        "<html>",
        "{",
        r#"{"error":{"code":"a"}"#,
        r#"{"error":{"code":"a"}} x"#,
        r#"{"error":{"code":"a"},}"#,
        r#"{"ERROR":{"code":"a"}}"#,
        r#"[{"error":{"code":"a"}}]"#,
        "{\"error\":{\"code\":\"a\nb\"}}",
    ] {
        check(body, None, None);
    }
    let latin = ServiceError::decode(
        StatusCode::BAD_REQUEST,
        &HeaderMap::new(),
        b"{\"error\":{\"code\":\"\xe9\"}}",
        None,
    );
    assert_eq!(latin.code(), None);
}

#[test]
fn an_error_has_the_date_of_its_answer() {
    let now: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
    let date = |lines: &[&str]| {
        let fields: Vec<_> = lines.iter().map(|line| ("date", *line)).collect();
        decode_with(&fields, "", None).date(now)
    };
    let whole = "Tue, 10 Mar 2026 12:00:00 GMT";
    assert_eq!(date(&[whole]), Some(now));
    assert_eq!(date(&["Tuesday, 10-Mar-26 12:00:00 GMT"]), Some(now));
    assert_eq!(date(&[whole, whole]), Some(now));
    for none in [
        &[][..],
        &["now"],
        &[whole, "Tue, 10 Mar 2026 12:00:01 GMT"],
        &["Wed, 10 Mar 2026 12:00:00 GMT"],
    ] {
        assert_eq!(date(none), None, "{none:?}");
    }
}

#[test]
fn chains() {
    let chain = |n: usize| {
        format!(
            "{{\"error\":{{\"code\":\"a\"{}{}}}}}",
            ",\"innerError\":{\"code\":\"x\"".repeat(n),
            "}".repeat(n)
        )
    };
    for (deep, kept) in [
        (0, 0),
        (1, 1),
        (31, 31),
        (32, 32),
        (33, 32),
        (40, 32),
        (200, 32),
        (100_000, 32),
    ] {
        let error = decode(&chain(deep));
        assert_eq!((error.code(), error.inner_codes().len()), (Some("a"), kept));
    }
    let error = decode(
        r#"{"error":{"request-id":"not here","innerError":{"code":1,"request-id":"","date":7,"client-request-id":null,
            "innererror":{"code":"c","request-id":["x"],"innerError":{"code":"d","request-id":"r","date":"t"}}}}}"#,
    );
    assert_eq!(error.inner_codes(), ["c", "d"]);
    assert_eq!(
        (
            error.request_id(),
            error.inner_date(),
            error.client_request_id()
        ),
        (Some("r"), Some("t"), None)
    );
    let codes = |inner: &str| {
        decode(&format!("{{\"error\":{{{inner}}}}}"))
            .inner_codes()
            .join(",")
    };
    assert_eq!(codes(r#""innerError":null,"innererror":{"code":"b"}"#), "b");
    assert_eq!(
        codes(r#""innererror":{"code":"z"},"innerError":{"code":"b"}"#),
        "b"
    );
    assert_eq!(codes(r#""innerError":[{"code":"b"}]"#), "");
    assert_eq!(codes(r#""InnerError":{"code":"b"}"#), "");
}

#[test]
fn ids_come_from_the_header_fields() {
    let body = r#"{"error":{"innerError":{"request-id":5,"client-request-id":"c"}}}"#;
    let error = decode_with(&[("x-ms-request-id", "x"), ("request-id", " ")], body, None);
    assert_eq!(
        (error.request_id(), error.client_request_id()),
        (Some("x"), Some("c"))
    );
    let error = decode_with(
        &[
            ("x-ms-request-id", "x"),
            ("request-id", "r"),
            ("x-ms-client-request-id", "y"),
        ],
        "",
        None,
    );
    assert_eq!(
        (error.request_id(), error.client_request_id()),
        (Some("r"), Some("y"))
    );
    assert_eq!(error.to_string(), "401 Unauthorized (request-id r)");
}

#[test]
fn details_are_objects() {
    let error = decode(
        r#"{"error":{"target":"t","details":[null,"x",{"code":"d","message":5,"target":"u"},[{}],{}]}}"#,
    );
    assert_eq!(error.target(), Some("t"));
    let [first, second] = error.details() else {
        panic!("{error:?}")
    };
    assert_eq!(
        (first.code(), first.message(), first.target()),
        (Some("d"), None, Some("u"))
    );
    assert_eq!(second, &ErrorDetail::default());
    assert!(
        decode(r#"{"error":{"details":{"code":"d"}}}"#)
            .details()
            .is_empty()
    );
}

#[test]
fn neither_controls_nor_the_token_are_shown() {
    let token = "eyJ.secret.sig";
    let all = r#"{"error":{"code":"C\u001b","message":"m\r\nT\u202e","target":"T\u0085","details":[{"code":"T\u2028","message":"T","target":"T"}],
        "innerError":{"code":"T","request-id":"r\nT","client-request-id":"T","date":"T\u2066"}}}"#.replace('T', token);
    let fields = [(
        "www-authenticate",
        "Bearer error=insufficient_claims, claims=\"eyJ.secret.sig\"",
    )];
    let error = decode_with(&fields, &all, Some(token));
    assert_eq!(error.message(), Some("m\r\n[redacted]\u{202e}"));
    for text in [
        error.to_string(),
        format!("{error:?}"),
        format!("{:?}", error.claims()),
    ] {
        assert!(!text.contains("secret"), "{text}");
        assert!(
            !text.contains([
                '\u{1b}', '\r', '\n', '\u{202e}', '\u{85}', '\u{2028}', '\u{2066}'
            ]),
            "{text:?}"
        );
    }
    let error = decode_with(&[("request-id", token)], "", Some(token));
    assert_eq!(error.request_id(), Some("[redacted]"));
    assert_eq!(
        decode_with(&[("request-id", "r")], "", Some("")).request_id(),
        Some("r")
    );
}

#[test]
fn an_encoded_token_is_not_shown() {
    let token = "eyJ0+XAi/OiJK.eyJh~dWQi-Ojox.c2ln_bmF0dXJl==";
    let base64 = "ZXlKMCtYQWkvT2lKSy5leUpofmRXUWktT2pveC5jMmxuX2JtRjBkWEpsPT0=";
    let escaped = token.replace('e', "\\u0065").replace('/', "\\/");
    let percent = token
        .replace('+', "%2B")
        .replace('/', "%2f")
        .replace('=', "%3D");
    for echo in [
        escaped.as_str(),
        &percent,
        &percent.replace('%', "%25"),
        &token.to_uppercase(),
        base64,
        &escaped.replace('\\', "\\\\"),
    ] {
        let body = format!(
            r#"{{"error":{{"code":"{echo}","message":"no: {echo}","target":"{echo}","details":[{{"code":"{echo}"}}],
            "innerError":{{"code":"{echo}","request-id":"{echo}","date":"{echo}"}}}}}}"#
        );
        // {"nonce":"TOKEN"}
        let claims = "eyJub25jZSI6ImV5SjArWEFpL09pSksuZXlKaH5kV1FpLU9qb3guYzJsbl9ibUYwZFhKbD09In0=";
        let fields = format!("Bearer error=insufficient_claims, claims=\"{claims}\"");
        let error = decode_with(&[("www-authenticate", &fields)], &body, Some(token));
        assert_eq!(error.message(), Some("no: [redacted]"), "{echo}");
        assert_eq!(error.request_id(), Some("[redacted]"), "{echo}");
        let challenge = error.claims().unwrap();
        assert_eq!(challenge.claims(), Some(r#"{"nonce":"[redacted]"}"#));
        assert_eq!(challenge.claims_raw(), None);
        let shown = format!("{error} {error:?}").to_lowercase();
        for part in ["xai", "2ln", "c5lexup", "yw1s"] {
            assert!(!shown.contains(part), "{shown}");
        }
    }
}

#[test]
fn only_a_401_has_claims() {
    let mut headers = HeaderMap::new();
    let field = HeaderValue::from_static("Bearer error=insufficient_claims, claims=e30");
    headers.insert("www-authenticate", field);
    let claims = |status| {
        let error = ServiceError::decode(status, &headers, b"", None);
        error
            .claims()
            .and_then(|challenge| challenge.claims().map(str::to_owned))
    };
    assert_eq!(claims(StatusCode::UNAUTHORIZED).as_deref(), Some("{}"));
    assert_eq!(claims(StatusCode::FORBIDDEN), None);
}

proptest! {
    #[test]
    fn never_panics(body in "\\{\"error\":[{}\\[\\]\":,a-e\\\\ ]{0,60}\\}|\\PC{0,80}", token in ".{0,4}") {
        let error = decode_with(&[("request-id", "abc")], &body, Some(&token));
        let shown = format!("{error} {error:?}");
        prop_assert!(!shown.contains(char::is_control));
    }
}

#[test]
fn debug_shows_what_the_service_said() {
    let body = br#"{"error":{"code":"c-1","message":"m-1","innerError":{"request-id":"r-1"}}}"#;
    let error = ServiceError::decode(StatusCode::CONFLICT, &HeaderMap::new(), body, None);
    let shown = format!("{error:?}");
    for part in ["409", "c-1", "m-1", "r-1"] {
        assert!(shown.contains(part), "{shown}");
    }
}
