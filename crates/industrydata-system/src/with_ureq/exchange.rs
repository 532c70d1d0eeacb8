//! Requests and their answers on one connection. hyper's state machine runs on the calling thread: it is polled, and where
//! it waits for input, this thread reads.

use std::{
    error::Error,
    fmt,
    future::Future,
    io,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, Waker},
    time::Duration,
};

use http::{
    HeaderValue, Request, Response, Uri,
    header::{Entry, HOST},
};
use hyper::{
    body::{Body, Bytes, Incoming},
    client::conn::http1,
    rt,
};
use industrydata_core::{
    Deadline,
    policy::MAX_HEADER_FIELDS,
    wire::{Cause, Phase, TransportError},
};
use ureq::unversioned::transport::Transport;

use crate::{
    chain::find,
    clock::now,
    with_ureq::{dial::within, stoppable::Stoppable},
};

/// How often in a row hyper may neither wait for input nor come to an end.
const MOST_IDLE_POLLS: u32 = 8;
/// Why a request was not sent.
const LATE: &str = "the time limit passed before the request was sent";

/// A connection with the state of its exchange.
pub struct Exchange {
    wire: Wire,
    sender: http1::SendRequest<String>,
    connection: Pin<Box<http1::Connection<Wire, String>>>,
    ended: bool,
    stop: Arc<dyn Stoppable>,
}

impl Exchange {
    /// The connection before its first request.
    ///
    /// # Errors
    ///
    /// [`TransportError`]. Nothing was sent.
    pub fn new(
        transport: Box<dyn Transport>,
        stop: Arc<dyn Stoppable>,
    ) -> Result<Self, TransportError> {
        let wire = Wire(Arc::new(Mutex::new(State {
            transport,
            deadline: None,
            begun: false,
            waits: false,
            ended: false,
        })));
        let mut builder = http1::Builder::new();
        builder
            .max_headers(MAX_HEADER_FIELDS)
            .allow_obsolete_multiline_headers_in_responses(true)
            .allow_spaces_after_header_name_in_responses(true);
        // It does no I/O, and so does not wait.
        let handshake = pin!(builder.handshake(wire.clone()));
        let Poll::Ready(made) = handshake.poll(&mut Context::from_waker(Waker::noop())) else {
            return Err(TransportError::new(Phase::Local, "hyper was not ready"));
        };
        let (sender, connection) =
            made.map_err(|error| TransportError::new(Phase::Local, error))?;
        Ok(Self {
            wire,
            sender,
            connection: Box::pin(connection),
            ended: false,
            stop,
        })
    }

    /// Whether a connection between two requests is still open.
    #[must_use]
    pub fn is_open(&mut self) -> bool {
        self.wire.lock().transport.is_open()
    }

    /// Whether another request may use the connection once the body was read.
    #[must_use]
    pub fn is_reusable(&mut self, body: &Incoming) -> bool {
        if !body.is_end_stream() {
            return false;
        }
        self.advance();
        !self.ended && self.sender.is_ready()
    }

    /// Sends `request` before the deadline or not at all, and reads the head of its answer.
    ///
    /// # Errors
    ///
    /// [`TransportError`], of the phase [`Phase::Local`] if nothing was sent.
    pub fn send(
        &mut self,
        request: Request<Vec<u8>>,
        deadline: Deadline,
    ) -> Result<Response<Incoming>, TransportError> {
        let (mut head, body) = request.into_parts();
        // Text is a body for hyper. All bodies are JSON or forms.
        let body = String::from_utf8(body)
            .map_err(|error| TransportError::new(Phase::Local, error.utf8_error()))?;
        if let Some(authority) = head.uri.authority()
            && let Entry::Vacant(host) = head.headers.entry(HOST)
            && let Ok(value) = HeaderValue::from_str(authority.as_str())
        {
            host.insert(value);
        }
        head.uri = head
            .uri
            .path_and_query()
            .cloned()
            .map(Uri::from)
            .unwrap_or_default();
        let request = Request::from_parts(head, body);
        self.wire.lock().deadline = Some(deadline);
        self.wire.lock().begun = false;
        self.advance();
        let mut answer = pin!(self.sender.send_request(request));
        let error = match self.until(|cx| answer.as_mut().poll(cx)) {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Cause::new(error),
            Err(error) => error,
        };
        let phase = match self.wire.lock().begun {
            true => Phase::Sent,
            false => Phase::Local,
        };
        let is_timeout = is_timeout(&*error);
        Err(TransportError::new(phase, error).timed_out(is_timeout))
    }

