//! E0382: use of moved value: `pause`
//! A pause is over once.

use industrydata_core::lro::Pause;
use industrydata_core::Now;

fn main() {}

pub fn wait(pause: Pause<'_>, now: Now) {
    pause.over(now);
    pause.over(now);
}
