//! E0423: cannot initialize a tuple struct which contains private fields
//! The token is sent only to a URL that has passed the gate.

use industrydata_core::wire::OperationUrl;

fn main() {}

pub fn forge(url: &str) -> OperationUrl {
    OperationUrl(url.into())
}
