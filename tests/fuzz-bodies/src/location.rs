//! The rules of `Location` (rule L): every accepted URL belongs to the base, also according to an independent URL reader.

use http::{HeaderMap, HeaderValue, header::LOCATION};
use industrydata_core::lro::ResumeToken;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::LocationError;
use industrydata_core::wire::OperationUrl;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;

use crate::{
    Target,
    draw::{joined, parts},
    text::assert_plain,
    vectors,
};

pub(crate) const TARGET: Target = Target {
    name: "location",
    about: "an accepted Location belongs to the base, parses to itself and names a plain id",
    body,
    seeds,
    words: &[
        "https://",
        "http://",
        "//",
        "/../",
        "/./",
        "%2e%2e",
        "%2F",
        "%5c",
        "\\",
        "@",
        "#",
        "?",
        ":443",
        ":80",
        ":",
        "[::1]",
        "127.0.0.1",
        "graph.microsoft.com",
        "/beta",
        "/external/industryData/operations/",
        "operations('a')",
        "('",
        "')",
        "\u{e9}",
        "%00",
        "\t",
        "\n",
        " ",
    ],
};

/// The length of a base of 2000 bytes with the path of a start.
const LONGEST_REQUEST: usize = 2100;

/// The bases that inputs choose from.
pub(crate) const BASES: [&str; 6] = [
    "https://graph.microsoft.com/beta",
    "http://127.0.0.1:8085/beta",
    "https://gate.example:8443/g/%7Ebeta",
    "https://gate.example",
    "http://[::1]/beta",
    "http://localhost:80/a/b/c",
];

pub(crate) fn base(selector: u8) -> BaseUrl {
    BASES[usize::from(selector) % BASES.len()]
        .parse()
        .expect("a sound base")
}

/// Input: a selector for the base, then the lines of the field. From selector 128 on, the first part is the request URL.
fn body(input: &[u8]) {
    let (selector, mut lines) = parts(input);
    let base = base(selector & 0x7f);
    let request = if selector < 128 {
        base.start_url().as_bytes()
    } else {
        lines.remove(0)
    };
    let Some(request) = str::from_utf8(request)
        .ok()
        .filter(|url| url.len() <= LONGEST_REQUEST)
    else {
        return;
    };
    let result = OperationUrl::resolve(&base, request, lines.iter().copied());
    // A Location as documented is compared with the base alone, but only in the answer to a start. One in the answer to a
    // request beside it passes the whole gate, and no path of theirs is an operation's.
    if request == base.start_url() {
        let beside = [request, "?"].concat();
        let whole = OperationUrl::resolve(&base, &beside, lines.iter().copied());
        let parts = |url: &OperationUrl| (url.clone(), url.operation_id().to_owned());
        assert_eq!(
            result.as_ref().map(parts),
            whole.as_ref().map(parts),
            "the short gate and the whole one differ"
        );
    }
    let trimmed: Vec<&[u8]> = lines.iter().map(|line| trim(line)).collect();
    let is_empty = trimmed.iter().all(|line| line.is_empty());
    assert_eq!(result == Err(LocationError::Missing), is_empty, "L1");
    assert_eq!(
        result == Err(LocationError::Multiple),
        !is_empty && lines.len() > 1,
        "L2"
    );
    match &result {
        Ok(url) => assert_own(&base, url),
        Err(error) => {
            assert_plain(&error.to_string());
            let line = trimmed
                .iter()
                .find(|line| !line.is_empty())
                .copied()
                .unwrap_or_default();
            let is_utf8 = str::from_utf8(line).is_ok();
            match error {
                LocationError::NotUtf8 => assert!(!is_utf8, "L3"),
                LocationError::TooLong => assert!(line.len() > 8000, "L4b"),
                LocationError::Insecure
                | LocationError::Missing
                | LocationError::Multiple
                | LocationError::Unparsable
                | LocationError::HasCredentials
                | LocationError::CrossOrigin
                | LocationError::NotAnOperation => {}
            }
        }
    }
    if selector < 128 {
        let mut headers = HeaderMap::new();
        for line in &lines {
            let Ok(value) = HeaderValue::from_bytes(line) else {
                return;
            };
            headers.append(LOCATION, value);
        }
        assert_eq!(OperationUrl::from_headers(&base, &headers), result);
    }
}

