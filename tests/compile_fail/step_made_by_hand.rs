//! E0451: fields `start` and `change` of struct `Booking` are private
//! A machine alone makes its steps.

use industrydata_core::{Booking, Start};

fn main() {}

pub fn booking(machine: &mut Start) -> Booking<'_> {
    Booking { start: machine, ..loop {} }
}
