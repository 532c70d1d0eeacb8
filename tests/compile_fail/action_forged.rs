//! E0451: fields `origin`, `subject`, `object`
//! The actions are a closed list, so that none is a start that uses no slot.

use industrydata_core::endpoint::Action;

fn main() {}

pub fn forge(action: Action) -> Action {
    Action { ..action }
}
