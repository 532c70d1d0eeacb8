//! The service as a value: requests and the time go in, responses come out.

mod accept;
mod control;
mod endpoint;
mod handle;
mod inspect;
mod origin;
mod page;
mod route;
mod serve;
mod state;
mod token_endpoint;

pub use state::{MAX_BODY, Service};
