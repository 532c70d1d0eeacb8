//! E0423: cannot initialize a tuple struct which contains private fields
//! Only a machine that uses the ledger makes the witness of it.

use industrydata_core::lro::Writes;

fn main() {}

pub fn forge() -> Writes {
    Writes(())
}
