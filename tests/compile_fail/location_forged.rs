//! E0423: cannot initialize a tuple struct which contains private fields
//! A URL that the token may be sent to has passed the gate.

use industrydata_core::wire::OperationUrl;

fn main() {}

pub fn forge(url: &str) -> OperationUrl {
    OperationUrl(url.into())
}
