//! E0277: the trait bound `FixedToken: serde::
//! A token source is not data.

use industrydata_blocking::FixedToken;

fn main() {}

pub fn write(token: &FixedToken) -> String {
    serde_json::to_string(token).unwrap()
}
