//! RFC 3986 on text: a gate for bytes, a splitter, strict resolution, and nothing that repairs.
//!
//! This stands before any URL library. Such libraries strip tabs, turn `\` into `/` and respell
//! hosts, so that two readers of one text can see two hosts; here such a text is no URI at all.

use std::{borrow::Cow, net::Ipv6Addr};

/// A URI reference (RFC 3986 section 4.1) that passed the gate, cut into its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reference<'a> {
    pub(crate) scheme: Option<&'a str>,
    pub(crate) authority: Option<Authority<'a>>,
    pub(crate) path: &'a str,
    pub(crate) query: Option<&'a str>,
    pub(crate) fragment: Option<&'a str>,
}

/// An authority (RFC 3986 section 3.2). The host is the text as written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    /// Whether there is an `@`, even with nothing before it.
    pub(crate) has_userinfo: bool,
    pub(crate) host: &'a str,
    /// `None` if absent or empty (RFC 3986 section 6.2.3).
    pub(crate) port: Option<u16>,
}

/// What a reference means at a base (RFC 3986 section 5.2.2). The fragment is dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) authority: Option<Authority<'a>>,
    pub(crate) path: String,
    pub(crate) query: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// Cuts `text` into its parts; `None` if it is not in the grammar of RFC 3986 appendix A.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (rest, fragment) = cut(text, '#');
        let (rest, query) = cut(rest, '?');
        let (scheme, rest) = cut_scheme(rest)?;
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) => {
                let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                (Some(Authority::parse(authority)?), path)
            }
            None => (None, rest),
        };
        let tail = |part: Option<&str>| part.is_none_or(|part| gate(part, is_query));
        (gate(path, is_path) && tail(query) && tail(fragment)).then_some(Self {
            scheme,
            authority,
            path,
            query,
            fragment,
        })
    }

    /// Strict resolution of `reference` at this base (RFC 3986 section 5.2.2); `None` if this
    /// base is itself relative.
    pub(crate) fn resolve(&self, reference: &Self) -> Option<Target<'a>> {
        if let Some(scheme) = reference.scheme {
            return Some(Target {
                scheme,
                authority: reference.authority,
                path: remove_dot_segments(reference.path, dot),
                query: reference.query,
            });
        }
        let scheme = self.scheme?;
        if reference.authority.is_some() {
            return Some(Target {
                scheme,
                authority: reference.authority,
                path: remove_dot_segments(reference.path, dot),
                query: reference.query,
            });
        }
        let authority = self.authority;
        if reference.path.is_empty() {
            return Some(Target {
                scheme,
                authority,
                path: self.path.to_owned(),
                query: reference.query.or(self.query),
            });
        }
        let path = if reference.path.starts_with('/') {
            remove_dot_segments(reference.path, dot)
        } else {
            remove_dot_segments(&self.merge(reference.path), dot)
        };
        Some(Target {
            scheme,
            authority,
            path,
            query: reference.query,
        })
    }

    /// RFC 3986 section 5.2.3.
    fn merge(&self, path: &str) -> String {
        match self.path.rsplit_once('/') {
            Some((folder, _)) => format!("{folder}/{path}"),
            None if self.authority.is_some() => format!("/{path}"),
            None => path.to_owned(),
        }
    }
}

impl<'a> Authority<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (userinfo, text) = match text.split_once('@') {
            Some((userinfo, text)) => (Some(userinfo), text),
            None => (None, text),
        };
        if !userinfo.is_none_or(|userinfo| gate(userinfo, |b| is_reg_name(b) || b == b':')) {
            return None;
        }
        let (host, port) = if text.starts_with('[') {
            let (host, port) = text.split_at(text.find(']')?.saturating_add(1));
            let inside = host.strip_prefix('[')?.strip_suffix(']')?;
            (is_ip_literal(inside) && (port.is_empty() || port.starts_with(':')))
                .then_some((host, port.strip_prefix(':').unwrap_or_default()))?
        } else {
            let (host, port) = text.split_once(':').unwrap_or((text, ""));
            gate(host, is_reg_name).then_some((host, port))?
        };
        Some(Self {
            has_userinfo: userinfo.is_some(),
            host,
            port: if port.is_empty() { None } else { Some(port_number(port)?) },
        })
    }
}

impl Target<'_> {
    /// The path without dot segments, also where their dots are percent-encoded (RFC 3986
    /// section 6.2.2): what two readers could resolve differently is resolved here, once.
    pub(crate) fn normalised_path(&self) -> String {
        remove_dot_segments(&self.path, |segment| dot(&decode_unreserved(segment)))
    }
}

/// The port in force: 443 or 80 unless one is written.
pub(crate) fn effective_port(scheme_is_https: bool, port: Option<u16>) -> u16 {
    port.unwrap_or(if scheme_is_https { 443 } else { 80 })
}

