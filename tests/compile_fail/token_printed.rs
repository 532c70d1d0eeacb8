//! E0277: `AccessToken` doesn't implement `std::fmt::Display`
//! A token is never shown.

use industrydata_core::auth::AccessToken;

fn main() {}

pub fn show(token: &AccessToken) {
    println!("{token}");
}