/// Checks what holds for every accepted URL, whatever its source.
pub(crate) fn assert_own(base: &BaseUrl, accepted: &OperationUrl) {
    let text = &accepted.text();
    assert!(text.bytes().all(|b| b.is_ascii_graphic()), "{text}");
    assert!(
        !text.contains(['\\', '#', '"', '<', '>', '^', '`', '{', '|', '}']),
        "{text}"
    );
    // A request's URL and a Location, of 8000 octets each.
    assert!(text.len() <= 16_000, "{text}");
    let authority = text.split('/').nth(2).unwrap_or_default();
    assert_eq!(
        Some(authority),
        base.as_str().split('/').nth(2),
        "another authority: {text}"
    );
    assert_eq!(
        accepted.uri().to_string(),
        *text,
        "the URL that was checked is not the URL that is sent"
    );
    // A relative Location may resolve to more than the 8000 octets allowed for a Location.
    if text.len() <= 8000 {
        assert_eq!(
            OperationUrl::parse(base, text).as_ref(),
            Ok(accepted),
            "the URL does not parse to itself"
        );
    }
    // The longest URL that a Location resolves to. A forged token may contain a longer one, up to its own limit.
    if text.len() <= 8000 + LONGEST_REQUEST {
        let token = ResumeToken::new(base, accepted, Timestamp::UNIX_EPOCH).to_string();
        let resumed = token
            .parse::<ResumeToken>()
            .and_then(|token| token.operation_url(base));
        assert_eq!(
            resumed.as_ref(),
            Ok(accepted),
            "polling the URL cannot be resumed"
        );
    }
    let id = accepted.operation_id();
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"._~-".contains(&b);
    assert!(
        (1..=128).contains(&id.len()) && id.bytes().all(is_plain) && id != "." && id != "..",
        "{id}"
    );
    let path = text.split(['?']).next().unwrap_or_default();
    let path = path.strip_suffix('/').unwrap_or(path);
    let path = percent_decode_str(path)
        .decode_utf8()
        .expect("an id and fixed segments are ASCII");
    let whole = percent_decode_str(base.as_str()).decode_utf8_lossy();
    let ends = [format!("/{id}"), format!("('{id}')")]
        .map(|end| format!("{whole}/external/industryData/operations{end}"));
    assert!(
        ends.iter().any(|end| end.eq_ignore_ascii_case(&path)),
        "not an operation of {base}: {text}"
    );
    assert!(path.contains(id), "the case of the id is not kept");
    let shown = format!("{accepted} {accepted:?}");
    assert!(!shown.contains('?'), "the query is shown: {shown}");
    assert_plain(&shown);
    let read = url::Url::parse(text).expect("a URL by WHATWG too");
    let known = url::Url::parse(base.as_str()).expect("the base is one");
    assert_eq!(
        read.origin(),
        known.origin(),
        "another origin by WHATWG: {text}"
    );
    assert!(read.username().is_empty() && read.password().is_none());
}

/// The line without SP and HTAB at both ends.
fn trim(line: &[u8]) -> &[u8] {
    let is_ows = |b: &u8| *b == b' ' || *b == b'\t';
    let Some(from) = line.iter().position(|b| !is_ows(b)) else {
        return &[];
    };
    let to = line.iter().rposition(|b| !is_ows(b)).unwrap_or(from);
    &line[from..=to]
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vectors::kept(vectors::of("location").iter().map(|vector| {
        let base: Result<BaseUrl, _> = vectors::text(vector, "base").parse();
        let selector = base
            .ok()
            .and_then(|base| BASES.iter().position(|known| *known == base.as_str()));
        let request = vectors::text(vector, "request_url").as_bytes().to_vec();
        let mut parts = vec![request];
        parts.extend(vectors::list(vector, "headers").iter().map(vectors::bytes));
        let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
        joined(
            128 + u8::try_from(selector.unwrap_or_default()).unwrap_or_default(),
            &parts,
        )
    }));
    // A relative Location of the greatest length: it resolves to a longer URL.
    let long = format!("../operations/a?{}", "x".repeat(7984));
    seeds.push(joined(0, &[long.as_bytes()]));
    seeds
}
