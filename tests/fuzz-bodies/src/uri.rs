//! Our gate and resolver of RFC 3986 against one that shares nothing with them, and both against WHATWG.
//!
//! Where the two disagree, the disagreement is one of [`Stricter`] or [`Looser`], each a rule of its own; any other is a
//! fault of one of them.

use industrydata_core::{Base, LocationError, OperationUrl, same_origin};
use iri_string::{
    format::ToDedicatedString,
    types::{UriAbsoluteStr, UriReferenceStr, UriStr, UriString},
};

use crate::{
    Target,
    draw::{joined, parts},
    location::{BASES, base},
    vectors,
};

pub(crate) const TARGET: Target = Target {
    name: "uri",
    about: "gate and resolver agree with an independent RFC 3986 crate, but for listed rules",
    body,
    seeds,
    words: &[
        "https:",
        "http:",
        "//",
        "..",
        ".",
        "%2e",
        "%2E%2e",
        "%",
        "[v1.a]",
        "[::1]",
        "[::1%25a]",
        "[1:2:3:4:5:6:7::]",
        "@",
        ":65536",
        ":0443",
        ":",
        "?",
        "#",
        "/",
        "a:b",
        "//a//b",
        "localhost",
        "127.0.0.1",
    ],
};

/// Why ours refuses what RFC 3986 allows.
#[derive(Debug)]
enum Stricter {
    /// L5: a port of more than 65535.
    Port,
    /// L6: http or https without a host (RFC 9110 sections 4.2.1 and 4.2.2).
    NoHost,
    /// The request's URL is no absolute one.
    NoRequest,
}

/// Why ours takes what RFC 3986 refuses; it is never accepted as an operation in the end.
#[derive(Debug)]
enum Looser {
    /// A zone identifier, which RFC 6874 added.
    Zone,
}

/// A selector (which base; from 128 on a request URL comes first), then one reference.
fn body(input: &[u8]) {
    let (selector, mut lines) = parts(input);
    let base = base(selector & 0x7f);
    let request = if selector < 128 {
        base.start_url().as_bytes()
    } else {
        lines.remove(0)
    };
    let [line] = lines.as_slice() else {
        return;
    };
    let (Ok(request), Ok(reference)) = (str::from_utf8(request), str::from_utf8(line)) else {
        return;
    };
    let reference = reference.trim_matches([' ', '\t']);
    if reference.is_empty() || reference.len() > 8000 || request.len() > 8000 {
        return;
    }
    compare(&base, request, reference);
    let absolute = same_origin(&base, reference);
    if let Ok(uri) = &absolute {
        let theirs = UriStr::new(reference).expect("an absolute URI by RFC 3986");
        assert!(origin(theirs) == origin_of(&base), "{uri} is not of {base}");
        assert!(
            is_same_by_whatwg(&base, &uri.to_string()),
            "{uri} by WHATWG"
        );
    }
    if let Ok(base) = Base::parse(reference) {
        let theirs = UriStr::new(reference).expect("a URI by RFC 3986");
        assert!(
            theirs.query().is_none() && theirs.fragment().is_none(),
            "{reference}"
        );
        assert_eq!(origin(theirs), origin_of(&base), "{reference}");
        assert_eq!(Base::parse(base.as_str()).as_ref(), Ok(&base));
    }
}

