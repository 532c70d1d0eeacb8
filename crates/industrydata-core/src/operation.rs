//! The answer of `GET {base}/external/industryData/operations/{id}`: how far a run has come.
//!
//! The resource is
//! [longRunningOperation](https://learn.microsoft.com/graph/api/resources/longrunningoperation).
//! Its `status` decides; every other member is advisory, and a wrong type there is no error.

use std::{borrow::Cow, fmt};

use jiff::Timestamp;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

pub(crate) use crate::status::OperationStatus;
use crate::{
    json::{Name, Node, Shape, is_too_deep, without_bom},
    rfc3339::rfc3339,
};

/// What the service says about an operation (rules B1 to B12).
///
/// Text is kept as received: show it through [`escape_controls`](crate::escape_controls).
///
/// ```
/// use industrydata_core::{BodyError, Operation, OperationStatus};
///
/// let body = br#"{"id":"a-1","status":"running","createdDateTime":"2024-09-11T05:54:35.400029Z"}"#;
/// let operation = Operation::decode(Some(b"application/json;charset=utf-8"), body)?;
/// assert_eq!(operation.status(), &OperationStatus::Running);
/// assert!(!operation.status().is_terminal());
/// assert_eq!(operation.id(), Some("a-1"));
///
/// let captive = Operation::decode(Some(b"text/html"), b"<html>Sign in");
/// assert_eq!(captive, Err(BodyError::WrongContentType));
/// # Ok::<(), BodyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    status: OperationStatus,
    id: Option<String>,
    status_detail: Option<String>,
    resource_location: Option<String>,
    odata_type: Option<String>,
    created: Option<Timestamp>,
    last_action: Option<Timestamp>,
}

impl Operation {
    /// Reads the body of a 2xx answer to a poll, given the value of its `Content-Type`.
    ///
    /// # Errors
    ///
    /// The first of the rules B1 to B8 that fails. Such an answer says nothing of the operation.
    pub fn decode(content_type: Option<&[u8]>, body: &[u8]) -> Result<Self, BodyError> {
        if !content_type.is_none_or(is_json) {
            return Err(BodyError::WrongContentType);
        }
        if body.is_empty() {
            return Err(BodyError::EmptyBody);
        }
        let json = without_bom(str::from_utf8(body).map_err(|_| BodyError::NotUtf8)?);
        let members = if json.trim_start_matches([' ', '\t', '\n', '\r']).starts_with('{') {
            serde_json::from_str(json).map(Some)
        } else {
            serde_json::from_str(json).map(|_: IgnoredAny| None)
        };
        let members: Option<Members<'_>> = members.map_err(|_| BodyError::InvalidJson)?;
        if is_too_deep(json) {
            return Err(BodyError::TooDeep);
        }
        members.ok_or(BodyError::NotAnObject)?.operation()
    }

    /// The same operation, with `secret` replaced wherever the service echoed it.
    pub(crate) fn without(mut self, secret: &str) -> Self {
        let Self {
            status,
            id,
            status_detail,
            resource_location,
            odata_type,
            created: _,
            last_action: _,
        } = &mut self;
        let mut texts = [id, status_detail, resource_location, odata_type];
        for text in texts.iter_mut().filter_map(|text| text.as_mut()) {
            if text.contains(secret) {
                *text = text.replace(secret, "[redacted]");
            }
        }
        if let OperationStatus::Other(text) = status {
            *text = text.replace(secret, "[redacted]");
        }
        self
    }

    /// How far the operation has come.
    #[must_use]
    pub const fn status(&self) -> &OperationStatus {
        &self.status
    }

    /// The operation's id as the body gives it.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        self.id.as_deref()
    }

    /// What the service says about the status, for people.
    #[must_use]
    pub fn status_detail(&self) -> Option<&str> {
        self.status_detail.as_deref()
    }

    /// The resource operated on. It is data: nothing here ever fetches it.
    #[must_use]
    pub fn resource_location(&self) -> Option<&str> {
        self.resource_location.as_deref()
    }

    /// The `@odata.type`.
    #[must_use]
    pub fn odata_type(&self) -> Option<&str> {
        self.odata_type.as_deref()
    }

    /// When the operation was created (`createdDateTime`).
    #[must_use]
    pub const fn created(&self) -> Option<Timestamp> {
        self.created
    }

    /// When the operation last did something (`lastActionDateTime`).
    #[must_use]
    pub const fn last_action(&self) -> Option<Timestamp> {
        self.last_action
    }
}

