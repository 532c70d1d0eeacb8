//! Opens connections with ureq's connectors, one after the other, so that the phase of each error is known.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError, mpsc},
    time::{Duration, Instant},
};

use http::{Uri, uri::Scheme};
use industrydata_core::{
    policy::FIRST_CONNECT_TRY,
    wire::{BuildError, Cause, Phase, TransportError},
};
use ureq::{
    Error, Proxy, ProxyProtocol, Timeout,
    config::{Config, IpFamily},
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{
            ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, TcpConnector,
            Transport, time,
        },
    },
};

use crate::{
    chain::find,
    lookup::{LookupError, lookup},
    with_ureq::stoppable::Stoppable,
};

/// The most addresses of a host that ureq keeps.
const MOST_ADDRESSES: usize = 16;
/// How long resolved addresses are kept.
const KEEP: Duration = Duration::from_secs(30);

/// Opens the connections of a client, directly or through its proxy.
#[derive(Debug)]
pub struct Dialer {
    config: Config,
    names: Names,
    links: Arc<Links>,
    stop: Arc<dyn Stoppable>,
}

impl Dialer {
    /// `plain`: the target is unencrypted, and therefore loopback.
    ///
    /// # Errors
    ///
    /// [`BuildError::Client`] if the proxy is a SOCKS proxy.
    pub fn new(config: Config, plain: bool, stop: Arc<dyn Stoppable>) -> Result<Self, BuildError> {
        let is_http =
            |proxy: &Proxy| matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https);
        if !config.proxy().is_none_or(is_http) {
            let why = "a proxy must be an http or https proxy";
            return Err(BuildError::Client(Cause::new(why)));
        }
        Ok(Self {
            config,
            names: Names {
                is_loopback_only: plain,
                kept: Mutex::default(),
            },
            links: Arc::new(Links {
                tcp: TcpConnector::default(),
                #[cfg(feature = "rustls")]
                rustls: ureq::unversioned::transport::RustlsConnector::default(),
                #[cfg(feature = "native-tls")]
                native: ureq::unversioned::transport::NativeTlsConnector::default(),
                stop: Arc::clone(&stop),
            }),
            stop,
        })
    }

    /// The configuration.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// A connection for requests to `uri`, encrypted if it is `https`.
    ///
    /// # Errors
    ///
    /// [`TransportError`] with the phase that failed. Nothing was sent.
    pub fn dial(&self, uri: &Uri, limit: Duration) -> Result<Box<dyn Transport>, TransportError> {
        let began = Instant::now();
        let proxy = self.config.proxy().filter(|proxy| !proxy.is_no_proxy(uri));
        let addrs = match proxy {
            Some(_) => self.names.empty(),
            None => self
                .names
                .addresses(uri, &self.config, limit)
                .map_err(|error| {
                    let is_timeout = matches!(error, LookupError::TimedOut);
                    TransportError::new(error.phase(), error).timed_out(is_timeout)
                })?,
        };
        let (links, stop) = (Arc::clone(&self.links), Arc::clone(&self.stop));
        let details = ConnectionDetails {
            uri,
            addrs,
            config: &self.config,
            request_level: false,
            resolver: &self.names,
            now: time::Instant::now(),
            timeout: within(limit.saturating_sub(began.elapsed())),
            current_time: Arc::new(time::Instant::now),
            run_connector: Arc::new(move |details| links.secure(details, links.open(details)?)),
            register_shutdown: Arc::new(move |handle| {
                let is_open = stop.add(handle);
                is_open.then_some(()).ok_or(Error::Other("stopped".into()))
            }),
        };
        let link = match proxy {
            Some(_) => match ConnectProxyConnector::default().connect(&details, None::<()>) {
                Ok(Some(tunnel)) => Ok(Box::new(tunnel) as Box<dyn Transport>),
                Ok(None) => Err(Error::InvalidProxyUrl),
                Err(error) => Err(error),
            }
            .map_err(|error| failed(Phase::Proxy, error))?,
            None => self
                .links
                .open(&details)
                .map_err(|error| failed(Phase::Connect, error))?,
        };
        self.links
            .secure(&details, link)
            .map_err(|error| failed(Phase::Tls, error))
    }
}

/// The time that is left, as ureq has it.
pub(super) fn within(limit: Duration) -> NextTimeout {
    NextTimeout {
        after: limit.into(),
        reason: Timeout::Global,
        ..NextTimeout::default()
    }
}

