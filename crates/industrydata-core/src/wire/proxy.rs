//! Which proxy the environment names for a request, as curl reads it.

use std::{
    ffi::OsString,
    fmt,
    net::{Ipv4Addr, Ipv6Addr},
};

use crate::policy::{DEFAULT_PROXY_PORT, DEFAULT_TLS_PROXY_PORT};

/// The URL of a proxy with its scheme and port: `http://proxy.example:3128`, or with a user and a password before the host.
///
/// `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    text: String,
    host: usize,
}

impl ProxyUrl {
    /// The URL, with its user and password.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL without its user and password, for messages.
    #[must_use]
    pub fn without_user(&self) -> String {
        let scheme = self.text.split("://").next().unwrap_or_default();
        let host = self.text.get(self.host..).unwrap_or_default();
        format!("{scheme}://{host}")
    }
}

impl fmt::Debug for ProxyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.text.get(self.host..).unwrap_or_default();
        f.debug_tuple("ProxyUrl").field(&host).finish()
    }
}

/// A proxy variable that cannot be used. The messages name the variable and never its value. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxyError {
    /// The value is not the URL of a proxy.
    #[error(
        "{variable} is not the URL of a proxy: write it as http://HOST:PORT or http://USER:PASSWORD@HOST:PORT, with special characters percent-encoded, or unset it"
    )]
    Unreadable {
        /// The name of the variable.
        variable: &'static str,
    },
    /// The proxy is neither an HTTP nor an HTTPS proxy.
    #[error(
        "{variable} names a proxy of a kind that is not supported: use an http:// or https:// proxy, or unset it"
    )]
    Unsupported {
        /// The name of the variable.
        variable: &'static str,
    },
}

/// The proxy for a request to `host` over `https`, or over `http` if `is_https` is false. `None` is a direct connection.
///
/// `variable` looks up an environment variable. The rules are curl's
/// ([environment](https://curl.se/docs/manpage.html#ENVIRONMENT), [`--noproxy`](https://curl.se/docs/manpage.html#--noproxy)):
///
/// - `https_proxy`, then `HTTPS_PROXY` for `https`; for `http` only `http_proxy`, since a web server sets `HTTP_PROXY` from
///   a request's field. Then `all_proxy`, then `ALL_PROXY`. An empty variable counts as unset.
/// - A URL without a scheme is an `http` proxy. Without a port, it is 1080, or 443 for an `https` proxy.
/// - `no_proxy`, then `NO_PROXY`: hosts to connect to directly, separated by commas. An entry matches the host itself and
///   its subdomains, with or without a leading dot. An IP address or a CIDR block matches an address as host. `*` matches
///   every host if it is the whole value. An entry with a port or with `*.` matches nothing.
///
/// `host` may be in brackets if it is an IPv6 address.
///
/// # Errors
///
/// [`ProxyError`] if the variable that decides cannot be read, or names another kind of proxy.
pub fn proxy_for(
    is_https: bool,
    host: &str,
    variable: impl Fn(&str) -> Option<OsString>,
) -> Result<Option<ProxyUrl>, ProxyError> {
    let set = |name: &'static str| Some((name, variable(name).filter(|value| !value.is_empty())?));
    let own: &[&'static str] = if is_https {
        &["https_proxy", "HTTPS_PROXY"]
    } else {
        &["http_proxy"]
    };
    let names = own.iter().chain(&["all_proxy", "ALL_PROXY"]);
    let Some((name, value)) = names.copied().find_map(set) else {
        return Ok(None);
    };
    // What is not text matches no host.
    let except = ["no_proxy", "NO_PROXY"].into_iter().find_map(set);
    if except.is_some_and(|(_, list)| is_excepted(host, &list.to_string_lossy())) {
        return Ok(None);
    }
    let unreadable = ProxyError::Unreadable { variable: name };
    let Some(value) = value.to_str() else {
        return Err(unreadable);
    };
    let (scheme, rest) = value.split_once("://").unwrap_or(("http", value));
    let (scheme, port) = match scheme.to_ascii_lowercase().as_str() {
        "http" => ("http", DEFAULT_PROXY_PORT),
        "https" => ("https", DEFAULT_TLS_PROXY_PORT),
        other if !other.is_empty() && other.bytes().all(|b| b.is_ascii_alphanumeric()) => {
            return Err(ProxyError::Unsupported { variable: name });
        }
        _ => return Err(unreadable),
    };
    read(scheme, rest, port).map(Some).ok_or(unreadable)
}

