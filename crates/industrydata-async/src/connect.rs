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

use industrydata_core::wire::{Phase, TransportError};
use tower_service::Service;

tokio::task_local! {
    static CONNECTING: Arc<AtomicBool>;
}

/// Whether a request is waiting for its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark(Arc<AtomicBool>);

impl Mark {
    /// Runs a request under this mark, which then says of the latest poll whether it still waited for a connection.
    pub(crate) fn request<F: Future>(&self, request: F) -> impl Future<Output = F::Output> {
        let mark = Arc::clone(&self.0);
        CONNECTING.scope(Arc::clone(&self.0), async move {
            let mut request = pin!(request);
            poll_fn(|cx| {
                mark.store(false, Ordering::Release);
                request.as_mut().poll(cx)
            })
            .await
        })
    }

    /// The error of a request that is given up; call it before the request is dropped.
    pub(crate) fn given_up(&self, why: &'static str) -> TransportError {
        let phase = if self.0.load(Ordering::Acquire) {
            Phase::Connect
        } else {
            Phase::Sent
        };
        TransportError::new(phase, why)
    }
}

/// A reqwest error with its phase. A request that is not known to have failed earlier was sent.
pub(crate) fn transport_error(error: reqwest::Error) -> TransportError {
    let phase = if error.is_builder() {
        Phase::Local
    } else if error.is_connect() {
        Phase::Connect
    } else {
        Phase::Sent
    };
    // The URL may have a query, which is shown nowhere.
    TransportError::new(phase, error.without_url())
}

/// A connector that marks requests while it runs.
#[derive(Clone, Debug)]
pub(crate) struct Marking<S>(pub(crate) S);

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
pub(crate) struct Connecting<F> {
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

/// Resolves no name to anything but loopback: for a base without encryption.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LoopbackOnly;

impl reqwest::dns::Resolve for LoopbackOnly {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        Box::pin(async move {
            let addrs: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if !addrs.iter().all(|addr| addr.ip().is_loopback()) {
                let why = "the name resolves to an address that is not loopback, and the base is not https";
                return Err(why.into());
            }
            Ok(Box::new(addrs.into_iter()) as reqwest::dns::Addrs)
        })
    }
}
