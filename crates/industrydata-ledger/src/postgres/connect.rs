//! How a connection is made: the servers are tried in turn, each within its share of the time.
//!
//! A share covers the whole of a connection: looking the name up, TCP, TLS, the password and whether the server takes
//! writes. So a server that swallows packets, or accepts a connection and stays silent, cannot use up the time of the next.

use std::{
    io,
    net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs},
    sync::{atomic::Ordering, mpsc},
    thread,
    time::{Duration, Instant},
};

use industrydata_core::ledger::StoreError;
use socket2::{SockRef, TcpKeepalive};
use tokio_postgres::{
    Client, Config, NoTls, SimpleQueryMessage, config::Host, tls::MakeTlsConnect,
};

#[cfg(unix)]
use super::wire::{SHORTEST, is_late};
use super::{
    parameters::Server,
    plan::Plan,
    session::{GRACE, Session},
    store_error::{self, Failure, Obstacle},
    wire::{Line, Socket, Wire},
};

/// The last server may answer later than its share ends, but before the whole of the work is given up.
const LAST_GRACE: Duration = Duration::from_millis(500);

/// Why one server cannot be used.
enum Refusal {
    NoAnswer(Duration),
    Failed {
        message: String,
        is_transient: bool,
        /// Whether there is a server that said so, rather than the network.
        is_of_server: bool,
    },
}

impl Refusal {
    fn of(error: &tokio_postgres::Error) -> Self {
        let (message, is_transient) = store_error::while_connecting(error);
        Self::Failed {
            is_of_server: true,
            message,
            is_transient,
        }
    }

    /// What the network says.
    fn of_network(what: &str, error: &io::Error) -> Self {
        let message =
            format!("{what}: {error}: look at the host and port, and whether the server runs");
        Self::Failed {
            message: store_error::one_line(&message),
            is_transient: false,
            is_of_server: false,
        }
    }

    fn of_server(message: &str, is_transient: bool) -> Self {
        Self::Failed {
            message: message.to_owned(),
            is_transient,
            is_of_server: true,
        }
    }

    /// Of two addresses of one host, the answer of a server says more than that the other has none.
    fn or(self, later: Self) -> Self {
        match (&self, &later) {
            (
                Self::Failed {
                    is_of_server: true, ..
                },
                Self::NoAnswer(_)
                | Self::Failed {
                    is_of_server: false,
                    ..
                },
            ) => self,
            (Self::NoAnswer(_) | Self::Failed { .. }, _) => later,
        }
    }
}

/// Connects, and looks at the tables.
pub(super) fn open(plan: &Plan, until: Instant) -> Result<Session, Failure> {
    let mut session = first_that_takes_writes(plan, until)?;
    session.wire.set_limit(until + GRACE);
    session.looked(plan, until)
}

/// Connects to the first server that takes writes, beginning with the one that did last.
fn first_that_takes_writes(plan: &Plan, until: Instant) -> Result<Session, Failure> {
    let count = plan.servers.len();
    let first = plan.last_used.load(Ordering::Relaxed);
    let mut refusals = Vec::new();
    for turn in 0..count {
        let index = (first + turn) % count;
        let Some((server, config)) = plan.servers.get(index) else {
            continue;
        };
        // Time is left for the work itself.
        let limit = share(until, count - turn, 1);
        match connect(plan, server, config, limit) {
            Ok(session) => {
                plan.last_used.store(index, Ordering::Relaxed);
                return Ok(session);
            }
            Err(refusal) => refusals.push((server, refusal)),
        }
    }
    Err(failure(plan, refusals))
}

/// The end of the share of the first of `count` that are left, with `spare` shares behind the last of them. The last one
/// has all that is left.
fn share(until: Instant, count: usize, spare: u32) -> Instant {
    let now = Instant::now();
    let Ok(count @ 2..) = u32::try_from(count) else {
        return until + LAST_GRACE;
    };
    now + until.saturating_duration_since(now) / (count + spare)
}

