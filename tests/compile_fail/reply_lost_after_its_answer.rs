//! E0382: use of moved value: `reply`
//! An answer that came is not lost.

use http::response::Parts;
use industrydata_core::lro::Reply;
use industrydata_core::wire::TransportError;
use industrydata_core::wire::Phase;
use industrydata_core::Now;

fn main() {}

pub fn answer(reply: Reply<'_>, head: &Parts, now: Now) {
    reply.answer(head, Ok(Vec::new()), now);
    reply.lost(TransportError::new(Phase::Sent, "reset"), now);
}
