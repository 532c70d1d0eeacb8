//! The books beside what the service lists: entries, doubt resolved, the schedule foreseen. Nothing here starts a run.

use std::sync::Arc;

use industrydata_core::Timestamp;
use industrydata_core::endpoint::Dated;
use industrydata_core::endpoint::ListOperations;
use industrydata_core::endpoint::ListRuns;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::Entry;
use industrydata_core::ledger::Forecast;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Resolution;
use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::policy::Throttle;
use industrydata_core::reconcile::ReconcileError;
use industrydata_core::reconcile::Reconciliation;
use industrydata_core::reconcile::ResolveError;
use industrydata_core::reconcile::ServiceSnapshot;

use crate::tenant_client::TenantClient;

impl TenantClient {
    /// All entries of the books, those that no longer count too. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the books cannot be read.
    pub async fn entries(&self) -> Result<Vec<Entry>, StoreError> {
        let (key, throttle) = self.books();
        let verdict = self.book(Change::entries(key, throttle)).await?;
        Ok(verdict.entries().to_vec())
    }

    /// Resolves a start in doubt by hand, by its entry's id, with a note on why. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ResolveError`]: no such entry, or the service's own answer to it stands. A run may have started: no, not by
    /// this.
    pub async fn resolve(
        &self,
        id: &str,
        resolution: Resolution,
        note: &str,
    ) -> Result<(), ResolveError> {
        let (key, throttle) = self.books();
        let change = Change::resolve_by_hand(key, throttle, id, resolution, note)?;
        match self.book(change).await?.unresolved() {
            Some(unresolved) => Err(unresolved.into()),
            None => Ok(()),
        }
    }

    /// Compares the books with what the service lists, and changes them: doubt is resolved by evidence, starts by others
    /// are entered as seen. It takes `IndustryData.ReadBasic.All` and `IndustryData-Run.Read.All`; with one of them alone
    /// nothing is freed; nor if the books' clock is more than two minutes off the service's.
    ///
    /// # Errors
    ///
    /// [`ReconcileError`]. A run may have started: no, not by this.
    pub async fn reconcile(&self) -> Result<Reconciliation, ReconcileError> {
        let operations = self.read(Dated(ListOperations)).await;
        let survey = ServiceSnapshot::new(operations, self.read(Dated(ListRuns)).await)?;
        let quota = self.quota().await?;
        let found = survey.reconcile(self.client().base(), self.tenant(), &quota);
        for change in found.changes() {
            self.book(change.clone()).await?;
        }
        Ok(found)
    }

    /// What is to come: the next scheduled run, and whether a start now makes it be skipped. `scheduled` is a time at which
    /// a scheduled run is or was due, if known; else it is the [`schedule`](Self::schedule) that was set; else one that is
    /// inferred from the runs' start times, and `None` if they show none.
    ///
    /// # Errors
    ///
    /// [`ReconcileError`]. A run may have started: no, not by this.
    pub async fn forecast(
        &self,
        scheduled: Option<Timestamp>,
    ) -> Result<Option<Forecast>, ReconcileError> {
        let quota = self.quota().await?;
        let schedule = match scheduled {
            Some(time) => Some(Schedule::given(time)),
            None => match self.known_schedule() {
                Some(schedule) => Some(schedule),
                None => quota.infer_schedule(&self.runs().await?),
            },
        };
        Ok(schedule.map(|schedule| quota.forecast_for(&schedule)))
    }

    /// The schedule that the runs' start times show, if they show one: lists the runs. It is for
    /// [`schedule`](Self::schedule), and stays good for as long as the service keeps to it.
    ///
    /// # Errors
    ///
    /// [`ReconcileError`]. A run may have started: no, not by this.
    pub async fn infer_schedule(&self) -> Result<Option<Schedule>, ReconcileError> {
        let quota = self.quota().await?;
        Ok(quota.infer_schedule(&self.runs().await?))
    }

    fn books(&self) -> (LedgerKey, Throttle) {
        let client = self.client().inner();
        let key = LedgerKey::new(client.service.base(), self.tenant());
        (key, client.throttle)
    }

    async fn book(&self, change: Change) -> Result<StoreReply, StoreError> {
        self.client().inner().books.transact(Arc::new(change)).await
    }
}
