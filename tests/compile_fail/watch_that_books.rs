//! E0599: no variant
//! Polls never touch the books.

use industrydata_core::{Now, StoreFault, Watch, WatchStep};

fn main() {}

pub fn watch(machine: &mut Watch, now: Now) {
    if let WatchStep::Book(booking) = machine.step() {
        booking.booked(Err(StoreFault::Busy), now);
    }
}
