//! Assertions that the key of a certificate signed.

use base64::{
    Engine,
    prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD},
};
use industrydata_emulator::{Client, Config, Emulator};
use ring::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding, RsaKeyPair},
};
use serde_json::{Value, json};

use crate::{
    assertions::{code, exchange, form},
    fixture::Fixture,
};

const OTHER: &str = include_str!("../../../../tests/certificates/rsa-pkcs8.pem");

/// A part of a PEM file in DER.
fn der(pem: &str, label: &str) -> Vec<u8> {
    let (_, rest) = pem.split_once(&format!("-----BEGIN {label}-----")).unwrap();
    let (base64, _) = rest.split_once("-----END").unwrap();
    BASE64_STANDARD
        .decode(base64.split_whitespace().collect::<String>())
        .unwrap()
}

struct Signer {
    key: RsaKeyPair,
    header: Value,
    claims: Value,
    encoding: &'static dyn RsaEncoding,
}

impl Signer {
    fn new(pem: &str, fixture: &Fixture) -> Self {
        let thumbprint = digest(&SHA256, &der(pem, "CERTIFICATE"));
        let now = fixture.now.as_second();
        Self {
            key: RsaKeyPair::from_pkcs8(&der(pem, "PRIVATE KEY")).unwrap(),
            header: json!({"alg": "PS256", "typ": "JWT", "x5t#S256": BASE64_URL_SAFE_NO_PAD.encode(thumbprint)}),
            claims: json!({
                "aud": "http://127.0.0.1:8085/contoso/oauth2/v2.0/token",
                "iss": "emulator-client", "sub": "emulator-client", "jti": "1", "nbf": now - 300, "exp": now + 300,
            }),
            encoding: &RSA_PSS_SHA256,
        }
    }

    fn sign(&self) -> String {
        let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
        let message = format!("{}.{}", part(&self.header), part(&self.claims));
        let mut signature = vec![0; self.key.public().modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(self.encoding, &random, message.as_bytes(), &mut signature)
            .unwrap();
        format!("{message}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
    }
}

fn own_pem() -> &'static str {
    Emulator::start(Config::default())
        .unwrap()
        .certificate_pem()
}

#[test]
fn a_signed_assertion_is_valid_once() {
    let mut fixture = Fixture::new();
    let mut signer = Signer::new(own_pem(), &fixture);
    let assertion = signer.sign();
    let reply = exchange(&mut fixture, &assertion);
    assert_eq!(code(&reply), 0, "{reply:?}");
    fixture.token = reply.json["access_token"].as_str().unwrap().to_owned();
    assert_eq!(fixture.start().status, 202);
    let again = exchange(&mut fixture, &assertion);
    assert_eq!((again.status, code(&again)), (401, 50_013));
    // The id counts, and not the text.
    signer.claims["x"] = json!(1);
    assert_eq!(code(&exchange(&mut fixture, &signer.sign())), 50_013);
    signer.claims["jti"] = json!("2");
    signer.header["alg"] = json!("RS256");
    signer.encoding = &RSA_PKCS1_SHA256;
    assert_eq!(code(&exchange(&mut fixture, &signer.sign())), 0);
}

#[test]
fn each_part_of_an_assertion_is_checked() {
    let mut fixture = Fixture::new();
    let now = fixture.now.as_second();
    let pem = own_pem();
    for (part, name, value, expected) in [
        (
            "claims",
            "aud",
            json!("http://127.0.0.1:8085/fabrikam/oauth2/v2.0/token"),
            700_023,
        ),
        (
            "claims",
            "aud",
            json!("https://login.microsoftonline.com/contoso/oauth2/v2.0/token"),
            700_023,
        ),
        ("claims", "aud", json!(null), 700_023),
        ("claims", "iss", json!("other"), 700_021),
        ("claims", "sub", json!("other"), 700_021),
        ("claims", "sub", json!(null), 700_021),
        ("claims", "exp", json!(now), 700_024),
        ("claims", "exp", json!(null), 700_024),
        ("claims", "exp", json!(now + 601), 700_024),
        ("claims", "nbf", json!(now + 1), 700_024),
        ("claims", "jti", json!(""), 50_013),
        ("claims", "jti", json!(null), 50_013),
        ("header", "x5t#S256", json!("AAAA"), 700_027),
        ("header", "x5t#S256", json!(null), 700_027),
        ("header", "alg", json!("none"), 700_027),
        ("header", "alg", json!("RS256"), 700_027),
        ("header", "alg", json!(null), 700_027),
    ] {
        let mut signer = Signer::new(pem, &fixture);
        let parts = if part == "claims" {
            &mut signer.claims
        } else {
            &mut signer.header
        };
        parts[name] = value.clone();
        let reply = exchange(&mut fixture, &signer.sign());
        assert_eq!(
            (reply.status, code(&reply)),
            (401, expected),
            "{name} {value}"
        );
    }
    // None of them used the id up.
    let mut signer = Signer::new(pem, &fixture);
    assert_eq!(code(&exchange(&mut fixture, &signer.sign())), 0);
    // At the end, and without a beginning.
    signer.claims = json!({
        "aud": signer.claims["aud"], "iss": "emulator-client", "sub": "emulator-client", "jti": "2", "exp": now + 600,
    });
    assert_eq!(code(&exchange(&mut fixture, &signer.sign())), 0);
    fixture.sleep(12 * 3600);
    signer.claims["jti"] = json!("3");
    assert_eq!(code(&exchange(&mut fixture, &signer.sign())), 700_024);
}

#[test]
fn the_audience_is_the_address_that_was_asked() {
    let mut fixture = Fixture::new();
    let mut signer = Signer::new(own_pem(), &fixture);
    signer.claims["aud"] = json!("http://localhost:9/contoso/oauth2/v2.0/token");
    let form = form(&signer.sign());
    for (host, expected) in [("localhost:8085", 700_023), ("localhost:9", 0)] {
        let request = http::Request::post("/contoso/oauth2/v2.0/token")
            .header("host", host)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("content-length", form.len());
        assert_eq!(code(&fixture.send(request, &form)), expected);
    }
}

#[test]
fn only_an_uploaded_certificate_counts() {
    let mut fixture = Fixture::new();
    let other = Signer::new(OTHER, &fixture);
    assert_eq!(code(&exchange(&mut fixture, &other.sign())), 700_027);
    // Another key under the thumbprint of an uploaded certificate.
    let own = Signer::new(own_pem(), &fixture);
    let forged = Signer {
        header: own.header.clone(),
        ..Signer::new(OTHER, &fixture)
    };
    assert_eq!(code(&exchange(&mut fixture, &forged.sign())), 700_027);
    // Claims that were changed after the signature.
    let text = own.sign();
    let [header, _, signature] = text.split('.').collect::<Vec<_>>()[..] else {
        panic!()
    };
    let mut claims = own.claims.clone();
    claims["jti"] = json!("9");
    let changed = BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    let changed = format!("{header}.{changed}.{signature}");
    assert_eq!(code(&exchange(&mut fixture, &changed)), 700_027);

    let client = Client {
        certificates: vec![b"odd".to_vec(), der(OTHER, "CERTIFICATE")],
        ..Client::default()
    };
    let mut fixture = Fixture::with(Config {
        client,
        ..Config::default()
    });
    assert_eq!(code(&exchange(&mut fixture, &other.sign())), 0);
    assert_eq!(code(&exchange(&mut fixture, &own.sign())), 700_027);
}
