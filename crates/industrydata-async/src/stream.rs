//! An operation poller as a stream.

use std::{
    fmt,
    pin::Pin,
    task::{Context, Poll},
};

use futures_core::Stream;
use industrydata_core::lro::{OperationPollError, Progress};

use crate::operation_poller::OperationPoller;

type Polled = Result<Option<Progress>, OperationPollError>;
type Step<'r> = Pin<Box<dyn Future<Output = (&'r mut OperationPoller, Polled)> + Send + 'r>>;

/// The [`Progress`] of each poll. If polling ends with an error, the error is the last item. After the stream, the
/// [`OperationPoller`] has the operation as of the last poll.
#[must_use = "streams do nothing unless polled"]
pub struct OperationStream<'r>(Option<Step<'r>>);

impl OperationPoller {
    /// A stream of the [`Progress`] of each poll, before the pause that follows it. If polling ends with an error, the
    /// error is the last item.
    pub fn stream(&mut self) -> OperationStream<'_> {
        OperationStream(Some(next(self)))
    }
}

impl Stream for OperationStream<'_> {
    type Item = Result<Progress, OperationPollError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(step) = &mut self.0 else {
            return Poll::Ready(None);
        };
        let Poll::Ready((poller, progress)) = step.as_mut().poll(cx) else {
            return Poll::Pending;
        };
        self.0 = matches!(progress, Ok(Some(_))).then(|| next(poller));
        Poll::Ready(progress.transpose())
    }
}

impl fmt::Debug for OperationStream<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OperationStream").finish_non_exhaustive()
    }
}

fn next(poller: &mut OperationPoller) -> Step<'_> {
    Box::pin(async move {
        let progress = poller.progress().await;
        (poller, progress)
    })
}
