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
/// As an iterator it returns the [`Progress`] of each poll, before the pause that follows it. If polling ends with an
/// error, the error is the last item.
///
/// ```
/// # use industrydata_blocking::{Client, FixedToken};
/// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
/// # use industrydata_ledger::Ledger;
/// # let emulator = Emulator::start(Config::default())?;
/// # let ledger = Ledger::memory_with_clock(emulator.clock());
/// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
/// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
/// # let contoso = client.tenant("contoso")?;
/// let poller = contoso.start()?;
/// for progress in poller {
///     let progress = progress?;
///     println!("{}, next poll in {:?}", progress.reason(), progress.next_poll_in());
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the run continues, but nothing polls its operation"]
pub struct OperationPoller {
    driver: Driver,
    poll: RecordedPoll,
    has_ended: bool,
}

impl OperationPoller {
    pub(crate) fn new(driver: Driver, poll: RecordedPoll) -> Self {
        Self {
            driver,
            poll,
            has_ended: false,
        }
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
    pub fn progress(&mut self) -> Result<Option<Progress>, OperationPollError> {
        match self.driver.drive(&mut self.poll)? {
            Event::Progress(progress) => Ok(Some(progress)),
            Event::Done(_) => Ok(None),
        }
    }

    /// Waits until the operation has succeeded. It may still have [`errors`](Operation::errors) in its data.
    ///
    /// # Errors
    ///
    /// [`OperationPollError`]. It has a resume token, unless the operation failed or was not found.
    pub fn until_done(&mut self) -> Result<Operation, OperationPollError> {
        let done = self.driver.until_done(&mut self.poll, |_, _| ());
        done.map(|operation| Operation::clone(&operation))
    }

    /// Finds the run of the operation: the one that its `resourceLocation` names, or else the first that started after
    /// the acceptance, which is an inference. `None` if there is neither. Call it after the operation has succeeded.
    ///
    /// # Errors
    ///
    /// [`ReadError`] if the list of runs was needed and could not be read.
    pub fn find_run(&self) -> Result<Option<RunMatch>, ReadError> {
        let session = &self.driver.session;
        let find = session.find_run(self.poll.poll(), any_seed(), self.driver.now());
        self.driver.finish(find)
    }

    /// Finds the run, and returns a poller for it. The run may end long after the operation. `None` if there is no such
    /// run. The time limit of the poller begins now.
    ///
    /// ```
    /// # use industrydata_blocking::{Client, FixedToken};
    /// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
    /// # use industrydata_ledger::Ledger;
    /// # let emulator = Emulator::start(Config::default())?;
    /// # let ledger = Ledger::memory_with_clock(emulator.clock());
    /// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
    /// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
    /// # let contoso = client.tenant("contoso")?;
    /// let mut poller = contoso.start()?;
    /// poller.until_done()?;
    /// if let Some(mut run) = poller.follow()? {
    ///     assert_eq!(run.until_done()?.status().as_str(), "completed");
    ///     println!("{:?}", run.statistics()?);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`find_run`](Self::find_run).
    pub fn follow(&self) -> Result<Option<RunPoller>, ReadError> {
        let found = self.find_run()?;
        Ok(found.map(|found| RunPoller::found(self.driver.clone(), found)))
    }

    /// Reads what the service says of a failure besides its status: the run with its blocking error, the activities that
    /// failed, and the statistics. It takes at most 10 s, within the time limit. What cannot be read is absent. Call
    /// it after the operation has failed.
    ///
    /// ```
    /// # use industrydata_blocking::{Client, FixedToken};
    /// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
    /// # use industrydata_ledger::Ledger;
    /// # let emulator = Emulator::start(Config::default())?;
    /// # let ledger = Ledger::memory_with_clock(emulator.clock());
    /// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
    /// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
    /// # let contoso = client.tenant("contoso")?;
    /// emulator.script(Fault::on(On::Start).fail_operation("no file was uploaded"));
    /// let mut poller = contoso.start()?;
    /// let error = poller.until_done().unwrap_err();
    /// assert_eq!(error.to_string(), "the operation failed: no file was uploaded");
    /// println!("{:?}", poller.failure_details());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn failure_details(&self) -> FailureDetails {
        let read = self
            .driver
            .session
            .failure(self.poll.poll(), self.driver.now());
        let Ok(details) = self.driver.finish(read);
        details
    }
}

impl Iterator for OperationPoller {
    type Item = Result<Progress, OperationPollError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.has_ended {
            return None;
        }
        let next = self.progress().transpose();
        self.has_ended = !matches!(next, Some(Ok(_)));
        next
    }
}
