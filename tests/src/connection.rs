//! One connection of a scripted server.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    thread,
    time::{Duration, Instant},
};

use crate::{
    server::{Request, Shared},
    turn::Act,
};

/// How often a waiting connection checks whether the server has ended.
const TICK: Duration = Duration::from_millis(10);
/// How many reads the server makes while it waits for the client to close its side.
const CLOSING: usize = 4;
/// The most bytes recorded of one connection.
const KEPT: usize = 1 << 20;

/// Whether a connection is still open.
#[derive(PartialEq, Eq)]
enum Goes {
    On,
    Ended,
}

/// One connection, on which the server plays its script.
pub(crate) struct Connection<'s> {
    shared: &'s Shared,
    stream: TcpStream,
    number: usize,
    unread: Vec<u8>,
    token: String,
}

impl<'s> Connection<'s> {
    pub(crate) fn new(shared: &'s Shared, stream: TcpStream, number: usize) -> Self {
        Self {
            shared,
            stream,
            number,
            unread: Vec::new(),
            token: String::new(),
        }
    }

    pub(crate) fn serve(mut self) {
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
        while self.next() == Goes::On {
            let Some(turn) = self.shared.turn(false) else {
                self.shared.seen().strays += 1;
                return;
            };
            if self.play(&turn.acts) == Goes::Ended {
                return;
            }
        }
    }

    /// Reads the next request, or as much of it as the script says.
    fn next(&mut self) -> Goes {
        match self.shared.reads() {
            Some(bytes) => self.part(bytes),
            None => self.request(),
        }
    }

    /// Waits for a request and reads this many bytes of it. The first byte is peeked at, because it tells the method.
    fn part(&mut self, bytes: usize) -> Goes {
        let mut first = [0];
        loop {
            match self.stream.peek(&mut first) {
                Ok(0) => return Goes::Ended,
                Ok(_) => break,
                Err(error) if is_for_now(&error) && !self.shared.has_ended() => {}
                Err(_) => return Goes::Ended,
            }
        }
        let letter = char::from(first[0].to_ascii_lowercase());
        self.shared.seen().order.push(letter);
        let mut part = vec![0; bytes];
        let mut read = 0;
        while read < bytes {
            match self.stream.read(&mut part[read..]) {
                Ok(0) => return Goes::Ended,
                Ok(count) => read += count,
                Err(error) if is_for_now(&error) && !self.shared.has_ended() => {}
                Err(_) => return Goes::Ended,
            }
        }
        self.shared.seen().connections[self.number].extend_from_slice(&part);
        Goes::On
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
            length,
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
        seen.order.extend(request.method.chars().next());
        seen.requests.push(request);
        drop(seen);
        Goes::On
    }

    /// Reads what has arrived, or waits for up to one tick.
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
            Err(error) if is_for_now(&error) && !self.shared.has_ended() => Goes::On,
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
                Act::Stall => {
                    self.shared.seen().stalled += 1;
                    self.wait(None)
                }
                Act::Deafen => {
                    self.shared.seen().stalled += 1;
                    while !self.shared.has_ended() {
                        thread::sleep(TICK);
                    }
                    Goes::Ended
                }
                Act::Close => self.close(),
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

    /// Closes with a FIN. Unread bytes would turn the close into a reset, so they are drained first; they are not
    /// recorded.
    fn close(&mut self) -> Goes {
        drop(self.stream.shutdown(Shutdown::Write));
        for _ in 0..CLOSING {
            match self.stream.read(&mut [0; 4096]) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if is_for_now(&error) => {}
                Err(_) => break,
            }
        }
        Goes::Ended
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

    /// Keeps reading for this time, or without end if no time is given. Ends early when the client goes away.
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

/// Whether a read may be tried again after this error.
fn is_for_now(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted
    )
}
