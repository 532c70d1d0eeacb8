//! E0499: cannot borrow `*machine` as mutable more than once at a time
//! A machine has one pending step.

use industrydata_core::lro::Machine;
use industrydata_core::lro::Start;

fn main() {}

pub fn steps(machine: &mut Start) {
    let first = machine.step();
    let second = machine.step();
    drop((first, second));
}