/// Why the body of a poll's answer says nothing (rules B1 to B8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BodyError {
    /// Not `application/json` or `application/*+json` (B1).
    #[error("the answer is not labelled as JSON: a proxy or a sign-in page may have sent it")]
    WrongContentType,
    /// No body (B2).
    #[error("the answer has an empty body")]
    EmptyBody,
    /// Not UTF-8 (B3).
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// Not one JSON text (B4).
    #[error("the body is not JSON")]
    InvalidJson,
    /// More than 128 levels of nesting (B5).
    #[error("the body is nested too deep")]
    TooDeep,
    /// Not an object (B6).
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// More than one `status` (B7).
    #[error("the body has more than one status")]
    DuplicateKey,
    /// No `status`, or null (B8).
    #[error("the body has no status")]
    MissingStatus,
    /// A `status` that is no string (B8).
    #[error("the body's status is not a string")]
    InvalidStatus,
}

impl BodyError {
    /// A short stable name, such as `missing_status`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongContentType => "wrong_content_type",
            Self::EmptyBody => "empty_body",
            Self::NotUtf8 => "not_utf8",
            Self::InvalidJson => "invalid_json",
            Self::TooDeep => "too_deep",
            Self::NotAnObject => "not_an_object",
            Self::DuplicateKey => "duplicate_key",
            Self::MissingStatus => "missing_status",
            Self::InvalidStatus => "invalid_status",
        }
    }
}

/// Rule B1: `application/json` or `application/*+json` with any parameters (RFC 9110 section
/// 8.3.1, RFC 6839 section 3.1).
fn is_json(content_type: &[u8]) -> bool {
    let essence = content_type.split(|b| *b == b';').next().unwrap_or_default();
    let Ok(essence) = str::from_utf8(essence) else {
        return false;
    };
    let Some((kind, subtype)) = essence.trim_matches([' ', '\t']).split_once('/') else {
        return false;
    };
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    let is_suffixed = || {
        let at = subtype.len().checked_sub("+json".len());
        at.filter(|at| *at > 0)
            .and_then(|at| subtype.get(at..))
            .is_some_and(|suffix| suffix.eq_ignore_ascii_case("+json"))
    };
    kind.eq_ignore_ascii_case("application")
        && subtype.bytes().all(is_token)
        && (subtype.eq_ignore_ascii_case("json") || is_suffixed())
}

/// The members of an operation that are known, as they came.
#[derive(Default)]
struct Members<'a> {
    /// `None` without a member `status`.
    status: Option<Node<'a>>,
    has_second_status: bool,
    id: Option<Cow<'a, str>>,
    status_detail: Option<Cow<'a, str>>,
    resource_location: Option<Cow<'a, str>>,
    odata_type: Option<Cow<'a, str>>,
    created: Option<Timestamp>,
    last_action: Option<Timestamp>,
}