/// Connects to one server, by each of its addresses in turn.
fn connect(
    plan: &Plan,
    server: &Server,
    config: &Config,
    limit: Instant,
) -> Result<Session, Refusal> {
    let begun = Instant::now();
    let addresses = match addresses(server, limit) {
        Some(Ok(addresses)) => addresses,
        Some(Err(error)) => {
            return Err(Refusal::of_network(
                "the host name cannot be resolved",
                &error,
            ));
        }
        None => return Err(Refusal::NoAnswer(begun.elapsed())),
    };
    let mut last = Refusal::NoAnswer(Duration::ZERO);
    let count = addresses.len();
    for (turn, address) in addresses.into_iter().enumerate() {
        let begun = Instant::now();
        let mut until = if turn + 1 == count {
            limit
        } else {
            share(limit, count - turn, 0)
        };
        if let Some(most) = config.get_connect_timeout() {
            until = until.min(begun + *most + LAST_GRACE);
        }
        match attempt(plan, server, config, address, until) {
            Ok(session) => return Ok(session),
            Err(refusal) => last = last.or(refusal),
        }
    }
    Err(last)
}

/// The addresses of a server, each once; `None` for a socket in a folder. No name is waited for past `limit`.
fn addresses(server: &Server, limit: Instant) -> Option<io::Result<Vec<Option<IpAddr>>>> {
    let name = match (&server.host, server.address) {
        (_, Some(address)) => return Some(Ok(vec![Some(address)])),
        (Host::Tcp(name), None) => name.clone(),
        #[cfg(unix)]
        (Host::Unix(_), None) => return Some(Ok(vec![None])),
    };
    if let Ok(address) = name.parse() {
        return Some(Ok(vec![Some(address)]));
    }
    let (answer, answered) = mpsc::sync_channel(1);
    // The system's resolver has no time limit. A thread that it keeps is left behind.
    let resolver = thread::Builder::new().name("industrydata-host".to_owned());
    let port = server.port;
    let begun = resolver.spawn(move || drop(answer.send(resolve(&name, port))));
    if let Err(error) = begun {
        return Some(Err(error));
    }
    let left = limit.saturating_duration_since(Instant::now());
    answered.recv_timeout(left).ok()
}

fn resolve(name: &str, port: u16) -> io::Result<Vec<Option<IpAddr>>> {
    let mut found = Vec::new();
    for address in (name, port).to_socket_addrs()? {
        if !found.contains(&Some(address.ip())) {
            found.push(Some(address.ip()));
        }
    }
    if found.is_empty() {
        return Err(io::Error::other("it has no address"));
    }
    Ok(found)
}

/// Connects to one address, and asks whether the server takes writes.
fn attempt(
    plan: &Plan,
    server: &Server,
    config: &Config,
    address: Option<IpAddr>,
    until: Instant,
) -> Result<Session, Refusal> {
    let begun = Instant::now();
    let silent = || Refusal::NoAnswer(begun.elapsed());
    let line = Line::new(socket(server, config, address, until)?);
    let mut session = match plan.tls.clone() {
        None => session(NoTls, server, config, line, until),
        Some(tls) => session(tls, server, config, line, until),
    }
    .unwrap_or_else(|| Err(silent()))?;
    match session.wire.run(read_only(&session.client)) {
        Some(Ok(None)) => Ok(session),
        Some(Ok(Some(why))) => Err(Refusal::of_server(why, false)),
        Some(Err(error)) => Err(match session.wire.end() {
            Some(why) => Refusal::of_server(why, true),
            None => Refusal::of(&error),
        }),
        None => Err(silent()),
    }
}

