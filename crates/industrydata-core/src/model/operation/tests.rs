use proptest::prelude::*;

use super::*;

const JSON: Option<&[u8]> = Some(b"application/json");

fn status(body: &str) -> Result<String, BodyError> {
    Operation::decode(JSON, body.as_bytes()).map(|operation| operation.status.to_string())
}

fn check(body: &str, expected: Result<&str, BodyError>) {
    assert_eq!(status(body), expected.map(str::to_owned), "{:.200}", body);
}

#[test]
fn content_types() {
    let decode =
        |value: &str| Operation::decode(Some(value.as_bytes()), b"{\"status\":\"failed\"}").is_ok();
    for good in [
        "application/json",
        " application/json ",
        "APPLICATION/JSON;CHARSET=\"x;y\"",
        "application/json;",
        "application/json\t;a",
        "application/problem+json",
        "application/vnd.a.b+JSON; v=1",
        "application/json;;\u{e9}",
    ] {
        assert!(decode(good), "{good}");
    }
    for bad in [
        "",
        ";",
        "json",
        "text/json",
        "text/plain",
        "application/",
        "application/jsonp",
        "application/json-seq",
        "application/+json",
        "application/json, text/html",
        "application/x-ndjson",
        "application / json",
        "application/json charset=utf-8",
        "application/a b+json",
        "application/json/x",
        "x/application/json",
        "application/json+xml",
        "application/xjson",
        "text/html; application/json",
        "\"application/json\"",
    ] {
        assert!(!decode(bad), "{bad}");
    }
    assert!(Operation::decode(None, b"{\"status\":\"failed\"}").is_ok());
    assert!(Operation::decode(Some(b"application/json;\xff"), b"{\"status\":\"failed\"}").is_ok());
    assert_eq!(
        Operation::decode(Some(b"text/html"), b""),
        Err(BodyError::WrongContentType)
    );
}

#[test]
fn a_body_that_is_not_an_object_is_an_error() {
    check("", Err(BodyError::EmptyBody));
    for bad in [
        " ",
        "\u{feff}",
        "\u{feff}\u{feff}{\"status\":\"a\"}",
        "{",
        "{}{}",
        "{} ,",
        "{\"status\":\"a\",}",
        "{'status':'a'}",
        "{status:\"a\"}",
        "{\"status\":\"a\",\"n\":NaN}",
        "{\"status\":\"a\",\"n\":-Infinity}",
        "{\"status\":\"a\",\"n\":01}",
        "{\"status\":\"a\",\"n\":+1}",
        "{\"status\":\"a\",\"n\":1.}",
        "{\"status\":\"a\",\"n\":.5}",
        "{\"status\":\"a\",\"n\":0x1}",
        "{\"status\":\"a\",\"x\":\"\t\"}",
        "{\"status\":\"a\",\"x\":\"\\x\"}",
        "{\"status\":\"a\"}/* */",
        "{\"status\":\"a\"\"x\":1}",
        "{\"status\":\"a\",\"status\":\"b\"",
        "{\"status\":2",
        "[1",
        "nul",
        "tru",
        "\u{a0}{\"status\":\"a\"}",
        "{\"status\":\"a\"}\0",
        "{\"status\":\"a\"}\u{feff}",
        "\u{b}{\"status\":\"a\"}",
        "{\"status\":\"\\ud800\"}",
        "{\"statusDetail\":\"\\udc00\",\"status\":\"a\"}",
        "{\"status\":\"a\",\"x\":True}",
        "{\"status\":\"a\",\"x\":[1 2]}",
        "{\"status\":\"a\",1:2}",
        "<html>",
        ")]}',\n{\"status\":\"a\"}",
    ] {
        check(bad, Err(BodyError::InvalidJson));
    }
    for body in [
        "null",
        "0",
        "-1.5e3",
        "true",
        "\"status\"",
        "[]",
        " [{\"status\":\"a\"}] ",
        "1e999999",
    ] {
        check(body, Err(BodyError::NotAnObject));
    }
    assert_eq!(
        Operation::decode(JSON, b"{\"status\":\"\xc0\xaf\"}"),
        Err(BodyError::NotUtf8)
    );
    assert_eq!(
        Operation::decode(JSON, b"{\"status\":\"\xed\xa0\x80\"}"),
        Err(BodyError::NotUtf8)
    );
    assert_eq!(
        Operation::decode(JSON, b"\xfe\xff\0{"),
        Err(BodyError::NotUtf8)
    );
}

