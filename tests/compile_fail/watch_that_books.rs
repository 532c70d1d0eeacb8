//! E0599: no variant
//! Polls never touch the books.

use industrydata_core::ledger::StoreError;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::OperationPollStep;
use industrydata_core::Now;

fn main() {}

pub fn watch(machine: &mut OperationPoll, now: Now) {
    if let OperationPollStep::Book(booking) = machine.step() {
        booking.booked(Err(StoreError::Busy), now);
    }
}
