//! What the service keeps: its operations and runs, the accepted starts, the schedule, the tokens and a request log.

mod bounded;
mod ids;
mod issued;
mod jwt;
mod operation;
mod request_log;
mod run;
mod schedule;
mod throttle;
mod tokens;

pub(crate) use bounded::push_bounded;
pub(crate) use ids::Ids;
pub(crate) use issued::{Issued, Kept};
pub(crate) use jwt::{Jwt, write as write_jwt};
pub use operation::Operation;
pub(crate) use operation::Work;
pub use request_log::Logged;
pub(crate) use request_log::RequestLog;
pub use run::Run;
pub(crate) use schedule::Timetable;
pub(crate) use throttle::AcceptedStarts;
pub(crate) use tokens::Tokens;
