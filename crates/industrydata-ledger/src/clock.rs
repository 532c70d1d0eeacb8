//! The clock of a store without a server.

use std::{fmt, sync::Arc};

use industrydata_clock::{Clock as Readings, SystemClock};
use industrydata_core::Timestamp;

/// This machine's wall clock, or one set by a test.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Readings>);

impl Clock {
    pub(crate) fn new(clock: impl Readings + 'static) -> Self {
        Self(Arc::new(clock))
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.utc()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(SystemClock)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_this_machines_clock() {
        let set = Clock::new(|| Timestamp::UNIX_EPOCH);
        assert_eq!(set.clone().now(), Timestamp::UNIX_EPOCH);
        assert!(Clock::default().now() > Timestamp::UNIX_EPOCH);
        assert_eq!(format!("{set:?}"), "Clock");
    }
}
