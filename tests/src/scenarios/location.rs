//! The `Location` of a 202: which URLs are polled and which are refused.

use crate::{
    answers::{answer, located, status},
    scenario::{Address, Do, Scenario},
};

const OPERATIONS: &str = "/beta/external/industryData/operations";

/// Valid and invalid Locations. The start counts in either case.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let mut scenarios: Vec<_> = FOLLOWED
        .iter()
        .map(|(name, location, target)| {
            Scenario::new(format!("Location polled: {name}"), "L10")
                .turn(located(location))
                .turn(status("succeeded"))
                .step(Do::Run, "succeeded")
                .target(target.replace("OPERATIONS", OPERATIONS))
                .wire("PG")
                .ledger(1, 0)
        })
        .collect();
    scenarios.extend(REFUSED.iter().map(|(name, covers, location, error)| {
        refused(
            name,
            covers,
            located(&location.replace("OPERATIONS", OPERATIONS)),
            error,
        )
    }));
    scenarios.extend([
        refused("missing", "T14", answer(202, &[], ""), "Missing"),
        refused("empty", "T14", answer(202, &["Location:  "], ""), "Missing"),
        refused(
            "two different fields",
            "T14",
            answer(202, &["Location: {base}/external/industryData/operations/a", "Location: {foreign}/"], ""),
            "Multiple",
        ),
        refused(
            "two equal fields",
            "T14",
            answer(202, &["location: {base}/external/industryData/operations/a"; 2], ""),
            "Multiple",
        ),
        refused(
            "longer than 8000 octets",
            "T14",
            located(&format!("{{base}}/external/industryData/operations/a?{}", "x".repeat(8000))),
            "TooLong",
        ),
        refused(
            "not UTF-8",
            "T14",
            crate::raw(
                [b"HTTP/1.1 202 A\r\nContent-Length: 0\r\nLocation: {base}/external/industryData/operations/".as_slice(), b"\xff\xfe\r\n\r\n"]
                    .concat(),
            ),
            "NotUtf8",
        ),
        refused(
            "127.0.0.1 where the base is localhost",
            "T7",
            located("http://127.0.0.1:{port}/beta/external/industryData/operations/a"),
            "CrossOrigin",
        )
        .address(Address::Localhost),
    ]);
    scenarios
}

fn refused(name: &str, covers: &'static str, turn: crate::Turn, error: &str) -> Scenario {
    Scenario::new(format!("Location refused: {name}"), covers)
        .turn(turn)
        .step(
            Do::Run,
            format!(
                "start NotFollowable {}",
                error.replace('|', "|start NotFollowable ")
            ),
        )
        .wire("P")
        .ledger(1, 0)
}

const FOLLOWED: [(&str, &str, &str); 10] = [
    (
        "an absolute URL",
        "{base}/external/industryData/operations/a-1",
        "OPERATIONS/a-1",
    ),
    (
        "key syntax",
        "{base}/external/industryData/operations('a-1')",
        "OPERATIONS('a-1')",
    ),
    (
        "a trailing slash",
        "{base}/external/industryData/operations/a-1/",
        "OPERATIONS/a-1/",
    ),
    (
        "path segments in another case",
        "{base}/external/industrydata/Operations/A-1",
        "/beta/external/industrydata/Operations/A-1",
    ),
    (
        "an absolute path",
        "/beta/external/industryData/operations/a-1",
        "OPERATIONS/a-1",
    ),
    ("a relative path", "../operations/a-1", "OPERATIONS/a-1"),
    (
        "an absolute path without the version, which is added",
        "/external/industryData/operations/a-1",
        "OPERATIONS/a-1",
    ),
    (
        "the scheme in upper case",
        "HTTP://127.0.0.1:{port}/beta/external/industryData/operations/a-1",
        "OPERATIONS/a-1",
    ),
    (
        "a fragment, which is not sent",
        "{base}/external/industryData/operations/a-1#secret",
        "OPERATIONS/a-1",
    ),
    (
        "a query, which is sent",
        "{base}/external/industryData/operations/a-1?$select=status",
        "OPERATIONS/a-1?$select=status",
    ),
];

