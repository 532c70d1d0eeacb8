//! The calls for one tenant.

use std::{sync::Arc, time::Duration};

use industrydata_core::{
    Tenant, Timestamp,
    endpoint::{
        Endpoint, GetOperation, GetRun, GetStatistics, ListActivities, ListOperations, ListRuns,
        Preflight,
    },
    ledger::{Entry, Forecast, Quota, Resolution, Schedule, StartKey, StartKeyError, StoreError},
    lro::{ActionError, PauseReason, ReadError, ResumeError, ResumeToken, Session, StartError},
    model::{IndustryDataRun, Operation, RunActivity, RunStatistics},
    reconcile::{ReconcileError, Reconciliation, ResolveError},
    wire::OperationUrl,
};
use industrydata_system::{any_seed, seed};

use crate::{drive::Driver, operation_poller::OperationPoller, run_poller::RunPoller};

/// The client for one tenant, with the settings of its next call. Only [`start`](Self::start) starts a run and uses a slot.
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
/// println!("to resume elsewhere: {}", poller.resume_token());
/// let operation = poller.until_done().await?;
/// assert_eq!(operation.status().as_str(), "succeeded");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "nothing happens until a method is called"]
pub struct TenantClient {
    driver: Driver,
}

impl TenantClient {
    pub(crate) fn new(driver: Driver) -> Self {
        Self { driver }
    }

