//! Polling an operation.

use industrydata_core::{
    ledger::StoreError,
    lro::{Accepted, OperationPollError, Progress, ReadError, RecordedPoll, ResumeToken},
    model::Operation,
    reconcile::{FailureDetails, RunMatch},
    wire::OperationUrl,
};
use industrydata_system::any_seed;

use crate::{
    drive::{Driver, Event},
    run_poller::RunPoller,
};

/// Polls the operation of a start, made here or elsewhere, until it ends.
///
/// Every method is cancel-safe: dropping a future loses no progress and polls no more often.
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
/// let mut poller = contoso.start().await?;
/// while let Some(progress) = poller.progress().await? {
///     println!("{}, next poll in {:?}", progress.reason(), progress.next_poll_in());
/// }
/// assert_eq!(poller.operation().unwrap().status().as_str(), "succeeded");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the run continues, but nothing polls its operation"]
pub struct OperationPoller {
    pub(crate) driver: Driver,
    pub(crate) poll: RecordedPoll,
}

impl OperationPoller {
    pub(crate) fn new(driver: Driver, poll: RecordedPoll) -> Self {
        Self { driver, poll }
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

    /// The accepted start, if this process made it.
    #[must_use]
    pub const fn accepted(&self) -> Option<&Accepted> {
        self.poll.accepted()
    }

    /// The pause before the next poll; `None` if that is due, or polling has ended. A start that was made here is first
    /// polled after a pause, of which [`progress`](Self::progress) returns nothing.
    #[must_use]
    pub fn pause(&self) -> Option<Progress> {
        self.poll.poll().pause()
    }

    /// The token with which any process can resume the poll.
    #[must_use]
    pub fn resume_token(&self) -> ResumeToken {
        self.poll.poll().resume_token()
    }

    /// The store's error if the acceptance is not recorded. Recording it is tried once more when the operation has
    /// ended. Its reservation still counts.
    #[must_use]
    pub fn ledger_warning(&self) -> Option<&StoreError> {
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
        let done = self.driver.until_done(&mut self.poll, |_, _| ()).await;
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
        let find = session.find_run(self.poll.poll(), any_seed(), self.driver.now());
        self.driver.finish(find).await
    }

    /// Finds the run, and returns a poller for it. The run may end long after the operation. `None` if there is no such
    /// run. The time limit of the poller begins now.
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
    /// let mut poller = contoso.start().await?;
    /// poller.until_done().await?;
    /// if let Some(mut run) = poller.follow().await? {
    ///     assert_eq!(run.until_done().await?.status().as_str(), "completed");
    ///     println!("{:?}", run.statistics().await?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`find_run`](Self::find_run).
    pub async fn follow(&self) -> Result<Option<RunPoller>, ReadError> {
        let found = self.find_run().await?;
        Ok(found.map(|found| RunPoller::found(self.driver.clone(), found)))
    }

    /// Reads what the service says of a failure besides its status: the run with its blocking error, the activities that
    /// failed, and the statistics. It takes at most 10 s, within the time limit. What cannot be read is absent. Call
    /// it after the operation has failed.
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
    /// emulator.script(Fault::on(On::Start).fail_operation("no file was uploaded"));
    /// let mut poller = contoso.start().await?;
    /// let error = poller.until_done().await.unwrap_err();
    /// assert_eq!(error.to_string(), "the operation failed: no file was uploaded");
    /// println!("{:?}", poller.failure_details().await);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub async fn failure_details(&self) -> FailureDetails {
        let read = self
            .driver
            .session
            .failure(self.poll.poll(), self.driver.now());
        let Ok(details) = self.driver.finish(read).await;
        details
    }
}
