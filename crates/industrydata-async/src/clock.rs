//! The two clocks, and the one source of randomness.

use std::{sync::LazyLock, time::Instant};

use industrydata_core::Now;
use industrydata_core::Timestamp;

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(crate) fn now() -> Now {
    let steady = ORIGIN.elapsed();
    Now::new(Timestamp::now(), steady)
}

pub(crate) fn seed() -> Result<[u8; 16], getrandom::Error> {
    let mut seed = [0; 16];
    getrandom::fill(&mut seed)?;
    Ok(seed)
}
