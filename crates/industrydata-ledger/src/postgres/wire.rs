//! A connection as the client library sees it, driven by whichever thread waits for an answer.
//!
//! The client's futures and that of the connection are polled in turn. Where both wait for the server, this thread reads. No
//! other thread takes part, so an answer costs no change of threads, and it makes no difference whether the thread belongs to
//! an async runtime.

use std::{
    fmt,
    future::Future,
    io::{self, Read, Write},
    net::{Shutdown, TcpStream},
    pin::{Pin, pin},
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Wake, Waker},
    time::{Duration, Instant},
};

#[cfg(unix)]
use std::os::unix::net::UnixStream;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::store_error;

/// What a read brings in at a time.
const BUFFER: usize = 8 * 1024;

/// The least time limit of a socket: one of zero would be none.
pub(super) const SHORTEST: Duration = Duration::from_millis(1);

/// A connected socket that blocks.
#[derive(Debug)]
pub(super) enum Socket {
    Tcp(TcpStream),
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Socket {
    fn set_read_timeout(&self, left: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(Some(left)),
            #[cfg(unix)]
            Self::Unix(stream) => stream.set_read_timeout(Some(left)),
        }
    }

    fn set_write_timeout(&self, left: Duration) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_write_timeout(Some(left)),
            #[cfg(unix)]
            Self::Unix(stream) => stream.set_write_timeout(Some(left)),
        }
    }

    fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&*stream).read(buffer),
            #[cfg(unix)]
            Self::Unix(stream) => (&*stream).read(buffer),
        }
    }

    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => (&*stream).write(bytes),
            #[cfg(unix)]
            Self::Unix(stream) => (&*stream).write(bytes),
        }
    }

    fn shutdown(&self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Write),
            #[cfg(unix)]
            Self::Unix(stream) => stream.shutdown(Shutdown::Write),
        }
    }

    fn set_nonblocking(&self, on: bool) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_nonblocking(on),
            #[cfg(unix)]
            Self::Unix(stream) => stream.set_nonblocking(on),
        }
    }
}

/// A socket, which its clones share. It is read only when that was allowed.
#[derive(Clone, Debug)]
pub(super) struct Line(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    socket: Socket,
    turn: Mutex<Turn>,
    woken: Arc<Flag>,
}

/// What may be done with a socket.
#[derive(Clone, Copy, Debug)]
struct Turn {
    /// How long reads and writes may wait.
    until: Instant,
    reads: Reads,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reads {
    None,
    /// One read, which waits.
    Next,
    /// Whatever has come, of a socket that does not block.
    All,
}

/// Whether something polled may go on.
#[derive(Debug, Default)]
struct Flag(AtomicBool);

impl Flag {
    fn take(&self) -> bool {
        self.0.swap(false, Ordering::AcqRel)
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Release);
    }
}

impl Line {
    pub(super) fn new(socket: Socket) -> Self {
        Self(Arc::new(Shared {
            socket,
            turn: Mutex::new(Turn {
                until: Instant::now(),
                reads: Reads::None,
            }),
            woken: Arc::default(),
        }))
    }

    /// Polls `work` until it is done, which reads and writes this line itself, or else gives `None` at the time `until`.
    pub(super) fn wait<T>(&self, until: Instant, work: impl Future<Output = T>) -> Option<T> {
        self.wait_beside(until, work, |_| false)
    }

