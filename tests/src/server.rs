//! A raw HTTP/1.1 server on loopback that does what its script says, and keeps every byte that reached it.

use std::{
    collections::VecDeque,
    io::{ErrorKind, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use crate::turn::{Act, Turn};

/// How often a waiting connection looks whether the server has ended.
const TICK: Duration = Duration::from_millis(10);
/// The most bytes kept of one connection.
const KEPT: usize = 1 << 20;

/// Everything that reached a server.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The bytes of each connection, in the order of their acceptance.
    pub connections: Vec<Vec<u8>>,
    /// The requests, in the order in which their heads were whole.
    pub requests: Vec<Request>,
    /// Requests for which the script had nothing left, or that could not be read.
    pub strays: usize,
}

/// The head of one request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The connection it came on.
    pub connection: usize,
    /// When its head was whole.
    pub at: Instant,
    /// Its method.
    pub method: String,
    /// Its target as sent.
    pub target: String,
    /// Its fields in order, the names in lower case.
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

/// A scripted server; dropping it closes the port and every connection.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    turns: Mutex<VecDeque<Turn>>,
    seen: Mutex<Seen>,
    changed: Condvar,
    ended: AtomicBool,
    names: Vec<(String, String)>,
}

impl Server {
    /// A server with this script and, besides its own, these placeholders.
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
            changed: Condvar::new(),
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

    /// A server that nobody is to speak to.
    #[must_use]
    pub fn silent() -> Self {
        Self::start(Vec::new(), &[])
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has reached it so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.shared.seen().clone()
    }

