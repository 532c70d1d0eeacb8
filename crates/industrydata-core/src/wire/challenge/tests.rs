use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn challenge(lines: &[&str]) -> Option<ClaimsChallenge> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(
            WWW_AUTHENTICATE,
            HeaderValue::from_bytes(line.as_bytes()).unwrap(),
        );
    }
    ClaimsChallenge::from_headers(&headers)
}

/// `{"a":1}` is `eyJhIjoxfQ==`.
fn found(lines: &[&str]) {
    let claims = challenge(lines);
    assert_eq!(
        claims.as_ref().and_then(ClaimsChallenge::claims),
        Some("{\"a\":1}"),
        "{lines:?}"
    );
}

#[test]
fn a_scheme_ends_with_a_space_or_a_comma() {
    let junk = "Bearer@, error=insufficient_claims, claims=eyJhIjoxfQ";
    assert_eq!(challenge(&[junk]), None);
}

#[test]
fn a_challenge_is_found_among_others() {
    found(&["Bearer error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==\""]);
    found(&["bEARER claims = \"eyJhIjoxfQ\" ,\tERROR\t=insufficient_claims"]);
    found(&["Negotiate abc==, Bearer error=insufficient_claims,claims=eyJhIjoxfQ=="]);
    found(&[
        "Negotiate",
        "Basic realm=\"x\"",
        "Bearer error=insufficient_claims, claims=eyJhIjoxfQ",
    ]);
    found(&[
        "Bearer error=\"insufficient_claims\"",
        "claims=\"eyJhIjoxfQ\"",
    ]);
    found(&[", ,Negotiate ,, Bearer ,error=\"insufficient_claims\",, claims=\"eyJhIjoxfQ==\",,"]);
    found(&[
        "Bearer realm=\"\", Bearer error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==\", Basic realm=\"z\"",
    ]);
    found(&[
        "Digest qop=\"auth, auth-int\", nonce=\"a\\\"b, Bearer error=x\", Bearer error=insufficient_claims, claims=eyJhIjoxfQ",
    ]);
    found(&["Bearer error=\"insufficient\\_claims\", claims=\"eyJh\\IjoxfQ\""]);
    found(&[
        "Bearer error=\"invalid_token\", claims=\"x\", Bearer error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==\"",
    ]);
    found(&["@?! junk \"a, b\", Bearer error=insufficient_claims, claims=eyJhIjoxfQ"]);
    found(&["Bearer error=insufficient_claims, error=x, claims=eyJhIjoxfQ, claims=x"]);
    found(&["Negotiate abc== Bearer error=insufficient_claims, claims=eyJhIjoxfQ"]);
    found(&[
        "Basic realm=\"open",
        "Bearer error=insufficient_claims, claims=eyJhIjoxfQ",
    ]);
}

#[test]
fn other_fields_hold_no_challenge() {
    for line in [
        "",
        "Bearer",
        "error=insufficient_claims, claims=eyJhIjoxfQ",
        "Bearer error=\"insufficient_claims\"",
        "Bearer claims=\"eyJhIjoxfQ==\"",
        "Bearer error=\"INSUFFICIENT_CLAIMS\", claims=\"eyJhIjoxfQ==\"",
        "PoP error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==\"",
        "Bearer error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==",
        "Bearer realm=\"x\", Basic error=\"insufficient_claims\", claims=\"eyJhIjoxfQ==\"",
        "Bearer error=\"insufficient_claims\", Basic claims=\"eyJhIjoxfQ==\"",
        "BearerX error=insufficient_claims, claims=eyJhIjoxfQ",
        "Basic realm=\"Bearer error=insufficient_claims, claims=eyJhIjoxfQ\"",
        "Bearer error=insufficient_claims, claims=",
        "Bearer error=insufficient_claims, x-claims=eyJhIjoxfQ",
        "Bearer error=\"insufficient_claims\\",
    ] {
        assert_eq!(challenge(&[line]), None, "{line}");
    }
}

#[test]
fn undecodable_claims_are_kept_raw() {
    for raw in [
        "",
        "!!!",
        "eyJhIjoxf",
        "/w==",
        "bm90IGpzb24=",
        "eyJhIjoxfQ==x",
        "e30 e30",
        "eyJhIjoxfQ====",
        "\u{e9}",
    ] {
        let line = format!("Bearer error=\"insufficient_claims\", claims=\"{raw}\"");
        let challenge = challenge(&[&line]).unwrap();
        assert_eq!(
            (challenge.claims(), challenge.claims_raw()),
            (None, Some(raw))
        );
    }
    let url_safe =
        challenge(&["Bearer error=\"insufficient_claims\", claims=\"eyJhIjoiPz8_fn5-In0\""])
            .unwrap();
    assert_eq!(url_safe.claims(), Some("{\"a\":\"???~~~\"}"));
    let standard =
        challenge(&["Bearer error=insufficient_claims, claims=eyJhIjoiPz8/fn5+In0="]).unwrap();
    assert_eq!(standard.claims(), url_safe.claims());
}

proptest! {
    #[test]
    fn never_panics(line in "(Bearer|[a-z=,\" \\\\/]){0,40}|\\PC{0,60}") {
        let _ = challenge(&[&line]);
        let _ = decode(&line);
    }
}

#[test]
fn base64_with_a_slash_begins_no_challenge() {
    found(&["Bearer error=insufficient_claims, abc/def, claims=eyJhIjoxfQ"]);
}
