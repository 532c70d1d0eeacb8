//! The addresses of token and identity endpoints, and how a request may reach each.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::{
    policy::MAX_BASE_URL_BYTES,
    wire::{
        base_url::parts::is_loopback_host,
        uri::{Authority, Reference, effective_port},
    },
};

/// How a request for a token may reach its endpoint.
///
/// Redirects are never followed, because a redirect would take a secret or a token to another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// Over TLS, through the proxy that is configured, if any.
    Proxied,
    /// Over TLS, past any proxy: to loopback or to an identity endpoint.
    Direct,
    /// Unencrypted, past any proxy. The host is `localhost`, or a loopback or link-local address as text. Check that
    /// `localhost` resolves to loopback.
    Plain,
}

/// Why the text is not an address to which secrets may be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum AddressError {
    #[error(
        "is not a URL with a scheme and a host, such as https://login.microsoftonline.com or http://127.0.0.1:8085"
    )]
    NotAUrl,
    #[error("must begin with https:// or http://")]
    NotHttp,
    #[error("must not contain a user name or password")]
    HasUser,
    #[error("must not have a fragment")]
    HasFragment,
    #[error("must not have a query")]
    HasQuery,
    #[error(
        "must be an https URL: plain http is only for this machine (localhost, 127.0.0.1, [::1])"
    )]
    NotLoopback,
    #[error(
        "must be an https URL: plain http is only for loopback and link-local addresses, such as 127.0.0.1 or 169.254.169.254"
    )]
    NotLocal,
}

/// A checked address, in the spelling in which it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Scheme, host, port and path, without a slash at its end.
    text: String,
    query: Option<String>,
    route: Route,
}

impl Address {
    /// The instance metadata service of Azure.
    pub(crate) fn metadata() -> Self {
        Self {
            text: "http://169.254.169.254".to_owned(),
            query: None,
            route: Route::Plain,
        }
    }

    /// The address of a service: over TLS, or unencrypted to loopback.
    pub(crate) fn of_service(text: &str) -> Result<Self, AddressError> {
        let (address, host) = Self::read(text)?;
        let route = match (address.route, is_loopback_host(&host)) {
            (Route::Plain, false) => return Err(AddressError::NotLoopback),
            (Route::Plain, true) => Route::Plain,
            (Route::Proxied | Route::Direct, true) => Route::Direct,
            (Route::Proxied | Route::Direct, false) => Route::Proxied,
        };
        Ok(Self { route, ..address })
    }

    /// The address of an identity endpoint: over TLS, or unencrypted to loopback and link-local addresses.
    pub(crate) fn of_identity(text: &str) -> Result<Self, AddressError> {
        let (address, host) = Self::read(text)?;
        let route = match address.route {
            Route::Plain if is_loopback_host(&host) || is_link_local(&host) => Route::Plain,
            Route::Plain => return Err(AddressError::NotLocal),
            Route::Proxied | Route::Direct => Route::Direct,
        };
        Ok(Self { route, ..address })
    }

    /// The address without a query.
    pub(crate) fn without_query(self) -> Result<Self, AddressError> {
        match self.query {
            Some(_) => Err(AddressError::HasQuery),
            None => Ok(self),
        }
    }

    pub(crate) const fn route(&self) -> Route {
        self.route
    }

    /// Whether the host is this machine. Its text decides.
    pub(crate) fn is_loopback(&self) -> bool {
        is_loopback_host(self.host())
    }

    /// The host. An IPv6 address is in brackets.
    pub(crate) fn host(&self) -> &str {
        let authority = Reference::parse(&self.text).and_then(|it| it.authority);
        authority.map_or("", |authority| authority.host)
    }

    /// Scheme, host, port and path.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL with this path after the address's own, and with this query after the address's own.
    pub(crate) fn url(&self, path: &str, query: &str) -> String {
        let mut url = format!("{}{path}", self.text);
        // An empty path is sent as a slash.
        if url.split('/').nth(3).is_none() {
            url.push('/');
        }
        let own = self.query.as_deref().unwrap_or_default();
        let parts = [own, query].into_iter().filter(|part| !part.is_empty());
        for (part, mark) in parts.zip(['?', '&']) {
            url.push(mark);
            url.push_str(part);
        }
        url
    }

