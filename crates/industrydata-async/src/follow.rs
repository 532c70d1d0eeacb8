//! A run on its way to its own end.

use std::sync::Arc;

use industrydata_core::Tenant;
use industrydata_core::endpoint::GetStatistics;
use industrydata_core::lro::PollPlan;
use industrydata_core::lro::Progress;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::RunPoll;
use industrydata_core::lro::RunPollError;
use industrydata_core::model::IndustryDataRun;
use industrydata_core::model::RunStatistics;
use industrydata_core::reconcile::RunMatch;

use crate::{
    client::Client,
    clock::{now, seed},
    driver,
    news::News,
    reads::read,
};

/// The wait for a run itself. A run may have started: yes; it is the run.
/// Every method is cancel-safe: a future that is dropped loses no news and reads no more often.
#[derive(Debug)]
#[must_use = "the run goes on, but nobody watches it"]
pub struct RunPoller {
    client: Client,
    tenant: Tenant,
    follow: RunPoll,
    found: Option<RunMatch>,
}

impl RunPoller {
    pub(crate) fn new(
        client: Client,
        tenant: Tenant,
        plan: PollPlan,
        run: &str,
        found: Option<RunMatch>,
    ) -> Self {
        // Only request ids are made of it: all alike is better than no wait.
        let follow = RunPoll::new(run, plan, seed().unwrap_or_default(), now());
        Self {
            client,
            tenant,
            follow,
            found,
        }
    }

    /// The run's id.
    #[must_use]
    pub fn run_id(&self) -> &str {
        self.follow.id()
    }

    /// How the run was found, if it was looked for; a run found by its start time may be another's.
    #[must_use]
    pub const fn found(&self) -> Option<&RunMatch> {
        self.found.as_ref()
    }

    /// The run as last seen.
    #[must_use]
    pub fn run(&self) -> Option<&IndustryDataRun> {
        self.follow.run()
    }

    /// Waits for the next read of the run and tells what it brought; `None` once the run has ended.
    ///
    /// # Errors
    ///
    /// [`RunPollError`]: the run failed, or cannot be followed.
    pub async fn progress(&mut self) -> Result<Option<Progress>, RunPollError> {
        let client = self.client.inner();
        match driver::follow(client, &self.tenant, &mut self.follow).await? {
            News::Progress(progress) => Ok(Some(progress)),
            News::Done(_) => Ok(None),
        }
    }

    /// Waits until the run has ended: `completed`, `completedWithErrors` or `completedWithWarnings`.
    ///
    /// # Errors
    ///
    /// [`RunPollError`]: the run failed, which its blocking error explains, or cannot be followed.
    pub async fn until_done(&mut self) -> Result<IndustryDataRun, RunPollError> {
        let client = self.client.inner();
        loop {
            let news = driver::follow(client, &self.tenant, &mut self.follow).await?;
            if let News::Done(run) = news {
                return Ok(Arc::unwrap_or_clone(run));
            }
        }
    }

    /// What the run counted; complete at its end.
    ///
    /// # Errors
    ///
    /// [`ReadError`]. The run's own outcome is not touched by this.
    pub async fn statistics(&self) -> Result<RunStatistics, ReadError> {
        let limits = self.follow.plan().limits;
        let endpoint = GetStatistics::new(self.follow.id());
        read(&self.client, &self.tenant, limits, endpoint).await
    }
}