/// Percent-encoded unreserved characters decoded (RFC 3986 section 6.2.2.2), all else kept.
pub(crate) fn decode_unreserved(text: &str) -> Cow<'_, str> {
    let Some((first, rest)) = text.split_once('%') else {
        return Cow::Borrowed(text);
    };
    let mut decoded = String::with_capacity(text.len());
    decoded.push_str(first);
    for part in rest.split('%') {
        let byte = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte.filter(|b| is_unreserved(*b)), part.get(2..)) {
            (Some(byte), Some(tail)) => {
                decoded.push(char::from(byte));
                decoded.push_str(tail);
            }
            (Some(_), None) | (None, _) => {
                decoded.push('%');
                decoded.push_str(part);
            }
        }
    }
    Cow::Owned(decoded)
}

/// Cuts off what follows the first `mark`.
fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((head, tail)) => (head, Some(tail)),
        None => (text, None),
    }
}

/// Cuts off the scheme. A colon in the first segment of a relative path is not in the grammar
/// (RFC 3986 section 4.2), so what stands before one must be a scheme.
fn cut_scheme(text: &str) -> Option<(Option<&str>, &str)> {
    let first = text.split('/').next().unwrap_or_default();
    let Some((scheme, _)) = first.split_once(':') else {
        return Some((None, text));
    };
    let rest = text.get(scheme.len().saturating_add(1)..)?;
    let mut bytes = scheme.bytes();
    let valid = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    valid.then_some((Some(scheme), rest))
}

#[derive(Clone, Copy)]
enum Dot {
    No,
    Here,
    Up,
}

fn dot(segment: &str) -> Dot {
    match segment {
        "." => Dot::Here,
        ".." => Dot::Up,
        _ => Dot::No,
    }
}

/// RFC 3986 section 5.2.4, for a path that is empty or begins with `/`; another is kept.
fn remove_dot_segments(path: &str, dot: impl Fn(&str) -> Dot) -> String {
    let Some(rest) = path.strip_prefix('/') else {
        return path.to_owned();
    };
    let mut kept = String::with_capacity(path.len());
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match dot(segment) {
            Dot::No => {
                kept.push('/');
                kept.push_str(segment);
                continue;
            }
            Dot::Here => {}
            Dot::Up => kept.truncate(kept.rfind('/').unwrap_or(0)),
        }
        if is_last {
            kept.push('/');
        }
    }
    kept
}

/// Whether `text` is made of `plain` bytes and percent-encoded octets only.
fn gate(text: &str, plain: impl Fn(u8) -> bool) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let passes = if byte == b'%' {
            let mut hex = || bytes.next().is_some_and(|b| b.is_ascii_hexdigit());
            hex() && hex()
        } else {
            plain(byte)
        };
        if !passes {
            return false;
        }
    }
    true
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

fn is_sub_delim(byte: u8) -> bool {
    matches!(
        byte,
        b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
    )
}

fn is_reg_name(byte: u8) -> bool {
    is_unreserved(byte) || is_sub_delim(byte)
}

fn is_path(byte: u8) -> bool {
    is_reg_name(byte) || matches!(byte, b':' | b'@' | b'/')
}

fn is_query(byte: u8) -> bool {
    is_path(byte) || byte == b'?'
}

/// RFC 3986 section 3.2.2, and the zone identifiers RFC 6874 added to it.
fn is_ip_literal(inside: &str) -> bool {
    if let Some(future) = inside.strip_prefix(['v', 'V']) {
        let Some((version, address)) = future.split_once('.') else {
            return false;
        };
        let is_address = |b: u8| is_reg_name(b) || b == b':';
        return !version.is_empty()
            && version.bytes().all(|b| b.is_ascii_hexdigit())
            && !address.is_empty()
            && address.bytes().all(is_address);
    }
    let (address, zone) = match inside.split_once("%25") {
        Some((address, zone)) => (address, Some(zone)),
        None => (inside, None),
    };
    address.parse::<Ipv6Addr>().is_ok()
        && zone.is_none_or(|zone| !zone.is_empty() && gate(zone, is_unreserved))
}

