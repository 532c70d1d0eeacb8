//! A client's reconciliation.

use industrydata_core::lro::Settings;

use crate::{
    agenda::Droppable, drive::drive, ledger::transact, planted, record::Purpose, sim::Sim,
};

/// Compares the ledger with what the service lists, and changes it.
pub(crate) async fn reconcile(sim: Sim, client: usize) {
    let mut machine = {
        let mut world = sim.world();
        let (seed, now) = (world.dice.seed(), world.at(client));
        world.session(&Settings::default()).reconcile(seed, now)
    };
    let driven = drive(&sim, client, Purpose::Reconcile, &mut machine);
    drop(Droppable::new(sim.clone(), driven).await);
    let changes = planted::resolves(&sim.world());
    for change in changes {
        drop(transact(&sim, client, Purpose::Reconcile, change).await);
    }
}
