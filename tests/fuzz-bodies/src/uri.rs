//! Compares the core's URL gate and resolver with an independent implementation of RFC 3986 and with a WHATWG reader.
//!
//! Every difference must be one of those listed in `why.rs`, each with its rule. Any other difference is a bug in one of
//! the implementations.

mod other;
mod why;

use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::LocationError;
use industrydata_core::wire::OperationUrl;
use industrydata_core::wire::same_origin;
use iri_string::types::{UriReferenceStr, UriStr};

use self::{
    other::{is_loopback, is_same_by_whatwg, normal, origin, origin_of, path_of, resolved},
    why::{looser, stricter},
};
use crate::{
    Target,
    draw::{joined, parts},
    location::{BASES, base},
    vectors,
};

pub(crate) const TARGET: Target = Target {
    name: "uri",
    about: "gate and resolver agree with an independent RFC 3986 crate, except for listed rules",
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

/// Input: a selector for the base, then one URI reference. From selector 128 on, the first part is the request URL.
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
    if let Ok(base) = BaseUrl::parse(reference) {
        let theirs = UriStr::new(reference).expect("a URI by RFC 3986");
        assert!(
            theirs.query().is_none() && theirs.fragment().is_none(),
            "{reference}"
        );
        assert_eq!(origin(theirs), origin_of(&base), "{reference}");
        assert_eq!(BaseUrl::parse(base.as_str()).as_ref(), Ok(&base));
    }
}

fn compare(base: &BaseUrl, request: &str, reference: &str) {
    let ours = OperationUrl::resolve(base, request, std::iter::once(reference.as_bytes()));
    let theirs = resolved(request, reference);
    let target = match (&ours, theirs) {
        (Err(LocationError::Unparsable), Err(_)) => return,
        (Err(LocationError::Unparsable), Ok(target)) => {
            let why = stricter(request, reference, &target);
            assert!(
                why.is_some(),
                "refused without a listed rule: {reference:?} at {request:?}"
            );
            return;
        }
        (Ok(url), Err(why)) => panic!("{url} accepted for {reference:?}: {why}"),
        (Err(_), Err(why)) => {
            let looser = looser(request, reference);
            assert!(
                looser.is_some(),
                "parsed without a listed rule: {reference:?} at {request:?}: {why}"
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
        // reqwest reads URLs as WHATWG does. A URL that the gate assigns to the base must belong to it there as well.
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

/// Checks that both URLs name the same resource. The independent crate normalises both.
fn assert_same_target(base: &BaseUrl, reference: &str, url: &OperationUrl, target: &UriStr) {
    let text = target.as_str().split('#').next().unwrap_or_default();
    let theirs = normal(text);
    let ours = normal(&url.text());
    if theirs == ours {
        return;
    }
    // Graph sends absolute paths without the base's path, which the location module adds.
    let path = UriReferenceStr::new(reference).expect("a reference");
    let path = path.path_str();
    assert!(path.starts_with('/'), "{ours} and {theirs}");
    let added = normal(&text.replacen(path, &format!("{}{path}", path_of(base)), 1));
    assert_eq!(ours, added, "{reference:?}");
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
