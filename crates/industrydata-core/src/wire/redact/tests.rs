use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

/// A token in which every encoding changes something.
const TOKEN: &str = "canary-eyJ0eXAi+O/i_J~KV1Qi.eyJhdWQi/OiJodHRw+czovL2.c2ln-bmF0/dXJl==";
/// The secret of an application, with characters that a token cannot have.
const SECRET: &str = "8Q~a&b=c+d%e\"f\\g/h<i>j'kLmNoPqRsTuVwXyZ0123456789aBcD";

fn redacted(secret: &str, text: &str) -> String {
    Redaction::of(Some(secret)).text(text)
}

fn bytes(text: &str, spell: impl Fn(u8) -> String) -> String {
    text.bytes().map(spell).collect()
}

fn is_plain(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~".contains(&b)
}

fn percent(text: &str) -> String {
    bytes(text, |b| match b {
        b if is_plain(b) => char::from(b).to_string(),
        b => format!("%{b:02X}"),
    })
}

fn json(text: &str) -> String {
    let text = serde_json::to_string(text).unwrap();
    text.trim_matches('"').replace('/', "\\/")
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
        .replace('+', "&#x2B;")
        .replace('/', "&sol;")
}

type Spelling = (&'static str, fn(&str) -> String);

/// Spellings that decode to the text, up to letter case.
const SPELLINGS: &[Spelling] = &[
    ("as it is", str::to_owned),
    ("upper case", str::to_ascii_uppercase),
    ("lower case", str::to_ascii_lowercase),
    ("percent", percent),
    ("percent in lower case", |text| percent(text).to_lowercase()),
    ("percent throughout", |text| {
        bytes(text, |b| format!("%{b:02x}"))
    }),
    ("percent of every other byte", |text| {
        let mut odd = text.bytes().enumerate();
        let spell = |at, b: u8| match at % 2 {
            0 if b.is_ascii() => percent(&char::from(b).to_string()),
            _ => format!("%{b:02X}"),
        };
        odd.by_ref().map(|(at, b)| spell(at, b)).collect()
    }),
    ("a form's", |text| percent(text).replace("%20", "+")),
    ("%u escapes", |text| bytes(text, |b| format!("%u{b:04x}"))),
    ("json", json),
    ("escapes of eight digits", |text| {
        bytes(text, |b| format!("\\U{b:08x}"))
    }),
    ("json throughout", |text| {
        bytes(text, |b| format!("\\u{b:04x}"))
    }),
    ("braced escapes", |text| {
        bytes(text, |b| format!("\\u{{{b:x}}}"))
    }),
    ("\\x escapes", |text| bytes(text, |b| format!("\\x{b:02x}"))),
    ("html", html),
    ("html throughout", |text| bytes(text, |b| format!("&#{b};"))),
    ("html in hexadecimal", |text| {
        bytes(text, |b| format!("&#x{b:X};"))
    }),
    ("base64", |text| STANDARD.encode(text)),
    ("base64 without padding", |text| {
        STANDARD_NO_PAD.encode(text)
    }),
    ("url-safe base64", |text| URL_SAFE.encode(text)),
    ("base64 in lower case", |text| {
        STANDARD.encode(text).to_lowercase()
    }),
    ("base64 after a scheme", |text| {
        URL_SAFE_NO_PAD.encode(format!("Bearer {text}"))
    }),
    ("base64 after a user", |text| {
        STANDARD.encode(format!("me:{text}"))
    }),
    ("base64 within an object", |text| {
        STANDARD.encode(format!("{{\"nonce\":\"{}\",\"a\":1}}", json(text)))
    }),
    ("base64 glued to a word", |text| {
        format!("token_{}", STANDARD.encode(text))
    }),
    ("base64 in lines", |text| {
        let text = STANDARD.encode(text);
        let lines = text.as_bytes().chunks(19);
        let lines = lines.map(|line| str::from_utf8(line).unwrap());
        lines.collect::<Vec<_>>().join("\r\n")
    }),
    ("base64 of UTF-16", |text| {
        STANDARD.encode(
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>(),
        )
    }),
    ("hexadecimal", |text| bytes(text, |b| format!("{b:02x}"))),
    ("hexadecimal in groups", |text| {
        bytes(text, |b| format!("{b:02X} "))
    }),
];

/// The letters of what a reader gets out of a text: its letters, and those of its decoded forms.
fn letters(text: &str) -> String {
    let letters = text.chars().filter(char::is_ascii_alphanumeric);
    letters.collect::<String>().to_ascii_lowercase()
}

fn assert_gone(secret: &str, text: &str, shown: &str) {
    assert!(shown.contains(REDACTED), "{text:?} became {shown:?}");
    assert!(!letters(shown).contains(&letters(secret)), "{shown:?}");
    let left = shown.replace(REDACTED, "");
    // No more than the characters beside it are left of the spelling.
    assert!(left.len() < 48, "{text:?} became {shown:?}");
}

#[test]
fn every_spelling_is_redacted() {
    for secret in [TOKEN, SECRET] {
        for (name, spell) in SPELLINGS {
            let text = format!("(was '{}', no)", spell(secret));
            let shown = redacted(secret, &text);
            assert!(
                shown.starts_with("(was '") || shown == REDACTED,
                "{name}: {shown}"
            );
            assert_gone(secret, &text, &shown);
            assert!(Redaction::of(Some(secret)).is_in(&text), "{name}");
        }
    }
}

#[test]
fn every_pair_of_spellings_is_redacted() {
    for secret in [TOKEN, SECRET] {
        for (first, inner) in SPELLINGS {
            for (second, outer) in SPELLINGS {
                // Base64 in another letter case decodes to other bytes, and hexadecimal digits are not decoded.
                let is_lost = first.starts_with("base64") && second.ends_with("case")
                    || *second == "base64 in lower case" && *first != "as it is"
                    || second.starts_with("hex");
                if is_lost {
                    continue;
                }
                let text = format!("<{}>", outer(&inner(secret)));
                let shown = redacted(secret, &text);
                assert!(shown.contains(REDACTED), "{first}, {second}: {text}");
                assert_gone(secret, &text, &shown);
            }
        }
    }
}

#[test]
fn the_neighbours_of_a_token_are_kept() {
    for (text, shown) in [
        (format!("a {TOKEN} b"), "a [redacted] b"),
        (format!("{TOKEN}{TOKEN}"), "[redacted]"),
        (format!("Bearer {TOKEN}, é"), "Bearer [redacted], é"),
        (format!("é{}é", percent(TOKEN)), "é[redacted]é"),
        (format!("?t={}&u=1", percent(TOKEN)), "?t=[redacted]&u=1"),
        (format!("é{}é", STANDARD.encode(TOKEN)), "é[redacted]é"),
        (
            "100 % of the tokens & \\ more".to_owned(),
            "100 % of the tokens & \\ more",
        ),
        ("%zz \\u12 &; &#; \\".to_owned(), "%zz \\u12 &; &#; \\"),
    ] {
        assert_eq!(redacted(TOKEN, &text), shown);
    }
}

#[test]
fn a_part_of_a_secret_is_redacted() {
    for secret in [TOKEN, SECRET] {
        let half = secret.len() / 2;
        for part in [
            &secret[..half + 9],
            &secret[half - 9..],
            &secret[4..half + 13],
        ] {
            for (name, spell) in SPELLINGS {
                let text = spell(part);
                let shown = redacted(secret, &format!("<{text}>"));
                assert!(shown.contains(REDACTED), "{name}: {shown}");
            }
        }
        let changed = secret.replacen(&secret[half..=half], "#", 1);
        let shown = redacted(secret, &changed);
        assert!(shown.len() < secret.len(), "{shown}");
    }
    // Fewer letters than a part has are ordinary text.
    assert_eq!(redacted(TOKEN, "canary-eyJ0e"), "canary-eyJ0e");
}

#[test]
fn secrets_of_few_letters_are_found() {
    for secret in ["~!@#$%^&*()_+{}|", "----====----====", "+ + + + + +"] {
        for (name, spell) in SPELLINGS {
            let text = format!("<{}>", spell(secret));
            let shown = redacted(secret, &text);
            assert!(shown.contains(REDACTED), "{name}: {text}");
        }
    }
}

#[test]
fn secrets_of_letters_beyond_ascii_are_found() {
    const SECRET: &str = "pässwörd-für-ünsinn";
    let escapes = "p\\u00e4ssw%u00f6rd-f%C3%BCr-&#252;nsinn";
    let encoded = [percent(SECRET), STANDARD.encode(SECRET), json(SECRET)];
    for text in encoded.iter().map(String::as_str).chain([SECRET, escapes]) {
        assert_eq!(redacted(SECRET, &format!("é{text}é")), "é[redacted]é");
    }
}

#[test]
fn a_short_secret_is_found_as_it_is() {
    assert_eq!(redacted("op", "op-1 OP %6Fp"), "[redacted]-1 OP %6Fp");
    assert!(Redaction::of(Some("op")).is_in("an op"));
    assert!(!Redaction::of(Some("op")).is_in("o"));
    for secret in [None, Some("")] {
        assert_eq!(Redaction::of(secret).text("op"), "op");
        assert!(!Redaction::of(secret).is_in("op"));
    }
}

#[test]
fn redaction_joins_no_text_to_a_secret() {
    let (first, last) = TOKEN.split_at(20);
    let shown = redacted(TOKEN, &format!("{first} {TOKEN} {last}"));
    assert!(!letters(&shown).contains(&letters(last)), "{shown}");
    assert_eq!(
        redacted("a redacted thing", "x a redacted thing y"),
        "x [redacted] y"
    );
    assert_eq!(redacted("redacted", "x redacted"), REDACTED);
}

#[test]
fn a_text_that_takes_too_long_is_redacted_as_a_whole() {
    // Base64 of base64, and escapes in each layer.
    let mut text = "%5c&amp;".repeat(8_000);
    for _ in 0..2 {
        text = percent(&STANDARD.encode(text));
    }
    assert!(redacted(TOKEN, &text) == REDACTED);
    assert!(Redaction::of(Some(TOKEN)).is_in(&text));
    // An ordinary long text is kept.
    let text = "The service is busy & says so in 100 % of its answers.\n".repeat(1000);
    assert_eq!(redacted(TOKEN, &text), text);
    assert_eq!(redacted(&"t".repeat(1200), &text), text);
}

proptest! {
    #[test]
    fn no_spelling_of_any_token_is_shown(
        token in "[A-Za-z0-9+/._~-]{24,90}={0,2}",
        first in 0..SPELLINGS.len(),
        around in "[ a-z\"<>é%\\\\&]{0,6}",
    ) {
        let (name, spell) = SPELLINGS[first];
        // What comes before and after is separated, as in a message.
        let text = format!("{around} {} {around}", spell(&token));
        let shown = redacted(&token, &text);
        prop_assert!(shown.contains(REDACTED), "{}: {} became {}", name, text, shown);
        prop_assert!(!shown.contains(&token));
        prop_assert!(!shown.contains(&spell(&token)));
        prop_assert!(!letters(&shown).contains(&letters(&token)));
        prop_assert!(!Redaction::of(Some(&token)).is_in(&shown) || shown == REDACTED);
    }

    #[test]
    fn other_text_is_kept(token in "[A-Za-z0-9+/._~-]{24,90}", text in "\\PC{0,200}") {
        prop_assert_eq!(redacted(&token, &text), text);
    }

    #[test]
    fn any_secret_in_any_text_is_gone(secret in "\\PC{8,40}", before in "\\PC{0,20}", after in "\\PC{0,20}") {
        let shown = redacted(&secret, &format!("{before}{secret}{after}"));
        prop_assert!(!shown.contains(&secret) || shown == REDACTED);
    }
}
