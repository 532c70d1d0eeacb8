//! A way to the server that loses what it is told to lose, and moves the server's clock.

use std::{
    io::{Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

/// What becomes of a message on its way to the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    /// The connection is cut, and the message is lost.
    CutBefore,
    /// The connection is cut once the server has carried the message out; its answer is lost.
    CutAfter,
    /// The message is kept back, and the connection stays.
    Hold,
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
    seen: Arc<AtomicU64>,
    ahead: Arc<AtomicI64>,
}

impl Proxy {
    /// A way to the server of `url`, on which `fate` decides about each message.
    pub(crate) fn new(
        url: &str,
        fate: impl Fn(&Message<'_>) -> Fate + Send + Sync + 'static,
    ) -> Self {
        Self::at("127.0.0.1", url, Some(Arc::new(fate)))
    }

    /// One that passes all bytes, encrypted or not, at another address.
    pub(crate) fn plain(host: &str, url: &str) -> Self {
        Self::at(host, url, None)
    }

    fn at(host: &str, url: &str, fate: Option<Arc<Decide>>) -> Self {
        let (_, server) = url.split_once('@').unwrap();
        let server = server.split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind((host, 0)).unwrap();
        let proxy = Self {
            place: listener.local_addr().unwrap().to_string(),
            seen: Arc::default(),
            ahead: Arc::default(),
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
                let (from, to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let (muted, ahead) = (Arc::clone(&mute), Arc::clone(&shared.ahead));
                thread::spawn(move || answers(from, to, &muted, &ahead));
                thread::spawn(move || shared.questions(client, server, &mute, fate.as_deref()));
            }
        });
        proxy
    }

    /// How many messages were seen.
    pub(crate) fn seen(&self) -> u64 {
        self.seen.load(Ordering::SeqCst)
    }

    /// Moves the server's clock, as told from now on.
    pub(crate) fn set_ahead(&self, by: Duration) {
        self.ahead.store(by.as_micros() as i64, Ordering::SeqCst);
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
                number: self.seen.fetch_add(1, Ordering::SeqCst),
                kind: if is_first { 0 } else { head[0] },
                text: &text,
            };
            is_first = false;
            let fate = fate(&message);
            if fate == Fate::Hold {
                continue;
            }
            if fate != Fate::CutBefore {
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

fn answers(
    mut server: TcpStream,
    mut client: TcpStream,
    mute: &AtomicBool,
    ahead: &AtomicI64,
) -> Option<()> {
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let count = server.read(&mut bytes).unwrap_or(0);
        if count == 0 {
            return client.shutdown(Shutdown::Both).ok();
        }
        let told = &mut bytes[..count];
        let ahead = ahead.load(Ordering::SeqCst);
        if ahead != 0 {
            move_clock(told, ahead);
        }
        if !mute.load(Ordering::SeqCst) {
            client.write_all(told).ok()?;
        }
    }
}

/// Adds to each column of eight bytes that is a time of our days in microseconds.
fn move_clock(told: &mut [u8], ahead: i64) {
    for at in 0..told.len().saturating_sub(11) {
        if told[at..at + 6] == [0, 0, 0, 8, 0, 6] {
            let time = i64::from_be_bytes(told[at + 4..at + 12].try_into().unwrap());
            told[at + 4..at + 12].copy_from_slice(&(time + ahead).to_be_bytes());
        }
    }
}
