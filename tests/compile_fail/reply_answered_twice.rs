//! E0382: use of moved value: `reply`
//! A request has one answer.

use http::response::Parts;
use industrydata_core::lro::Reply;
use industrydata_core::Now;

fn main() {}

pub fn answer(reply: Reply<'_>, head: &Parts, now: Now) {
    reply.answer(head, Ok(Vec::new()), now);
    reply.answer(head, Ok(Vec::new()), now);
}
