//! E0277: the trait bound `AccessToken: serde::
//! A token is checked where it is made, and read from nothing else.

use industrydata_core::auth::AccessToken;

fn main() {}

pub fn read(text: &str) -> AccessToken {
    serde_json::from_str(text).unwrap()
}
