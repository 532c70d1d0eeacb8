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
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # use industrydata_async::{Client, FixedToken};
/// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
/// # use industrydata_ledger::Ledger;
/// # let emulator = Emulator::start(Config::default())?;
/// # let ledger = Ledger::memory_with_clock(emulator.clock());
/// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
/// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
/// # let contoso = client.tenant("contoso")?;
/// use std::{future::poll_fn, pin::pin};
/// use futures_core::Stream;
///
/// let mut poller = contoso.start().await?;
/// let mut progress = pin!(poller.stream());
/// // With the crate `futures`: `while let Some(progress) = progress.try_next().await? { … }`.
/// while let Some(progress) = poll_fn(|cx| progress.as_mut().poll_next(cx)).await {
///     println!("next poll in {:?}", progress?.next_poll_in());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
