//! E0382: use of moved value: `booking`
//! A change is booked once.

use industrydata_core::ledger::StoreError;
use industrydata_core::lro::Transaction;
use industrydata_core::Now;

fn main() {}

pub fn book(booking: Transaction<'_>, now: Now) {
    booking.booked(Err(StoreError::Busy), now);
    booking.booked(Err(StoreError::Busy), now);
}
