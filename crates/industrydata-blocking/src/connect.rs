//! How far a request got. ureq reports a failed handshake like a lost answer, so the way to a connection is marked.
//!
//! In the chain of connectors, [`CachingResolver`] comes first and a mark comes last, all on the calling thread. An error
//! between the two came before the connection was made.

use std::{
    cell::Cell,
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::Uri;
use industrydata_core::wire::{Phase, TransportError};
use ureq::{
    Error,
    config::Config,
    unversioned::{
        resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver},
        transport::{ConnectionDetails, Connector, NextTimeout, Transport},
    },
};

/// How long resolved addresses are kept. ureq resolves on every request, on a new thread if a limit is set.
const KEEP: Duration = Duration::from_secs(30);

thread_local! {
    /// How far the request on this thread has got, and how many chains of connectors are open (a tunnel opens a second).
    static REACHED: Cell<(Phase, u8)> = const { Cell::new((Phase::Sent, 0)) };
}

/// Begins a request: until something is known of its connection, a pooled one may be in use.
pub(crate) fn begin() {
    REACHED.set((Phase::Sent, 0));
}

/// A ureq error with its phase, by how far the request had got.
pub(crate) fn transport_error(error: Error) -> TransportError {
    let phase = match (&error, REACHED.get().0) {
        (
            Error::Http(_)
            | Error::BadUri(_)
            | Error::RequireHttpsOnly(_)
            | Error::TlsRequired
            | Error::InvalidProxyUrl,
            _,
        ) => Phase::Local,
        (Error::Tls(_), Phase::Connect) => Phase::Tls,
        (Error::Io(io), Phase::Connect) if io.kind() == std::io::ErrorKind::InvalidData => {
            Phase::Tls
        }
        (_, reached) => reached,
    };
    TransportError::new(phase, error)
}

/// Resolves each host once in a while, and no name of an unencrypted target to anything but loopback.
#[derive(Debug, Default)]
pub(crate) struct CachingResolver {
    system: DefaultResolver,
    kept: Mutex<HashMap<String, (Instant, Vec<SocketAddr>)>>,
}

impl Resolver for CachingResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let (before, open) = REACHED.get();
        if open == 0 {
            REACHED.set((Phase::Resolve, open));
        }
        let addrs = self.addresses(uri, config, timeout)?;
        let plain = open == 0 && uri.scheme() == Some(&http::uri::Scheme::HTTP);
        if plain && !addrs.iter().all(|addr| is_near(uri, addr.ip())) {
            return Err(Error::Io(std::io::Error::other(
                "the name resolves to an address that is not loopback, and the base is not https",
            )));
        }
        REACHED.set((before, open));
        Ok(addrs)
    }
}

impl CachingResolver {
    fn addresses(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        let authority = uri
            .authority()
            .map(|authority| authority.as_str())
            .unwrap_or_default();
        let mut addrs = self.empty();
        if let Some(literal) = literal(uri) {
            addrs.push(literal);
            return Ok(addrs);
        }
        let kept = |kept: &HashMap<String, (Instant, Vec<SocketAddr>)>| {
            kept.get(authority)
                .filter(|(at, _)| at.elapsed() < KEEP)
                .map(|(_, addrs)| addrs.clone())
        };
        if let Some(list) = kept(&self.lock()) {
            for addr in list {
                addrs.push(addr);
            }
            return Ok(addrs);
        }
        let fresh = self.system.resolve(uri, config, timeout)?;
        let entry = (Instant::now(), fresh.iter().copied().collect());
        self.lock().insert(authority.to_owned(), entry);
        Ok(fresh)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, (Instant, Vec<SocketAddr>)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The first and the last link in the chain of connectors.
#[derive(Debug)]
pub(crate) enum Mark {
    Begin,
    End,
}

impl<In: Transport> Connector<In> for Mark {
    type Out = In;

    fn connect(
        &self,
        _details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<In>, Error> {
        let (_, open) = REACHED.get();
        REACHED.set(match (self, open) {
            (Self::Begin, 0) => (Phase::Connect, 1),
            (Self::Begin, open) => (Phase::Proxy, open.saturating_add(1)),
            (Self::End, 0 | 1) => (Phase::Sent, 0),
            (Self::End, open) => (Phase::Proxy, open - 1),
        });
        Ok(chained)
    }
}

/// Whether an address may be reached without encryption: loopback, or a link-local address that the URL itself has. Only an
/// identity endpoint has one, since a base URL cannot.
fn is_near(uri: &Uri, address: IpAddr) -> bool {
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    address.is_loopback() || (is_link_local && literal(uri).is_some())
}

fn literal(uri: &Uri) -> Option<SocketAddr> {
    let host = uri.host()?;
    let bare = host
        .strip_prefix('[')
        .and_then(|h| h.strip_suffix(']'))
        .unwrap_or(host);
    let ip: IpAddr = bare.parse().ok()?;
    let default = if uri.scheme() == Some(&http::uri::Scheme::HTTPS) {
        443
    } else {
        80
    };
    Some(SocketAddr::new(ip, uri.port_u16().unwrap_or(default)))
}
