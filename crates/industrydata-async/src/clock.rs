//! The two clocks, and the one source of randomness.

use std::{sync::LazyLock, time::Instant};

use industrydata_core::{Now, Timestamp, lro::StartError};

static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);

pub(crate) fn now() -> Now {
    let steady = ORIGIN.elapsed();
    Now::new(Timestamp::now(), steady)
}

/// A seed for a start.
pub(crate) fn seed() -> Result<[u8; 16], StartError> {
    let mut seed = [0; 16];
    getrandom::fill(&mut seed).map_err(StartError::no_randomness)?;
    Ok(seed)
}

/// A seed for polls and reads. Only request ids and jitter derive from it, so without randomness a constant is good
/// enough.
pub(crate) fn any_seed() -> [u8; 16] {
    seed().unwrap_or_default()
}
