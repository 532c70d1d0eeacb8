//! unused_must_use: unused `industrydata_core::lro::Step` that must be used
//! A start whose step is dropped does not go on.
#![deny(unused_must_use)]

use industrydata_core::lro::Machine;
use industrydata_core::lro::Start;

fn main() {}

pub fn step(machine: &mut Start) {
    machine.step();
}
