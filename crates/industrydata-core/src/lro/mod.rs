//! The machines: a start, the wait for its operation, and reads.
//!
//! # The two rules
//!
//! 1. **The value that says what to do next is the only thing that can receive its result.** [`Start::step`] and
//!    [`OperationPoll::step`] lend one step; its consuming methods are the only way on. A step that is dropped leaves the
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

pub(crate) mod accepted;
pub(crate) mod answer;
pub(crate) mod may_have_started;
pub(crate) mod operation_poll_error;
pub(crate) mod outcome;
pub(crate) mod poll_operation;
pub(crate) mod poll_run;
pub(crate) mod progress;
pub(crate) mod read;
pub(crate) mod read_error;
pub(crate) mod resume;
pub(crate) mod run_poll_error;
pub(crate) mod start;
pub(crate) mod start_error;
pub(crate) mod step;
pub(crate) mod transient;

pub use self::{
    accepted::Accepted,
    may_have_started::MayHaveStarted,
    operation_poll_error::{OperationPollError, OperationPollErrorKind},
    outcome::{Acceptance, may_repeat_status},
    poll_operation::{OperationPoll, PollPlan},
    poll_run::{RunPoll, RunPollStep},
    progress::{PauseReason, Progress},
    read::{Read, ReadPlan, ReadStep},
    read_error::{ReadError, ReadErrorKind},
    resume::{ResumeError, ResumeToken},
    run_poll_error::{RunPollError, RunPollErrorKind},
    start::{Start, StartPlan},
    start_error::{StartError, StartErrorKind},
    step::{Exchange, OperationPollStep, Pause, Reply, StartStep, Transaction},
    transient::TransientError,
};