    /// Changes the settings of the next call: [`Session`] has the time limit, whether a start waits for a slot, its
    /// label, and the schedule.
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
    /// use std::time::Duration;
    ///
    /// // The sixth waits for a slot: twelve hours, which pass at once by the emulator's clock.
    /// let patient = contoso.with(|it| it.wait_for_slot(true).time_limit(Duration::from_secs(86_400)).label("nightly"));
    /// for _ in 0..6 {
    ///     patient.start().await?.until_done().await?;
    /// }
    /// assert_eq!(emulator.with_service(|service| service.accepted_starts().len()), 6);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn with(self, change: impl FnOnce(Session) -> Session) -> Self {
        Self::new(self.driver.with(change))
    }

    /// Sets the key of the next start, which names the occasion: one key starts at most one run within a window. A start whose
    /// key has one sends nothing to start, and goes on with that one's operation
    /// ([`Accepted::attached_to`](industrydata_core::lro::Accepted::attached_to)).
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
    /// let nightly = contoso.key("nightly-2026-03-10")?;
    /// let first = nightly.start().await?.resume_token();
    /// // A retry of the whole job goes on with the same start.
    /// let again = nightly.start().await?;
    /// assert_eq!(again.resume_token().operation_url(client.base())?, first.operation_url(client.base())?);
    /// assert!(again.accepted().unwrap().attached_to().is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StartKeyError`] if the key is empty, too long or has a control character.
    pub fn key<K>(self, key: K) -> Result<Self, StartKeyError>
    where
        K: TryInto<StartKey>,
        StartKeyError: From<K::Error>,
    {
        let key = key.try_into()?;
        Ok(self.with(|session| session.key(key)))
    }

    /// Sets a function that is called before each pause of a start, with its reason and its length.
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
    /// let shown = contoso
    ///     .with(|it| it.wait_for_slot(true))
    ///     .on_wait(|reason, time| println!("{reason}: {time:?}"));
    /// shown.start().await?.until_done().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on_wait(self, report: impl Fn(&PauseReason, Duration) + Send + Sync + 'static) -> Self {
        self.with(|session| session.on_wait(report))
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        self.driver.session.tenant()
    }

    /// Starts a run: reserves a slot in the ledger, sends the POST once, records the outcome. With a [`key`](Self::key), it
    /// goes on with the start that has the key, if there is one.
    ///
    /// Dropping the future ends the attempt. If the request was not sent, the slot is released. If it was sent, the
    /// start is in doubt and recorded as such.
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
    /// match contoso.start().await {
    ///     Ok(mut poller) => println!("{}", poller.until_done().await?.status()),
    ///     Err(error) if error.is_throttled() => println!("again at {:?}", error.retry_at()),
    ///     Err(error) if error.is_in_doubt() => println!("do not start again: {error}"),
    ///     Err(error) => println!("{error}; {}", error.advice()),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StartError`], which reports whether a run may have started.
    pub async fn start(&self) -> Result<OperationPoller, StartError> {
        let start = self.driver.session.start_once(seed()?, self.driver.now());
        let accepted = self.driver.finish(start).await?;
        let poll = self.driver.session.after(accepted);
        Ok(OperationPoller::new(self.driver.clone(), poll))
    }

    /// Validates the uploaded files of a data connector: sends the POST once. It uses no slot and takes
    /// `IndustryData-DataConnector.Upload`. [`Operation::errors`] has what the validation found: an operation that
    /// `succeeded` may have some.
    ///
    /// Dropping the future after the request was sent leaves the validation in doubt.
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
    /// let mut poller = contoso.validate("with-errors").await?;
    /// let operation = poller.until_done().await?;
    /// // The operation has succeeded, and the data has errors.
    /// assert_eq!(operation.status().as_str(), "succeeded");
    /// assert!(!operation.errors().is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ActionError`], which reports whether the validation is in doubt.
    pub async fn validate(
        &self,
        connector: impl AsRef<str>,
    ) -> Result<OperationPoller, ActionError> {
        let session = &self.driver.session;
        let validate = session.validate(connector.as_ref(), any_seed(), self.driver.now());
        let performed = self.driver.finish(validate).await?;
        let poll = session.after_validation(&performed)?;
        Ok(OperationPoller::new(self.driver.clone(), poll))
    }

    /// Resets a provisioning flow: sends the POST once. It uses no slot and takes
    /// `IndustryData-OutboundFlow.ReadWrite.All`. `None` if the service accepted the reset and named no operation to poll,
    /// as documented.
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
    /// assert!(contoso.reset_flow("flow-set", "flow").await?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ActionError`], which reports whether the reset is in doubt.
    pub async fn reset_flow(
        &self,
        flow_set: impl AsRef<str>,
        flow: impl AsRef<str>,
    ) -> Result<Option<OperationPoller>, ActionError> {
        let session = &self.driver.session;
        let (flow_set, flow) = (flow_set.as_ref(), flow.as_ref());
        let reset = session.reset_flow(flow_set, flow, any_seed(), self.driver.now());
        let performed = self.driver.finish(reset).await?;
        let poll = session.after_action(&performed);
        Ok(poll.map(|poll| OperationPoller::new(self.driver.clone(), poll)))
    }

    /// Polls the operation of a resume token, which another process may have made. The first poll comes at once.
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
    /// let text = contoso.start().await?.resume_token().to_string();
    /// // In another process:
    /// let operation = contoso.resume(text)?.until_done().await?;
    /// assert_eq!(operation.status().as_str(), "succeeded");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ResumeError`] if the text is not a resume token, or if the token belongs to another base URL. Nothing was sent.
    pub fn resume<T>(&self, token: T) -> Result<OperationPoller, ResumeError>
    where
        T: TryInto<ResumeToken>,
        ResumeError: From<T::Error>,
    {
        let session = &self.driver.session;
        let poll = session.resume(&token.try_into()?, any_seed(), self.driver.now())?;
        Ok(OperationPoller::new(self.driver.clone(), poll))
    }

    /// Polls the operation at a checked URL. The first poll comes at once.
    pub fn poll(&self, url: OperationUrl) -> OperationPoller {
        let poll = self.driver.session.poll(url, any_seed(), self.driver.now());
        OperationPoller::new(self.driver.clone(), poll)
    }

    /// Polls the run with this id. The time limit begins now.
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
    /// let id = poller.find_run().await?.expect("the operation names it").id().to_owned();
    /// let run = contoso.follow(&id).until_done().await?;
    /// assert_eq!(run.status().as_str(), "completed");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn follow(&self, run: impl AsRef<str>) -> RunPoller {
        RunPoller::new(self.driver.clone(), run.as_ref())
    }

    /// The quota from the ledger, with a forecast if the [`schedule`](Session::schedule) is known. Nothing is sent.
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
    /// contoso.start().await?.until_done().await?;
    /// let quota = contoso.quota().await?;
    /// assert_eq!((quota.available(), quota.confirmed(), quota.in_doubt()), (4, 1, 0));
    /// assert_eq!(contoso.entries().await?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the ledger cannot be read.
    pub async fn quota(&self) -> Result<Quota, StoreError> {
        self.driver.finish(self.driver.session.quota()).await
    }

    /// All entries of the ledger, including those that no longer count. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the ledger cannot be read.
    pub async fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        self.driver.finish(self.driver.session.entries()).await
    }

    /// Resolves a start in doubt by hand, by its entry's id, with a note on why. Nothing is sent.
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
    /// use industrydata_async::core::ledger::Resolution;
    ///
    /// emulator.script(Fault::on(On::Start).lose(Lose::Request));
    /// assert!(contoso.start().await.unwrap_err().is_in_doubt());
    /// let entry = contoso.entries().await?.remove(0);
    /// contoso.resolve(entry.id(), Resolution::NotStarted, "the portal shows no run").await?;
    /// assert_eq!(contoso.quota().await?.available(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ResolveError`]: there is no such entry, it is being made, or the service answered the start.
    pub async fn resolve(
        &self,
        id: impl AsRef<str>,
        resolution: Resolution,
        note: impl AsRef<str>,
    ) -> Result<(), ResolveError> {
        let (id, note) = (id.as_ref(), note.as_ref());
        let resolve = self.driver.session.resolve(id, resolution, note);
        self.driver.finish(resolve).await
    }

    /// Compares the ledger with what the service lists, and changes it: starts in doubt are resolved by evidence,
    /// starts made elsewhere are entered as external. It takes `IndustryData.ReadBasic.All` and
    /// `IndustryData-Run.Read.All`. No start is released if one of the lists could not be read, or if the ledger's
    /// clock differs from the service's by more than two minutes.
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
    /// // The service accepted the start, and its answer was lost.
    /// emulator.script(Fault::on(On::Start).lose(Lose::Answer));
    /// assert!(contoso.start().await.unwrap_err().is_in_doubt());
    ///
    /// let reconciled = contoso.reconcile().await?;
    /// assert_eq!(reconciled.left_in_doubt(), 0);
    /// assert_eq!(contoso.quota().await?.confirmed(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReconcileError`] if the ledger, or both lists, cannot be read.
    pub async fn reconcile(&self) -> Result<Reconciliation, ReconcileError> {
        let reconcile = self.driver.session.reconcile(any_seed(), self.driver.now());
        let done = self.driver.finish(reconcile).await;
        done.map(Arc::unwrap_or_clone)
    }

    /// The next scheduled run, and whether a start now causes it to be skipped. `scheduled` is a time at which a
    /// scheduled run is or was due, if known. Without it, the forecast uses the [`schedule`](Session::schedule) that
    /// was set, or else one inferred from the runs' start times. `None` if these show none.
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
    /// // A scheduled run within ten hours is skipped.
    /// let due = emulator.now() + std::time::Duration::from_secs(3600);
    /// let forecast = contoso.forecast(Some(due)).await?.expect("a time was given");
    /// println!("{forecast:?}");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReconcileError`] if the ledger or the list of runs cannot be read.
    pub async fn forecast(
        &self,
        scheduled: Option<Timestamp>,
    ) -> Result<Option<Forecast>, ReconcileError> {
        let forecast = self.driver.session.forecast(scheduled, any_seed());
        self.driver.finish(forecast).await
    }

    /// Infers the schedule from the runs' start times. Pass it to [`Session::schedule`]. It is valid for as long as the
    /// service keeps to it. `None` if the runs show none.
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
    /// if let Some(schedule) = contoso.infer_schedule().await? {
    ///     let informed = contoso.with(|it| it.schedule(schedule));
    ///     assert!(informed.quota().await?.forecast().is_some());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReconcileError`] if the ledger or the list of runs cannot be read.
    pub async fn infer_schedule(&self) -> Result<Option<Schedule>, ReconcileError> {
        let infer_schedule = self.driver.session.infer_schedule(any_seed());
        self.driver.finish(infer_schedule).await
    }

    /// Lists the operations that the service still has, of starts and of validations. It takes
    /// `IndustryData.ReadBasic.All`.
    ///
    /// # Errors
    ///
    /// [`ReadError`], as for all reads.
    pub async fn operations(&self) -> Result<Vec<Operation>, ReadError> {
        self.read(ListOperations).await
    }

    /// Reads one operation once. It takes `IndustryData.ReadBasic.All`.
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
    /// let operation = contoso.operation(poller.url().operation_id()).await?;
    /// assert!(!operation.status().is_terminal());
    /// assert_eq!(contoso.operations().await?.len(), 1);
    /// # poller.until_done().await?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReadError`], as for all reads.
    pub async fn operation(&self, id: impl AsRef<str>) -> Result<Operation, ReadError> {
        self.read(GetOperation::new(id.as_ref())).await
    }

    /// Lists the runs that the service still has, including scheduled ones. It takes `IndustryData-Run.Read.All` or
    /// `IndustryData-Run.Start`.
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
    /// let run = poller.find_run().await?.expect("the operation names it");
    /// let runs = contoso.runs().await?;
    /// assert!(runs.iter().any(|it| it.id() == run.id()));
    /// println!("{:?}", contoso.statistics(run.id()).await?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReadError`], as for all reads.
    pub async fn runs(&self) -> Result<Vec<IndustryDataRun>, ReadError> {
        self.read(ListRuns).await
    }

    /// Reads one run once. It takes `IndustryData-Run.Read.All` or `IndustryData-Run.Start`.
    ///
    /// # Errors
    ///
    /// [`ReadError`], as for all reads.
    pub async fn run_by_id(&self, id: impl AsRef<str>) -> Result<IndustryDataRun, ReadError> {
        self.read(GetRun::new(id.as_ref())).await
    }

    /// Reads the statistics of a run, which are complete once it has ended. It takes `IndustryData-Run.Read.All` or
    /// `IndustryData-Run.Start`.
    ///
    /// # Errors
    ///
    /// [`ReadError`], as for all reads.
    pub async fn statistics(&self, run: impl AsRef<str>) -> Result<RunStatistics, ReadError> {
        self.read(GetStatistics::new(run.as_ref())).await
    }

    /// Lists the activities of a run, one for each of its flows. **The call is known from the service's metadata
    /// only**; its permission is not published.
    ///
    /// # Errors
    ///
    /// [`ReadError`], as for all reads.
    pub async fn activities(&self, run: impl AsRef<str>) -> Result<Vec<RunActivity>, ReadError> {
        self.read(ListActivities::new(run.as_ref())).await
    }

    /// Checks that the token may poll the operations it starts: reads the first page of the operations. Call it before
    /// a start, which uses a slot.
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
    /// contoso.preflight().await?;
    /// emulator.script(Fault::on(On::Operations).status(403));
    /// let error = contoso.preflight().await.unwrap_err();
    /// assert_eq!(error.permission(), "IndustryData.ReadBasic.All");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReadError`]; `Forbidden` names `IndustryData.ReadBasic.All`, which `IndustryData-Run.Start` does not contain.
    pub async fn preflight(&self) -> Result<(), ReadError> {
        self.read(Preflight).await
    }

    /// Reads any [`Endpoint`], such as one that your program defines, with the retries, paging and checks of the
    /// others.
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
    /// use industrydata_async::core::endpoint::ListRuns;
    ///
    /// assert_eq!(contoso.read(ListRuns).await?.len(), contoso.runs().await?.len());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ReadError`], as for all reads.
    pub async fn read<E: Endpoint>(&self, endpoint: E) -> Result<E::Output, ReadError> {
        self.driver.read(endpoint).await
    }
}
