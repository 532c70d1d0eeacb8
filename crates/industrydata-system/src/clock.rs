//! The two clocks, and the one source of randomness.

use industrydata_clock::{Clock, SystemClock};
use industrydata_core::{Now, lro::StartError};

/// The current time by both clocks of this machine.
#[must_use]
pub fn now() -> Now {
    now_by(&SystemClock)
}

/// The current time by this clock.
#[must_use]
pub fn now_by(clock: &dyn Clock) -> Now {
    Now::new(clock.utc(), clock.steady())
}

/// A seed for a start.
///
/// # Errors
///
/// [`StartError`] if the system gives no random bytes. Nothing was sent.
pub fn seed() -> Result<[u8; 16], StartError> {
    let mut seed = [0; 16];
    getrandom::fill(&mut seed).map_err(StartError::no_randomness)?;
    Ok(seed)
}

/// A seed for polls and reads. Only request ids and jitter derive from it, so without randomness a constant is good
/// enough.
#[must_use]
pub fn any_seed() -> [u8; 16] {
    seed().unwrap_or_default()
}
