//! The clock of a store without a server.

use std::{fmt, sync::Arc};

use industrydata_core::Timestamp;

/// This machine's clock, or one set by a test.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    pub(crate) fn new(read: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(Timestamp::now)
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