    /// Reads the next piece of a body, or `None` at its end.
    ///
    /// # Errors
    ///
    /// Why the body breaks off.
    pub fn chunk(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, Cause> {
        loop {
            let frame = self.until(|cx| Pin::new(&mut *body).poll_frame(cx))?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => return Err(Cause::new(error)),
                Some(Ok(frame)) => {
                    if let Ok(chunk) = frame.into_data() {
                        return Ok(Some(chunk));
                    }
                }
            }
        }
    }

    /// Polls hyper until `poll` is ready, and reads where it waits for input.
    fn until<T>(&mut self, mut poll: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Result<T, Cause> {
        let context = &mut Context::from_waker(Waker::noop());
        let mut idle = 0;
        loop {
            self.advance();
            if let Poll::Ready(ready) = poll(context) {
                return Ok(ready);
            }
            let waits = self.wire.lock().waits;
            if waits {
                self.wire.lock().read()?;
                if self.stop.is_stopped() {
                    return Err(Cause::new("stopped"));
                }
            }
            // What one poll asks for, the next one of the connection does.
            idle = if waits { 0 } else { idle + 1 };
            if idle > MOST_IDLE_POLLS {
                return Err(Cause::new("the connection ended"));
            }
        }
    }

    /// Writes what is due, and takes what was read.
    fn advance(&mut self) {
        self.wire.lock().waits = false;
        if !self.ended {
            let context = &mut Context::from_waker(Waker::noop());
            // An error of the connection is also that of its request.
            self.ended = self.connection.as_mut().poll(context).is_ready();
        }
    }
}

/// Whether an error of hyper or of the connection is that a limit of time has passed.
fn is_timeout(error: &(dyn Error + 'static)) -> bool {
    let io = find::<io::Error>(error);
    io.is_some_and(|error| error.kind() == io::ErrorKind::TimedOut)
        || matches!(find(error), Some(ureq::Error::Timeout(_)))
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").finish_non_exhaustive()
    }
}

/// The connection as hyper sees it.
#[derive(Clone)]
struct Wire(Arc<Mutex<State>>);

struct State {
    transport: Box<dyn Transport>,
    /// That of the request.
    deadline: Option<Deadline>,
    /// Whether a byte of the request may have been sent.
    begun: bool,
    /// Whether hyper waits for input.
    waits: bool,
    /// Whether the server has closed the connection.
    ended: bool,
}

impl Wire {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remaining(&self) -> Duration {
        let remaining = self.deadline.map(|deadline| deadline.remaining(now()));
        remaining.unwrap_or_default()
    }

    /// Waits for input.
    fn read(&mut self) -> Result<(), Cause> {
        let timeout = within(self.remaining());
        let more = self.transport.await_input(timeout).map_err(Cause::new)?;
        self.ended |= !more;
        Ok(())
    }
}

impl rt::Read for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        mut into: rt::ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        let buffers = state.transport.buffers();
        let input = buffers.input();
        let length = input.len().min(into.remaining());
        into.put_slice(input.get(..length).unwrap_or_default());
        buffers.input_consume(length);
        if length == 0 && !state.ended {
            state.waits = true;
            return Poll::Pending;
        }
        Poll::Ready(Ok(()))
    }
}

impl rt::Write for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let state = &mut *self.lock();
        // The last look at the clock before the first byte.
        let is_late = |deadline: Deadline| deadline.has_passed(now());
        if !state.begun && state.deadline.is_none_or(is_late) {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, LATE)));
        }
        state.begun = true;
        let timeout = within(state.remaining());
        let output = state.transport.buffers().output();
        let length = output.len().min(bytes.len());
        for (to, from) in output.iter_mut().zip(bytes) {
            *to = *from;
        }
        let sent = state.transport.transmit_output(length, timeout);
        Poll::Ready(sent.map(|()| length).map_err(ureq::Error::into_io))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
