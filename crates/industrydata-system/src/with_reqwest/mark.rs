//! How far a request got. reqwest reports a time limit that passes while connecting like one that passes later, so the way to
//! a connection is marked.
//!
//! A layer round reqwest's connector marks the request on whose behalf it connects, anew at each poll of that request: the
//! mark stands only if the latest poll left it waiting for its connection. The client races a connection that becomes
//! free against the one being made; if the free one wins, the other is no longer polled by the request, and the mark is
//! gone with the poll that sent it.

use std::{
    future::poll_fn,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use industrydata_core::{
    Deadline,
    wire::{Phase, TransportError},
};
use tower_service::Service;

use crate::{clock::now, with_reqwest::errors::transport_error};

/// Why a request was not sent.
const LATE: &str = "the time limit passed before the request was sent";

tokio::task_local! {
    static CONNECTING: Arc<AtomicBool>;
}

/// Whether a request is waiting for its connection.
#[derive(Clone, Debug, Default)]
pub struct Mark(Arc<AtomicBool>);

impl Mark {
    /// Runs a request under this mark, which then says of the latest poll whether it still waited for a connection. A request
    /// that waited past the deadline is not polled again: it would use a connection that has become ready meanwhile.
    pub fn request<F, T>(
        &self,
        deadline: Deadline,
        request: F,
    ) -> impl Future<Output = Result<T, TransportError>>
    where
        F: Future<Output = Result<T, reqwest::Error>>,
    {
        let mark = Arc::clone(&self.0);
        CONNECTING.scope(Arc::clone(&self.0), async move {
            let mut request = pin!(request);
            let mut is_unsent = true;
            poll_fn(|cx| {
                is_unsent |= mark.swap(false, Ordering::AcqRel);
                if is_unsent && deadline.has_passed(now()) {
                    return Poll::Ready(Err(
                        TransportError::new(Phase::Local, LATE).timed_out(true)
                    ));
                }
                is_unsent = false;
                request.as_mut().poll(cx).map_err(transport_error)
            })
            .await
        })
    }

    /// The error of a request that is given up, because its limit passed or because it was stopped; call it before the
    /// request is dropped.
    pub fn given_up(&self, is_timeout: bool) -> TransportError {
        let phase = if self.0.load(Ordering::Acquire) {
            Phase::Connect
        } else {
            Phase::Sent
        };
        TransportError::new(phase, given_up(is_timeout)).timed_out(is_timeout)
    }
}

/// Why a request is given up.
pub const fn given_up(is_timeout: bool) -> &'static str {
    match is_timeout {
        true => "the time limit passed",
        false => "stopped",
    }
}

/// A connector that marks requests while it runs.
#[derive(Clone, Debug)]
pub struct Marking<S>(pub S);

impl<S, Target> Service<Target> for Marking<S>
where
    S: Service<Target>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Connecting<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, target: Target) -> Self::Future {
        Connecting {
            inner: Box::pin(self.0.call(target)),
            mark: CONNECTING.try_with(Arc::clone).ok(),
        }
    }
}

/// A connection being made for one request.
pub struct Connecting<F> {
    inner: Pin<Box<F>>,
    mark: Option<Arc<AtomicBool>>,
}

impl<F: Future> Future for Connecting<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let poll = self.inner.as_mut().poll(cx);
        if poll.is_pending()
            && let Some(mark) = &self.mark
        {
            // Polled elsewhere, it goes on for the pool, and says nothing of the request it was begun for.
            let is_ours = CONNECTING.try_with(|current| Arc::ptr_eq(current, mark));
            if is_ours.unwrap_or(false) {
                mark.store(true, Ordering::Release);
            }
        }
        poll
    }
}
