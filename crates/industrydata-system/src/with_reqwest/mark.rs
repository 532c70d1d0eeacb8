//! How far a request got. reqwest reports a time limit that passes while connecting like one that passes later, so the body of
//! the request is marked.
//!
//! A connection looks at the body before it writes the head of a request, to know whether there is one. Until then the body waits
//! with its request. A body that is dropped with its request and was never looked at was not sent. A body that was neither looked
//! at nor dropped has been handed to a connection, which may send it yet.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use hyper::body::{Body, Bytes, Frame, SizeHint};
use industrydata_core::{
    Deadline, Now,
    wire::{Phase, TransportError},
};

use crate::{clock::now, with_reqwest::errors::transport_error};

/// Why a request was not sent.
const LATE: &str = "the time limit passed before the request was sent";

/// The body was not looked at, and is not dropped.
const WAITS: u8 = 0;
/// The body was looked at.
const SEEN: u8 = 1;
/// The body was dropped, and was not looked at.
const DROPPED: u8 = 2;

/// Whether a request may have been sent.
#[derive(Clone, Debug, Default)]
pub struct Mark(Arc<AtomicU8>);

impl Mark {
    /// The body, marked.
    #[must_use]
    pub fn body(&self, body: reqwest::Body) -> reqwest::Body {
        reqwest::Body::wrap(Marked {
            body,
            mark: Self(Arc::clone(&self.0)),
        })
    }

    /// Runs a request with a marked body. One that has waited for its connection past the deadline is not polled again: it would
    /// use a connection that has become ready meanwhile. `real` is the machine's time just now.
    ///
    /// # Errors
    ///
    /// Why there is no answer.
    pub async fn request<T>(
        &self,
        deadline: Deadline,
        real: Now,
        request: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, TransportError> {
        // The client has looked at the length, when it took the request.
        self.0.store(WAITS, Ordering::Release);
        let mut request = pin!(Some(request));
        let mut latest = Some(real);
        poll_fn(|cx| {
            let waits = || self.0.load(Ordering::Acquire) == WAITS;
            let latest = latest.take().or_else(|| waits().then(now));
            if latest.is_some_and(|now| deadline.has_passed(now)) {
                request.set(None);
                let error = if self.phase() == Phase::Connect {
                    TransportError::new(Phase::Local, LATE).timed_out(true)
                } else {
                    self.given_up(true)
                };
                return Poll::Ready(Err(error));
            }
            match request.as_mut().as_pin_mut() {
                Some(request) => request.poll(cx).map_err(transport_error),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// The error of a request that was given up, because its limit passed or because it was stopped; call it once the request was
    /// dropped.
    #[must_use]
    pub fn given_up(&self, is_timeout: bool) -> TransportError {
        TransportError::new(self.phase(), given_up(is_timeout)).timed_out(is_timeout)
    }

    /// How far the request got that was dropped.
    fn phase(&self) -> Phase {
        match self.0.load(Ordering::Acquire) {
            DROPPED => Phase::Connect,
            _ => Phase::Sent,
        }
    }

    fn see(&self) {
        self.0.store(SEEN, Ordering::Release);
    }
}

/// Why a request is given up.
pub const fn given_up(is_timeout: bool) -> &'static str {
    match is_timeout {
        true => "the time limit passed",
        false => "stopped",
    }
}

/// A body that says whether it was looked at.
struct Marked {
    body: reqwest::Body,
    mark: Mark,
}

impl Body for Marked {
    type Data = Bytes;
    type Error = reqwest::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, reqwest::Error>>> {
        self.mark.see();
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.mark.see();
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.mark.see();
        self.body.size_hint()
    }
}

impl Drop for Marked {
    fn drop(&mut self) {
        let (state, from_now_on) = (&self.mark.0, Ordering::AcqRel);
        let _ = state.compare_exchange(WAITS, DROPPED, from_now_on, Ordering::Acquire);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn soon() -> (Deadline, Now) {
        let now = now();
        (Deadline::after(Duration::from_secs(60), now), now)
    }

    fn body(mark: &Mark) -> reqwest::Body {
        let body = mark.body(reqwest::Body::default());
        assert_eq!(body.size_hint().exact(), Some(0));
        body
    }

    /// Polls a request once and drops it: one whose body was looked at, kept elsewhere, or kept with it.
    async fn phase(mark: &Mark, sent: impl Fn(reqwest::Body) -> Option<reqwest::Body>) -> Phase {
        let body = body(mark);
        let (deadline, now) = soon();
        let request = async move {
            let _kept = sent(body);
            std::future::pending::<Result<(), reqwest::Error>>().await
        };
        {
            let mut request = pin!(mark.request(deadline, now, request));
            poll_fn(|cx| {
                assert!(request.as_mut().poll(cx).is_pending());
                Poll::Ready(())
            })
            .await;
        }
        let error = mark.given_up(true);
        assert!(error.is_timeout());
        error.phase()
    }

    #[tokio::test]
    async fn a_request_whose_body_was_not_looked_at_was_not_sent() {
        assert_eq!(phase(&Mark::default(), Some).await, Phase::Connect);
    }

    #[tokio::test]
    async fn a_body_that_was_looked_at_may_have_been_sent() {
        let looks: [fn(&reqwest::Body); 2] = [
            |body| assert!(body.is_end_stream()),
            |body| assert_eq!(body.size_hint().exact(), Some(0)),
        ];
        for look in looks {
            let sent = |body| {
                look(&body);
                Some(body)
            };
            assert_eq!(phase(&Mark::default(), sent).await, Phase::Sent);
        }
        let mark = Mark::default();
        let mut full = mark.body(reqwest::Body::from("a"));
        let frame = poll_fn(|cx| Pin::new(&mut full).poll_frame(cx)).await;
        assert_eq!(frame.unwrap().unwrap().into_data().unwrap(), "a");
        drop(full);
        assert_eq!(mark.given_up(false).phase(), Phase::Sent);
    }

    /// A connection has it, and may send it yet.
    #[tokio::test]
    async fn a_body_that_is_elsewhere_may_be_sent() {
        let elsewhere = std::sync::Mutex::new(None);
        let mark = Mark::default();
        let sent = |body| {
            *elsewhere.lock().unwrap() = Some(body);
            None
        };
        assert_eq!(phase(&mark, sent).await, Phase::Sent);
        drop(elsewhere);
        assert_eq!(mark.given_up(true).phase(), Phase::Connect);
    }

    #[tokio::test]
    async fn a_request_that_waited_past_its_deadline_is_not_polled() {
        let mark = Mark::default();
        let body = body(&mark);
        let now = now();
        let request = async move {
            drop(body);
            panic!("it is late")
        };
        let late: Result<(), _> = mark
            .request(Deadline::after(Duration::ZERO, now), now, request)
            .await;
        let error = late.unwrap_err();
        assert_eq!((error.phase(), error.is_timeout()), (Phase::Local, true));
    }
}