    /// Whether so many requests have reached it.
    #[must_use]
    pub fn has_seen(&self, requests: usize) -> bool {
        self.shared.seen().requests.len() >= requests
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
        // Wakes the acceptance.
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
                Connection {
                    shared: &shared,
                    stream,
                    number,
                    unread: Vec::new(),
                    token: String::new(),
                }
                .serve();
            }));
        }
        for connection in connections {
            drop(connection.join());
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// The next turn, if it is of this kind.
    fn turn(&self, on_connection: bool) -> Option<Turn> {
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

    /// The bytes with their placeholders filled in.
    fn fill(&self, bytes: &[u8], token: &str) -> Vec<u8> {
        if !bytes.contains(&b'{') {
            return bytes.to_vec();
        }
        let mut filled = bytes.to_vec();
        for (name, value) in &self.names {
            filled = replace(&filled, name, value);
        }
        filled = replace(&filled, "{token}", token);
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

/// Whether a connection goes on.
#[derive(PartialEq, Eq)]
enum Goes {
    On,
    Ended,
}

struct Connection<'s> {
    shared: &'s Shared,
    stream: TcpStream,
    number: usize,
    unread: Vec<u8>,
    token: String,
}

impl Connection<'_> {
    fn serve(mut self) {
        let set_up = self
            .stream
            .set_read_timeout(Some(TICK))
            .and_then(|()| self.stream.set_write_timeout(Some(Duration::from_secs(5))))
            .and_then(|()| self.stream.set_nodelay(true));
        if set_up.is_err() {
            return;
        }
        if let Some(turn) = self.shared.turn(true)
            && self.play(&turn.acts) == Goes::Ended
        {
            return;
        }
        while self.request() == Goes::On {
            let Some(turn) = self.shared.turn(false) else {
                self.shared.seen().strays += 1;
                return;
            };
            if self.play(&turn.acts) == Goes::Ended {
                return;
            }
        }
    }

    /// Reads one request.
    fn request(&mut self) -> Goes {
        let length = loop {
            if let Some(end) = self.unread.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
            if self.read() == Goes::Ended {
                return Goes::Ended;
            }
        };
        let head: Vec<u8> = self.unread.drain(..length).collect();
        let mut fields = [httparse::EMPTY_HEADER; 64];
        let mut parsed = httparse::Request::new(&mut fields);
        let whole = parsed.parse(&head).is_ok_and(|status| status.is_complete());
        let mut seen = self.shared.seen();
        if !whole {
            seen.strays += 1;
            return Goes::Ended;
        }
        let request = Request {
            connection: self.number,
            at: Instant::now(),
            method: parsed.method.unwrap_or_default().to_owned(),
            target: parsed.path.unwrap_or_default().to_owned(),
            fields: parsed
                .headers
                .iter()
                .map(|field| {
                    let value = String::from_utf8_lossy(field.value).into_owned();
                    (field.name.to_ascii_lowercase(), value)
                })
                .collect(),
        };
        self.token = request
            .field("authorization")
            .first()
            .and_then(|value| value.strip_prefix("Bearer "))
            .unwrap_or_default()
            .to_owned();
        seen.requests.push(request);
        drop(seen);
        self.shared.changed.notify_all();
        Goes::On
    }

    /// Reads what is there, or waits a little for it.
    fn read(&mut self) -> Goes {
        let mut bytes = [0; 4096];
        match self.stream.read(&mut bytes) {
            Ok(0) => Goes::Ended,
            Ok(count) => {
                let bytes = &bytes[..count];
                let kept = &mut self.shared.seen().connections[self.number];
                if kept.len() < KEPT {
                    kept.extend_from_slice(bytes);
                }
                self.unread.extend_from_slice(bytes);
                Goes::On
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if self.shared.has_ended() {
                    Goes::Ended
                } else {
                    Goes::On
                }
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Goes::On,
            Err(_) => Goes::Ended,
        }
    }

    fn play(&mut self, acts: &[Act]) -> Goes {
        for act in acts {
            let goes = match act {
                Act::Send(bytes) => {
                    let bytes = self.shared.fill(bytes, &self.token);
                    self.send(&bytes)
                }
                Act::Pause(time) => self.wait(Some(*time)),
                Act::Drip(bytes, each) => {
                    let bytes = self.shared.fill(bytes, &self.token);
                    self.drip(&bytes, *each)
                }
                Act::Endless(bytes, each) => loop {
                    if self.send(bytes) == Goes::Ended {
                        break Goes::Ended;
                    }
                    if !each.is_zero() && self.wait(Some(*each)) == Goes::Ended {
                        break Goes::Ended;
                    }
                },
                Act::Stall => self.wait(None),
                Act::Close => {
                    // In order: what is unread would make it a reset.
                    drop(self.stream.shutdown(Shutdown::Both));
                    Goes::Ended
                }
                Act::Reset => {
                    let socket = socket2::SockRef::from(&self.stream);
                    drop(socket.set_linger(Some(Duration::ZERO)));
                    Goes::Ended
                }
            };
            if goes == Goes::Ended {
                return Goes::Ended;
            }
        }
        Goes::On
    }

    fn drip(&mut self, bytes: &[u8], each: Duration) -> Goes {
        for byte in bytes {
            if self.send(std::slice::from_ref(byte)) == Goes::Ended
                || self.wait(Some(each)) == Goes::Ended
            {
                return Goes::Ended;
            }
        }
        Goes::On
    }

    fn send(&mut self, bytes: &[u8]) -> Goes {
        if self.shared.has_ended() || self.stream.write_all(bytes).is_err() {
            return Goes::Ended;
        }
        Goes::On
    }

    /// Waits, for ever if no time is given, and goes on reading; ended once the client has gone.
    fn wait(&mut self, time: Option<Duration>) -> Goes {
        let began = Instant::now();
        while time.is_none_or(|time| began.elapsed() < time) {
            if self.read() == Goes::Ended {
                return Goes::Ended;
            }
        }
        Goes::On
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
    use super::*;

    #[test]
    fn it_plays_its_script_and_keeps_what_it_got() {
        let server = Server::start(vec![crate::answer(204, &["X: {origin}"], "")], &[]);
        let mut stream = TcpStream::connect(server.address()).unwrap();
        stream.write_all(b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n").unwrap();
        let mut got = [0; 24];
        stream.read_exact(&mut got).unwrap();
        assert!(got.starts_with(b"HTTP/1.1 204"));
        let seen = server.seen();
        assert_eq!(seen.connections, [b"GET /a HTTP/1.1\r\nHost: b\r\n\r\n".to_vec()]);
        assert_eq!(seen.requests[0].field("host"), ["b"]);
    }

    #[test]
    fn placeholders() {
        assert_eq!(replace(b"a{b}{b}", "{b}", "c"), b"acc");
        assert!(date(0).ends_with(" GMT"));
    }
}
