//! Polling an operation.

use industrydata_core::{
    ledger::StoreError,
    lro::{Accepted, OperationPollError, Progress, ReadError, RecordedPoll, ResumeToken, Session},
    model::{Operation, OperationOrigin},
    reconcile::{FailureDetails, RunMatch},
    wire::OperationUrl,
};

use crate::{
    clock::{any_seed, now},
    drive::{Driver, Event},
    run_poller::RunPoller,
};

/// Polls the operation of a start, made here or elsewhere, until it ends.
///
/// Every method is cancel-safe: dropping a future loses no progress and polls no more often.
#[derive(Debug)]
#[must_use = "the run continues, but nothing polls its operation"]
pub struct OperationPoller {
    driver: Driver,
    poll: RecordedPoll,
}

impl OperationPoller {
    pub(crate) fn new(driver: Driver, poll: RecordedPoll) -> Self {
        Self { driver, poll }
    }

    /// Changes the settings of what follows the poll, such as the time limit of the reads of its run.
    pub fn with(&mut self, change: impl FnOnce(Session) -> Session) {
        self.driver.with(change);
    }

    /// The operation's URL. Its `Display` leaves out the query.
    #[must_use]
    pub const fn url(&self) -> &OperationUrl {
        self.poll.poll().url()
    }

    /// The operation as of the last poll that returned it.
    #[must_use]
    pub fn operation(&self) -> Option<&Operation> {
        self.poll.poll().operation()
    }

    /// The id in the operation, if it differs from the URL's. Polls use the URL's.
    #[must_use]
    pub fn other_id(&self) -> Option<&str> {
        self.poll.poll().other_id()
    }

    /// What created the operation, as far as is known. Only a start's operation has a run.
    #[must_use]
    pub fn origin(&self) -> OperationOrigin {
        self.poll.poll().origin()
    }

    /// Whether the time is known after which the run started, other than by when the poll began.
    #[must_use]
    pub fn is_accepted_known(&self) -> bool {
        self.poll.poll().is_accepted_known()
    }

    /// The service's ids of the requests that matter to its support: of the one that created the operation, if this
    /// process made it, and of the poll that returned the end.
    pub fn request_ids(&self) -> impl Iterator<Item = &str> {
        self.poll.poll().request_ids()
    }

    /// The accepted start, if this process made it.
    #[must_use]
    pub const fn accepted(&self) -> Option<&Accepted> {
        self.poll.accepted()
    }

    /// The token with which any process can resume the poll.
    #[must_use]
    pub fn resume_token(&self) -> ResumeToken {
        self.poll.poll().resume_token()
    }

    /// The store's error if the acceptance is not recorded. Recording it is tried once more when the operation has
    /// ended. Its reservation still counts.
    #[must_use]
    pub const fn ledger_warning(&self) -> Option<&StoreError> {
        self.poll.ledger_warning()
    }

    /// Waits for the next poll and returns its progress, or `None` once the operation has succeeded.
    ///
    /// # Errors
    ///
    /// [`OperationPollError`]. It has a resume token, unless the operation failed or was not found.
    pub async fn progress(&mut self) -> Result<Option<Progress>, OperationPollError> {
        match self.driver.drive(&mut self.poll).await? {
            Event::Progress(progress) => Ok(Some(progress)),
            Event::Done(_) => Ok(None),
        }
    }

    /// Waits until the operation has succeeded. It may still have [`errors`](Operation::errors) in its data.
    ///
    /// # Errors
    ///
    /// [`OperationPollError`]. It has a resume token, unless the operation failed or was not found.
    pub async fn until_done(&mut self) -> Result<Operation, OperationPollError> {
        let done = self.driver.until_done(&mut self.poll, |_| ()).await;
        done.map(|operation| Operation::clone(&operation))
    }

    /// Finds the run of the operation: the one that its `resourceLocation` names, or else the first that started after
    /// the acceptance, which is an inference. `None` if there is neither. Call it after the operation has succeeded.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the list of runs was needed and could not be read.
    pub async fn find_run(&self) -> Result<Option<RunMatch>, ReadError> {
        let session = &self.driver.session;
        let find = session.find_run(self.poll.poll(), any_seed(), now());
        self.driver.finish(find).await
    }

    /// Finds the run, and returns a poller for it. The run may end long after the operation. `None` if there is no such
    /// run. The time limit of the poller begins now.
    ///
    /// # Errors
    ///
    /// As [`find_run`](Self::find_run).
    pub async fn follow(&self) -> Result<Option<RunPoller>, ReadError> {
        let Some(found) = self.find_run().await? else {
            return Ok(None);
        };
        let driver = self.driver.clone();
        let poll = driver.session.poll_run(found.id(), any_seed(), now());
        Ok(Some(RunPoller::new(driver, poll, Some(found))))
    }

    /// Reads what the service says of a failure besides its status: the run with its blocking error, the activities that
    /// failed, and the statistics. It takes at most 10 s. What cannot be read is absent. Call it after the operation has
    /// failed.
    pub async fn failure_details(&self) -> FailureDetails {
        let session = &self.driver.session;
        let read = session.operation_details(self.poll.poll(), any_seed(), now());
        self.driver.certain(read).await
    }
}