/// An error with its phase: `phase`, unless its chain shows an error of TLS or of this machine.
fn failed(phase: Phase, error: Error) -> TransportError {
    let is_timeout = matches!(error, Error::Timeout(_));
    // ureq's own type hides what it wraps.
    let error: Box<dyn std::error::Error + Send + Sync> = if let Error::Io(inner) = error {
        inner.into()
    } else if let Error::Other(inner) = error {
        inner
    } else {
        error.into()
    };
    #[cfg(feature = "rustls")]
    if let Some(error) = crate::trust::tls_error(&*error) {
        return error;
    }
    let is_local =
        find::<LookupError>(&*error).is_some_and(|lookup| lookup.phase() == Phase::Local);
    TransportError::new(if is_local { Phase::Local } else { phase }, error).timed_out(is_timeout)
}

/// The connectors of ureq that need no other connection.
#[derive(Debug)]
struct Links {
    tcp: TcpConnector,
    #[cfg(feature = "rustls")]
    rustls: ureq::unversioned::transport::RustlsConnector,
    #[cfg(feature = "native-tls")]
    native: ureq::unversioned::transport::NativeTlsConnector,
    stop: Arc<dyn Stoppable>,
}

impl Links {
    /// Tries the addresses in turn, in rounds of growing length: one that does not answer holds up the others little.
    fn open(&self, details: &ConnectionDetails<'_>) -> Result<Box<dyn Transport>, Error> {
        let (began, limit) = (Instant::now(), *details.timeout.after);
        let mut untried: Vec<SocketAddr> = details.addrs.iter().copied().collect();
        let (mut time, mut last) = (FIRST_CONNECT_TRY, Error::HostNotFound);
        while !untried.is_empty() {
            let is_only = untried.len() == 1;
            for address in std::mem::take(&mut untried) {
                let left = limit.saturating_sub(began.elapsed());
                if left.is_zero() || self.stop.is_stopped() {
                    return Err(Error::Timeout(Timeout::Connect));
                }
                let mut addrs = details.resolver.empty();
                addrs.push(address);
                let one = ConnectionDetails {
                    addrs,
                    now: time::Instant::now(),
                    timeout: within(if is_only { left } else { time.min(left) }),
                    uri: details.uri,
                    config: details.config,
                    request_level: details.request_level,
                    resolver: details.resolver,
                    current_time: Arc::clone(&details.current_time),
                    run_connector: Arc::clone(&details.run_connector),
                    register_shutdown: Arc::clone(&details.register_shutdown),
                };
                match self.tcp.connect(&one, None::<()>) {
                    Ok(Some(link)) => return Ok(Box::new(link)),
                    Err(Error::Timeout(_)) => untried.push(address),
                    Ok(None) => {}
                    Err(error) => last = error,
                }
            }
            time = time.saturating_mul(2);
        }
        Err(last)
    }

    /// Adds TLS if the target has it.
    fn secure(
        &self,
        details: &ConnectionDetails<'_>,
        link: Box<dyn Transport>,
    ) -> Result<Box<dyn Transport>, Error> {
        let link = Some(link);
        #[cfg(feature = "rustls")]
        let link = self.rustls.connect(details, link)?;
        #[cfg(feature = "native-tls")]
        let link = self.native.connect(details, link)?;
        let link = link.filter(|link| link.is_tls() || !details.needs_tls());
        Ok(Box::new(link.ok_or(Error::TlsRequired)?))
    }
}

/// Resolves each host once in a while, and no name of an unencrypted target to anything but loopback.
#[derive(Debug)]
struct Names {
    is_loopback_only: bool,
    kept: Mutex<HashMap<String, (Instant, Vec<SocketAddr>)>>,
}

impl Names {
    fn addresses(
        &self,
        uri: &Uri,
        config: &Config,
        limit: Duration,
    ) -> Result<ResolvedSocketAddrs, LookupError> {
        let is_https = uri.scheme() == Some(&Scheme::HTTPS);
        let port = uri.port_u16().unwrap_or(if is_https { 443 } else { 80 });
        let host = uri.host().unwrap_or_default();
        let key = format!("{host}:{port}");
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (at, _)| at.elapsed() < KEEP);
        let known = kept.get(&key).map(|(_, found)| found.clone());
        drop(kept);
        let found = match known {
            Some(found) => found,
            None => {
                let (sender, receiver) = mpsc::channel();
                // The receiver may have given up.
                let done = move |found| drop(sender.send(found));
                lookup(host, port, self.is_loopback_only, done)?;
                let found = receiver.recv_timeout(limit);
                let found = found.unwrap_or(Err(LookupError::TimedOut))?;
                let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.insert(key, (Instant::now(), found.clone()));
                found
            }
        };
        let is_wanted = |address: &SocketAddr| match config.ip_family() {
            IpFamily::Any => true,
            IpFamily::Ipv4Only => address.is_ipv4(),
            IpFamily::Ipv6Only => address.is_ipv6(),
        };
        let mut addrs = self.empty();
        for address in found.into_iter().filter(is_wanted).take(MOST_ADDRESSES) {
            addrs.push(address);
        }
        Ok(addrs)
    }
}