impl Members<'_> {
    fn operation(self) -> Result<Operation, BodyError> {
        if self.has_second_status {
            return Err(BodyError::DuplicateKey);
        }
        let status = match self.status {
            Some(Node::Text(status)) => OperationStatus::from(status),
            Some(Node::Null) | None => return Err(BodyError::MissingStatus),
            Some(Node::Number(_) | Node::List(_) | Node::Object(_) | Node::Other) => {
                return Err(BodyError::InvalidStatus);
            }
        };
        Ok(Operation {
            status,
            id: self.id.map(Cow::into_owned),
            status_detail: self.status_detail.map(Cow::into_owned),
            resource_location: self.resource_location.map(Cow::into_owned),
            odata_type: self.odata_type.map(Cow::into_owned),
            created: self.created,
            last_action: self.last_action,
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        reader.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

const NAMES: &[&str] = &[
    "status",
    "id",
    "statusDetail",
    "resourceLocation",
    "@odata.type",
    "createdDateTime",
    "lastActionDateTime",
];

/// One value; what is nested in it is skipped.
const FLAT: Shape = Shape { names: &[], depth: 0 };

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an operation")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key_seed(Name(NAMES))? {
            let Some(name) = name else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            let node = map.next_value_seed(FLAT)?;
            if name == "status" {
                members.has_second_status |= members.status.is_some();
                members.status = Some(node);
                continue;
            }
            let text = match node {
                Node::Text(text) => Some(text),
                Node::Null | Node::Number(_) | Node::List(_) | Node::Object(_) | Node::Other => None,
            };
            let time = || rfc3339(text.as_deref()?);
            match name {
                "createdDateTime" => members.created = time(),
                "lastActionDateTime" => members.last_action = time(),
                "id" => members.id = text,
                "statusDetail" => members.status_detail = text,
                "resourceLocation" => members.resource_location = text,
                _ => members.odata_type = text,
            }
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
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
        let decode = |value: &str| Operation::decode(Some(value.as_bytes()), b"{\"status\":\"failed\"}").is_ok();
        for good in [
            "application/json", " application/json ", "APPLICATION/JSON;CHARSET=\"x;y\"", "application/json;",
            "application/json\t;a", "application/problem+json", "application/vnd.a.b+JSON; v=1", "application/json;;\u{e9}",
        ] {
            assert!(decode(good), "{good}");
        }
        for bad in [
            "", ";", "json", "text/json", "text/plain", "application/", "application/jsonp", "application/json-seq",
            "application/+json", "application/json, text/html", "application/x-ndjson", "application / json",
            "application/json charset=utf-8", "application/a b+json", "application/json/x", "x/application/json",
            "application/json+xml", "application/xjson", "text/html; application/json", "\"application/json\"",
        ] {
            assert!(!decode(bad), "{bad}");
        }
        assert!(Operation::decode(None, b"{\"status\":\"failed\"}").is_ok());
        assert!(Operation::decode(Some(b"application/json;\xff"), b"{\"status\":\"failed\"}").is_ok());
        assert_eq!(Operation::decode(Some(b"text/html"), b""), Err(BodyError::WrongContentType));
    }

    #[test]
    fn what_is_no_json() {
        check("", Err(BodyError::EmptyBody));
        for bad in [
            " ", "\u{feff}", "\u{feff}\u{feff}{\"status\":\"a\"}", "{", "{}{}", "{} ,", "{\"status\":\"a\",}", "{'status':'a'}",
            "{status:\"a\"}", "{\"status\":\"a\",\"n\":NaN}", "{\"status\":\"a\",\"n\":-Infinity}", "{\"status\":\"a\",\"n\":01}",
            "{\"status\":\"a\",\"n\":+1}", "{\"status\":\"a\",\"n\":1.}", "{\"status\":\"a\",\"n\":.5}", "{\"status\":\"a\",\"n\":0x1}",
            "{\"status\":\"a\",\"x\":\"\t\"}", "{\"status\":\"a\",\"x\":\"\\x\"}", "{\"status\":\"a\"}/* */", "{\"status\":\"a\"\"x\":1}",
            "{\"status\":\"a\",\"status\":\"b\"", "{\"status\":2", "[1", "nul", "tru", "\u{a0}{\"status\":\"a\"}", "{\"status\":\"a\"}\0",
            "{\"status\":\"a\"}\u{feff}", "\u{b}{\"status\":\"a\"}", "{\"status\":\"\\ud800\"}", "{\"statusDetail\":\"\\udc00\",\"status\":\"a\"}",
            "{\"status\":\"a\",\"x\":True}", "{\"status\":\"a\",\"x\":[1 2]}", "{\"status\":\"a\",1:2}", "<html>", ")]}',\n{\"status\":\"a\"}",
        ] {
            check(bad, Err(BodyError::InvalidJson));
        }
        for body in ["null", "0", "-1.5e3", "true", "\"status\"", "[]", " [{\"status\":\"a\"}] ", "1e999999"] {
            check(body, Err(BodyError::NotAnObject));
        }
        assert_eq!(Operation::decode(JSON, b"{\"status\":\"\xc0\xaf\"}"), Err(BodyError::NotUtf8));
        assert_eq!(Operation::decode(JSON, b"{\"status\":\"\xed\xa0\x80\"}"), Err(BodyError::NotUtf8));
        assert_eq!(Operation::decode(JSON, b"\xfe\xff\0{"), Err(BodyError::NotUtf8));
    }

    #[test]
    fn statuses() {
        check(" \t\r\n{\"status\":\"a\"}\n ", Ok("a"));
        check("\u{feff}{\"status\":\"running\"}", Ok("running"));
        check("{\"status\":\"RUNNING\"}", Ok("running"));
        check("{\"\\u0073tatus\":\"r\\u0075nning\"}", Ok("running"));
        check("{\"status\":\"\\ud83d\\ude00\"}", Ok("\u{1f600}"));
        check("{\"status\":\"running\",\"n\":1e999999,\"m\":-123456789012345678901234567890}", Ok("running"));
        check("{}", Err(BodyError::MissingStatus));
        check("{\"Status\":\"running\",\"status \":\"running\"}", Err(BodyError::MissingStatus));
        check("{\"status\":null}", Err(BodyError::MissingStatus));
        check("{\"value\":[{\"status\":\"running\"}]}", Err(BodyError::MissingStatus));
        for wrong in ["2", "-2", "2.5", "true", "[]", "[\"running\"]", "{}", "{\"status\":\"running\"}"] {
            check(&format!("{{\"status\":{wrong}}}"), Err(BodyError::InvalidStatus));
            check(&format!("{{\"status\":{wrong},\"\\u0073tatus\":\"running\"}}"), Err(BodyError::DuplicateKey));
        }
        check("{\"status\":null,\"status\":null}", Err(BodyError::DuplicateKey));
        check("{\"status\":\"a\",\"status\":\"a\"}", Err(BodyError::DuplicateKey));
    }

    #[test]
    fn depth() {
        let nested = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
        for member in ["x", "id", "createdDateTime"] {
            for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
                let body = |n| format!("{{\"{member}\":{},\"status\":\"running\"}}", nested(open, close, n));
                check(&body(127), Ok("running"));
                check(&body(128), Err(BodyError::TooDeep));
                check(&body(200_000), Err(BodyError::TooDeep));
            }
        }
        check(&format!("{{\"status\":{}}}", nested("[", "]", 127)), Err(BodyError::InvalidStatus));
        check(&format!("{{\"status\":{}}}", nested("[", "]", 500)), Err(BodyError::TooDeep));
        check(&nested("[", "]", 100_000), Err(BodyError::TooDeep));
        check(&"[".repeat(100_000), Err(BodyError::InvalidJson));
        check(&"{\"a\":".repeat(100_000), Err(BodyError::InvalidJson));
    }

    #[test]
    fn the_rest_is_advisory() {
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
        check(r#"{"id":"a","id":null,"status":"failed","statusDetail":true,"@odata.type":{"a":[1]}}"#, Ok("failed"));
    }

    proptest! {
        #[test]
        fn never_panics(content_type in "\\PC{0,30}", body in "[{}\\[\\]\":,a\\\\ ]{0,60}|\\PC{0,60}") {
            let _ = Operation::decode(Some(content_type.as_bytes()), body.as_bytes());
            let _ = Operation::decode(None, body.as_bytes());
        }

        #[test]
        fn what_it_takes_is_json(body in "\\{\"status\":[\"a-b0-9.,:{}\\[\\]\\\\ ]{0,20}\\}") {
            if Operation::decode(None, body.as_bytes()).is_ok() {
                prop_assert!(serde_json::from_str::<serde_json::Value>(&body).is_ok_and(|value| value.is_object()));
            }
        }
    }
}
