//! Drives a machine of the core as an adapter does: one loop for all of them.

use std::sync::Arc;

use industrydata_core::lro::Machine;
use industrydata_core::lro::Step;

use crate::{ledger::transact, network::send, record::Purpose, sim::Sim};

/// Drives a machine to its end. A future that is dropped leaves the machine where it was.
pub(crate) async fn drive<M: Machine>(
    sim: &Sim,
    client: usize,
    purpose: Purpose,
    machine: &mut M,
) -> Result<M::Output, M::Error> {
    loop {
        sim.point(client).await;
        if sim.world().is_stopped() {
            machine.stop();
        }
        sim.world().record.stepped(purpose);
        match machine.step() {
            Step::Ledger(transaction, _) => {
                let change = Arc::clone(transaction.change());
                let result = transact(sim, client, purpose, change).await;
                transaction.done(result, sim.world().at(client));
            }
            Step::Send(exchange) => send(sim, client, purpose, exchange).await,
            Step::Wait(mut pause) => {
                drop(pause.progress());
                let remaining = pause.remaining(sim.world().at(client));
                sim.pause(client, remaining).await;
                pause.over(sim.world().at(client));
            }
            Step::Done(outcome) => return outcome,
        }
    }
}
