//! What is done for one tenant.

use std::{fmt, sync::Arc, time::Duration};

use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::PauseReason;
use industrydata_core::lro::PollPlan;
use industrydata_core::lro::ResumeError;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartPlan;
use industrydata_core::policy::Limits;
use industrydata_core::wire::OperationUrl;

use crate::{
    client::{Client, Inner},
    clock::{now, seed},
    driver,
    run::Run,
};

pub(crate) type OnWait = dyn Fn(&PauseReason, Duration) + Send + Sync;

/// The client for one tenant, with the settings of its next call.
#[derive(Clone)]
#[must_use = "nothing happens until a method is called"]
pub struct TenantClient {
    client: Client,
    tenant: Tenant,
    limits: Limits,
    wait_for_slot: bool,
    label: Option<String>,
    schedule: Option<Schedule>,
    on_wait: Option<Arc<OnWait>>,
}

impl TenantClient {
    pub(crate) fn new(client: Client, tenant: Tenant) -> Self {
        Self {
            limits: client.inner().limits,
            client,
            tenant,
            wait_for_slot: false,
            label: None,
            schedule: None,
            on_wait: None,
        }
    }

    /// Another time limit than the client's, for a start and its wait together.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limits.total = limit;
        self
    }

    /// Whether a start waits, within the time limit, when the books or the service have no slot. No by default: it is
    /// refused at once.
    pub fn wait_for_slot(mut self, wait: bool) -> Self {
        self.wait_for_slot = wait;
        self
    }

    /// A label for the start in the books, of which 255 characters without controls are kept.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    /// The schedule of the tenant's runs: given, or inferred by [`infer_schedule`](Self::infer_schedule). The quota and the
    /// result of a start then say what a start does to it ([`Quota::forecast`],
    /// [`Accepted::foreseen`](industrydata_core::lro::Accepted::foreseen)). It is no setting of the service's, and nothing is
    /// sent for it.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = Some(schedule);
        self
    }

    /// Called before each pause of a start, with its reason and its length.
    pub fn on_wait(
        mut self,
        tell: impl Fn(&PauseReason, Duration) + Send + Sync + 'static,
    ) -> Self {
        self.on_wait = Some(Arc::new(tell));
        self
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    pub(crate) const fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) const fn known_schedule(&self) -> Option<Schedule> {
        self.schedule
    }

    pub(crate) const fn limits(&self) -> Limits {
        self.limits
    }

    /// Starts a run: reserves a slot in the books, sends the POST once, books the outcome.
    ///
    /// # Errors
    ///
    /// [`StartError`], which says whether a run may have started.
    pub fn start(&self) -> Result<Run, StartError> {
        let client = self.client.inner();
        let mut who = client.who.clone();
        who.label = self.label.clone().or(who.label);
        let plan = StartPlan {
            service: client.service.clone(),
            tenant: self.tenant.clone(),
            throttle: client.throttle,
            limits: self.limits,
            wait_for_slot: self.wait_for_slot,
            who,
        };
        let machine = Start::new(plan, seed().map_err(StartError::local)?, now())
            .with_schedule(self.schedule);
        let mut attempt = Attempt {
            client,
            machine: Some(machine),
        };
        let outcome = match attempt.machine.as_mut() {
            Some(machine) => driver::start(client, &self.tenant, machine, self.on_wait.as_deref()),
            None => Err(StartError::local("an attempt has a machine")),
        };
        drop(attempt.machine.take());
        let accepted = outcome?;
        let watch = accepted.watch(client.policy);
        Ok(Run::new(
            self.client.clone(),
            self.tenant.clone(),
            watch,
            Some(accepted),
        ))
    }

    /// Takes up the wait of a resume token, perhaps another process's; polls at once.
    ///
    /// # Errors
    ///
    /// [`ResumeError`] if the token belongs to another base. Nothing was sent.
    pub fn resume(&self, token: &ResumeToken) -> Result<Run, ResumeError> {
        let url = token.operation_url(self.client.base())?;
        Ok(self.wait_for(url, Some(token.accepted())))
    }

    /// Waits for the operation at a checked URL; polls at once.
    pub fn watch(&self, url: OperationUrl) -> Run {
        self.wait_for(url, None)
    }

    /// The quota as the books have it, with what is foreseen if the [`schedule`](Self::schedule) is known. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the books cannot be read.
    pub fn quota(&self) -> Result<Quota, StoreError> {
        let client = self.client.inner();
        let key = LedgerKey::new(client.service.base(), &self.tenant);
        let verdict = client.books.transact(&Change::read(key, client.throttle))?;
        Ok(verdict.quota().clone().with_schedule(self.schedule))
    }

    fn wait_for(&self, url: OperationUrl, accepted: Option<Timestamp>) -> Run {
        let client = self.client.inner();
        let plan = PollPlan {
            service: client.service.clone(),
            policy: client.policy,
            limits: self.limits,
        };
        // Only request ids are made of it: all alike is better than no wait.
        let seed = seed().unwrap_or_default();
        let watch = OperationPoll::new(url, plan, accepted, seed, now());
        Run::new(self.client.clone(), self.tenant.clone(), watch, None)
    }
}

/// A start under way: should a token source panic, it leaves the books as they should be.
struct Attempt<'c> {
    client: &'c Inner,
    machine: Option<Start>,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some(change) = self.machine.take().and_then(Start::abandon) {
            // Without an outcome the reservation turns into doubt when its lease ends.
            let _ = self.client.books.transact(&change);
        }
    }
}

impl fmt::Debug for TenantClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantClient")
            .field("client", &self.client)
            .field("tenant", &self.tenant)
            .finish_non_exhaustive()
    }
}
