//! E0624: method `text` is private
//! A token cannot be read.

use industrydata_core::auth::AccessToken;

fn main() {}

pub fn text(token: &AccessToken) -> Option<&str> {
    token.text()
}
