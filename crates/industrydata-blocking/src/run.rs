//! An operation on its way.

use std::sync::Arc;

use industrydata_core::Tenant;
use industrydata_core::endpoint::ListRuns;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::OperationPollError;
use industrydata_core::lro::Progress;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::ResumeToken;
use industrydata_core::model::Operation;
use industrydata_core::reconcile::RunMatch;
use industrydata_core::wire::OperationUrl;

use crate::{client::Client, driver, follow::RunPoller, news::News, reads::read};

/// A started run, or the wait for one that was started elsewhere.
///
/// As an iterator it gives each poll's [`Progress`], told before the pause that follows, then ends; a failed wait is
/// its last item.
#[derive(Debug)]
#[must_use = "the run goes on, but nobody watches it"]
pub struct Run {
    client: Client,
    tenant: Tenant,
    watch: OperationPoll,
    accepted: Option<Accepted>,
    /// The acceptance, if it is not yet in the books.
    unrecorded: Option<Arc<Change>>,
    ledger: Option<StoreError>,
    ended: bool,
}

impl Run {
    pub(crate) fn new(
        client: Client,
        tenant: Tenant,
        watch: OperationPoll,
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
            ended: false,
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

    /// The id in the operation last seen, if it is another than the URL's, which is kept.
    #[must_use]
    pub fn other_id(&self) -> Option<&str> {
        self.watch.other_id()
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
    pub const fn ledger_warning(&self) -> Option<&StoreError> {
        self.ledger.as_ref()
    }

    /// Waits for the next poll and tells what it brought; `None` once the operation has succeeded.
    ///
    /// # Errors
    ///
    /// [`OperationPollError`]. A run may have started: yes; each error but a failed operation carries the resume token.
    pub fn progress(&mut self) -> Result<Option<Progress>, OperationPollError> {
        match self.news()? {
            News::Progress(progress) => Ok(Some(progress)),
            News::Done(_) => Ok(None),
        }
    }

    /// Waits until the operation has succeeded.
    ///
    /// # Errors
    ///
    /// [`OperationPollError`]. A run may have started: yes; each error but a failed operation carries the resume token.
    pub fn until_done(&mut self) -> Result<Operation, OperationPollError> {
        loop {
            if let News::Done(operation) = self.news()? {
                return Ok(Operation::clone(&operation));
            }
        }
    }

    /// The run that the operation started: the one its `resourceLocation` names, else the first that started after the
    /// start was accepted, which is an inference; `None` if there is neither. Best asked once the operation has succeeded.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the runs had to be listed and could not be. A run may have started: yes, this one; the error is
    /// about finding it.
    pub fn find_run(&self) -> Result<Option<RunMatch>, ReadError> {
        if let Some(found) = self.watch.run_found() {
            return Ok(Some(found));
        }
        let plan = self.watch.plan();
        let runs = read(&self.client, &self.tenant, plan.limits, ListRuns)?;
        Ok(RunMatch::by_start_time(&runs, self.watch.accepted()))
    }

    /// Finds the run and follows it to its own end, which may come long after the operation's; `None` if it cannot be
    /// found. Nothing is asked of the run until the follow is driven. Its time limit begins now.
    ///
    /// # Errors
    ///
    /// As [`find_run`](Self::find_run).
    pub fn follow(&self) -> Result<Option<RunPoller>, ReadError> {
        let Some(found) = self.find_run()? else {
            return Ok(None);
        };
        let plan = self.watch.plan().clone();
        let (client, tenant) = (self.client.clone(), self.tenant.clone());
        Ok(Some(RunPoller::new(
            client,
            tenant,
            plan,
            found.id(),
            Some(found.clone()),
        )))
    }

    fn news(&mut self) -> Result<News<Operation>, OperationPollError> {
        let news = driver::watch(self.client.inner(), &self.tenant, &mut self.watch);
        if matches!(news, Ok(News::Done(_)) | Err(_)) {
            self.record();
        }
        news.map_err(|error| error.with_ledger_warning(self.ledger.clone()))
    }

    /// Tries once more to book the acceptance.
    fn record(&mut self) {
        if let Some(change) = &self.unrecorded {
            self.ledger = self.client.inner().books.transact(change).err();
            if self.ledger.is_none() {
                self.unrecorded = None;
            }
        }
    }
}

impl Iterator for Run {
    type Item = Result<Progress, OperationPollError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.progress().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