const REFUSED: [(&str, &str, &str, &str); 27] = [
    (
        "another port",
        "T2",
        "{foreign}/external/industryData/operations/a",
        "CrossOrigin",
    ),
    (
        "another host name",
        "T1",
        "http://localhost:{port}OPERATIONS/a",
        "CrossOrigin",
    ),
    (
        "a host on another domain",
        "T1",
        "https://evil.example/beta/external/industryData/operations/a",
        "CrossOrigin",
    ),
    (
        "plain http to another domain",
        "T3",
        "http://evil.example/beta/external/industryData/operations/a",
        "Insecure",
    ),
    (
        "the default port",
        "T2",
        "http://127.0.0.1OPERATIONS/a",
        "CrossOrigin",
    ),
    (
        "another scheme",
        "T3",
        "https://127.0.0.1:{port}OPERATIONS/a",
        "CrossOrigin",
    ),
    (
        "a scheme-relative URL of another host",
        "T6",
        "//{foreign-authority}OPERATIONS/a",
        "CrossOrigin",
    ),
    (
        "a user name",
        "T4",
        "http://user@127.0.0.1:{port}OPERATIONS/a",
        "HasCredentials",
    ),
    (
        "an empty user name",
        "T4",
        "http://@127.0.0.1:{port}OPERATIONS/a",
        "HasCredentials",
    ),
    (
        "the base's authority as the user name at another host",
        "T4",
        "http://127.0.0.1:{port}@{foreign-authority}OPERATIONS/a",
        "HasCredentials|Unparsable",
    ),
    (
        "backslashes for slashes",
        "T5",
        "http:\\\\{foreign-authority}OPERATIONS/a",
        "Unparsable",
    ),
    (
        "a backslash after the leading slash",
        "T5",
        "/\\{foreign-authority}OPERATIONS/a",
        "Unparsable",
    ),
    (
        "a space",
        "T5",
        "{base}/external/industryData/operations/a b",
        "Unparsable",
    ),
    (
        "a tab",
        "T5",
        "ht\ttp://{foreign-authority}OPERATIONS/a",
        "Unparsable",
    ),
    (
        "a quotation mark",
        "T5",
        "{base}/external/industryData/operations/\"a\"",
        "Unparsable",
    ),
    (
        "the host as a number",
        "T7",
        "http://2130706433:{port}OPERATIONS/a",
        "CrossOrigin|Insecure",
    ),
    (
        "the host with a trailing dot",
        "T7",
        "http://127.0.0.1.:{port}OPERATIONS/a",
        "CrossOrigin|Insecure",
    ),
    (
        "the host as an IPv4-mapped IPv6 address",
        "T7",
        "http://[::ffff:127.0.0.1]:{port}OPERATIONS/a",
        "CrossOrigin|Insecure",
    ),
    (
        "another resource",
        "T10",
        "{base}/me/messages",
        "NotAnOperation",
    ),
    (
        "an operation path in a query",
        "T10",
        "{base}/me?/beta/external/industryData/operations/a",
        "NotAnOperation",
    ),
    (
        "an operation path in a fragment",
        "T10",
        "{base}/me#/external/industryData/operations/a",
        "NotAnOperation",
    ),
    (
        "a segment after the operation",
        "T10",
        "{base}/external/industryData/operations/a/cancel",
        "NotAnOperation",
    ),
    (
        "another API version",
        "T11",
        "{origin}/v1.0/external/industryData/operations/a",
        "NotAnOperation",
    ),
    (
        "encoded dot segments",
        "T8",
        "{base}/external/industryData/operations/%2e%2e/%2e%2E/x",
        "NotAnOperation",
    ),
    (
        "an encoded slash",
        "T9",
        "{base}/external/industryData/operations/a%2Fb",
        "NotAnOperation",
    ),
    (
        "an encoded line break",
        "T9",
        "{base}/external/industryData/operations/a%0d%0aX:%20y",
        "NotAnOperation",
    ),
    (
        "a javascript: URL",
        "T6",
        "javascript:alert(1)",
        "CrossOrigin|NotAnOperation|Unparsable",
    ),
];
