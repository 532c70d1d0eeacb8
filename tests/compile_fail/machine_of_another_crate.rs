//! E0277: the trait bound `Own: lro::machine::Sealed` is not satisfied
//! All machines are in the core.

use industrydata_core::lro::Machine;
use industrydata_core::lro::Never;
use industrydata_core::lro::Step;

fn main() {}

pub struct Own;

impl Machine for Own {
    type Ledger = Never;
    type Output = ();
    type Error = ();

    fn step(&mut self) -> Step<'_, Never, Result<(), ()>> {
        Step::Done(Ok(()))
    }

    fn stop(&mut self) {}
}
