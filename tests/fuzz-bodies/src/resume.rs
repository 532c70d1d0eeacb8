//! Resume tokens: untrusted text that must never send the access token to another service.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use industrydata_core::lro::ResumeToken;
use industrydata_core::wire::OperationUrl;
use jiff::Timestamp;

use crate::{
    Target,
    draw::joined,
    ledger_bytes::crc32,
    location::{assert_own, base},
    text::assert_plain,
    vectors,
};

pub(crate) const TARGET: Target = Target {
    name: "resume",
    about: "a resume token parses to itself, and a forged one names a URL of the base or is refused",
    body,
    seeds,
    words: &[
        "idr1:",
        "idr2:",
        "https://evil.example/beta/external/industryData/operations/a",
        "@",
        "\\",
        "..",
        "%2e",
        "https://graph.microsoft.com/beta/external/industryData/operations('a')?x=1",
        "\0",
    ],
};

/// Input: a selector, then the text of a token, the contents of a token (prefix and checksum are added), or a `Location` to
/// make a token from.
fn body(input: &[u8]) {
    let (selector, rest) = input.split_first().unwrap_or((&0, &[]));
    let base = base(selector >> 2);
    let text = match selector & 3 {
        0 => String::from_utf8_lossy(rest).into_owned(),
        1 => sealed(rest),
        2 => {
            let Ok(url) = OperationUrl::resolve(&base, base.start_url(), std::iter::once(rest))
            else {
                return;
            };
            let token = ResumeToken::new(
                &base,
                &url,
                Timestamp::from_second(1_773_144_000).expect("a time"),
            );
            assert_eq!(token.operation_url(&base).as_ref(), Ok(&url));
            let elsewhere = token.operation_url(&self::base((selector >> 2).wrapping_add(1)));
            assert!(
                elsewhere.is_err(),
                "a token for {base} is accepted for another base: {elsewhere:?}"
            );
            token.to_string()
        }
        _ => return flipped(rest, &base),
    };
    read(&text, &base);
}

fn read(text: &str, base: &industrydata_core::wire::BaseUrl) {
    let token = match text.parse::<ResumeToken>() {
        Ok(token) => token,
        Err(error) => {
            assert_plain(&format!("{error} {error:?}"));
            return;
        }
    };
    assert!(ResumeToken::is_meant_by(text));
    assert_eq!(token.to_string(), text, "a token has two texts");
    assert_plain(&format!("{token:?}"));
    assert!(token.accepted() >= Timestamp::UNIX_EPOCH);
    match token.operation_url(base) {
        Ok(url) => assert_own(base, &url),
        Err(error) => assert_plain(&format!("{error} {error:?}")),
    }
}

/// Replaces one character of a valid token: the checksum detects it, so the token is refused.
fn flipped(rest: &[u8], base: &industrydata_core::wire::BaseUrl) {
    let ([at, to], location) = rest.split_first_chunk::<2>().unwrap_or((&[0, 0], rest));
    let Ok(url) = OperationUrl::resolve(base, base.start_url(), std::iter::once(location)) else {
        return;
    };
    let text = ResumeToken::new(base, &url, Timestamp::UNIX_EPOCH).to_string();
    let mut bytes = text.clone().into_bytes();
    let at = usize::from(*at) % bytes.len();
    bytes[at] = to & 0x7f;
    let other = String::from_utf8(bytes).expect("ASCII");
    if other != text {
        assert!(
            other.parse::<ResumeToken>().is_err(),
            "{other}, altered from {text}, is accepted"
        );
    }
}

fn sealed(inside: &[u8]) -> String {
    let whole = [&[0, 0, 0], inside].concat();
    let sum = crc32(&[&whole]).to_be_bytes();
    // An origin follows the five bytes of seconds, where the kind of target is in a token without one.
    let has_origin = inside.get(5).is_some_and(|origin| *origin > 1);
    format!(
        "{}:{}",
        if has_origin { "idr2" } else { "idr1" },
        BASE64_URL_SAFE_NO_PAD.encode([inside, &sum].concat())
    )
}

fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![
        b"\0idr1:AAAA".to_vec(),
        b"\0idr2:AAAA".to_vec(),
        [
            b"\x01\0\x6a\0\0\0\x01".as_slice(),
            b"https://evil.example/beta/external/industryData/operations/a",
        ]
        .concat(),
        [
            b"\x01\0\x6a\0\0\0\x10\x01".as_slice(),
            b"https://graph.microsoft.com/beta/external/industryData/operations/a",
        ]
        .concat(),
        b"\x01\0\x6a\0\0\0\x12\x01a".to_vec(),
        [
            b"\x01\0\x6a\0\0\0\0\0\0\0\0".as_slice(),
            b"171bf0b4-14e9-408f-71dd-08dcd2a15d23",
        ]
        .concat(),
    ];
    for vector in vectors::of("location").iter().take(60) {
        for line in vectors::list(vector, "headers").iter().map(vectors::bytes) {
            seeds.push(joined(2, &[&line]));
            seeds.push(joined(3, &[&[b"\x09B", line.as_slice()].concat()]));
            seeds.push([b"\x01\0\x6a\0\0\0\x01".as_slice(), &line].concat());
        }
    }
    vectors::kept(seeds)
}
