//! E0382: use of moved value: `exchange`
//! A request is handed out once.

use industrydata_core::auth::AccessToken;
use industrydata_core::lro::Exchange;
use industrydata_core::Now;

fn main() {}

pub fn post(exchange: Exchange<'_>, token: &AccessToken, now: Now) {
    let first = exchange.request(token, now);
    let second = exchange.request(token, now);
    drop((first, second));
}
