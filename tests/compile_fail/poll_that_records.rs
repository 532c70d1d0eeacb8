//! E0308: mismatched types
//! An operation poll cannot use the ledger: its steps have no witness.

use industrydata_core::ledger::StoreError;
use industrydata_core::lro::Machine;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::Step;
use industrydata_core::lro::Transaction;
use industrydata_core::lro::Writes;
use industrydata_core::Now;

fn main() {}

pub fn poll(machine: &mut OperationPoll, now: Now) {
    if let Step::Ledger(transaction, witness) = machine.step() {
        record(transaction, witness, now);
    }
}

fn record(transaction: Transaction<'_>, _: Writes, now: Now) {
    transaction.done(Err(StoreError::Busy), now);
}