/// Resolves the host of a proxy.
impl Resolver for Names {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        self.addresses(uri, config, *timeout.after)
            .map_err(|error| Error::Other(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use industrydata_core::policy::CONNECT_LIMIT;
    use ureq::Agent;

    use super::*;

    #[derive(Debug)]
    struct Never;

    impl Stoppable for Never {
        fn add(
            &self,
            _: std::sync::Weak<dyn ureq::unversioned::transport::ShutdownHandle>,
        ) -> bool {
            true
        }

        fn is_stopped(&self) -> bool {
            false
        }
    }

    /// A listener whose backlog is full: a connection to it neither succeeds nor fails.
    fn deaf() -> (socket2::Socket, Vec<TcpStream>, SocketAddr) {
        let socket =
            socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket
            .bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into())
            .unwrap();
        socket.listen(0).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        let mut waiting = Vec::new();
        while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
            assert!(waiting.len() < 32, "this system has no full backlog");
            waiting.push(stream);
        }
        (socket, waiting, address)
    }

    /// Connects to a host with these addresses.
    fn dial(addresses: &[SocketAddr], limit: Duration) -> (Result<(), TransportError>, Duration) {
        let config = Agent::config_builder().proxy(None).build();
        let dialer = Dialer::new(config, true, Arc::new(Never)).unwrap();
        let key = "host.test:80".to_owned();
        let known = (Instant::now(), addresses.to_vec());
        dialer.names.kept.lock().unwrap().insert(key, known);
        let began = Instant::now();
        let link = dialer.dial(&"http://host.test/".parse().unwrap(), limit);
        (link.map(drop), began.elapsed())
    }

    #[test]
    fn an_address_that_does_not_answer_holds_up_the_others_little() {
        let (_socket, _waiting, dead) = deaf();
        let live = TcpListener::bind("127.0.0.1:0").unwrap();
        let live = live.local_addr().unwrap();
        let closed = SocketAddr::from(([127, 0, 0, 1], 1));
        for addresses in [
            &[dead, live][..],
            &[live, dead],
            &[dead, dead, live],
            &[closed, dead, live],
            &[dead, closed, live, closed],
        ] {
            let (link, took) = dial(addresses, CONNECT_LIMIT);
            assert!(link.is_ok(), "{addresses:?}: {link:?}");
            assert!(took < CONNECT_LIMIT / 5, "{addresses:?}: {took:?}");
        }
    }

    #[test]
    fn the_limit_holds_whatever_the_addresses() {
        let (_socket, _waiting, dead) = deaf();
        let limit = Duration::from_millis(900);
        for addresses in [&[dead][..], &[dead, dead], &[dead; 5]] {
            let (link, took) = dial(addresses, limit);
            let error = link.unwrap_err();
            assert_eq!((error.phase(), error.is_timeout()), (Phase::Connect, true));
            assert!(took >= limit && took < limit * 3, "{addresses:?}: {took:?}");
        }
        let closed = SocketAddr::from(([127, 0, 0, 1], 1));
        let (link, took) = dial(&[closed, closed], CONNECT_LIMIT);
        let error = link.unwrap_err();
        assert_eq!((error.phase(), error.is_timeout()), (Phase::Connect, false));
        assert!(took < limit, "{took:?}");
        let (link, _) = dial(&[], limit);
        assert!(link.is_err());
    }

    /// An address that is slow, not dead, is reached in a later round.
    #[test]
    fn a_slow_address_is_reached() {
        let (socket, waiting, slow) = deaf();
        let room = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(1200));
            let listener = TcpListener::from(socket);
            for _ in &waiting {
                drop(listener.accept().unwrap());
            }
            (listener, waiting)
        });
        let (_other, _kept, dead) = deaf();
        let (link, took) = dial(&[dead, slow], CONNECT_LIMIT);
        assert!(link.is_ok(), "{link:?} after {took:?}");
        drop(room.join());
    }
}
