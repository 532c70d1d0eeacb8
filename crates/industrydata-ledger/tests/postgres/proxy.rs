//! A proxy in front of the server that loses chosen messages and shifts the server's clock.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// What happens to a message on its way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    /// The connection is cut, and the message is lost.
    CutBefore,
    /// The connection is cut once the server has executed the message; its answer is lost.
    CutAfter,
    /// The message is dropped, and the connection stays open.
    Hold,
    /// The proxy answers with the error that ends a session, as a pooler does, and cuts the connection. The message is lost.
    End,
    /// The server executes the message, and the proxy answers with an error in its place.
    Deny,
}

/// A message of a client: its number over all connections, its type (0 for the first of a connection), its text.
pub(crate) struct Message<'a> {
    pub(crate) number: u64,
    pub(crate) kind: u8,
    pub(crate) text: &'a [u8],
}

impl Message<'_> {
    pub(crate) fn is_commit(&self) -> bool {
        self.kind == b'Q' && self.text == b"COMMIT\0"
    }
}

/// What decides about each message.
type Decide = dyn Fn(&Message<'_>) -> Fate + Send + Sync;

#[derive(Clone)]
pub(crate) struct Proxy {
    pub(crate) place: String,
    messages: Arc<AtomicU64>,
    ahead: Arc<AtomicI64>,
    clients: Arc<Mutex<Vec<TcpStream>>>,
}

impl Proxy {
    /// A proxy to the server of `url`; `fate` decides about each message.
    pub(crate) fn new(
        url: &str,
        fate: impl Fn(&Message<'_>) -> Fate + Send + Sync + 'static,
    ) -> Self {
        Self::at("127.0.0.1", url, Some(Arc::new(fate)))
    }

    /// A proxy at another address that passes all bytes, encrypted or not.
    pub(crate) fn plain(host: &str, url: &str) -> Self {
        Self::at(host, url, None)
    }

    fn at(host: &str, url: &str, fate: Option<Arc<Decide>>) -> Self {
        let (_, server) = url.split_once('@').unwrap();
        let server = server.split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind((host, 0)).unwrap();
        let proxy = Self {
            place: listener.local_addr().unwrap().to_string(),
            messages: Arc::default(),
            ahead: Arc::default(),
            clients: Arc::default(),
        };
        let shared = proxy.clone();
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, shared, fate) = (client.unwrap(), shared.clone(), fate.clone());
                let Ok(server) = TcpStream::connect(&server) else {
                    continue;
                };
                client.set_nodelay(true).unwrap();
                server.set_nodelay(true).unwrap();
                let mute = Arc::new(AtomicBool::new(false));
                let ends = client.try_clone().unwrap();
                shared.clients.lock().unwrap().push(ends);
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let (muted, ahead) = (Arc::clone(&mute), Arc::clone(&shared.ahead));
                thread::spawn(move || answers(from, to, &muted, &ahead));
                thread::spawn(move || shared.questions(client, server, &mute, fate.as_deref()));
            }
        });
        proxy
    }

    /// How many messages have come from clients.
    pub(crate) fn messages(&self) -> u64 {
        self.messages.load(Ordering::SeqCst)
    }

    /// Shifts the server's clock in all answers from now on.
    pub(crate) fn set_ahead(&self, by: Duration) {
        self.ahead.store(by.as_micros() as i64, Ordering::SeqCst);
    }

    /// Ends every session with an error that answers no message. Some poolers leave out the field of later servers.
    pub(crate) fn end_sessions(&self, has_later_field: bool) {
        for client in self.clients.lock().unwrap().drain(..) {
            // Some were cut before.
            drop((&client).write_all(&error("FATAL", "08P01", has_later_field)));
            drop(client.shutdown(Shutdown::Both));
        }
        // Until the client's system has it.
        thread::sleep(Duration::from_millis(50));
    }

    fn questions(
        &self,
        mut client: TcpStream,
        mut server: TcpStream,
        mute: &AtomicBool,
        fate: Option<&Decide>,
    ) -> Option<()> {
        let Some(fate) = fate else {
            drop(std::io::copy(&mut client, &mut server));
            return server.shutdown(Shutdown::Both).ok();
        };
        let mut is_first = true;
        loop {
            let mut head = vec![0; if is_first { 4 } else { 5 }];
            if client.read_exact(&mut head).is_err() {
                return server.shutdown(Shutdown::Both).ok();
            }
            let length = u32::from_be_bytes(head[head.len() - 4..].try_into().unwrap());
            let mut text = vec![0; length as usize - 4];
            client.read_exact(&mut text).ok()?;
            let message = Message {
                number: self.messages.fetch_add(1, Ordering::SeqCst),
                kind: if is_first { 0 } else { head[0] },
                text: &text,
            };
            is_first = false;
            let (number, fate) = (message.number, fate(&message));
            if fate == Fate::Hold {
                continue;
            }
            if fate == Fate::Deny {
                mute.store(true, Ordering::SeqCst);
                server.write_all(&[head, text].concat()).ok()?;
                // Until the server has answered.
                thread::sleep(Duration::from_millis(200));
                let ready = b"Z\0\0\0\x05I";
                let answer = [&error("ERROR", "58000", true)[..], ready].concat();
                client.write_all(&answer).ok()?;
                continue;
            }
            if fate == Fate::End {
                let has_later_field = number.is_multiple_of(2);
                let answer = error("FATAL", "XX000", has_later_field);
                client.write_all(&answer).ok()?;
            } else if fate != Fate::CutBefore {
                mute.store(fate == Fate::CutAfter, Ordering::SeqCst);
                server.write_all(&[head, text].concat()).ok()?;
            }
            if fate != Fate::Pass {
                // The server's half is closed first: it carries out what it has, then ends.
                drop(server.shutdown(Shutdown::Write));
                if fate == Fate::CutAfter {
                    thread::sleep(Duration::from_millis(30));
                }
                drop(client.shutdown(Shutdown::Both));
                return server.shutdown(Shutdown::Both).ok();
            }
        }
    }
}

/// An error message of the protocol.
fn error(severity: &str, code: &str, has_later_field: bool) -> Vec<u8> {
    let later = if has_later_field {
        format!("V{severity}\0")
    } else {
        String::new()
    };
    let fields = format!("S{severity}\0{later}C{code}\0Mthe pooler says so\0\0");
    let length = fields.len() as u32 + 4;
    [b"E", &length.to_be_bytes()[..], fields.as_bytes()].concat()
}

fn answers(
    mut server: TcpStream,
    mut client: TcpStream,
    mute: &AtomicBool,
    ahead: &AtomicI64,
) -> Option<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = server.read(&mut buffer).unwrap_or(0);
        if count == 0 {
            return client.shutdown(Shutdown::Both).ok();
        }
        let bytes = &mut buffer[..count];
        let ahead = ahead.load(Ordering::SeqCst);
        if ahead != 0 {
            move_clock(bytes, ahead);
        }
        if !mute.load(Ordering::SeqCst) {
            client.write_all(bytes).ok()?;
        }
    }
}

/// Adds to each column of eight bytes that is a present-day time in microseconds.
fn move_clock(bytes: &mut [u8], ahead: i64) {
    for at in 0..bytes.len().saturating_sub(11) {
        if bytes[at..at + 6] == [0, 0, 0, 8, 0, 6] {
            let time = i64::from_be_bytes(bytes[at + 4..at + 12].try_into().unwrap());
            bytes[at + 4..at + 12].copy_from_slice(&(time + ahead).to_be_bytes());
        }
    }
}
