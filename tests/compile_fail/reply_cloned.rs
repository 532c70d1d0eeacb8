//! E0599: no method named `clone` found for struct `Reply
//! A request has one place for its answer.

use industrydata_core::lro::Reply;

fn main() {}

pub fn two(reply: Reply<'_>) {
    drop(reply.clone());
}
