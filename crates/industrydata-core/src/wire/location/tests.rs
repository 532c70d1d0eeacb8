use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const OPERATIONS: &str = "https://graph.microsoft.com/beta/external/industryData/operations";

fn check_at(base: &str, location: &str, expected: Result<(&str, &str), LocationError>) {
    let base = BaseUrl::parse(base).unwrap();
    let url = OperationUrl::parse(&base, location);
    let text = url.as_ref().map(OperationUrl::text);
    let found = url.as_ref().map_err(|e| *e);
    let found = found.map(|url| (text.as_deref().unwrap(), url.operation_id()));
    assert_eq!(found, expected, "{location:.200}");
    if let Ok(text) = &text {
        assert_eq!(
            OperationUrl::parse(&base, text).unwrap().uri().to_string(),
            *text
        );
    }
}

fn ok(location: &str, url: &str, id: &str) {
    check_at("https://graph.microsoft.com/beta", location, Ok((url, id)));
}

fn refused(location: &str, expected: LocationError) {
    check_at("https://graph.microsoft.com/beta", location, Err(expected));
}

#[test]
fn forms_of_an_operation_that_are_accepted() {
    for path in [
        "/a",
        "/a/",
        "('a')",
        "('a')/",
        "/%61",
        "('%61')",
        "/a?x=/../y&'z'",
        "/a?",
        "('a')/?b?c",
    ] {
        let url = format!("{OPERATIONS}{path}");
        ok(&url, &url, "a");
    }
    ok(
        &format!("{OPERATIONS}/a#x?y/../z"),
        &format!("{OPERATIONS}/a"),
        "a",
    );
    ok(&format!("{OPERATIONS}/a#"), &format!("{OPERATIONS}/a"), "a");
    ok(
        "HTTPS://Graph.Microsoft.COM:0443/BETA/External/INDUSTRYDATA/Operations/a",
        "https://graph.microsoft.com/BETA/External/INDUSTRYDATA/Operations/a",
        "a",
    );
    ok(
        "//graph.microsoft.com:/b%65ta/external/industryData/operations/a/x/..",
        "https://graph.microsoft.com/b%65ta/external/industryData/operations/a/",
        "a",
    );
    ok(".././operations/a", &format!("{OPERATIONS}/a"), "a");
    ok("%2e%2E/operations('a')", &format!("{OPERATIONS}('a')"), "a");
    ok(
        "../operations/%2D%5f%7E%2e",
        &format!("{OPERATIONS}/%2D%5f%7E%2e"),
        "-_~.",
    );
    ok(
        "../../industryData/operations/...",
        &format!("{OPERATIONS}/..."),
        "...",
    );
    ok(
        &format!("{OPERATIONS}/{}", "%61".repeat(128)),
        &format!("{OPERATIONS}/{}", "%61".repeat(128)),
        &"a".repeat(128),
    );
}

#[test]
fn other_paths_are_refused() {
    for path in [
        "",
        "/",
        "//",
        "//a",
        "/a//",
        "/a/b",
        "/a/('b')",
        "()",
        "('')",
        "('a",
        "(a)",
        "(\"a\")",
        "('a')('b')",
        "('a')b",
        "('a')//",
        "(%27a%27)",
        "%28'a')",
        "/('a')",
        "/'a'",
        "/a'b",
        "('a''b')",
        "/a%2Fb",
        "/a%2fb",
        "/%25",
        "/%2561",
        "/a%20b",
        "/a%00",
        "/a;b",
        "/a,b",
        "/a@b",
        "/a:b",
        "/a+b",
        "/$count",
        "/a=b",
        "/%C3%A9",
        "/.",
        "/..",
        "/%2e",
        "/%2e%2e",
        "('.')",
        "('..')",
        "('%2e%2E')",
        "/a/..",
        "/a/%2e%2e",
        "X/a",
        "/a%2f..%2fb",
        "(id='a')",
        "?id=a",
        "#/a",
        "/%ef%bc%8e",
    ] {
        let location = format!("{OPERATIONS}{path}");
        let base = BaseUrl::graph();
        let url = OperationUrl::parse(&base, &location);
        assert!(
            matches!(
                url,
                Err(LocationError::NotAnOperation | LocationError::Unparsable)
            ),
            "{location}: {url:?}",
        );
    }
    refused(
        &format!("{OPERATIONS}/{}", "a".repeat(129)),
        LocationError::NotAnOperation,
    );
    for location in [
        "https://graph.microsoft.com",
        "https://graph.microsoft.com?x",
        "https://graph.microsoft.com/v1.0/external/industryData/operations/a",
        "https://graph.microsoft.com/beta2/external/industryData/operations/a",
        "https://graph.microsoft.com/bet/external/industryData/operations/a",
        "https://graph.microsoft.com/beta/external//industryData/operations/a",
        "https://graph.microsoft.com/x/beta/external/industryData/operations/a",
        "https://graph.microsoft.com/beta%2Fexternal/industryData/operations/a",
        "https://graph.microsoft.com/external/industryData/operations/a",
        "https://graph.microsoft.com//beta/external/industryData/operations/a",
        "https://graph.microsoft.com/beta;x/external/industryData/operations/a",
        "a",
        ".",
        "..",
        "?",
        "#",
        "#a",
        "/",
        "/beta",
        "./a:b",
        "operations/a",
    ] {
        refused(location, LocationError::NotAnOperation);
    }
}