    /// The address and its host. The route is plain or not, by the scheme.
    fn read(text: &str) -> Result<(Self, String), AddressError> {
        if text.len() > MAX_BASE_URL_BYTES {
            return Err(AddressError::NotAUrl);
        }
        let reference = Reference::parse(text).ok_or(AddressError::NotAUrl)?;
        let scheme = reference.scheme.ok_or(AddressError::NotAUrl)?;
        let is_https = scheme.eq_ignore_ascii_case("https");
        if !is_https && !scheme.eq_ignore_ascii_case("http") {
            return Err(AddressError::NotHttp);
        }
        let authority = reference.authority.ok_or(AddressError::NotAUrl)?;
        if authority.has_userinfo {
            return Err(AddressError::HasUser);
        }
        if reference.fragment.is_some() {
            return Err(AddressError::HasFragment);
        }
        let host = spelt(authority).ok_or(AddressError::NotAUrl)?;
        let (scheme, route) = if is_https {
            ("https", Route::Proxied)
        } else {
            ("http", Route::Plain)
        };
        let mut url = format!("{scheme}://{host}");
        let port = effective_port(is_https, authority.port);
        if port != effective_port(is_https, None) {
            url.push_str(&format!(":{port}"));
        }
        let target = reference.resolve(&reference).ok_or(AddressError::NotAUrl)?;
        url.push_str(target.normalised_path().trim_end_matches('/'));
        let address = Self {
            text: url,
            query: reference
                .query
                .filter(|query| !query.is_empty())
                .map(str::to_owned),
            route,
        };
        Ok((address, host))
    }
}

/// The host in the spelling of URL libraries. HTTP clients differ over encoded names and zone identifiers.
fn spelt(authority: Authority<'_>) -> Option<String> {
    let host = authority.host;
    if host.is_empty() || host.contains('%') {
        return None;
    }
    let Some(literal) = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')) else {
        // URL libraries read such a host as an IPv4 address in an older spelling.
        let last = host.trim_end_matches('.').rsplit('.').next();
        let is_address = last.is_some_and(is_number);
        let is_spelt_out = !is_address || host.parse::<Ipv4Addr>().is_ok();
        return is_spelt_out.then(|| host.to_ascii_lowercase());
    };
    let address: Ipv6Addr = literal.parse().ok()?;
    Some(format!("[{address}]"))
}

fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or(label.strip_prefix("0X"));
    match hex {
        Some(hex) => hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// Whether the text of `host` is a link-local address: `169.254.0.0/16` (RFC 3927) or `fe80::/10` (RFC 4291).
fn is_link_local(host: &str) -> bool {
    let literal = host.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    match literal {
        Some(literal) => literal
            .parse::<Ipv6Addr>()
            .is_ok_and(|address| address.is_unicast_link_local()),
        None => host
            .parse::<Ipv4Addr>()
            .is_ok_and(|address| address.is_link_local()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_service_is_reached_over_tls_or_on_loopback() {
        for (text, sent, route) in [
            (
                "https://login.microsoftonline.com/",
                "https://login.microsoftonline.com",
                Route::Proxied,
            ),
            (
                "HTTPS://Login.Example:443/a/./b/",
                "https://login.example/a/b",
                Route::Proxied,
            ),
            (
                "https://login.example:8443",
                "https://login.example:8443",
                Route::Proxied,
            ),
            ("https://localhost:9", "https://localhost:9", Route::Direct),
            (
                "http://127.0.0.1:9/x/",
                "http://127.0.0.1:9/x",
                Route::Plain,
            ),
            ("http://[::1]:80", "http://[::1]", Route::Plain),
            (
                "https://169.254.169.254",
                "https://169.254.169.254",
                Route::Proxied,
            ),
        ] {
            let address = Address::of_service(text).unwrap();
            assert_eq!((address.as_str(), address.route()), (sent, route), "{text}");
        }
        for (text, error) in [
            ("", AddressError::NotAUrl),
            ("login.example", AddressError::NotAUrl),
            ("//login.example", AddressError::NotAUrl),
            ("https://", AddressError::NotAUrl),
            ("https://a b", AddressError::NotAUrl),
            ("https://a\\@b", AddressError::NotAUrl),
            ("https://[fe80::1%25eth0]", AddressError::NotAUrl),
            ("https://a%2eb", AddressError::NotAUrl),
            ("ftp://a", AddressError::NotHttp),
            ("https://u@a", AddressError::HasUser),
            ("https://a#b", AddressError::HasFragment),
            ("http://login.example", AddressError::NotLoopback),
            ("http://169.254.169.254", AddressError::NotLoopback),
            ("http://127.1", AddressError::NotAUrl),
            ("http://2130706433", AddressError::NotAUrl),
            ("https://9.254/m", AddressError::NotAUrl),
            ("https://a.0x7f", AddressError::NotAUrl),
            ("https://1.2.3.04", AddressError::NotAUrl),
            ("https://1.2.3.4.", AddressError::NotAUrl),
            ("http://localhost.", AddressError::NotLoopback),
            ("http://[::ffff:127.0.0.1]", AddressError::NotLoopback),
        ] {
            assert_eq!(Address::of_service(text), Err(error), "{text}");
        }
        let long = |length: usize| format!("https://a/{}", "b".repeat(length - 10));
        assert!(Address::of_service(&long(2000)).is_ok());
        assert_eq!(Address::of_service(&long(2001)), Err(AddressError::NotAUrl));
        let query = Address::of_service("https://a?x").unwrap();
        assert_eq!(query.without_query(), Err(AddressError::HasQuery));
    }

    #[test]
    fn an_identity_endpoint_is_reached_in_the_clear_only_next_door() {
        for (text, route) in [
            ("http://169.254.169.254", Route::Plain),
            ("http://169.254.129.3:8081/msi/token", Route::Plain),
            ("http://localhost:42356/msi/token/", Route::Plain),
            ("http://127.0.0.1:41000/msi/token", Route::Plain),
            ("http://[FE80:0::1]:80/x", Route::Plain),
            ("https://identity.example/x", Route::Direct),
            ("https://localhost:9", Route::Direct),
        ] {
            assert_eq!(Address::of_identity(text).unwrap().route(), route, "{text}");
        }
        for text in [
            "http://169.253.169.254",
            "http://169.255.0.1",
            "http://10.0.0.1",
            "http://identity.example",
            "http://169.254.169.254.example",
            "http://[fec0::1]",
            "http://[::ffff:169.254.169.254]",
        ] {
            assert_eq!(
                Address::of_identity(text),
                Err(AddressError::NotLocal),
                "{text}"
            );
        }
    }

    #[test]
    fn the_metadata_service_is_a_valid_address() {
        let read = Address::of_identity("http://169.254.169.254/");
        assert_eq!(read, Ok(Address::metadata()));
    }

    #[test]
    fn a_url_has_the_address_first() {
        let url = |text: &str| Address::of_service(text).unwrap().url("", "a=b");
        assert_eq!(url("https://h"), "https://h/?a=b");
        assert_eq!(url("https://h/"), "https://h/?a=b");
        assert_eq!(url("https://h/p"), "https://h/p?a=b");
        assert_eq!(url("https://h/p?x=1"), "https://h/p?x=1&a=b");
        assert_eq!(url("https://h/p/?"), "https://h/p?a=b");
        let address = Address::of_service("https://h/p").unwrap();
        assert_eq!(address.url("/t/oauth2", ""), "https://h/p/t/oauth2");
        assert!(!address.is_loopback());
        assert!(
            Address::of_service("https://localhost/p")
                .unwrap()
                .is_loopback()
        );
    }

    proptest! {
        #[test]
        fn an_address_is_read_back_as_itself(text in "(https?|HTTP)://[a-z0-9.:\\[\\]-]{1,12}(/[a-z./%0-9]{0,12})?(\\?[a-z&=]{0,8})?|\\PC{0,30}") {
            for read in [Address::of_service, Address::of_identity] {
                if let Ok(address) = read(&text) {
                    let sent = address.url("", "");
                    prop_assert_eq!(read(&sent).unwrap(), address.clone());
                    prop_assert_eq!(sent.parse::<http::Uri>().unwrap().to_string(), sent);
                }
            }
        }
    }
}
