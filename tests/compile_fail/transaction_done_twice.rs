//! E0382: use of moved value: `transaction`
//! A change to the ledger has one result.

use industrydata_core::ledger::StoreError;
use industrydata_core::lro::Transaction;
use industrydata_core::Now;

fn main() {}

pub fn record(transaction: Transaction<'_>, now: Now) {
    transaction.done(Err(StoreError::Busy), now);
    transaction.done(Err(StoreError::Busy), now);
}