#[test]
fn other_origins_are_refused() {
    let path = "/beta/external/industryData/operations/a";
    for (origin, expected) in [
        ("https://graph.microsoft.com.", LocationError::CrossOrigin),
        (
            "https://evilgraph.microsoft.com",
            LocationError::CrossOrigin,
        ),
        (
            "https://evil.graph.microsoft.com",
            LocationError::CrossOrigin,
        ),
        (
            "https://graph.microsoft.com.evil.example",
            LocationError::CrossOrigin,
        ),
        ("https://microsoft.com", LocationError::CrossOrigin),
        ("https://graph.microsoft.com:0", LocationError::CrossOrigin),
        ("https://graph.microsoft.com:80", LocationError::CrossOrigin),
        (
            "https://graph.microsoft.com:65535",
            LocationError::CrossOrigin,
        ),
        (
            "https://graph.microsoft.com:65536",
            LocationError::Unparsable,
        ),
        (
            "https://graph.microsoft.com:-443",
            LocationError::Unparsable,
        ),
        (
            "https://graph.microsoft.com:443:443",
            LocationError::Unparsable,
        ),
        (
            "https://graph.microsoft.com%00.evil.example",
            LocationError::CrossOrigin,
        ),
        (
            "https://graph.microsoft.com;evil.example",
            LocationError::CrossOrigin,
        ),
        (
            "https://graph.microsoft.com%2f.evil.example",
            LocationError::CrossOrigin,
        ),
        ("https://graph%2Emicrosoft.com", LocationError::CrossOrigin),
        ("https://[::1]", LocationError::CrossOrigin),
        ("https://[::1", LocationError::Unparsable),
        (
            "https://@graph.microsoft.com",
            LocationError::HasCredentials,
        ),
        (
            "https://graph.microsoft.com@graph.microsoft.com",
            LocationError::HasCredentials,
        ),
        ("https://a@b@graph.microsoft.com", LocationError::Unparsable),
        (
            "https://%40@graph.microsoft.com",
            LocationError::HasCredentials,
        ),
        ("//u@evil.example", LocationError::HasCredentials),
        ("https://:443", LocationError::Unparsable),
        ("https://", LocationError::Unparsable),
        ("https:", LocationError::Unparsable),
        ("http:", LocationError::Unparsable),
        ("https:graph.microsoft.com", LocationError::Unparsable),
        ("//", LocationError::Unparsable),
        ("//@", LocationError::Unparsable),
        ("http://graph.microsoft.com:443", LocationError::Insecure),
        ("http://u@graph.microsoft.com", LocationError::Insecure),
        ("http://127.0.0.1", LocationError::CrossOrigin),
        ("HTTP://LOCALHOST", LocationError::CrossOrigin),
        ("http://u@localhost", LocationError::HasCredentials),
        ("wss://graph.microsoft.com", LocationError::CrossOrigin),
        ("httpss://graph.microsoft.com", LocationError::CrossOrigin),
        ("ftp://u@graph.microsoft.com", LocationError::HasCredentials),
        ("file://", LocationError::CrossOrigin),
        ("data:text/plain", LocationError::CrossOrigin),
        ("://graph.microsoft.com", LocationError::Unparsable),
        (
            "https%3A//graph.microsoft.com",
            LocationError::NotAnOperation,
        ),
        ("https://graph.microsoft.com\\", LocationError::Unparsable),
        (
            "\u{feff}https://graph.microsoft.com",
            LocationError::Unparsable,
        ),
        (
            "https://graph\u{3002}microsoft.com",
            LocationError::Unparsable,
        ),
        ("https://graph.microsoft.com\0", LocationError::Unparsable),
        (
            "\u{a0}https://graph.microsoft.com",
            LocationError::Unparsable,
        ),
    ] {
        refused(&format!("{origin}{path}"), expected);
    }
}

