//! unused_must_use: unused return value of
//! A request that is not sent leaves its start in doubt.
#![deny(unused_must_use)]

use industrydata_core::auth::AccessToken;
use industrydata_core::lro::Exchange;
use industrydata_core::Now;

fn main() {}

pub fn post(exchange: Exchange<'_>, token: &AccessToken, now: Now) {
    exchange.request(token, now);
}
