//! URI references by RFC 3986: grammar, parts and strict resolution, without any correction.
//!
//! URL libraries strip tabs, turn `\` into `/` and respell hosts, so two of them can see two hosts in one text. Here such a
//! text is not a URI. Every URL passes this module before a library sees it.

mod dots;
mod grammar;

use std::borrow::Cow;

use http::Uri;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::wire::uri::{
    dots::{dot, remove_dot_segments},
    grammar::{gate, is_ip_literal, is_path, is_query, is_reg_name, is_unreserved, port_number},
};

/// All characters but the unreserved ones (RFC 3986 section 2.3).
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The parts of a valid URI reference (RFC 3986 section 4.1).
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
    /// Whether there is an `@`, even without a user name before it.
    pub(crate) has_userinfo: bool,
    pub(crate) host: &'a str,
    /// `None` if absent or empty (RFC 3986 section 6.2.3).
    pub(crate) port: Option<u16>,
}

/// A reference resolved against a base, without its fragment (RFC 3986 section 5.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) authority: Option<Authority<'a>>,
    pub(crate) path: String,
    pub(crate) query: Option<&'a str>,
}

impl<'a> Reference<'a> {
    /// The parts of `text`. `None` if it is not in the grammar of RFC 3986 appendix A.
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

    /// Resolves `reference` strictly against this base (RFC 3986 section 5.2.2). `None` if the base is relative.
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
            port: if port.is_empty() {
                None
            } else {
                Some(port_number(port)?)
            },
        })
    }
}

impl Target<'_> {
    /// The path without dot segments, percent-encoded ones included (RFC 3986 section 6.2.2), so that no later reader
    /// resolves them differently.
    pub(crate) fn normalised_path(&self) -> String {
        remove_dot_segments(&self.path, |segment| dot(&decode_unreserved(segment)))
    }
}

/// The port, or the scheme's default.
pub(crate) fn effective_port(scheme_is_https: bool, port: Option<u16>) -> u16 {
    port.unwrap_or(if scheme_is_https { 443 } else { 80 })
}

/// Decodes percent-encoded unreserved characters (RFC 3986 section 6.2.2.2) and keeps everything else.
pub(crate) fn decode_unreserved(text: &str) -> Cow<'_, str> {
    let Some((first, rest)) = text.split_once('%') else {
        return Cow::Borrowed(text);
    };
    let mut decoded = String::with_capacity(text.len());
    decoded.push_str(first);
    for part in rest.split('%') {
        let byte = part
            .get(..2)
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
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

/// Splits off what follows the first `mark`.
fn cut(text: &str, mark: char) -> (&str, Option<&str>) {
    match text.split_once(mark) {
        Some((head, tail)) => (head, Some(tail)),
        None => (text, None),
    }
}

/// Splits off the scheme. A relative path has no colon in its first segment (RFC 3986 section 4.2), so the text before a
/// colon must be a scheme.
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

/// Whether an HTTP client that spells a checked URL as `sent` sends what was checked. Only an apostrophe in the query may
/// become `%27`: some clients encode it.
#[must_use]
pub fn is_sent_as(checked: &Uri, sent: &str) -> bool {
    let parts = (|| {
        let rest = sent.strip_prefix(checked.scheme_str()?)?;
        let rest = rest.strip_prefix("://")?;
        let rest = rest.strip_prefix(checked.authority()?.as_str())?;
        rest.strip_prefix(checked.path())
    })();
    match (parts, checked.query()) {
        (Some(rest), None) => rest.is_empty(),
        (Some(rest), Some(query)) => rest.strip_prefix('?').is_some_and(|sent| {
            sent == query || (query.contains('\'') && sent == query.replace('\'', "%27"))
        }),
        (None, _) => false,
    }
}

#[cfg(test)]
mod tests;
