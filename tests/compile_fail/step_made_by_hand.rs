//! E0451: fields `machine` and `change` of struct `Transaction` are private
//! Only a machine makes its steps.

use std::sync::Arc;

use industrydata_core::ledger::Change;
use industrydata_core::lro::Transaction;

fn main() {}

pub fn transaction(change: Arc<Change>) -> Transaction<'static> {
    Transaction { change, ..loop {} }
}
