//! E0451: fields `start` and `change` of struct `Transaction` are private
//! A machine alone makes its steps.

use industrydata_core::lro::Transaction;
use industrydata_core::lro::Start;

fn main() {}

pub fn booking(machine: &mut Start) -> Transaction<'_> {
    Transaction { start: machine, ..loop {} }
}
