//! RFC 3986 on text: a gate for bytes, a splitter, strict resolution, and nothing that repairs.
//!
//! This stands before any URL library. Such libraries strip tabs, turn `\` into `/` and respell
//! hosts, so that two readers of one text can see two hosts; here such a text is no URI at all.

mod dots;
mod grammar;

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};

use crate::wire::uri::{
    dots::{dot, remove_dot_segments},
    grammar::{gate, is_ip_literal, is_path, is_query, is_reg_name, is_unreserved, port_number},
};

/// Everything but the unreserved characters (RFC 3986 section 2.3).
pub(crate) const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

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
            port: if port.is_empty() {
                None
            } else {
                Some(port_number(port)?)
            },
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

#[cfg(test)]
mod tests;
