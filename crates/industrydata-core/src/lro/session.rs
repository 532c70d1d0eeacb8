//! The calls for one tenant, as machines.

use std::{fmt, sync::Arc, time::Duration};

use crate::lro::{
    accepted::Accepted,
    action_error::ActionError,
    perform::{Perform, Performed},
    poll_operation::OperationPoll,
    poll_plan::PollPlan,
    poll_run::RunPoll,
    progress::{PauseReason, Progress},
    read::{Read, ReadPlan},
    recorded_poll::RecordedPoll,
    resume::{ResumeError, ResumeToken},
    start::{Start, StartPlan},
    transact::Transact,
};
use crate::{
    endpoint::{action::Action, contract::Endpoint, service::Service},
    ledger::{
        change::Change,
        entry::Entry,
        key::{Caller, LedgerKey},
        quota::Quota,
        schedule::Schedule,
        start_key::StartKey,
        store_error::StoreError,
    },
    now::Now,
    policy::Throttle,
    tenant::Tenant,
    wire::location::OperationUrl,
};

/// One tenant at one service, with the settings of the next call. Its methods return machines, which an adapter drives.
///
/// A `seed` is random and used for one machine only. `now` is the moment at which its time limit begins.
///
/// ```
/// use std::time::Duration;
/// use industrydata_core::{Now, Timestamp, lro::{Machine, Settings, Step}};
///
/// let session = Settings::default()
///     .session("contoso".parse()?, "example/1.0")
///     .wait_for_slot(true)
///     .time_limit(Duration::from_secs(3600))
///     .label("nightly");
/// // An adapter drives the machine of each call.
/// let mut start = session.start([7; 16], Now::new(Timestamp::UNIX_EPOCH, Duration::ZERO));
/// assert!(matches!(start.step(), Step::Ledger(..)));
/// # Ok::<(), industrydata_core::TenantError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until a machine is driven"]
pub struct Session {
    /// Shared by the tenants of a client and by all polls, until a setter makes another one.
    plan: Arc<PollPlan>,
    /// The key of the tenant's ledger, made once for all changes.
    ledger_key: LedgerKey,
    throttle: Throttle,
    caller: Arc<Caller>,
    wait_for_slot: bool,
    key: Option<StartKey>,
    schedule: Option<Schedule>,
    on_wait: OnWait,
}

/// What a caller does before each pause of a call that is not polled.
#[derive(Clone, Default)]
struct OnWait(Option<Arc<Report>>);

type Report = dyn Fn(&PauseReason, Duration) + Send + Sync;

impl fmt::Debug for OnWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnWait").field(&self.0.is_some()).finish()
    }
}

impl Session {
    pub(super) fn new(
        plan: Arc<PollPlan>,
        tenant: Tenant,
        throttle: Throttle,
        caller: Arc<Caller>,
    ) -> Self {
        let ledger_key = LedgerKey::new(plan.service.base(), &tenant);
        Self {
            plan,
            ledger_key,
            throttle,
            caller,
            wait_for_slot: false,
            key: None,
            schedule: None,
            on_wait: OnWait(None),
        }
    }