#[test]
fn statuses() {
    check(" \t\r\n{\"status\":\"a\"}\n ", Ok("a"));
    check("\u{feff}{\"status\":\"running\"}", Ok("running"));
    check("{\"status\":\"RUNNING\"}", Ok("running"));
    check("{\"\\u0073tatus\":\"r\\u0075nning\"}", Ok("running"));
    check("{\"status\":\"\\ud83d\\ude00\"}", Ok("\u{1f600}"));
    check(
        "{\"status\":\"running\",\"n\":1e999999,\"m\":-123456789012345678901234567890}",
        Ok("running"),
    );
    check("{}", Err(BodyError::MissingStatus));
    check(
        "{\"Status\":\"running\",\"status \":\"running\"}",
        Err(BodyError::MissingStatus),
    );
    check("{\"status\":null}", Err(BodyError::MissingStatus));
    check(
        "{\"value\":[{\"status\":\"running\"}]}",
        Err(BodyError::MissingStatus),
    );
    for wrong in [
        "2",
        "-2",
        "2.5",
        "true",
        "[]",
        "[\"running\"]",
        "{}",
        "{\"status\":\"running\"}",
    ] {
        check(
            &format!("{{\"status\":{wrong}}}"),
            Err(BodyError::InvalidStatus),
        );
        check(
            &format!("{{\"status\":{wrong},\"\\u0073tatus\":\"running\"}}"),
            Err(BodyError::DuplicateKey),
        );
    }
    check(
        "{\"status\":null,\"status\":null}",
        Err(BodyError::DuplicateKey),
    );
    check(
        "{\"status\":\"a\",\"status\":\"a\"}",
        Err(BodyError::DuplicateKey),
    );
}

#[test]
fn depth() {
    let nested =
        |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    for member in ["x", "id", "createdDateTime"] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let body = |n| {
                format!(
                    "{{\"{member}\":{},\"status\":\"running\"}}",
                    nested(open, close, n)
                )
            };
            check(&body(127), Ok("running"));
            check(&body(128), Err(BodyError::TooDeep));
            check(&body(200_000), Err(BodyError::TooDeep));
        }
    }
    check(
        &format!("{{\"status\":{}}}", nested("[", "]", 127)),
        Err(BodyError::InvalidStatus),
    );
    check(
        &format!("{{\"status\":{}}}", nested("[", "]", 500)),
        Err(BodyError::TooDeep),
    );
    check(&nested("[", "]", 100_000), Err(BodyError::TooDeep));
    check(&"[".repeat(100_000), Err(BodyError::InvalidJson));
    check(&"{\"a\":".repeat(100_000), Err(BodyError::InvalidJson));
}

#[test]
fn other_members_are_advisory() {
    let body = r##"{"@odata.type":"#t","id":1,"id":"last","statusDetail":"a\nb","resourceLocation":["x"],
        "createdDateTime":"2024-05-01T10:00:00","lastActionDateTime":"2024-05-01T10:00:00+02:00","status":"failed"}"##;
    let operation = Operation::decode(JSON, body.as_bytes()).unwrap();
    assert_eq!(operation.id(), Some("last"));
    assert_eq!(operation.status_detail(), Some("a\nb"));
    assert_eq!(operation.resource_location(), None);
    assert_eq!(operation.odata_type(), Some("#t"));
    assert_eq!(operation.created(), None);
    assert_eq!(operation.last_action(), "2024-05-01T08:00:00Z".parse().ok());
    assert!(!format!("{operation:?}").contains('\n'));
    check(
        r#"{"id":"a","id":null,"status":"failed","statusDetail":true,"@odata.type":{"a":[1]}}"#,
        Ok("failed"),
    );
}

