//! unused_must_use: unused `StartStep` that must be used
//! A step that nobody looks at is a start that stands still.
#![deny(unused_must_use)]

use industrydata_core::lro::Start;

fn main() {}

pub fn step(machine: &mut Start) {
    machine.step();
}
