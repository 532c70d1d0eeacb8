//! Who may use the control paths: a program of this machine, not a web page that a browser of this machine shows.
//!
//! A page reaches a loopback port by a name that it resolves to 127.0.0.1 (its `Host` gives it away), with a request
//! from its own origin, or with a form, which cannot have a JSON type.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::{
    HeaderName, HeaderValue, Request,
    header::{CONTENT_TYPE, HOST, ORIGIN},
    uri::Authority,
};

/// Why a control request is refused; `None` if it is not.
pub(super) fn refusal(request: &Request<Vec<u8>>) -> Option<&'static str> {
    let all = |name: &HeaderName| request.headers().get_all(name).into_iter();
    let is_local = all(&HOST).count() == 1
        && all(&HOST).all(|host| text(host).is_some_and(is_loopback))
        && request
            .uri()
            .authority()
            .is_none_or(|authority| is_loopback(authority.as_str()));
    if !is_local {
        return Some("the Host is not a loopback name: use localhost, 127.0.0.1 or [::1]");
    }
    let own = |origin: &HeaderValue| {
        let host = text(origin).and_then(|origin| origin.strip_prefix("http://"));
        all(&HOST).all(|own| {
            host.is_some_and(|host| host.as_bytes().eq_ignore_ascii_case(own.as_bytes()))
        })
    };
    if !all(&ORIGIN).all(own) {
        return Some("the Origin is foreign: the control paths are not for web pages");
    }
    let has_type = request.headers().contains_key(CONTENT_TYPE);
    let is_typed = has_type || request.body().is_empty();
    if !is_typed || !all(&CONTENT_TYPE).all(|of| text(of).is_some_and(is_json)) {
        return Some("the Content-Type is not application/json");
    }
    None
}

fn text(value: &HeaderValue) -> Option<&str> {
    value.to_str().ok()
}

/// Whether a host, with or without a port, is a name or an address of the loopback interface.
fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else {
        return false;
    };
    let name = authority.host();
    let Some(port) = host.strip_prefix(name) else {
        return false;
    };
    let is_port = match port.strip_prefix(':') {
        Some(digits) => digits.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    let v6 = || name.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    is_port
        && (name.eq_ignore_ascii_case("localhost")
            || name.parse().is_ok_and(|it: Ipv4Addr| it.is_loopback())
            || v6().is_some_and(|it: Ipv6Addr| it.is_loopback()))
}

/// Whether a media type is JSON, with or without parameters.
fn is_json(content_type: &str) -> bool {
    let essence = content_type.split(';').next().unwrap_or_default();
    essence.trim().eq_ignore_ascii_case("application/json")
}
