//! The machines: a start, the wait for its operation, and reads.
//!
//! # The two rules
//!
//! 1. **The value that says what to do next is the only thing that can receive its result.** [`Start::step`] and
//!    [`Watch::step`] lend one step; its consuming methods are the only way on. A step that is dropped leaves the
//!    machine where it was, so a cancelled driver may ask again.
//! 2. **A start's request is handed out once for each reservation** (once more after a 401, with another token).
//!    Dropped before that, the slot is given back; dropped after it, the start is in doubt.
//!
//! # The start
//!
//! ```text
//!            refused, and waiting was asked for
//!        +-----------------<--------------------+
//!        v                                      |
//! Book(reserve) --granted--> Send(POST) --answer, lost, dropped--> Book(settle) --> Done
//!        |                      ^  |                                    |
//!        +--refused, fault--> Done +--401, another token                +--short 429--> Wait --> Book(reserve)
//! ```
//!
//! # The wait
//!
//! ```text
//! Send(GET) --terminal status, 403, gone, lost track--> Done
//!     ^  |
//!     |  +--any other status, a miss--> Wait --+
//!     +----------------------------------------+
//! ```
//!
//! # The read
//!
//! ```text
//! Send(GET) --answer, last page--> Done
//!     ^  |
//!     |  +--next page, 401 once--> Send(GET)
//!     |  +--a miss, tries left--> Wait --+
//!     +----------------------------------+
//! ```

mod accepted;
mod answer;
mod fetch;
mod follow;
mod follow_error;
mod miss;
mod progress;
mod read_error;
mod start;
mod start_error;
mod step;
mod watch;
mod watch_error;

pub use accepted::Accepted;
pub use fetch::{Fetch, FetchPlan, FetchStep};
pub use follow::{Follow, FollowStep};
pub use follow_error::{FollowError, FollowErrorKind};
pub use miss::Miss;
pub use progress::{PauseReason, Progress};
pub use read_error::{ReadError, ReadErrorKind};
pub use start::{Start, StartPlan};
pub use start_error::{StartError, StartErrorKind};
pub use step::{Booking, Exchange, Pause, Reply, StartStep, WatchStep};
pub use watch::{Watch, WatchPlan};
pub use watch_error::{WatchError, WatchErrorKind};

/// What an error says of the start it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MayHaveStarted {
    /// The service accepted the start.
    Yes,
    /// No run was started.
    No,
    /// The service may have accepted the start.
    Unknown,
}

impl MayHaveStarted {
    /// `yes`, `no` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::Unknown => "unknown",
        }
    }
}

impl std::fmt::Display for MayHaveStarted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}