fn compare(base: &Base, request: &str, reference: &str) {
    let ours = OperationUrl::resolve(base, request, std::iter::once(reference.as_bytes()));
    let theirs = resolved(request, reference);
    let target = match (&ours, theirs) {
        (Err(LocationError::Unparsable), Err(_)) => return,
        (Err(LocationError::Unparsable), Ok(target)) => {
            let why = stricter(request, reference, &target);
            assert!(
                why.is_some(),
                "refused, and no rule says so: {reference:?} at {request:?}"
            );
            return;
        }
        (Ok(url), Err(why)) => panic!("{url} accepted for {reference:?}: {why}"),
        (Err(_), Err(why)) => {
            let looser = looser(request, reference);
            assert!(
                looser.is_some(),
                "taken, and no rule says so: {reference:?} at {request:?}: {why}"
            );
            return;
        }
        (_, Ok(target)) => target,
    };
    let is_same = origin(&target) == origin_of(base);
    let has_userinfo = target
        .authority_str()
        .is_some_and(|authority| authority.contains('@'));
    match &ours {
        Ok(url) => {
            assert!(is_same && !has_userinfo, "{target} is not of {base}");
            assert_same_target(base, reference, url, &target);
        }
        Err(LocationError::NotAnOperation) => {
            assert!(is_same && !has_userinfo, "{target} is not of {base}")
        }
        Err(LocationError::CrossOrigin) => assert!(!is_same, "{target} is of {base}"),
        Err(LocationError::HasCredentials) => assert!(has_userinfo, "{target}"),
        Err(LocationError::Insecure) => {
            assert!(
                target.scheme_str().eq_ignore_ascii_case("http") && !is_loopback(&target),
                "{target}"
            );
        }
        Err(error) => panic!("{error} for {reference:?}"),
    }
    if matches!(ours, Ok(_) | Err(LocationError::NotAnOperation)) {
        // reqwest reads URLs as WHATWG does. What our gate calls the base's own is the base's own there too.
        let whatwg = url::Url::parse(request).and_then(|request| request.join(reference));
        let known = url::Url::parse(base.as_str()).expect("the base is a URL");
        if url::Url::parse(request).is_ok_and(|request| request.origin() == known.origin()) {
            assert_eq!(
                whatwg.expect("a URL by WHATWG").origin(),
                known.origin(),
                "{reference:?}"
            );
        }
    }
}

/// What the other crate makes of both.
fn resolved(request: &str, reference: &str) -> Result<UriString, String> {
    let reference = UriReferenceStr::new(reference).map_err(|e| format!("reference: {e}"))?;
    let request = UriReferenceStr::new(request).map_err(|e| format!("request: {e}"))?;
    if let Ok(absolute) = UriStr::new(reference.as_str()) {
        // A URI is resolved at any base: its dot segments are removed.
        let any = UriAbsoluteStr::new("x://x/").map_err(|e| e.to_string())?;
        return Ok(UriReferenceStr::new(absolute.as_str())
            .map_err(|e| e.to_string())?
            .resolve_against(any)
            .to_dedicated_string());
    }
    let request = UriStr::new(request.as_str()).map_err(|_| "the request is relative")?;
    Ok(reference
        .resolve_against(request.to_absolute())
        .to_dedicated_string())
}

fn stricter(request: &str, reference: &str, target: &UriStr) -> Option<Stricter> {
    let is_high = |text: &str| {
        let port = UriReferenceStr::new(text)
            .ok()
            .and_then(|it| it.authority_components()?.port());
        port.is_some_and(|port| {
            !port.is_empty() && port.parse::<u128>().map_or(true, |port| port > 65535)
        })
    };
    if UriStr::new(request).is_err() {
        return Some(Stricter::NoRequest);
    }
    if is_high(request) || is_high(reference) {
        return Some(Stricter::Port);
    }
    let is_http = ["http", "https"]
        .iter()
        .any(|it| target.scheme_str().eq_ignore_ascii_case(it));
    let has_host = target
        .authority_components()
        .is_some_and(|it| !it.host().is_empty());
    (is_http && !has_host).then_some(Stricter::NoHost)
}

fn looser(request: &str, reference: &str) -> Option<Looser> {
    [request, reference]
        .iter()
        .any(|it| it.contains('[') && it.contains("%25"))
        .then_some(Looser::Zone)
}

