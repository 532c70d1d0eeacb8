//! E0382: use of moved value: `booking`
//! A change is booked once.

use industrydata_core::{Booking, Now, StoreFault};

fn main() {}

pub fn book(booking: Booking<'_>, now: Now) {
    booking.booked(Err(StoreFault::Busy), now);
    booking.booked(Err(StoreFault::Busy), now);
}