/// The part of a proxy's URL after its scheme. curl ignores a path.
fn read(scheme: &str, rest: &str, default_port: u16) -> Option<ProxyUrl> {
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(end) => rest.split_at(end),
        None => (rest, ""),
    };
    if path.contains(['?', '#']) || path.chars().any(|c| c.is_control() || c == ' ') {
        return None;
    }
    let (user, host_port) = match authority.rsplit_once('@') {
        Some((user, host_port)) => (Some(user), host_port),
        None => (None, authority),
    };
    if !user.is_none_or(is_userinfo) {
        return None;
    }
    let (host, port) = if let Some(inner) = host_port.strip_prefix('[') {
        let (address, port) = inner.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        (&host_port[..address.len() + 2], port)
    } else {
        let end = host_port.find(':').unwrap_or(host_port.len());
        let (host, port) = host_port.split_at(end);
        let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if host.is_empty() || !host.bytes().all(is_name) {
            return None;
        }
        (host, port)
    };
    let port = match port.strip_prefix(':') {
        None if port.is_empty() => default_port,
        Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok()?,
        Some(_) | None => return None,
    };
    let user = user.map(|user| format!("{user}@")).unwrap_or_default();
    let before = format!("{scheme}://{user}");
    Some(ProxyUrl {
        host: before.len(),
        text: format!("{before}{host}:{port}"),
    })
}

/// RFC 3986 section 3.2.1.
fn is_userinfo(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let is_valid = match byte {
            b'%' => {
                let hex = |digit: Option<u8>| digit.is_some_and(|it| it.is_ascii_hexdigit());
                hex(bytes.next()) && hex(bytes.next())
            }
            b'-' | b'.' | b'_' | b'~' | b':' => true,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' => true,
            other => other.is_ascii_alphanumeric(),
        };
        if !is_valid {
            return false;
        }
    }
    true
}

/// Whether a list of exceptions has an entry that matches `host`.
fn is_excepted(host: &str, list: &str) -> bool {
    if list == "*" {
        return true;
    }
    let host = host
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'))
        .unwrap_or(host);
    let is_blank = |c| c == ' ' || c == '\t';
    for entry in list.split(',') {
        let entry = entry.trim_start_matches(is_blank);
        let (entry, rest) = entry.split_at(entry.find(is_blank).unwrap_or(entry.len()));
        if matches(host, entry) {
            return true;
        }
        // Only a comma separates entries: what follows a blank within one ends the list.
        if !rest.trim_matches(is_blank).is_empty() {
            return false;
        }
    }
    false
}

