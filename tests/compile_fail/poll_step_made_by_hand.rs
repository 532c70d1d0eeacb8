//! E0574: expected struct, variant or union type, found enum `Never`
//! A machine that cannot use the ledger has no step for it.

use industrydata_core::lro::Never;
use industrydata_core::lro::Step;
use industrydata_core::lro::Transaction;

fn main() {}

pub fn forge(transaction: Transaction<'_>) -> Step<'_, Never, ()> {
    Step::Ledger(transaction, Never {})
}
