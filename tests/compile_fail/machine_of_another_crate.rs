//! E0277: the trait bound `Own: lro::machine::Sealed` is not satisfied
//! All machines are in the core.

use industrydata_core::lro::CallRecord;
use industrydata_core::lro::Machine;
use industrydata_core::lro::Never;
use industrydata_core::lro::Step;

fn main() {}

pub struct Own;

impl Machine for Own {
    type Ledger = Never;
    type Output = ();
    type Error = std::convert::Infallible;

    fn step(&mut self) -> Step<'_, Never, Result<(), std::convert::Infallible>> {
        Step::Done(Ok(()))
    }

    fn record(&self) -> CallRecord<'_> {
        unimplemented!()
    }

    fn stop(&mut self) {}
}