#[test]
fn loopback() {
    let path = "external/industryData/operations/a";
    let full = |origin: &str| format!("{origin}/{path}");
    let url = full("http://[::1]:8080");
    check_at("http://[::1]:8080", &url, Ok((&url, "a")));
    for origin in [
        "http://[0:0:0:0:0:0:0:1]:8080",
        "http://[::1%25lo]:8080",
        "http://[::01]:8080",
        "http://[v1.a]:8080",
    ] {
        check_at(
            "http://[::1]:8080",
            &full(origin),
            Err(LocationError::Insecure),
        );
    }
    for origin in [
        "http://127.0.0.2:8080",
        "http://localhost:8080",
        "http://127.0.0.1",
        "//127.0.0.1:8081",
    ] {
        check_at(
            "http://127.0.0.1:8080",
            &full(origin),
            Err(LocationError::CrossOrigin),
        );
    }
    for origin in [
        "http://127.1:8080",
        "http://0x7f.1:8080",
        "http://127.0.0.1.:8080",
        "http://0127.0.0.1:8080",
    ] {
        check_at(
            "http://127.0.0.1:8080",
            &full(origin),
            Err(LocationError::Insecure),
        );
    }
    check_at(
        "http://localhost",
        &full("http://localhost:080"),
        Ok((&full("http://localhost"), "a")),
    );
}

#[test]
fn a_missing_base_path_is_added() {
    ok(
        "/external/industryData/operations/a",
        &format!("{OPERATIONS}/a"),
        "a",
    );
    ok(
        "/External/industrydata/operations('a')/?x=1#y",
        "https://graph.microsoft.com/beta/External/industrydata/operations('a')/?x=1",
        "a",
    );
    for location in [
        "/./external/industryData/operations/a",
        "/beta/../external/industryData/operations/a",
        "/x/%2e%2e/external/industryData/operations/a",
        "../../../../external/industryData/operations/a",
        "//graph.microsoft.com/external/industryData/operations/a",
        "/v1.0/external/industryData/operations/a",
        "/industryData/operations/a",
        "/external/industryData/operations/a/b",
        "external/industryData/operations/a",
        "/external/industryData/operations/..",
        "/beta/industryData/operations/a",
    ] {
        refused(location, LocationError::NotAnOperation);
    }
    let rooted = "https://gw.example/external/industryData/operations/a";
    check_at(
        "https://gw.example",
        "/external/industryData/operations/a",
        Ok((rooted, "a")),
    );
    check_at(
        "https://gw.example/external",
        "/external/industryData/operations/a",
        Err(LocationError::NotAnOperation),
    );
    check_at(
        "https://gw.example/a%7eb",
        "/A~B/external/industryData/operations/a",
        Ok((
            "https://gw.example/A~B/external/industryData/operations/a",
            "a",
        )),
    );
}

