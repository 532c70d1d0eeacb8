//! E0451: fields `accepted`, `origin` and `target` of struct `ResumeToken` are private
//! A resume token comes from a poll, or is read and checked.

use industrydata_core::lro::ResumeToken;

fn main() {}

pub fn forge(token: ResumeToken) -> ResumeToken {
    ResumeToken { accepted: 0, ..token }
}
