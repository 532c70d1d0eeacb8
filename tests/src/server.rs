//! A raw HTTP/1.1 server on loopback that follows a script and records every byte it receives.

use std::{
    collections::VecDeque,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::Instant,
};

use crate::{connection::Connection, tokens::SPELLINGS, turn::Turn};

/// Everything that a server received.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The bytes of each connection, in the order in which the connections were accepted.
    pub connections: Vec<Vec<u8>>,
    /// The requests, in the order in which their heads were complete.
    pub requests: Vec<Request>,
    /// The first letter of each request's method, in order; in lower case if the script read the request only in part.
    pub order: String,
    /// How often the script kept a connection open without responding.
    pub stalled: usize,
    /// Requests beyond the end of the script, and requests that could not be parsed.
    pub strays: usize,
}

/// The head of one request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The number of its connection.
    pub connection: usize,
    /// The length of the head in bytes.
    pub length: usize,
    /// When its head was complete.
    pub at: Instant,
    /// The method.
    pub method: String,
    /// The request target as sent.
    pub target: String,
    /// The header fields in order, with their names in lower case.
    pub fields: Vec<(String, String)>,
}

impl Request {
    /// The values of a field.
    #[must_use]
    pub fn field(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
            .collect()
    }
}

/// A scripted server. Dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
pub(crate) struct Shared {
    turns: Mutex<VecDeque<Turn>>,
    seen: Mutex<Seen>,
    ended: AtomicBool,
    names: Vec<(String, String)>,
}

impl Server {
    /// A server with this script and these placeholders in addition to the built-in ones.
    #[must_use]
    pub fn start(turns: Vec<Turn>, names: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let mut names: Vec<_> = names
            .iter()
            .map(|(name, value)| (format!("{{{name}}}"), (*value).to_owned()))
            .collect();
        for (name, value) in [
            ("{base}", format!("http://{address}/beta")),
            ("{origin}", format!("http://{address}")),
            ("{port}", address.port().to_string()),
        ] {
            if !names.iter().any(|(known, _)| known == name) {
                names.push((name.to_owned(), value));
            }
        }
        let shared = Arc::new(Shared {
            turns: Mutex::new(turns.into()),
            seen: Mutex::default(),
            ended: AtomicBool::new(false),
            names,
        });
        let accepting = thread::spawn({
            let shared = Arc::clone(&shared);
            move || shared.accept(&listener)
        });
        Self {
            address,
            shared,
            accepting: Some(accepting),
        }
    }

    /// A server with an empty script, for tests in which nothing may connect to it.
    #[must_use]
    pub fn silent() -> Self {
        Self::start(Vec::new(), &[])
    }

    /// The address of the listener.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the server has received so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.shared.seen().clone()
    }

    /// Whether the script has stalled at least this many times.
    #[must_use]
    pub fn has_stalled(&self, times: usize) -> bool {
        self.shared.seen().stalled >= times
    }

    /// Whether at least this many requests have arrived.
    #[must_use]
    pub fn has_seen(&self, requests: usize) -> bool {
        self.shared.seen().requests.len() >= requests
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // Wakes the thread that accepts connections.
        drop(TcpStream::connect(self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

impl Shared {
    fn accept(self: &Arc<Self>, listener: &TcpListener) {
        let mut connections = Vec::new();
        while let Ok((stream, _)) = listener.accept() {
            if self.has_ended() {
                break;
            }
            let shared = Arc::clone(self);
            let mut seen = self.seen();
            let number = seen.connections.len();
            seen.connections.push(Vec::new());
            drop(seen);
            connections.push(thread::spawn(move || {
                Connection::new(&shared, stream, number).serve();
            }));
        }
        for connection in connections {
            drop(connection.join());
        }
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// How many bytes of the next request to read; `None` for all of it.
    pub(crate) fn reads(&self) -> Option<usize> {
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.front()?.reads
    }

    /// The next turn, if it is of this kind: at a connection or at a request.
    pub(crate) fn turn(&self, on_connection: bool) -> Option<Turn> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        let next = turns.front()?;
        if next.on_connection != on_connection {
            return None;
        }
        if next.forever {
            return Some(next.clone());
        }
        turns.pop_front()
    }

    /// The bytes with their placeholders replaced.
    pub(crate) fn fill(&self, bytes: &[u8], token: &str) -> Vec<u8> {
        if !bytes.contains(&b'{') {
            return bytes.to_vec();
        }
        let mut filled = bytes.to_vec();
        for (name, value) in &self.names {
            filled = replace(&filled, name, value);
        }
        filled = replace(&filled, "{token}", token);
        for (name, spell) in SPELLINGS {
            filled = replace(&filled, &format!("{{token:{name}}}"), &spell(token));
        }
        for ahead in [0, 1, 2, 3, 3600, -3600] {
            let name = match ahead {
                0 => "{date}".to_owned(),
                ahead => format!("{{date{ahead:+}}}"),
            };
            filled = replace(&filled, &name, &date(ahead));
        }
        let head = filled.windows(4).position(|four| four == b"\r\n\r\n");
        let length = head.map_or(0, |head| filled.len() - head - 4);
        replace(&filled, "{length}", &length.to_string())
    }
}

fn replace(bytes: &[u8], name: &str, value: &str) -> Vec<u8> {
    let name = name.as_bytes();
    let mut replaced = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = rest.windows(name.len()).position(|part| part == name) {
        replaced.extend_from_slice(&rest[..at]);
        replaced.extend_from_slice(value.as_bytes());
        rest = &rest[at + name.len()..];
    }
    replaced.extend_from_slice(rest);
    replaced
}

fn date(ahead: i64) -> String {
    let then = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(ahead);
    then.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn the_server_follows_its_script_and_records_what_it_receives() {
        let server = Server::start(vec![crate::answer(204, &["X: {origin}"], "")], &[]);
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream
            .write_all(b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n")
            .unwrap();
        let mut got = [0; 24];
        stream.read_exact(&mut got).unwrap();
        assert!(got.starts_with(b"HTTP/1.1 204"));
        let seen = server.seen();
        assert_eq!(
            seen.connections,
            [b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n".to_vec()]
        );
        assert_eq!(seen.requests[0].field("host"), ["b"]);
    }

    #[test]
    fn placeholders_are_replaced() {
        assert_eq!(replace(b"a{b}{b}", "{b}", "c"), b"acc");
        assert!(date(0).ends_with(" GMT"));
    }
}
