//! Polling a run.

use industrydata_core::{
    endpoint::GetStatistics,
    lro::{Progress, ReadError, RunPoll, RunPollError},
    model::{IndustryDataRun, RunStatistics},
    reconcile::{FailureDetails, RunMatch},
};
use industrydata_system::any_seed;

use crate::drive::{Driver, Event};

/// Polls a run until it ends.
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
/// poller.until_done().await?;
/// let mut run = poller.follow().await?.expect("the operation names its run");
/// while let Some(progress) = run.progress().await? {
///     println!("{}, next poll in {:?}", progress.reason(), progress.next_poll_in());
/// }
/// assert_eq!(run.run().unwrap().status().as_str(), "completed");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the run continues, but nothing polls it"]
pub struct RunPoller {
    driver: Driver,
    poll: RunPoll,
    run_match: Option<RunMatch>,
}

impl RunPoller {
    pub(crate) fn new(driver: Driver, run: &str) -> Self {
        Self {
            poll: driver.session.poll_run(run, any_seed(), driver.now()),
            driver,
            run_match: None,
        }
    }

    pub(crate) fn found(driver: Driver, run_match: RunMatch) -> Self {
        let mut poller = Self::new(driver, run_match.id());
        poller.run_match = Some(run_match);
        poller
    }

    /// The run's id.
    #[must_use]
    pub fn run_id(&self) -> &str {
        self.poll.id()
    }

    /// How the run was found, if it was found by its operation. A run found by its start time may belong to another
    /// start.
    #[must_use]
    pub const fn run_match(&self) -> Option<&RunMatch> {
        self.run_match.as_ref()
    }

    /// The run as of the last poll that returned it.
    #[must_use]
    pub fn run(&self) -> Option<&IndustryDataRun> {
        self.poll.run()
    }

    /// Waits for the next poll and returns its progress, or `None` once the run has ended.
    ///
    /// # Errors
    ///
    /// [`RunPollError`]: the run failed, or cannot be polled.
    pub async fn progress(&mut self) -> Result<Option<Progress>, RunPollError> {
        match self.driver.drive(&mut self.poll).await? {
            Event::Progress(progress) => Ok(Some(progress)),
            Event::Done(_) => Ok(None),
        }
    }

    /// Waits until the run has ended: `completed`, `completedWithErrors` or `completedWithWarnings`.
    ///
    /// # Errors
    ///
    /// [`RunPollError`]: the run failed, and its blocking error is the reason, or it cannot be polled.
    pub async fn until_done(&mut self) -> Result<IndustryDataRun, RunPollError> {
        let done = self.driver.until_done(&mut self.poll, |_, _| ()).await;
        done.map(|run| IndustryDataRun::clone(&run))
    }

    /// Reads the statistics of the run, which are complete once it has ended.
    ///
    /// # Errors
    ///
    /// [`ReadError`]. It does not affect the run.
    pub async fn statistics(&self) -> Result<RunStatistics, ReadError> {
        self.driver.read(GetStatistics::new(self.poll.id())).await
    }

    /// Reads what the service says of a failure besides the run: the activities that failed, and the statistics. It takes
    /// at most 10 s, within the time limit. What cannot be read is absent. Call it after the run has failed.
    pub async fn failure_details(&self) -> FailureDetails {
        let read = self
            .driver
            .session
            .run_failure(&self.poll, self.driver.now());
        let Ok(details) = self.driver.finish(read).await;
        details
    }
}
