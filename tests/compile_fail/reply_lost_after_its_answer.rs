//! E0382: use of moved value: `reply`
//! What was answered is not lost.

use http::response::Parts;
use industrydata_core::{Fault, Now, Phase, Reply};

fn main() {}

pub fn answer(reply: Reply<'_>, head: &Parts, now: Now) {
    reply.answer(head, Ok(Vec::new()), now);
    reply.lost(Fault::new(Phase::Sent, "reset"), now);
}
