//! Settings of a ledger file.

use std::time::Duration;

use crate::clock::Clock;

/// SQLite's busy timeout is bounded.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// Settings of a [`SqliteStore`](crate::SqliteStore); made by [`SqliteStore::options`](crate::SqliteStore::options).
///
/// ```
/// use std::time::Duration;
/// use industrydata_ledger::{Ledger, SqliteStore};
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("state/ledger.sqlite");
/// let ledger: Ledger = SqliteStore::options()
///     .wait(Duration::from_secs(20))
///     .create_parent(true)
///     .open(path)?
///     .into();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct SqliteOptions {
    pub(super) wait: Duration,
    pub(super) create_folder: bool,
    pub(super) clock: Clock,
}

impl SqliteOptions {
    pub(super) fn new() -> Self {
        Self {
            wait: Duration::from_secs(5),
            create_folder: false,
            clock: Clock::default(),
        }
    }

    /// How long a change waits for other threads and processes before it is [`StoreError::Busy`](crate::StoreError::Busy); 5 s by default,
    /// 24 h at most.
    pub fn wait(mut self, wait: Duration) -> Self {
        self.wait = wait.min(LONGEST_WAIT);
        self
    }

    /// Creates the folder of the file, and those above it, when the first start is reserved (mode 0700). Without this a
    /// missing folder is an error, since it is most often a typing mistake.
    pub fn create_parent(mut self, create: bool) -> Self {
        self.create_folder = create;
        self
    }

    /// Uses `clock` in place of this machine's clock, for tests. All processes that share the file must agree on it.
    pub fn clock(mut self, clock: impl industrydata_clock::Clock + 'static) -> Self {
        self.clock = Clock::new(clock);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_a_day_at_most() {
        let day = Duration::from_secs(86_400);
        assert_eq!(SqliteOptions::new().wait, Duration::from_secs(5));
        for (asked, waited) in [(Duration::ZERO, Duration::ZERO), (day, day), (day * 2, day)] {
            assert_eq!(SqliteOptions::new().wait(asked).wait, waited);
        }
    }
}