#[test]
fn field_lines() {
    let base = BaseUrl::graph();
    let long = |n: usize| format!("{OPERATIONS}/a?{}", "q".repeat(n - OPERATIONS.len() - 3));
    let check = |values: &[&[u8]], expected: Result<&str, LocationError>| {
        let url = OperationUrl::resolve(&base, base.start_url(), values.iter().copied());
        assert_eq!(
            url.as_ref().map(OperationUrl::operation_id).map_err(|e| *e),
            expected
        );
    };
    check(&[], Err(LocationError::Missing));
    check(&[b"", b" \t"], Err(LocationError::Missing));
    check(&[b"", b"../operations/a"], Err(LocationError::Multiple));
    check(&[b"../operations/a", b""], Err(LocationError::Multiple));
    check(
        &[b"../operations/a", b"../operations/a"],
        Err(LocationError::Multiple),
    );
    check(&[b"\t../operations/a "], Ok("a"));
    check(&[b"../operations/a\r\n"], Err(LocationError::Unparsable));
    check(&[b"../operations/\xe9"], Err(LocationError::NotUtf8));
    check(
        &[b"\xff".repeat(9000).as_slice()],
        Err(LocationError::NotUtf8),
    );
    check(&[format!("  {}\t", long(8000)).as_bytes()], Ok("a"));
    check(&[long(8001).as_bytes()], Err(LocationError::TooLong));
    check(
        &["\u{e9}".repeat(4001).as_bytes()],
        Err(LocationError::TooLong),
    );
    let mut headers = HeaderMap::new();
    assert_eq!(
        OperationUrl::from_headers(&base, &headers),
        Err(LocationError::Missing)
    );
    headers.append(
        LOCATION,
        HeaderValue::from_bytes(b"../operations/\xe9").unwrap(),
    );
    assert_eq!(
        OperationUrl::from_headers(&base, &headers),
        Err(LocationError::NotUtf8)
    );
    headers.append(LOCATION, HeaderValue::from_static("../operations/a"));
    assert_eq!(
        OperationUrl::from_headers(&base, &headers),
        Err(LocationError::Multiple)
    );
}

#[test]
fn an_id_makes_a_url() {
    let base = BaseUrl::graph();
    let url = OperationUrl::from_id(&base, "A-z0_9.~x").unwrap();
    assert_eq!(url.text(), format!("{OPERATIONS}/A-z0_9.~x"));
    assert_eq!(OperationUrl::parse(&base, &url.text()), Ok(url));
    for id in [
        "",
        ".",
        "..",
        "a/b",
        "a%2D",
        "a b",
        "\u{e9}",
        "a?b",
        "a#b",
        &"a".repeat(129),
    ] {
        assert_eq!(
            OperationUrl::from_id(&base, id),
            Err(LocationError::NotAnOperation)
        );
    }
}

#[test]
fn queries_are_not_shown() {
    let url = OperationUrl::parse(&BaseUrl::graph(), "../operations/a?sig=secret").unwrap();
    assert_eq!(url.to_string(), format!("{OPERATIONS}/a"));
    assert!(!format!("{url:?}").contains("secret"));
    assert!(url.text().ends_with("?sig=secret"));
}

#[test]
fn next_links_keep_the_origin() {
    let base = BaseUrl::graph();
    let check = |url: &str, expected: Result<&str, LocationError>| {
        let uri = same_origin(&base, url).map(|uri| uri.to_string());
        assert_eq!(uri, expected.map(str::to_owned), "{url}");
    };
    check(
        "HTTPS://graph.microsoft.com:443/beta/a/../runs?$skiptoken=%27x'#f",
        Ok("https://graph.microsoft.com/beta/runs?$skiptoken=%27x'"),
    );
    check(
        "https://graph.microsoft.com",
        Ok("https://graph.microsoft.com/"),
    );
    check(
        "https://graph.microsoft.com?x",
        Ok("https://graph.microsoft.com/?x"),
    );
    check(
        "https://evil.example/beta/runs",
        Err(LocationError::CrossOrigin),
    );
    check(
        "https://u@graph.microsoft.com/beta/runs",
        Err(LocationError::HasCredentials),
    );
    check(
        "http://graph.microsoft.com/beta/runs",
        Err(LocationError::Insecure),
    );
    for url in [
        "",
        "/beta/runs",
        "//graph.microsoft.com/beta/runs",
        "?x",
        " https://graph.microsoft.com/",
        "https:/beta",
    ] {
        check(url, Err(LocationError::Unparsable));
    }
    check(
        &format!("https://graph.microsoft.com/{}", "a".repeat(8000)),
        Err(LocationError::TooLong),
    );
}

