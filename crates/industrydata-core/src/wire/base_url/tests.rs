use proptest::prelude::*;

use super::*;
use crate::wire::base_url::parts::NATIONAL_CLOUDS;

fn check(text: &str, expected: Result<&str, BaseUrlError>) {
    let base = BaseUrl::parse(text);
    assert_eq!(
        base.as_ref().map(BaseUrl::as_str).map_err(|e| *e),
        expected,
        "{text:?}"
    );
}

#[test]
fn normalises() {
    check(
        "https://graph.microsoft.com/beta",
        Ok("https://graph.microsoft.com/beta"),
    );
    check(
        "HTTPS://GRAPH.microsoft.COM:443/Beta/",
        Ok("https://graph.microsoft.com/beta"),
    );
    check(
        "https://graph.microsoft.com/%62eta",
        Ok("https://graph.microsoft.com/beta"),
    );
    check("https://gw.example", Ok("https://gw.example"));
    check("https://gw.example/", Ok("https://gw.example"));
    check(
        "https://gw.example:/a/../b/%2e/c/",
        Ok("https://gw.example/b/c"),
    );
    check(
        "https://gw.example:08443/B",
        Ok("https://gw.example:8443/B"),
    );
    check("http://localhost:80/beta", Ok("http://localhost/beta"));
    check("http://LOCALHOST:3000", Ok("http://localhost:3000"));
    check("http://127.9.9.9:1/x", Ok("http://127.9.9.9:1/x"));
    check("http://[::1]:18080/beta", Ok("http://[::1]:18080/beta"));
    check(
        "https://gw.example/v1.0/graph",
        Ok("https://gw.example/v1.0/graph"),
    );
}

#[test]
fn two_spellings_of_one_base_are_equal_and_two_bases_are_not() {
    let hash = |base: &BaseUrl| {
        let mut hasher = std::hash::DefaultHasher::new();
        base.hash(&mut hasher);
        hasher.finish()
    };
    let [one, same, other] = [
        "https://gw.example/b",
        "HTTPS://GW.example:443/b/",
        "https://gw.example/c",
    ]
    .map(|text| BaseUrl::parse(text).unwrap());
    assert_eq!((&one, hash(&one)), (&same, hash(&same)));
    assert_ne!(one, other);
    assert_ne!(hash(&one), hash(&other));
}

#[test]
fn each_refusal_has_its_error() {
    check("graph.microsoft.com/beta", Err(BaseUrlError::NotHttp));
    check("ftp://graph.microsoft.com/beta", Err(BaseUrlError::NotHttp));
    check("https:/beta", Err(BaseUrlError::NoHost));
    check("https:///beta", Err(BaseUrlError::NoHost));
    check("https://:443/beta", Err(BaseUrlError::NoHost));
    check(
        "https://u:p@gw.example/beta",
        Err(BaseUrlError::HasCredentials),
    );
    check(
        "https://@gw.example/beta",
        Err(BaseUrlError::HasCredentials),
    );
    check("https://gw.example/beta?x", Err(BaseUrlError::HasQuery));
    check("https://gw.example/beta?", Err(BaseUrlError::HasQuery));
    check("https://gw.example/beta#", Err(BaseUrlError::HasFragment));
    check("https://gw.example//beta", Err(BaseUrlError::EmptySegment));
    check("https://gw.example/beta//", Err(BaseUrlError::EmptySegment));
    check(" https://gw.example/beta", Err(BaseUrlError::Unparsable));
    check("https:\\\\gw.example\\beta", Err(BaseUrlError::Unparsable));
    check(
        "https://gw.example:65536/beta",
        Err(BaseUrlError::Unparsable),
    );
    check("https://gw%2eexample/beta", Err(BaseUrlError::Unparsable));
    check(
        "https://[fe80::1%25eth0]/beta",
        Err(BaseUrlError::Unparsable),
    );
    check("", Err(BaseUrlError::NotHttp));
    check("https://gw.example/v1.0", Err(BaseUrlError::VersionOne));
    check(
        "https://graph.microsoft.com/V1%2E0/",
        Err(BaseUrlError::VersionOne),
    );
    check("https://graph.microsoft.com", Err(BaseUrlError::NotBeta));
    check(
        "https://graph.microsoft.com/beta/y",
        Err(BaseUrlError::NotBeta),
    );
    for host in NATIONAL_CLOUDS {
        check(
            &format!("https://{}./beta", host.to_uppercase()),
            Err(BaseUrlError::NationalCloud { host }),
        );
    }
    check(
        &format!("https://gw.example/{}", "a".repeat(1981)),
        Ok(&format!("https://gw.example/{}", "a".repeat(1981))),
    );
    check(
        &format!("https://gw.example/{}", "a".repeat(1982)),
        Err(BaseUrlError::TooLong),
    );
}

#[test]
fn plain_http_is_only_for_this_machine() {
    for host in [
        "graph.microsoft.com",
        "0.0.0.0",
        "localhost.",
        "foo.localhost",
        "127.1",
        "2130706433",
        "0177.0.0.1",
        "127.000.0.1",
        "128.0.0.1",
        "[::]",
        "[0:0:0:0:0:0:0:1]",
        "[::ffff:127.0.0.1]",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "127.0.0.256",
    ] {
        check(
            &format!("http://{host}:8080/beta"),
            Err(BaseUrlError::Insecure),
        );
    }
}

#[test]
fn the_parts() {
    let base = BaseUrl::parse("http://[::1]:8080/a/b/").unwrap();
    assert_eq!((base.host(), base.port()), ("[::1]", 8080));
    assert_eq!((base.origin(), base.path()), ("http://[::1]:8080", "/a/b"));
    assert!(base.is_loopback() && !base.is_https());
    assert_eq!(
        base.operations_url(),
        "http://[::1]:8080/a/b/external/industryData/operations"
    );
    assert_eq!(base.start_uri().to_string(), base.start_url());
    let graph = BaseUrl::graph();
    assert_eq!(
        graph,
        BaseUrl::parse("https://graph.microsoft.com/beta").unwrap()
    );
    assert_eq!(graph.start_uri().to_string(), graph.start_url());
    assert_eq!(
        (graph.host(), graph.port(), graph.path()),
        (GRAPH_HOST, 443, GRAPH_PATH)
    );
    assert!(graph.is_https() && !graph.is_loopback());
    assert_eq!(
        format!("{graph:?} {graph}"),
        format!("BaseUrl({0:?}) {0}", graph.as_str())
    );
}

proptest! {
    #[test]
    fn never_panics_and_is_idempotent(text in "https?://[a-z0-9.:\\[\\]%@]{0,12}(/[a-zA-Z0-9.%]{0,4}){0,4}|\\PC{0,40}") {
        if let Ok(base) = BaseUrl::parse(&text) {
            prop_assert_eq!(BaseUrl::parse(base.as_str()), Ok(base));
        }
    }
}

#[test]
fn a_final_dot_is_refused() {
    for base in [
        "https://graph.microsoft.com./beta",
        "https://gw.example./beta",
    ] {
        assert_eq!(
            BaseUrl::parse(base).err(),
            Some(BaseUrlError::FinalDot),
            "{base}"
        );
    }
}