    /// Uses this time limit for the next call, in place of the client's.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        Arc::make_mut(&mut self.plan).limits.total = limit;
        self
    }

    /// Whether a start waits for a free slot, within the time limit. By default it is refused at once.
    pub fn wait_for_slot(mut self, wait: bool) -> Self {
        self.wait_for_slot = wait;
        self
    }

    /// Stores a label with the start in the ledger: at most 255 characters, without control characters.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.caller).label = Some(label.into());
        self
    }

    /// Sets the key of the next start: one key starts at most one run within a window. A start whose key has one goes on
    /// with that one's operation, and sends nothing.
    pub fn key(mut self, key: StartKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Sets the schedule of the tenant's runs, given or inferred. The quota and the result of a start then have a
    /// forecast ([`Quota::forecast`], [`Accepted::forecast`]). The schedule is not sent to the service.
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = Some(schedule);
        self
    }

    /// Sets a function that is called before each pause of a start, with its reason and its length.
    pub fn on_wait(
        mut self,
        report: impl Fn(&PauseReason, Duration) + Send + Sync + 'static,
    ) -> Self {
        self.on_wait = OnWait(Some(Arc::new(report)));
        self
    }

    /// Reports a pause to the function that was set. An adapter calls it while it drives a machine to its end.
    pub fn report(&self, progress: &Progress) {
        if let OnWait(Some(report)) = &self.on_wait {
            report(progress.reason(), progress.next_poll_in());
        }
    }

    /// The tenant.
    #[must_use]
    pub const fn tenant(&self) -> &Tenant {
        self.ledger_key.of_tenant()
    }

    /// The service.
    #[must_use]
    pub fn service(&self) -> &Service {
        &self.plan.service
    }

    /// The schedule, if it was set.
    #[must_use]
    pub const fn known_schedule(&self) -> Option<Schedule> {
        self.schedule
    }

    /// Starts a run: reserves a slot, sends the POST once, records the outcome. With a [`key`](Self::key), an earlier start
    /// with the key that is in doubt ends it; [`start_once`](Self::start_once) tries to resolve that doubt first.
    #[must_use]
    pub fn start(&self, seed: [u8; 16], now: Now) -> Start {
        let plan = StartPlan {
            service: self.plan.service.clone(),
            tenant: self.tenant().clone(),
            throttle: self.throttle,
            limits: self.plan.limits,
            wait_for_slot: self.wait_for_slot,
            caller: Caller::clone(&self.caller),
        };
        Start::with_ledger(self.ledger_key.clone(), plan, seed, now)
            .with_schedule(self.schedule)
            .with_key(self.key.clone())
    }

    /// Polls the operation of a start that was accepted.
    #[must_use]
    pub fn after(&self, accepted: Accepted) -> RecordedPoll {
        RecordedPoll::within(accepted, &self.plan)
    }

    /// Validates the files of a data connector: sends the POST once. The ledger is not touched.
    #[must_use]
    pub fn validate(&self, connector: &str, seed: [u8; 16], now: Now) -> Perform {
        Perform::new(Action::validate(connector), self.read_plan(), seed, now)
    }

    /// Resets a provisioning flow: sends the POST once. The ledger is not touched.
    #[must_use]
    pub fn reset_flow(&self, flow_set: &str, flow: &str, seed: [u8; 16], now: Now) -> Perform {
        let action = Action::reset_flow(flow_set, flow);
        Perform::new(action, self.read_plan(), seed, now)
    }

    /// Polls the operation of an action that was accepted. `None` if the answer named none.
    #[must_use]
    pub fn after_action(&self, performed: &Performed) -> Option<RecordedPoll> {
        performed.poll(self.plan.policy).map(RecordedPoll::of)
    }

    /// Polls the operation of a validation that was accepted.
    ///
    /// # Errors
    ///
    /// [`ActionError`] if the answer named none. The validation was accepted.
    pub fn after_validation(&self, performed: &Performed) -> Result<RecordedPoll, ActionError> {
        self.after_action(performed)
            .ok_or_else(|| performed.without_location())
    }

    /// Polls the operation that a resume token names, at once.
    ///
    /// # Errors
    ///
    /// [`ResumeError`] if the token belongs to another base URL.
    pub fn resume(
        &self,
        token: &ResumeToken,
        seed: [u8; 16],
        now: Now,
    ) -> Result<RecordedPoll, ResumeError> {
        let url = token.operation_url(self.plan.service.base())?;
        let plan = Arc::clone(&self.plan);
        let poll = OperationPoll::new(url, plan, Some(token.accepted()), seed, now);
        let poll = poll.with_origin(token.origin());
        let tenant = self.tenant().clone();
        Ok(RecordedPoll::resumed(poll, tenant, self.throttle))
    }

    /// Polls the operation at a checked URL, at once.
    #[must_use]
    pub fn poll(&self, url: OperationUrl, seed: [u8; 16], now: Now) -> RecordedPoll {
        let plan = Arc::clone(&self.plan);
        RecordedPoll::of(OperationPoll::new(url, plan, None, seed, now))
    }

    /// Polls a run, at once.
    #[must_use]
    pub fn poll_run(&self, run: &str, seed: [u8; 16], now: Now) -> RunPoll {
        RunPoll::new(run, Arc::clone(&self.plan), seed, now)
    }

    /// Reads an endpoint.
    #[must_use]
    pub fn read<E: Endpoint>(&self, endpoint: E, seed: [u8; 16], now: Now) -> Read<E> {
        Read::new(endpoint, self.read_plan(), seed, now)
    }

    /// Reads the quota from the ledger, with a forecast if the schedule is known.
    #[must_use]
    pub fn quota(&self) -> Transact<Quota, StoreError> {
        Transact::new(self.read_quota(), self.schedule, |reply, schedule| {
            Ok(reply.quota().clone().with_schedule(schedule))
        })
    }

    /// Reads all entries of the ledger, including those that no longer count.
    #[must_use]
    pub fn entries(&self) -> Transact<Vec<Entry>, StoreError> {
        let (key, throttle) = self.ledger();
        Transact::new(Change::entries(key, throttle), None, |reply, _| {
            Ok(reply.entries().to_vec())
        })
    }

    pub(crate) fn ledger(&self) -> (LedgerKey, Throttle) {
        (self.ledger_key.clone(), self.throttle)
    }

    pub(crate) fn read_quota(&self) -> Change {
        let (key, throttle) = self.ledger();
        Change::read(key, throttle)
    }

    pub(crate) fn read_plan(&self) -> ReadPlan {
        ReadPlan {
            service: self.plan.service.clone(),
            limits: self.plan.limits,
        }
    }
}