fn matches(host: &str, entry: &str) -> bool {
    if let Ok(address) = host.parse::<Ipv4Addr>() {
        let of = |text: &str| Some(u128::from(text.parse::<Ipv4Addr>().ok()?.to_bits()));
        return is_in_block(u128::from(address.to_bits()), 32, entry, of);
    }
    if let Ok(address) = host.parse::<Ipv6Addr>() {
        let of = |text: &str| Some(text.parse::<Ipv6Addr>().ok()?.to_bits());
        return is_in_block(address.to_bits(), 128, entry, of);
    }
    let host = host.strip_suffix('.').unwrap_or(host);
    let entry = entry.strip_suffix('.').unwrap_or(entry);
    let entry = entry.strip_prefix('.').unwrap_or(entry);
    let Some(start) = host.len().checked_sub(entry.len()) else {
        return false;
    };
    let (before, end) = (host.get(..start), host.get(start..));
    !entry.is_empty()
        && end.is_some_and(|end| end.eq_ignore_ascii_case(entry))
        && before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// `entry` is an address, or an address with the length of a prefix. curl reads a length of 0 as none.
fn is_in_block(address: u128, width: u32, entry: &str, of: impl Fn(&str) -> Option<u128>) -> bool {
    let (block, length) = match entry.split_once('/') {
        None => (entry, 0),
        Some((block, digits)) if digits.bytes().all(|b| b.is_ascii_digit()) => {
            match digits.parse::<u32>() {
                Ok(length) if length <= width => (block, length),
                Ok(_) | Err(_) => return false,
            }
        }
        Some(_) => return false,
    };
    let shift = if length == 0 { 0 } else { width - length };
    of(block).is_some_and(|block| block >> shift == address >> shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_not_shown() {
        for (url, shown) in [
            ("http://me:p%40ss@h:1", "http://h:1"),
            ("https://me@h", "https://h:443"),
            ("[::1]:9", "http://[::1]:9"),
        ] {
            let proxy = proxy_for(true, "x", |name| {
                (name == "https_proxy").then(|| url.into())
            });
            let proxy = proxy.unwrap().unwrap();
            assert_eq!(proxy.without_user(), shown);
            assert!(!format!("{proxy:?}").contains("me"), "{proxy:?}");
        }
    }

    fn of(host: &str, set: &[(&str, &str)]) -> Result<Option<String>, ProxyError> {
        let variable = |name: &str| {
            let found = set.iter().find(|(it, _)| *it == name)?;
            Some(OsString::from(found.1))
        };
        let proxy = proxy_for(true, host, variable)?;
        Ok(proxy.map(|proxy| proxy.as_str().to_owned()))
    }

    #[test]
    fn variables_are_read_in_curls_order() {
        let is = |set: &[(&str, &str)], expected: Option<&str>| {
            let expected = expected.map(|host| format!("http://{host}:1080"));
            assert_eq!(of("graph.test", set), Ok(expected), "{set:?}");
        };
        is(&[], None);
        is(&[("HTTP_PROXY", "a"), ("http_proxy", "b")], None);
        is(&[("ALL_PROXY", "a"), ("HTTPS_PROXY", "b")], Some("b"));
        is(&[("HTTPS_PROXY", "a"), ("https_proxy", "b")], Some("b"));
        is(&[("HTTPS_PROXY", ""), ("https_proxy", "b")], Some("b"));
        is(&[("HTTPS_PROXY", "a"), ("https_proxy", "")], Some("a"));
        is(&[("ALL_PROXY", "a"), ("all_proxy", "b")], Some("b"));
        is(&[("https_proxy", ""), ("all_proxy", "")], None);
        let http = |name: &str| {
            let variable = |it: &str| (it == name).then(|| OsString::from("a"));
            proxy_for(false, "h", variable).unwrap().is_some()
        };
        assert!(http("http_proxy") && http("ALL_PROXY") && http("all_proxy"));
        assert!(!http("HTTP_PROXY") && !http("https_proxy") && !http("HTTPS_PROXY"));
    }

    #[test]
    fn exceptions_are_read_as_curl_reads_them() {
        let direct = |host: &str, list: &str| {
            let proxy = of(host, &[("https_proxy", "p"), ("NO_PROXY", list)]);
            proxy.unwrap().is_none()
        };
        for list in [
            "localhost, graph.microsoft.com",
            "localhost,\tgraph.microsoft.com , x",
            "microsoft.com",
            ".microsoft.com",
            "microsoft.com.",
            ".com",
            "GRAPH.Microsoft.COM",
            ",,graph.microsoft.com",
            "*",
        ] {
            assert!(direct("graph.microsoft.com", list), "{list}");
            assert!(direct("graph.microsoft.com.", list), "{list}");
        }
        for list in [
            "*.microsoft.com",
            "localhost, *",
            " *",
            "graph.microsoft.com:443",
            "https://graph.microsoft.com",
            "aph.microsoft.com",
            "x.graph.microsoft.com",
            "a graph.microsoft.com",
            ".",
            " ",
            ",",
        ] {
            assert!(!direct("graph.microsoft.com", list), "{list}");
        }
        for list in [
            "192.0.2.7",
            "192.0.2.0/24",
            "192.0.2.7/32",
            "1.2.3.4, 192.0.0.0/16",
        ] {
            assert!(direct("192.0.2.7", list), "{list}");
        }
        for list in [
            "192.0.2.8",
            "0.2.7",
            "192.0.2.0/33",
            "0.0.0.0/0",
            "192.0.2.0/x",
            "192.0.2.7:443",
            "192.0.2.0/",
            "::/1",
        ] {
            assert!(!direct("192.0.2.7", list), "{list}");
        }
        for list in ["2001:db8::1", "2001:db8::/32", "2001:DB8:0::1"] {
            assert!(direct("[2001:db8::1]", list), "{list}");
        }
        assert!(!direct("[2001:db8::1]", "[2001:db8::1]"));
        assert!(!direct("[2001:db8::1]", "2001:db8::/129"));
        // The one in lower case decides, unless it is empty.
        let set = [("https_proxy", "p"), ("no_proxy", "a"), ("NO_PROXY", "h")];
        assert!(of("h", &set).unwrap().is_some());
        let set = [("https_proxy", "p"), ("no_proxy", ""), ("NO_PROXY", "h")];
        assert!(of("h", &set).unwrap().is_none());
    }

    #[test]
    fn a_url_is_completed() {
        for (value, expected) in [
            ("proxy", "http://proxy:1080"),
            ("proxy:3128", "http://proxy:3128"),
            ("HTTP://proxy:80/", "http://proxy:80"),
            ("https://proxy", "https://proxy:443"),
            (
                "http://u:p%40x@10.0.0.1:8080/path",
                "http://u:p%40x@10.0.0.1:8080",
            ),
            ("u@h", "http://u@h:1080"),
            ("http://[::1]:9", "http://[::1]:9"),
            ("[::1]", "http://[::1]:1080"),
        ] {
            assert_eq!(
                of("h", &[("https_proxy", value)]),
                Ok(Some(expected.to_owned()))
            );
        }
    }

    #[test]
    fn an_unusable_variable_is_named_and_its_value_is_not() {
        let long = "x".repeat(9).to_owned() + " y";
        for value in [
            r"http://DOM\canary:p@h",
            "http://",
            "http://canary@",
            "http://h:canary",
            "http://h:99999",
            "http://ca nary:p@h",
            "http://canary%zz@h",
            "http://canary/p@h?q",
            "http://[canary]",
            "http://canary@h@:1",
            "http://h:1:2",
            "://canary",
            "http://cänary",
            "h:+1",
            &long,
        ] {
            for name in ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
                let error = of("h", &[(name, value)]).unwrap_err();
                let shown = format!("{error} {error:?}");
                assert!(shown.contains(name), "{value}: {shown}");
                assert!(!shown.contains("nary") && !shown.contains("DOM"), "{shown}");
            }
            // A host that is excepted needs no proxy.
            let set = [("https_proxy", value), ("no_proxy", "h")];
            assert_eq!(of("h", &set), Ok(None));
        }
        let socks = of("h", &[("ALL_PROXY", "socks5h://canary:1")]).unwrap_err();
        assert_eq!(
            socks,
            ProxyError::Unsupported {
                variable: "ALL_PROXY"
            }
        );
        let shown = proxy_for(true, "h", |_| Some(OsString::from("http://user:canary@h")));
        assert!(!format!("{shown:?}").contains("canary"), "{shown:?}");
    }
}
