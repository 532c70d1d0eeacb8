//! Human output. Control characters in foreign text are escaped.

mod document;
mod failure;
mod forecast;
mod progress;
mod quota;
mod statistics;
mod text;

pub(crate) use self::{
    document::{error, operation, result},
    failure::{counted, found_in_data, reason},
    progress::{WaitSpan, operation_progress, run_progress, slot_wait},
    quota::timeline,
    statistics::statistics,
    text::{skew, table},
};
