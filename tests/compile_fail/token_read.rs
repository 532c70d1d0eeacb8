//! E0624: method `text` is private
//! Nobody gets a token back out.

use industrydata_core::auth::AccessToken;

fn main() {}

pub fn text(token: &AccessToken) -> Option<&str> {
    token.text()
}
