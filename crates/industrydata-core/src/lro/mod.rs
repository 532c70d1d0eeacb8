//! The state machines of a start, of an action, of the polls of their operations and of a run, and of reads. This module
//! is for authors of adapters.
//!
//! Every machine implements [`Machine`], so an adapter has one loop and one function that sends.
//!
//! # The two rules
//!
//! 1. **Only a step can receive its result.** [`Machine::step`] lends one step, and the consuming methods of the step
//!    are the only way to the next. Dropping a step leaves the machine where it was, so a cancelled driver may ask
//!    again.
//! 2. **A start's request is handed out once for each reservation** (once more after a 401, with another token). If the
//!    start is given up before that, its slot is released. If it is given up after that, the start is in doubt.
//!
//! # The start
//!
//! ```text
//!            refused, and waiting was asked for
//!        +-----------------<--------------------+
//!        v                                      |
//! Ledger(reserve) --granted--> Send(POST) --answer, lost, dropped--> Ledger(settle) --> Done
//!        |                        ^  |                                    |
//!        +--refused, error--> Done+--401, another token                   +--short 429--> Wait --> Ledger(reserve)
//! ```
//!
//! If another start with the key has the ledger's entry, the reservation is not made. `Ledger(reserve)` is then followed by
//! `Done`, or by `Wait` and another look while that start is being made.
//!
//! # The polls
//!
//! ```text
//! Send(GET) --terminal status, 403, gone, lost track--> Done
//!     ^  |
//!     |  +--any other status, a transient error--> Wait --+
//!     +---------------------------------------------------+
//! ```
//!
//! # The action
//!
//! A validation or a reset is one POST that uses no slot and never touches the ledger.
//!
//! ```text
//! Send(POST) --answer, lost, dropped--> Done
//!     ^  |
//!     +--+ 401, another token
//! ```
//!
//! # The read
//!
//! ```text
//! Send(GET) --answer, last page--> Done
//!     ^  |
//!     |  +--next page, 401 once--> Send(GET)
//!     |  +--a transient error, tries left--> Wait --+
//!     +---------------------------------------------+
//! ```

pub(crate) mod acceptance;
pub(crate) mod accepted;
pub(crate) mod action_error;
pub(crate) mod answer;
pub(crate) mod machine;
pub(crate) mod may_have_started;
pub(crate) mod operation_poll_error;
pub(crate) mod pace;
pub(crate) mod perform;
pub(crate) mod poll_operation;
pub(crate) mod poll_plan;
pub(crate) mod poll_queue;
pub(crate) mod poll_run;
pub(crate) mod progress;
pub(crate) mod read;
pub(crate) mod read_error;
pub(crate) mod record;
pub(crate) mod recorded_poll;
pub(crate) mod resume;
pub(crate) mod run_poll_error;
pub(crate) mod seen;
pub(crate) mod session;
pub(crate) mod settings;
pub(crate) mod start;
pub(crate) mod start_error;
pub(crate) mod step;
pub(crate) mod transact;
pub(crate) mod transient;
pub(crate) mod turn;

pub use self::{
    acceptance::{Acceptance, may_repeat_status},
    accepted::Accepted,
    action_error::{ActionError, ActionErrorKind},
    machine::Machine,
    may_have_started::MayHaveStarted,
    operation_poll_error::{OperationPollError, OperationPollErrorKind},
    perform::{Perform, Performed},
    poll_operation::OperationPoll,
    poll_plan::PollPlan,
    poll_queue::{Next, OperationKey, PollQueue},
    poll_run::RunPoll,
    progress::{PauseReason, Progress},
    read::{Read, ReadPlan},
    read_error::{ReadError, ReadErrorKind},
    record::{AnswerRecord, CallKind, CallRecord, Failure, RequestRecord, transport_error_type},
    recorded_poll::RecordedPoll,
    resume::{ResumeError, ResumeToken},
    run_poll_error::{RunPollError, RunPollErrorKind},
    session::Session,
    settings::{Sessions, Settings},
    start::{Start, StartPlan},
    start_error::{StartError, StartErrorKind},
    step::{Exchange, Never, Pause, Reply, Step, Transaction, Writes},
    transact::Transact,
    transient::TransientError,
    turn::{Turn, Turned},
};
