//! E0277: the trait bound `AccessToken: serde::
//! No token is written to a file or a message, although the public data can be.

use industrydata_core::auth::AccessToken;

fn main() {}

pub fn write(token: &AccessToken) -> String {
    serde_json::to_string(token).unwrap()
}