/// `port = *DIGIT` of any length, at most 65535 in value.
fn port_number(digits: &str) -> Option<u16> {
    digits.bytes().try_fold(0_u16, |value, digit| {
        let digit = u16::try_from(char::from(digit).to_digit(10)?).ok()?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn resolved(base: &str, reference: &str) -> String {
        let base = Reference::parse(base).unwrap();
        let target = base.resolve(&Reference::parse(reference).unwrap()).unwrap();
        let mut text = format!("{}:", target.scheme);
        if let Some(authority) = target.authority {
            text.push_str("//");
            text.push_str(authority.host);
        }
        text.push_str(&target.path);
        if let Some(query) = target.query {
            text.push('?');
            text.push_str(query);
        }
        text
    }

    /// The examples of RFC 3986 sections 5.4.1 and 5.4.2, without their fragments.
    #[test]
    fn the_examples_of_the_rfc() {
        for (reference, expected) in [
            ("g:h", "g:h"),
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("#s", "http://a/b/c/d;p?q"),
            ("g#s", "http://a/b/c/g"),
            ("g?y#s", "http://a/b/c/g?y"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("./g/.", "http://a/b/c/g/"),
            ("g/../h", "http://a/b/c/h"),
            ("g;x=1/../y", "http://a/b/c/y"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("http:g", "http:g"),
        ] {
            assert_eq!(resolved("http://a/b/c/d;p?q", reference), expected, "{reference}");
        }
        assert_eq!(resolved("http://a", "g"), "http://a/g");
        assert_eq!(resolved("http://a/x//y", "../g"), "http://a/x/g");
    }

    #[test]
    fn the_gate() {
        for bad in [
            "a b", "a\tb", "a\\b", "\"a\"", "<a>", "a^", "a`", "{a}", "a|b", "a%", "a%4", "a%zz",
            "a%+1", "é", "a#b#c", "a[b]", "?[", "#]", ":a", "1a:b", "a_b:c", "%41:b", "\u{feff}/a",
            "//a:b", "//a:1:2", "//a:65536", "//a:+1", "//a:99999999999999999999", "//[::1", "//::1]",
            "//[]", "//[::g]", "//[127.0.0.1]", "//[::1]x", "//[::1%eth0]", "//[::1%25]", "//[v1.]",
            "//[v.a]", "//[1:2:3:4:5:6:7:8:9]", "//a@b@c", "//a[b", "//a%zz", "//u^@h", "a\0", "a\u{7f}",
            "//[::1]@h", "//[[::1]]", "//a\u{661}", "//a:\u{661}",
        ] {
            assert_eq!(Reference::parse(bad), None, "{bad:?}");
        }
        for good in [
            "", "a", "/a/b;c=d,e", "a%2F%fe", "./a:b", "?a?b/c:d@e", "#a?b/c", "//", "//a:", "//a:0",
            "//a:000443", "//a:65535", "//[::1]:8080", "//[v1F.a:b]", "//[fe80::1%25eth0]", "//[::ffff:1.2.3.4]",
            "//@a", "//u:p:q@a", "//a!$&'()*+,;=b", "///a", "a://b", "a+b-c.d:e", "mailto:a@b", "//%41",
        ] {
            assert!(Reference::parse(good).is_some(), "{good:?}");
        }
    }

    #[test]
    fn the_parts() {
        let reference = Reference::parse("https://u@[::1]:00080/a?b?c#d?e").unwrap();
        assert_eq!(reference.scheme, Some("https"));
        let authority = reference.authority.unwrap();
        assert!(authority.has_userinfo);
        assert_eq!((authority.host, authority.port), ("[::1]", Some(80)));
        assert_eq!((reference.path, reference.query), ("/a", Some("b?c")));
        assert_eq!(reference.fragment, Some("d?e"));
        let ends_at_hash = Reference::parse("https://good.example#@evil.example/x").unwrap();
        assert_eq!(ends_at_hash.authority.unwrap().host, "good.example");
        let ends_at_question = Reference::parse("https://good.example?@evil.example/x").unwrap();
        assert_eq!(ends_at_question.authority.unwrap().host, "good.example");
    }

    #[test]
    fn unreserved_octets_are_decoded_once() {
        assert_eq!(decode_unreserved("%41%2D%2e%5F%7e%39"), "A-._~9");
        assert_eq!(decode_unreserved("%2F%2541%25%C0%27%00"), "%2F%2541%25%C0%27%00");
        assert_eq!(decode_unreserved("a%2dB%2fc"), "a-B%2fc");
        assert_eq!(decode_unreserved("plain"), "plain");
    }

    #[test]
    fn encoded_dots_go_after_plain_ones() {
        let target = |path| Target {
            scheme: "https",
            authority: None,
            path: remove_dot_segments(path, dot),
            query: None,
        };
        assert_eq!(target("/a/%2e%2E/b").normalised_path(), "/b");
        assert_eq!(target("/a/%2e./b/.%2e").normalised_path(), "/");
        assert_eq!(target("/a/b/%2e").normalised_path(), "/a/b/");
        assert_eq!(target("/a/%2e%2e/../b").normalised_path(), "/a/b");
        assert_eq!(target("/a/%252e%252e/b").normalised_path(), "/a/%252e%252e/b");
    }

    proptest! {
        #[test]
        fn never_panics(base in "\\PC{0,60}", text in "[a-zA-Z0-9:/?#\\[\\]@%.2eE'()-]{0,60}|\\PC{0,60}") {
            let _ = decode_unreserved(&text);
            if let (Some(base), Some(reference)) = (Reference::parse(&base), Reference::parse(&text)) {
                let _ = base.resolve(&reference).map(|target| target.normalised_path());
            }
        }

        #[test]
        fn no_dot_segment_survives(path in "(/([a.]|%2e|\\.\\.|%2E\\.){0,3}){0,8}") {
            let base = Reference::parse("https://h/x").unwrap();
            let path = format!("https://h{path}");
            let target = base.resolve(&Reference::parse(&path).unwrap()).unwrap();
            let normalised = target.normalised_path();
            prop_assert!(!normalised.split('/').any(|s| matches!(decode_unreserved(s).as_ref(), "." | "..")));
        }
    }
}
