//! An operation on its way.

use std::sync::Arc;

use industrydata_core::{
    Accepted, Change, Operation, OperationUrl, Progress, ResumeToken, StoreFault, Tenant, Watch,
    WatchError,
};

use crate::{
    client::Client,
    driver::{self, News},
    stream::RunStream,
};

/// A started run, or the wait for one that was started elsewhere.
///
/// Every method is cancel-safe: a future that is dropped loses no news and polls no more often.
#[derive(Debug)]
#[must_use = "the run goes on, but nobody watches it"]
pub struct Run {
    client: Client,
    tenant: Tenant,
    watch: Watch,
    accepted: Option<Accepted>,
    /// The acceptance, if it is not yet in the books.
    unrecorded: Option<Arc<Change>>,
    ledger: Option<StoreFault>,
}

impl Run {
    pub(crate) fn new(
        client: Client,
        tenant: Tenant,
        watch: Watch,
        accepted: Option<Accepted>,
    ) -> Self {
        Self {
            client,
            tenant,
            watch,
            unrecorded: accepted.as_ref().and_then(Accepted::unrecorded).cloned(),
            ledger: accepted
                .as_ref()
                .and_then(Accepted::ledger_warning)
                .cloned(),
            accepted,
        }
    }

    /// The operation's URL. Its `Display` leaves out the query.
    #[must_use]
    pub const fn url(&self) -> &OperationUrl {
        self.watch.url()
    }

    /// The operation as last seen.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        self.watch.operation()
    }

    /// What the service answered to the start, if this process made it.
    #[must_use]
    pub const fn accepted(&self) -> Option<&Accepted> {
        self.accepted.as_ref()
    }

    /// What another process needs to take up the wait.
    #[must_use]
    pub fn resume_token(&self) -> ResumeToken {
        self.watch.resume_token()
    }

    /// Why the acceptance could not be recorded, if so; it is tried once more when the run has ended. Until then its
    /// reservation counts.
    #[must_use]
    pub const fn ledger_warning(&self) -> Option<&StoreFault> {
        self.ledger.as_ref()
    }

    /// Waits for the next poll and tells what it brought; `None` once the operation has succeeded.
    ///
    /// # Errors
    ///
    /// [`WatchError`]. A run may have started: yes; each error but a failed operation carries the resume token.
    pub async fn progress(&mut self) -> Result<Option<Progress>, WatchError> {
        match self.news().await? {
            News::Progress(progress) => Ok(Some(progress)),
            News::Done(_) => Ok(None),
        }
    }

    /// Waits until the operation has succeeded.
    ///
    /// # Errors
    ///
    /// [`WatchError`]. A run may have started: yes; each error but a failed operation carries the resume token.
    pub async fn until_done(&mut self) -> Result<Operation, WatchError> {
        loop {
            if let News::Done(operation) = self.news().await? {
                return Ok(Operation::clone(&operation));
            }
        }
    }

    /// Each poll's [`Progress`], told before the pause that follows, as a stream; a failed wait is its last item.
    pub fn stream(&mut self) -> RunStream<'_> {
        RunStream::new(self)
    }

    async fn news(&mut self) -> Result<News, WatchError> {
        let news = driver::watch(self.client.inner(), &self.tenant, &mut self.watch).await;
        if matches!(news, Ok(News::Done(_)) | Err(_)) {
            self.record().await;
        }
        news.map_err(|error| error.with_ledger_warning(self.ledger.clone()))
    }

    /// Tries once more to book the acceptance.
    async fn record(&mut self) {
        if let Some(change) = &self.unrecorded {
            let booked = self.client.inner().books.transact(Arc::clone(change)).await;
            self.ledger = booked.err();
            if self.ledger.is_none() {
                self.unrecorded = None;
            }
        }
    }
}
