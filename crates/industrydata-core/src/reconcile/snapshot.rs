//! A snapshot of the service: both lists, or the one that could be read.

use jiff::Timestamp;

use crate::{
    ledger::{quota::Quota, schedule::Schedule},
    lro::read_error::ReadError,
    model::{operation::Operation, run::IndustryDataRun},
    reconcile::{lists::ServiceLists, reconciliation::Reconciliation},
    tenant::Tenant,
    wire::base_url::BaseUrl,
};

/// Both lists of the service, at least one of them read whole.
#[derive(Clone, Debug)]
pub struct ServiceSnapshot {
    operations: Result<Vec<Operation>, ReadError>,
    runs: Result<Vec<IndustryDataRun>, ReadError>,
    /// The time of the last list by the service's clock.
    service_clock: Option<Timestamp>,
}

impl ServiceSnapshot {
    /// Makes a snapshot of the results of reading both lists, each [`Dated`](crate::endpoint::Dated), the operations
    /// first. Read the ledger directly after them.
    ///
    /// # Errors
    ///
    /// The error of the first list, if neither list could be read.
    pub fn new(
        operations: Result<(Vec<Operation>, Option<Timestamp>), ReadError>,
        runs: Result<(Vec<IndustryDataRun>, Option<Timestamp>), ReadError>,
    ) -> Result<Self, ReadError> {
        let service_clock = match (&operations, &runs) {
            (Err(error), Err(_)) => return Err(error.clone()),
            (_, Ok((_, clock))) | (Ok((_, clock)), Err(_)) => *clock,
        };
        Ok(Self {
            operations: operations.map(|(list, _)| list),
            runs: runs.map(|(list, _)| list),
            service_clock,
        })
    }

    /// The schedule that fits the runs that are not explained by a known start, if any.
    #[must_use]
    pub fn schedule(&self, quota: &Quota) -> Option<Schedule> {
        let mut on_demand = quota.starts();
        let operations = self.operations.iter().flatten();
        on_demand.extend(operations.filter_map(Operation::created));
        Schedule::inferred(self.runs.as_ref().ok()?, &on_demand)
    }

    /// Compares the lists with the ledger, by the schedule of the quota if it has one. If a list is missing, no start
    /// is released, and the reconciliation has the error of that list.
    pub fn reconcile(self, base: &BaseUrl, tenant: &Tenant, quota: &Quota) -> Reconciliation {
        let listed = ServiceLists {
            operations: self.operations.as_deref().ok(),
            runs: self.runs.as_deref().ok(),
            schedule: quota.schedule().copied().or_else(|| self.schedule(quota)),
            service_clock: self.service_clock,
        };
        let found = Reconciliation::of(base, tenant, quota, listed);
        found.with_unread(self.operations.err().or(self.runs.err()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use jiff::Timestamp;

    use std::time::Duration;

    use crate::{
        endpoint::{
            answer::Answer, contract::Endpoint, dated::Dated, list_runs::ListRuns, service::Service,
        },
        ledger::{change::Change, evidence::Evidence, key::LedgerKey},
        lro::{
            machine::Machine,
            read::{Read, ReadPlan},
            step::Step,
        },
        now::Now,
        policy::{Limits, Throttle},
        reconcile::lists::Match,
    };

    #[test]
    fn a_snapshot_has_its_lists_and_the_schedule_they_fit() {
        let at = |hours: i64| Timestamp::from_second(1_773_144_000 + hours * 3600).unwrap();
        let runs: Vec<String> = [0, 12, 24]
            .map(|hours| format!(r#"{{"id":"r-{hours}","startDateTime":"{}"}}"#, at(hours)))
            .into();
        let body = format!(r#"{{"value":[{}]}}"#, runs.join(","));
        let runs = ListRuns.decode(&Answer::new(None, body.as_bytes()));
        let runs = runs.unwrap().content;
        let clock = Some(at(25));
        let snapshot = ServiceSnapshot::new(Ok((Vec::new(), clock)), Ok((runs, clock))).unwrap();
        let tenant: Tenant = "contoso".parse().unwrap();
        let read = Change::read(
            LedgerKey::new(&BaseUrl::graph(), &tenant),
            Throttle::default(),
        );
        let quota = read.apply(None, at(25)).unwrap().reply.quota().clone();
        let schedule = snapshot.schedule(&quota).unwrap();
        assert!(schedule.fits(at(36)));
        // What fits it is not a start on demand.
        let found = snapshot
            .clone()
            .reconcile(&BaseUrl::graph(), &tenant, &quota);
        assert_eq!(found.matches(), []);
        // By another schedule each is.
        let other = quota.with_schedule(Some(Schedule::given(at(6))));
        let found = snapshot.reconcile(&BaseUrl::graph(), &tenant, &other);
        let external = Match::External {
            evidence: Evidence::Run("r-24".to_owned()),
            started: at(24),
        };
        assert!(found.matches().contains(&external), "{found:?}");
        assert!(found.unread().is_none());
    }

    #[test]
    fn a_list_that_was_not_read_frees_nothing_and_is_reported() {
        let service = Service::new(BaseUrl::graph(), "an-agent");
        let plan = ReadPlan {
            service,
            limits: Limits::default(),
        };
        let now = Now {
            utc: Timestamp::UNIX_EPOCH,
            steady: Duration::ZERO,
        };
        let mut stopped = Read::new(Dated(ListRuns), plan, [0; 16], now);
        stopped.stop();
        let Step::Done(Err(error)) = stopped.step() else {
            panic!("it was stopped");
        };
        assert!(ServiceSnapshot::new(Err(error.clone()), Err(error.clone())).is_err());
        let snapshot = ServiceSnapshot::new(Ok((Vec::new(), None)), Err(error)).unwrap();
        let tenant: Tenant = "contoso".parse().unwrap();
        let read = Change::read(
            LedgerKey::new(&BaseUrl::graph(), &tenant),
            Throttle::default(),
        );
        let quota = read.apply(None, now.utc).unwrap().reply.quota().clone();
        assert!(snapshot.schedule(&quota).is_none());
        let found = snapshot.reconcile(&BaseUrl::graph(), &tenant, &quota);
        assert!(found.unread().is_some());
    }

    #[test]
    fn the_ledger_infers_a_schedule_too() {
        let runs = [0, 12, 24].map(|hours| {
            let at = Timestamp::from_second(1_773_144_000 + hours * 3600).unwrap();
            format!(r#"{{"id":"r-{hours}","startDateTime":"{at}"}}"#)
        });
        let body = format!(r#"{{"value":[{}]}}"#, runs.join(","));
        let runs = ListRuns
            .decode(&Answer::new(None, body.as_bytes()))
            .unwrap()
            .content;
        let key = LedgerKey::new(&BaseUrl::graph(), &"contoso".parse().unwrap());
        let read = Change::read(key, Throttle::default());
        let reply = read.apply(None, Timestamp::UNIX_EPOCH).unwrap().reply;
        assert!(reply.quota().infer_schedule(&runs).is_some());
        assert!(reply.quota().infer_schedule(&runs[..1]).is_none());
    }
}