/// The client's half and the wire, once the server has let this user in.
fn session<T>(
    mut tls: T,
    server: &Server,
    config: &Config,
    line: Line,
    until: Instant,
) -> Option<Result<Session, Refusal>>
where
    T: MakeTlsConnect<Line>,
    T::Stream: Send + 'static,
{
    let name = match &server.host {
        Host::Tcp(name) => name.as_str(),
        #[cfg(unix)]
        Host::Unix(_) => "",
    };
    let connect = match tls.make_tls_connect(name) {
        Ok(connect) => connect,
        Err(error) => {
            let error = io::Error::other(error);
            return Some(Err(Refusal::of_network("TLS cannot begin", &error)));
        }
    };
    let made = line.wait(until, config.connect_raw(line.clone(), connect))?;
    Some(match made {
        Ok((client, connection)) => Ok(Session::new(client, Wire::new(line, connection, until))),
        Err(error) => Err(Refusal::of(&error)),
    })
}

/// A connected socket.
fn socket(
    server: &Server,
    config: &Config,
    address: Option<IpAddr>,
    until: Instant,
) -> Result<Socket, Refusal> {
    let begun = Instant::now();
    let most = config.get_connect_timeout().copied();
    let left = until.saturating_duration_since(begun);
    let limit = most.map_or(left, |most| most.min(left));
    if limit.is_zero() {
        return Err(Refusal::NoAnswer(Duration::ZERO));
    }
    let connected = match address {
        Some(address) => tcp(config, SocketAddr::new(address, server.port), limit),
        None => unix(server, limit),
    };
    connected.map_err(|error| {
        if error.kind() == io::ErrorKind::TimedOut && limit == left {
            Refusal::NoAnswer(begun.elapsed())
        } else {
            Refusal::of_network("error connecting to server", &error)
        }
    })
}

fn tcp(config: &Config, address: SocketAddr, limit: Duration) -> io::Result<Socket> {
    let stream = TcpStream::connect_timeout(&address, limit)?;
    stream.set_nodelay(true)?;
    let options = SockRef::from(&stream);
    #[cfg(target_os = "linux")]
    options.set_tcp_user_timeout(config.get_tcp_user_timeout().copied())?;
    if config.get_keepalives() {
        let mut keepalive = TcpKeepalive::new().with_time(config.get_keepalives_idle());
        if let Some(interval) = config.get_keepalives_interval() {
            keepalive = keepalive.with_interval(interval);
        }
        #[cfg(not(windows))]
        if let Some(retries) = config.get_keepalives_retries() {
            keepalive = keepalive.with_retries(retries);
        }
        options.set_tcp_keepalive(&keepalive)?;
    }
    Ok(Socket::Tcp(stream))
}