/// Both name the same resource: the other crate's target, normalised by the other crate.
fn assert_same_target(base: &Base, reference: &str, url: &OperationUrl, target: &UriStr) {
    let text = target.as_str().split('#').next().unwrap_or_default();
    let theirs = normal(text);
    let ours = normal(url.as_str());
    if theirs == ours {
        return;
    }
    // A path from the root without the base's own path, which the location module adds: Graph sends such ones.
    let path = UriReferenceStr::new(reference).expect("a reference");
    let path = path.path_str();
    assert!(path.starts_with('/'), "{ours} and {theirs}");
    let added = normal(&text.replacen(path, &format!("{}{path}", path_of(base)), 1));
    assert_eq!(ours, added, "{reference:?}");
}

fn normal(text: &str) -> String {
    let uri = UriStr::new(text)
        .expect("a URI")
        .normalize()
        .to_dedicated_string();
    let (scheme, port) = (
        uri.scheme_str(),
        uri.authority_components().and_then(|it| it.port()),
    );
    let default = if scheme == "https" { "443" } else { "80" };
    match port {
        Some(port) if port.is_empty() || port.trim_start_matches('0') == default => {
            uri.as_str().replacen(&format!(":{port}/"), "/", 1)
        }
        Some(port) => uri.as_str().replacen(
            &format!(":{port}/"),
            &format!(":{}/", port.trim_start_matches('0')),
            1,
        ),
        None => uri.into(),
    }
}

/// Scheme, host and port in force; `None` for what has no host.
fn origin(uri: &UriStr) -> Option<(String, String, u16)> {
    let authority = uri.authority_components()?;
    let scheme = uri.scheme_str().to_ascii_lowercase();
    let port = match authority.port().unwrap_or_default() {
        "" => {
            if scheme == "https" {
                443
            } else {
                80
            }
        }
        port => port.parse().ok()?,
    };
    Some((scheme, authority.host().to_ascii_lowercase(), port))
}

fn origin_of(base: &Base) -> Option<(String, String, u16)> {
    origin(UriStr::new(base.as_str()).expect("the base is a URI"))
}

fn path_of(base: &Base) -> String {
    UriStr::new(base.as_str())
        .expect("the base is a URI")
        .path_str()
        .to_owned()
}

fn is_same_by_whatwg(base: &Base, text: &str) -> bool {
    let known = url::Url::parse(base.as_str()).expect("the base is a URL");
    url::Url::parse(text).is_ok_and(|url| url.origin() == known.origin())
}

fn is_loopback(uri: &UriStr) -> bool {
    let host = uri.authority_components().map_or("", |it| it.host());
    let quad: Vec<&str> = host.split('.').collect();
    let is_octet = |part: &&str| {
        part.parse::<u8>()
            .is_ok_and(|octet| octet.to_string() == **part)
    };
    host.eq_ignore_ascii_case("localhost")
        || host == "[::1]"
        || (quad.len() == 4 && quad[0] == "127" && quad.iter().all(is_octet))
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for vector in vectors::of("location") {
        let known = BASES
            .iter()
            .position(|known| *known == vectors::text(&vector, "base"));
        let selector = u8::try_from(known.unwrap_or_default()).unwrap_or_default();
        for line in vectors::list(&vector, "headers").iter().map(vectors::bytes) {
            seeds.push(joined(selector, &[&line]));
            seeds.push(joined(
                selector + 128,
                &[vectors::text(&vector, "request_url").as_bytes(), &line],
            ));
        }
    }
    // The examples of RFC 3986 section 5.4.
    for reference in [
        "g:h",
        "g",
        "./g",
        "g/",
        "/g",
        "//g",
        "?y",
        "g?y",
        "#s",
        "g#s",
        ";x",
        "g;x?y#s",
        ".",
        "./",
        "..",
        "../g",
        "../../../g",
        "/./g",
        "/../g",
        "g.",
        ".g",
        "g..",
        "..g",
        "./../g",
        "g/./h",
        "g/../h",
        "g?y/./x",
        "http:g",
    ] {
        seeds.push(joined(
            131,
            &[b"https://gate.example/b/c/d;p?q", reference.as_bytes()],
        ));
    }
    vectors::kept(seeds)
}