    /// The same for work whose answers `beside` reads from this line. Once that has returned true, it is over.
    fn wait_beside<T>(
        &self,
        until: Instant,
        work: impl Future<Output = T>,
        mut beside: impl FnMut(&mut Context<'_>) -> bool,
    ) -> Option<T> {
        let waker = Waker::from(Arc::clone(&self.0.woken));
        let context = &mut Context::from_waker(&waker);
        let mut work = pin!(work);
        let mut is_last = false;
        let mut reads = Reads::None;
        loop {
            *self.turn() = Turn { until, reads };
            if let Poll::Ready(done) = work.as_mut().poll(context) {
                return Some(done);
            }
            if is_last {
                return None;
            }
            let is_over = beside(context);
            // What one of them asks for, the other does. After the last read, the work has one more turn.
            is_last = is_over || Instant::now() >= until;
            reads = match self.0.woken.take() || is_last {
                true => Reads::None,
                false => Reads::Next,
            };
        }
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        let turn = self.0.turn.lock();
        turn.unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the time limit of the socket has passed: systems have two names for it.
pub(super) fn is_late(error: &io::Error) -> bool {
    [io::ErrorKind::WouldBlock, io::ErrorKind::TimedOut].contains(&error.kind())
}

impl AsyncRead for Line {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let Turn { until, reads } = {
            let mut turn = self.turn();
            let now = *turn;
            if now.reads == Reads::Next {
                turn.reads = Reads::None;
            }
            now
        };
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if reads == Reads::None || left.is_zero() {
                return Poll::Pending;
            }
            if reads == Reads::Next {
                self.0.socket.set_read_timeout(left)?;
            }
            let most = buffer.remaining().min(BUFFER);
            match self.0.socket.read(buffer.initialize_unfilled_to(most)) {
                Ok(count) => {
                    buffer.advance(count);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_late(&error) => return Poll::Pending,
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }
}

impl AsyncWrite for Line {
    /// Blocks while the socket takes no more, as long as the work may take.
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let until = self.turn().until;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            self.0.socket.set_write_timeout(left.max(SHORTEST))?;
            match self.0.socket.write(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if is_late(&error) => {
                    return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
                }
                written => return Poll::Ready(written),
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.0.socket.shutdown())
    }
}

/// The connection's half of the client library: it writes requests, and hands each answer to its request.
type Driver = Pin<Box<dyn Future<Output = Result<(), tokio_postgres::Error>> + Send>>;

/// An open connection without its client. Drop the client first: then the server hears that the connection ends.
pub(super) struct Wire {
    line: Line,
    /// `None` once it has ended.
    driver: Option<Driver>,
    /// When work on this connection is given up.
    limit: Instant,
    end: Option<String>,
    /// After a fork, the connection belongs to the parent.
    process: u32,
}

impl Wire {
    pub(super) fn new(
        line: Line,
        connection: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
        limit: Instant,
    ) -> Self {
        Self {
            line,
            driver: Some(Box::pin(connection)),
            limit,
            end: None,
            process: process::id(),
        }
    }

    pub(super) fn set_limit(&mut self, limit: Instant) {
        self.limit = limit;
    }

    /// Why the server has ended the connection, if it has said so.
    pub(super) fn end(&self) -> Option<&str> {
        self.end.as_deref()
    }

    fn is_own(&self) -> bool {
        self.process == process::id()
    }

    /// Whether it can be used until its limit. What the server has said since the last work is heard first, without waiting for
    /// more: an error that ended the session would count as the answer to the next request.
    pub(super) fn is_open(&mut self) -> bool {
        self.is_own() && self.hear().unwrap_or(false)
    }

    fn hear(&mut self) -> io::Result<bool> {
        let Self {
            line,
            driver,
            limit,
            ..
        } = self;
        let Some(connection) = driver else {
            return Ok(false);
        };
        line.0.socket.set_nonblocking(true)?;
        *line.turn() = Turn {
            until: *limit,
            reads: Reads::All,
        };
        let heard = connection
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        line.turn().reads = Reads::None;
        line.0.socket.set_nonblocking(false)?;
        if heard.is_ready() {
            *driver = None;
        }
        Ok(heard.is_pending())
    }

    /// What the work of a client on this connection gives; `None` without an answer within the limit.
    pub(super) fn run<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        let Self {
            line, driver, end, ..
        } = self;
        line.wait_beside(self.limit, work, |context| {
            let Some(connection) = driver else {
                return true;
            };
            let Poll::Ready(ended) = connection.as_mut().poll(context) else {
                return false;
            };
            // Requests without an answer end with the connection.
            *driver = None;
            // Without a code the server has said nothing, or to a request that has the error already.
            if let Err(error) = ended
                && error.code().is_some()
            {
                *end = Some(store_error::while_connecting(&error).0);
            }
            true
        })
    }
}

impl Drop for Wire {
    /// Ends the connection without waiting, unless it is another process's.
    fn drop(&mut self) {
        if self.is_own()
            && self.line.0.socket.set_nonblocking(true).is_ok()
            && let Some(driver) = &mut self.driver
        {
            let ended = driver
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()));
            drop(ended);
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wire").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, net::TcpListener, sync::atomic::AtomicU32, thread};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn pair() -> (Line, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (Line::new(Socket::Tcp(stream)), listener.accept().unwrap().0)
    }

    fn in_ms(ms: u64) -> Instant {
        Instant::now() + Duration::from_millis(ms)
    }

    #[test]
    fn a_thread_waits_for_an_answer_and_no_longer_than_its_limit() {
        let (line, mut peer) = pair();
        let begun = Instant::now();
        let mut one = line.clone();
        assert!(line.wait(in_ms(60), one.read_u8()).is_none());
        assert!((60..5000).contains(&begun.elapsed().as_millis()));
        assert!(line.wait(Instant::now(), one.read_u8()).is_none());
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut asked = [0; 3];
                peer.read_exact(&mut asked).unwrap();
                thread::sleep(Duration::from_millis(30));
                peer.write_all(&asked[..1]).unwrap();
                thread::sleep(Duration::from_millis(30));
                peer.write_all(&asked[1..]).unwrap();
            });
            let ask = async {
                one.write_all(b"abc").await.unwrap();
                let mut answer = [0; 3];
                one.read_exact(&mut answer).await.map(|_| answer)
            };
            assert_eq!(&line.wait(in_ms(10_000), ask).unwrap().unwrap(), b"abc");
        });
        drop(peer);
        let ended = line.wait(in_ms(10_000), one.read_u8()).unwrap();
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    #[test]
    fn what_needs_no_answer_waits_for_none() {
        let (line, _peer) = pair();
        let (begun, turns, mut waker) = (Instant::now(), AtomicU32::new(0), None);
        let waker_of_work = Mutex::new(None::<Waker>);
        let work = poll_fn(|context| {
            if turns.load(Ordering::SeqCst) == 3 {
                return Poll::Ready(7);
            }
            *waker_of_work.lock().unwrap() = Some(context.waker().clone());
            Poll::Pending
        });
        let done = line.wait_beside(in_ms(10_000), work, |_| {
            turns.fetch_add(1, Ordering::SeqCst);
            waker = waker_of_work.lock().unwrap().take();
            waker.take().unwrap().wake();
            false
        });
        assert_eq!(done, Some(7));
        // Once what is beside it is over, the work has one more turn.
        assert_eq!(
            line.wait_beside(in_ms(10_000), poll_fn(|_| Poll::<()>::Pending), |_| true),
            None
        );
        assert!(begun.elapsed() < Duration::from_secs(5));
    }

    /// A peer that takes nothing, and work that is woken without end, have no longer than the limit.
    #[test]
    fn neither_writes_nor_wakes_pass_the_limit() {
        let (line, _peer) = pair();
        let (begun, mut one) = (Instant::now(), line.clone());
        let bytes = vec![0; 64 << 20];
        let written = line.wait(in_ms(100), one.write_all(&bytes)).unwrap();
        assert_eq!(written.unwrap_err().kind(), io::ErrorKind::TimedOut);
        let endless = poll_fn(|context| {
            context.waker().wake_by_ref();
            Poll::<()>::Pending
        });
        assert_eq!(line.wait(in_ms(100), endless), None);
        assert!((200..5000).contains(&begun.elapsed().as_millis()));
        // What was read just before counts, although the limit has passed.
        let (until, mut turns) = (in_ms(0), 0);
        let late = poll_fn(|_| {
            turns += 1;
            if turns == 2 {
                Poll::Ready(7)
            } else {
                Poll::Pending
            }
        });
        assert_eq!(line.wait(until, late), Some(7));
    }

    #[test]
    fn an_idle_connection_hears_what_was_said_and_waits_for_nothing() {
        let (line, mut peer) = pair();
        let (heard, mut one) = (Arc::new(AtomicU32::new(0)), line.clone());
        let count = Arc::clone(&heard);
        let connection = async move {
            while let Ok(1..) = one.read(&mut [0; 1]).await {
                count.fetch_add(1, Ordering::SeqCst);
            }
            Ok(())
        };
        let mut wire = Wire::new(line, connection, in_ms(10_000));
        let begun = Instant::now();
        assert!(wire.is_open());
        peer.write_all(b"abc").unwrap();
        thread::sleep(Duration::from_millis(30));
        assert!(wire.is_open());
        assert_eq!(heard.load(Ordering::SeqCst), 3);
        // It blocks again for the next work.
        wire.set_limit(in_ms(60));
        assert_eq!(wire.run(poll_fn(|_| Poll::<()>::Pending)), None);
        drop(peer);
        wire.set_limit(in_ms(10_000));
        thread::sleep(Duration::from_millis(30));
        assert!(!wire.is_open() && !wire.is_open());
        assert!((60..5000).contains(&begun.elapsed().as_millis()));
    }

    #[test]
    fn a_connection_is_ended_by_the_process_that_made_it_only() {
        for (is_own, polls) in [(true, 2), (false, 0)] {
            let (line, _peer) = pair();
            let count = Arc::new(AtomicU32::new(0));
            let counted = Arc::clone(&count);
            let connection = poll_fn(move |_| {
                counted.fetch_add(1, Ordering::SeqCst);
                Poll::Pending
            });
            let mut wire = Wire::new(line, connection, in_ms(0));
            if !is_own {
                wire.process = 0;
            }
            assert_eq!(wire.is_open(), is_own);
            drop(wire);
            assert_eq!(count.load(Ordering::SeqCst), polls);
        }
    }
}