/// The server's socket in a folder.
#[cfg(unix)]
fn unix(server: &Server, limit: Duration) -> io::Result<Socket> {
    let Host::Unix(folder) = &server.host else {
        return Err(io::ErrorKind::AddrNotAvailable.into());
    };
    let path = folder.join(format!(".s.PGSQL.{}", server.port));
    let socket = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    let (begun, address) = (Instant::now(), socket2::SockAddr::unix(path)?);
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        if left < SHORTEST {
            return Err(io::ErrorKind::TimedOut.into());
        }
        // While the queue of the server is full, the system blocks for as long as for a write, and then asks to try again.
        socket.set_write_timeout(Some(left))?;
        match socket.connect(&address) {
            Ok(()) => return Ok(Socket::Unix(socket.into())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted || is_late(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

#[cfg(not(unix))]
fn unix(_: &Server, _: Duration) -> io::Result<Socket> {
    Err(io::ErrorKind::AddrNotAvailable.into())
}

/// Why the server takes no writes. These statements need no table of the catalogue, so they pass under any time limit.
async fn read_only(client: &Client) -> Result<Option<&'static str>, tokio_postgres::Error> {
    let sql = "SHOW transaction_read_only; SHOW default_transaction_read_only";
    let answers = client.simple_query(sql).await?;
    let mut shown = answers.iter().filter_map(|answer| {
        let SimpleQueryMessage::Row(row) = answer else {
            return None;
        };
        row.get(0)
    });
    let (setting, default) = (shown.next(), shown.next());
    Ok(store_error::read_only(
        setting.unwrap_or("off"),
        default.unwrap_or("off"),
    ))
}

/// The failure after every server was tried.
fn failure(plan: &Plan, refusals: Vec<(&Server, Refusal)>) -> Failure {
    let place = plan.place.clone();
    let is_transient = refusals.iter().any(
        |(_, refusal)| matches!(refusal, Refusal::Failed { is_transient, .. } if *is_transient),
    );
    let why = match refusals.as_slice() {
        [(_, Refusal::NoAnswer(waited))] => Obstacle::NoAnswer {
            place,
            wait: plan.wait.min(*waited),
        },
        [(_, Refusal::Failed { message, .. })] => Obstacle::Server {
            place,
            message: message.clone(),
            hint: "",
        },
        several => {
            let each = several.iter().map(|(server, refusal)| match refusal {
                Refusal::NoAnswer(limit) => {
                    format!("{server}: no answer within {} ms", limit.as_millis())
                }
                Refusal::Failed { message, .. } => format!("{server}: {message}"),
            });
            Obstacle::Servers {
                place,
                failures: each.collect::<Vec<_>>().join("; "),
            }
        }
    };
    let why = StoreError::from(why);
    if is_transient {
        Failure::Again(why)
    } else {
        Failure::Clean(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_a_server_outweighs_an_address_without_one() {
        let refused = || Refusal::Failed {
            message: "refused".to_owned(),
            is_transient: false,
            is_of_server: false,
        };
        let said = |message| Refusal::of_server(message, false);
        let silent = || Refusal::NoAnswer(Duration::ZERO);
        let shown = |refusal| match refusal {
            Refusal::NoAnswer(_) => "silent".to_owned(),
            Refusal::Failed { message, .. } => message,
        };
        assert_eq!(shown(said("password").or(refused())), "password");
        assert_eq!(shown(said("password").or(silent())), "password");
        assert_eq!(shown(said("password").or(said("later"))), "later");
        assert_eq!(shown(refused().or(said("password"))), "password");
        assert_eq!(shown(silent().or(refused())), "refused");
        assert_eq!(shown(refused().or(silent())), "silent");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_socket_in_a_folder_whose_queue_is_full_is_late_and_not_broken() {
        use socket2::{Domain, SockAddr, Socket, Type};
        let folder = tempfile::tempdir().unwrap();
        let address = SockAddr::unix(folder.path().join(".s.PGSQL.5432")).unwrap();
        let make = || Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        let server = make();
        server.bind(&address).unwrap();
        server.listen(0).unwrap();
        let first = make();
        first.connect(&address).unwrap();
        // The limit of a connection ends it, or that of all the work.
        for (more, words) in [
            ("", "timed out"),
            ("connect_timeout=9", "no answer within 300 ms"),
        ] {
            let options = crate::PgStore::options().wait(Duration::from_millis(300));
            let place = format!("host={} user=u dbname=d {more}", folder.path().display());
            let (store, begun) = (options.connect(&place).unwrap(), Instant::now());
            let why = store.check().unwrap_err().to_string();
            assert!(why.contains(words), "{why}");
            assert!((300..5000).contains(&begun.elapsed().as_millis()), "{why}");
        }
    }

    #[test]
    fn the_time_is_shared_and_some_is_left_for_the_work() {
        let until = Instant::now() + Duration::from_secs(6);
        let takes = |count, spare| {
            let share = share(until, count, spare).saturating_duration_since(Instant::now());
            share.as_millis().div_ceil(100) * 100
        };
        assert_eq!(takes(2, 1), 2000);
        assert_eq!(takes(3, 1), 1500);
        assert_eq!(takes(2, 0), 3000);
        assert_eq!(takes(1, 1), 6500);
    }
}