#[test]
fn a_detail_is_read_from_each_of_its_places() {
    for (members, detail) in [
        (
            r#""statusDetail":"said","error":{"code":"c","message":"m"}"#,
            Some("said"),
        ),
        (r#""error":{"code":"c","message":"m"}"#, Some("c: m")),
        (
            r#""statusDetail":null,"error":{"code":7,"message":"m"}"#,
            Some("7: m"),
        ),
        (
            r#""statusDetail":"","error":{"message":{"lang":"en","value":"m"}}"#,
            Some("m"),
        ),
        (r#""statusDetail":" ","error":{"code":"c"}"#, Some("c")),
        (r#""statusDetail":{"code":"c","message":"m"}"#, Some("c: m")),
        (r#""statusDetail":{"message":{"value":"m"}}"#, Some("m")),
        (
            r#""statusDetail":{"code":"c"},"error":{"message":"m"}"#,
            Some("m"),
        ),
        (r#""error":"text""#, Some("text")),
        (r#""statusDetail":"","error":null"#, Some("")),
        (r#""statusDetail":{"code":"c"}"#, None),
        (r#""statusDetail":["m"],"error":{"message":["m"]}"#, None),
        (r#""error":7"#, None),
        (r#""error":{}"#, None),
    ] {
        let body = format!(r#"{{"status":"failed",{members}}}"#);
        let operation = Operation::decode(JSON, body.as_bytes()).unwrap();
        assert_eq!(operation.status_detail(), detail, "{body}");
        assert_eq!(operation.status(), &OperationStatus::Failed);
    }
    // Nothing in a detail is the operation's own.
    let body =
        br#"{"status":"running","error":{"status":"failed","id":"e","message":"m canary-token"}}"#;
    let operation = Operation::decode_redacted(JSON, body, Some("canary-token")).unwrap();
    assert_eq!(operation.status(), &OperationStatus::Running);
    assert_eq!(operation.id(), None);
    assert_eq!(operation.status_detail(), Some("m [redacted]"));
}

proptest! {
    #[test]
    fn never_panics(content_type in "\\PC{0,30}", body in "[{}\\[\\]\":,a\\\\ ]{0,60}|\\PC{0,60}") {
        let _ = Operation::decode(Some(content_type.as_bytes()), body.as_bytes());
        let _ = Operation::decode(None, body.as_bytes());
    }

    #[test]
    fn an_accepted_body_is_json(body in "\\{\"status\":[\"a-b0-9.,:{}\\[\\]\\\\ ]{0,20}\\}") {
        if Operation::decode(None, body.as_bytes()).is_ok() {
            prop_assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok_and(|value| value.is_object()));
        }
    }
}

/// Bodies of an operation as the service writes them, and bodies that are almost such.
fn almost_an_operation() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        8 => proptest::sample::select(Operation::NAMES).prop_map(str::to_owned),
        1 => "@odata.context|Status|",
    ];
    let value = prop_oneof![
        6 => "\"(running|Succeeded|failed|unknownFutureValue)\"",
        4 => "\"2026-03-(0[1-9]|30)T12:00:0[0-9](\\.[0-9]{0,10})?(Z|\\+01:00|)\"",
        4 => "\"(#microsoft\\.graph\\.(longRunningOperation|industryData\\.validateOperation))?\"",
        4 => "\"(a-1| |\u{e9}|canary-token|a canary a)\"",
        2 => "null|true|false",
        1 => "[0-9]|\\{\\}|\\[\"a\"\\]|\"\\\\u0061\"|\\{\"code\":\"c\",\"message\":\"m\"\\}",
    ];
    let member = (name, value).prop_map(|(name, value)| format!("\"{name}\":{value}"));
    let members = proptest::collection::vec(member, 0..6);
    (members, "(,\"status\":\"running\")?").prop_map(|(members, status)| {
        let members = members.join(",") + &status;
        ["{", members.strip_prefix(',').unwrap_or(&members), "}"].concat()
    })
}

#[test]
fn the_usual_body_is_read_the_fast_way() {
    let body = r##"{"@odata.context":"c","@odata.type":"#microsoft.graph.longRunningOperation","id":"a-1",
        "createdDateTime":"2026-03-10T12:00:00Z","status":"running","statusDetail":null}"##;
    let body = body.replace("\n        ", "");
    let flat = Operation::flat(body.as_bytes(), Redaction::of(None));
    assert_eq!(flat, Operation::decode(JSON, body.as_bytes()).ok());
    assert_eq!(flat.unwrap().id(), Some("a-1"));
}

proptest! {
    #[test]
    fn the_fast_way_reads_what_the_slow_way_reads(
        json in almost_an_operation(),
        token in "(canary(-token)?)?",
        damage in proptest::option::weighted(0.2, (any::<prop::sample::Index>(), any::<u8>())),
    ) {
        let mut json = json.into_bytes();
        if let Some((at, byte)) = damage {
            *at.get_mut(&mut json) = byte;
        }
        let redaction = Redaction::of(Some(&token));
        if let Some(operation) = Operation::flat(&json, redaction) {
            let body = Body::new(None, &json, Some(&token));
            prop_assert_eq!(Ok(operation), Operation::nested(&body), "{:?}", json.escape_ascii());
        }
    }
}

#[test]
fn every_body_error_has_a_name() {
    let names = [
        (BodyError::WrongContentType, "wrong_content_type"),
        (BodyError::EmptyBody, "empty_body"),
        (BodyError::NotUtf8, "not_utf8"),
        (BodyError::InvalidJson, "invalid_json"),
        (BodyError::TooDeep, "too_deep"),
        (BodyError::NotAnObject, "not_an_object"),
        (BodyError::MissingMember("status"), "missing_member"),
    ];
    for (error, name) in names {
        assert_eq!(error.name(), name);
    }
}

#[test]
fn a_validation_has_its_errors_warnings_and_files() {
    let body = r##"{"@odata.type":"#microsoft.graph.industryData.fileValidateOperation","status":"succeeded",
        "errors":[{"code":"RequiredFileNotFound","message":"m","target":"orgs.csv",
            "details":[{"code":"d","message":"n","target":"t"}],
            "innerError":{"code":"i1","innererror":{"code":"i2","innerError":{"code":"i3"}}}}, "text only", 7, null],
        "warnings":[{"code":"OptionalFileNotFound","target":"classes.csv","details":null,"innerError":null}],
        "validatedFiles":["users.csv", 3, "roles.csv"]}"##;
    let operation = Operation::decode(JSON, body.as_bytes()).unwrap();
    assert!(operation.is_validation());
    let [error, text] = operation.errors() else {
        panic!("{operation:?}")
    };
    assert_eq!(
        (error.code(), error.message(), error.target()),
        (Some("RequiredFileNotFound"), Some("m"), Some("orgs.csv"))
    );
    assert_eq!(error.details().len(), 1);
    assert_eq!(error.details()[0].target(), Some("t"));
    assert_eq!(error.inner_codes(), ["i1", "i2", "i3"]);
    // An error that is not an object is still an error.
    assert_eq!(
        (text.code(), text.message(), text.target()),
        (None, Some("text only"), None)
    );
    let [warning] = operation.warnings() else {
        panic!("{operation:?}")
    };
    assert_eq!(warning.target(), Some("classes.csv"));
    assert_eq!(operation.validated_files(), ["users.csv", "roles.csv"]);
}

#[test]
fn absent_and_wrong_lists_are_empty() {
    for members in [
        "",
        r#","errors":null,"warnings":null,"validatedFiles":null"#,
        r#","errors":{"code":"a"},"warnings":"b","validatedFiles":7"#,
        r#","errors":[],"warnings":[],"validatedFiles":[]"#,
        r#","value":[{"errors":[{"code":"a"}]}]"#,
    ] {
        let body = format!(r#"{{"status":"succeeded"{members}}}"#);
        let operation = Operation::decode(JSON, body.as_bytes()).unwrap();
        assert!(operation.errors().is_empty() && operation.warnings().is_empty());
        assert!(operation.validated_files().is_empty() && !operation.is_validation());
    }
}

#[test]
fn only_the_type_makes_a_validation() {
    for (name, is_validation) in [
        ("#microsoft.graph.industryData.fileValidateOperation", true),
        ("Microsoft.Graph.IndustryData.FileValidateOperation", true),
        ("#microsoft.graph.industryData.validateOperation", true),
        ("#microsoft.graph.longRunningOperation", false),
        ("#microsoft.graph.industryData.revalidateOperation", false),
        ("##microsoft.graph.industryData.validateOperation", false),
    ] {
        let body = format!(r#"{{"@odata.type":"{name}","status":"running"}}"#);
        let operation = Operation::decode(JSON, body.as_bytes()).unwrap();
        assert_eq!(operation.is_validation(), is_validation, "{name}");
    }
}

#[test]
fn the_token_is_redacted_in_errors_and_files() {
    let token = "canary-token-of-a-test";
    let body = format!(
        r#"{{"status":"succeeded","errors":[{{"code":"{token}","target":"{token}"}},"{token}"],
        "warnings":[{{"message":"a {token}"}}],"validatedFiles":["{token}"]}}"#
    );
    let operation = Operation::decode_redacted(JSON, body.as_bytes(), Some(token)).unwrap();
    assert!(!format!("{operation:?}").contains(token), "{operation:?}");
    assert_eq!(operation.errors().len(), 2);
}