proptest! {
    #[test]
    fn an_accepted_location_is_under_the_base(
        location in "((https?:)?//?(graph\\.microsoft\\.com|evil\\.example|[a-z@:.0-9\\[\\]]{0,8}))?(/|\\.\\.|beta|external|industryData|operations|\\('|'\\)|%2[eEfF]|[a-z?#\\\\]){0,14}|\\PC{0,60}",
    ) {
        let base = BaseUrl::graph();
        let _ = same_origin(&base, &location);
        if let Ok(url) = OperationUrl::parse(&base, &location) {
            prop_assert!(url.text().to_ascii_lowercase().starts_with(&OPERATIONS.to_ascii_lowercase()));
            prop_assert_eq!(url.uri().to_string(), url.text());
            prop_assert_eq!(OperationUrl::parse(&base, &url.text()), Ok(url.clone()));
            prop_assert!(OperationUrl::from_id(&base, url.operation_id()).is_ok());
        }
    }

    #[test]
    fn no_bytes_panic(value in proptest::collection::vec(any::<u8>(), 0..60), request in "\\PC{0,40}") {
        let base = BaseUrl::graph();
        let _ = OperationUrl::resolve(&base, &request, std::iter::once(value.as_slice()));
    }
}

#[test]
fn urls_are_compared_and_shown_without_their_query() {
    use std::collections::HashSet;
    let at = |text: &str| OperationUrl::parse(&BaseUrl::graph(), text).unwrap();
    let one = at(&format!("{OPERATIONS}/1?sig=secret"));
    let same = at(&format!("{OPERATIONS}/1?sig=secret"));
    let other = at(&format!("{OPERATIONS}/2"));
    assert!(one == same && one != other);
    let all: HashSet<_> = [one.clone(), same, other].into();
    assert_eq!(all.len(), 2);
    let hash = |url: &OperationUrl| {
        let mut hasher = std::hash::DefaultHasher::new();
        url.hash(&mut hasher);
        hasher.finish()
    };
    assert_ne!(hash(&one), hash(&at(&format!("{OPERATIONS}/3"))));
    assert_eq!(format!("{one:?}"), format!("OperationUrl({OPERATIONS}/1)"));
}

#[test]
fn a_link_has_the_limit_of_a_location() {
    let link = |bytes: usize| {
        let link = "https://graph.microsoft.com/";
        format!("{link}{}", "a".repeat(bytes - link.len()))
    };
    assert!(same_origin(&BaseUrl::graph(), &link(8000)).is_ok());
    let longer = same_origin(&BaseUrl::graph(), &link(8001));
    assert_eq!(longer, Err(LocationError::TooLong));
}

#[test]
fn every_refusal_has_a_name() {
    let names = [
        (LocationError::Insecure, "insecure"),
        (LocationError::Missing, "missing"),
        (LocationError::Multiple, "multiple"),
        (LocationError::NotUtf8, "not_utf8"),
        (LocationError::TooLong, "too_long"),
        (LocationError::Unparsable, "unparsable"),
        (LocationError::HasCredentials, "has_credentials"),
        (LocationError::CrossOrigin, "cross_origin"),
        (LocationError::NotAnOperation, "not_an_operation"),
    ];
    for (error, name) in names {
        assert_eq!(error.name(), name);
    }
}

#[test]
fn an_invalid_request_url_is_refused() {
    let base = BaseUrl::graph();
    let absolute = "https://graph.microsoft.com/beta/external/industryData/operations/a-1";
    let at = |request: &str, value: &str| {
        OperationUrl::resolve(&base, request, std::iter::once(value.as_bytes())).map(drop)
    };
    for value in [absolute, "../operations/a-1"] {
        assert_eq!(at(base.start_url(), value), Ok(()));
        assert_eq!(at("https://host\0", value), Err(LocationError::Unparsable));
    }
}

proptest! {
    #[test]
    fn a_location_as_documented_passes_every_check(
        base in "https://(graph\\.microsoft\\.com|[::1]|a:8443)(/beta|/b%65ta|/x/y|)",
        middle in "(/external/industryData/operations/|/external/industryData/operations/|//|/external)",
        id in "[A-Za-z0-9._~-]{0,6}[A-Za-z0-9.%/?#'_~-]{0,3}",
    ) {
        let Ok(base) = BaseUrl::parse(&base) else {
            return Ok(());
        };
        let value = [base.as_str(), &middle, &id].concat();
        if let Some(url) = OperationUrl::as_documented(&base, &value) {
            let checked = OperationUrl::checked(&base, base.start_url(), &value);
            let parts = |url: &OperationUrl| {
                (url.text(), url.operation_id().to_owned(), url.uri().clone())
            };
            prop_assert_eq!(checked.as_ref().map(parts), Ok(parts(&url)), "{}", value);
        }
    }
}
