//! The addresses of a host.

use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs},
};

use industrydata_core::wire::Phase;

use crate::thread::{NoThread, on_a_thread};

/// Why a host has no address. Nothing was sent.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LookupError {
    /// The system does not resolve the name.
    #[error("{0}")]
    Failed(io::Error),
    /// A base without encryption must stay on this machine.
    #[error("the name resolves to an address that is not loopback, and the base is not https")]
    NotLoopback,
    /// It took too long.
    #[error("the host name was not resolved within the time limit")]
    TimedOut,
    /// The system starts no further thread. Nothing was resolved.
    #[error(transparent)]
    NoThread(#[from] NoThread),
}

impl LookupError {
    /// How far a request with this error got.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        match self {
            Self::NoThread(_) => Phase::Local,
            Self::Failed(_) | Self::NotLoopback | Self::TimedOut => Phase::Resolve,
        }
    }
}

/// Resolves a name on a new thread, which calls `done` with the addresses, those of the two families in turn. The system's
/// resolver may take minutes and cannot be interrupted. An address as `host` is returned without a thread; it may be in
/// brackets.
///
/// `is_loopback_only`: refuse a name that has any other address. A link-local address as `host` is not refused: only an
/// identity endpoint of the platform has one, since a base without encryption must be loopback.
///
/// # Errors
///
/// [`LookupError::NoThread`]; `done` is then not called.
pub fn lookup(
    host: &str,
    port: u16,
    is_loopback_only: bool,
    done: impl FnOnce(Result<Vec<SocketAddr>, LookupError>) + Send + 'static,
) -> Result<(), LookupError> {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'))
        .unwrap_or(host);
    if let Ok(address) = bare.parse::<IpAddr>() {
        let is_near = address.is_loopback() || is_link_local(address);
        done(match is_loopback_only && !is_near {
            true => Err(LookupError::NotLoopback),
            false => Ok(vec![SocketAddr::new(address, port)]),
        });
        return Ok(());
    }
    let checked = move |addresses: Vec<SocketAddr>| {
        let is_local = addresses.iter().all(|address| address.ip().is_loopback());
        if is_loopback_only && !is_local {
            return Err(LookupError::NotLoopback);
        }
        Ok(in_turn(addresses))
    };
    let host = host.to_owned();
    on_a_thread("host name", move || {
        let found = (host.as_str(), port).to_socket_addrs();
        let found = found.map_err(LookupError::Failed);
        done(found.and_then(|addresses| checked(addresses.collect())));
    })?;
    Ok(())
}

const fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// The addresses with the families in turn, beginning with that of the first (RFC 8305 section 4).
fn in_turn(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let is_first = |address: &SocketAddr| {
        let first = addresses.first();
        first.is_none_or(|first| first.is_ipv6() == address.is_ipv6())
    };
    let (first, second): (Vec<_>, Vec<_>) = addresses.iter().copied().partition(is_first);
    let mut second = second.into_iter();
    let mut all = Vec::with_capacity(addresses.len());
    for address in first {
        all.push(address);
        all.extend(second.next());
    }
    all.extend(second);
    all
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    fn of(host: &str, is_loopback_only: bool) -> Result<Vec<SocketAddr>, LookupError> {
        let (sender, receiver) = mpsc::channel();
        lookup(host, 443, is_loopback_only, move |found| {
            sender.send(found).unwrap()
        })
        .unwrap();
        receiver.recv().unwrap()
    }

    #[test]
    fn families_take_turns() {
        let all = |text: &str| -> Vec<SocketAddr> {
            text.split(' ')
                .map(|it| format!("{it}:1").parse().unwrap())
                .collect()
        };
        let six = "[::1] [::2] [::3] 10.0.0.1 10.0.0.2";
        assert_eq!(
            in_turn(all(six)),
            all("[::1] 10.0.0.1 [::2] 10.0.0.2 [::3]")
        );
        let four = "10.0.0.1 [::1] [::2]";
        assert_eq!(in_turn(all(four)), all("10.0.0.1 [::1] [::2]"));
        assert_eq!(in_turn(all("10.0.0.1")), all("10.0.0.1"));
        assert!(in_turn(Vec::new()).is_empty());
    }

    #[test]
    fn an_address_is_taken_as_it_is() {
        assert_eq!(
            of("192.0.2.1", false).unwrap(),
            ["192.0.2.1:443".parse().unwrap()]
        );
        assert_eq!(
            of("[2001:db8::1]", false).unwrap(),
            ["[2001:db8::1]:443".parse().unwrap()]
        );
        for near in ["[::1]", "127.0.0.1", "169.254.169.254", "[fe80::1]"] {
            assert!(of(near, true).is_ok(), "{near}");
        }
        for far in ["192.0.2.1", "10.0.0.1", "[fec0::1]", "[2001:db8::1]"] {
            assert!(
                matches!(of(far, true), Err(LookupError::NotLoopback)),
                "{far}"
            );
        }
    }

    #[test]
    fn a_name_is_resolved_on_a_thread() {
        assert!(
            of("localhost", true)
                .unwrap()
                .iter()
                .all(|it| it.ip().is_loopback())
        );
        let error = of("name.invalid", false).unwrap_err();
        assert_eq!(error.phase(), Phase::Resolve);
    }
}
