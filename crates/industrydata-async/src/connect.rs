//! How far a request got: a time limit that passes while connecting is told like one that passes later, so the way to a
//! connection is marked.
//!
//! A layer round reqwest's connector marks the request on whose behalf it connects. The client races a connection that
//! becomes free against the one being made; if the free one wins, the other is dropped or goes on elsewhere, and the mark
//! is taken back, since the request may then be on the wire.

use std::{
    error::Error,
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use industrydata_core::{Fault, Phase};
use tower_layer::Layer;
use tower_service::Service;

tokio::task_local! {
    static CONNECTING: Arc<AtomicBool>;
}

/// Whether a request is waiting for its connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mark(Arc<AtomicBool>);

impl Mark {
    /// Runs a request under this mark.
    pub(crate) fn request<F: Future>(&self, request: F) -> impl Future<Output = F::Output> {
        CONNECTING.scope(Arc::clone(&self.0), request)
    }

    /// The fault of a time limit that has passed, read before the request is dropped.
    pub(crate) fn timed_out(&self) -> Fault {
        let phase = if self.0.load(Ordering::Acquire) {
            Phase::Connect
        } else {
            Phase::Sent
        };
        Fault::new(phase, "the time limit passed")
    }
}

/// The fault that a reqwest error is. What is not proved to be earlier was sent.
pub(crate) fn fault(error: reqwest::Error) -> Fault {
    let phase = if error.is_builder() {
        Phase::Local
    } else if error.is_connect() {
        Phase::Connect
    } else {
        Phase::Sent
    };
    // The URL may have a query, which is shown nowhere.
    Fault::new(phase, error.without_url())
}

/// Marks requests while their connector runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MarkLayer;

impl<S> Layer<S> for MarkLayer {
    type Service = Marking<S>;

    fn layer(&self, inner: S) -> Marking<S> {
        Marking(inner)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Marking<S>(S);

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
        let mark = CONNECTING.try_with(Arc::clone).ok();
        if let Some(mark) = &mark {
            mark.store(true, Ordering::Release);
        }
        Connecting {
            inner: Box::pin(self.0.call(target)),
            mark,
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
        let ours = self.mark.as_ref().is_some_and(|mark| {
            CONNECTING
                .try_with(|current| Arc::ptr_eq(current, mark))
                .unwrap_or(false)
        });
        if !ours {
            self.unmark();
        }
        let poll = self.inner.as_mut().poll(cx);
        if poll.is_ready() {
            self.unmark();
        }
        poll
    }
}

impl<F> Connecting<F> {
    fn unmark(&mut self) {
        if let Some(mark) = self.mark.take() {
            mark.store(false, Ordering::Release);
        }
    }
}

impl<F> Drop for Connecting<F> {
    fn drop(&mut self) {
        self.unmark();
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
                let error: Box<dyn Error + Send + Sync> =
                    "the name resolves to an address that is not loopback, and the base is not https"
                        .into();
                return Err(error);
            }
            let addrs: reqwest::dns::Addrs = Box::new(addrs.into_iter());
            Ok(addrs)
        })
    }
}
