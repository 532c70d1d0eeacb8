//! A client's reconciliation: both lists read, the books beside them, the changes booked.

use std::sync::Arc;

use industrydata_core::endpoint::Dated;
use industrydata_core::endpoint::Endpoint;
use industrydata_core::endpoint::ListOperations;
use industrydata_core::endpoint::ListRuns;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::Resolution;
use industrydata_core::lro::Read;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::ReadPlan;
use industrydata_core::lro::ReadStep;
use industrydata_core::policy::Limits;
use industrydata_core::policy::Throttle;
use industrydata_core::reconcile::Match;
use industrydata_core::reconcile::ServiceSnapshot;

use crate::{agenda::Droppable, books::transact, network::send, record::Purpose, sim::Sim};

/// Compares the books with what the service lists.
pub(crate) async fn reconcile(sim: Sim, client: usize) {
    Droppable::new(sim.clone(), review(&sim, client)).await;
}

async fn review(sim: &Sim, client: usize) {
    let operations = fetch(sim, client, Dated(ListOperations)).await;
    let runs = fetch(sim, client, Dated(ListRuns)).await;
    let Ok(survey) = ServiceSnapshot::new(operations, runs) else {
        return;
    };
    let read = Change::read(sim.world().key(), Throttle::default());
    let Ok(verdict) = transact(sim, client, None, Arc::new(read)).await else {
        return;
    };
    let found = {
        let world = sim.world();
        survey.reconcile(&world.common.base, &world.common.tenant, verdict.quota())
    };
    for finding in found.findings() {
        if let Match::Resolved {
            entry,
            resolution: Resolution::NotStarted,
            ..
        } = finding
        {
            let id = u128::from_str_radix(entry, 16).unwrap();
            let mut world = sim.world();
            let now = world.now;
            if let Some(known) = world.record.reservation_mut(id) {
                known.freed = Some(now);
            }
        }
    }
    for change in found.changes() {
        sim.point(client).await;
        if transact(sim, client, None, Arc::new(change.clone()))
            .await
            .is_err()
        {
            return;
        }
        sim.world().record.reconciled += 1;
    }
}

async fn fetch<E: Endpoint>(sim: &Sim, client: usize, endpoint: E) -> Result<E::Output, ReadError> {
    let mut machine = {
        let mut world = sim.world();
        let plan = ReadPlan {
            service: world.common.service.clone(),
            limits: Limits::default(),
        };
        let (seed, now) = (world.dice.seed(), world.at(client));
        Read::new(endpoint, plan, seed, now)
    };
    loop {
        sim.point(client).await;
        if sim.world().is_stopped() {
            machine.stop();
        }
        match machine.step() {
            ReadStep::Send(exchange) => send(sim, client, Purpose::List, exchange).await,
            ReadStep::Wait(pause) => {
                let remaining = pause.remaining(sim.world().at(client));
                sim.pause(client, remaining).await;
                pause.over(sim.world().at(client));
            }
            ReadStep::Done(outcome) => {
                drop(machine);
                return outcome.map(Arc::unwrap_or_clone);
            }
        }
    }
}
