//! The service as a value: requests and the time go in, responses come out.

mod accept;
mod assertion;
mod control;
mod endpoint;
mod handle;
mod identity;
mod inspect;
mod issue;
mod origin;
mod page;
mod route;
mod serve;
mod signature;
mod state;
mod token_endpoint;

pub(crate) use identity::GITHUB_TOKEN;
pub use state::{MAX_BODY, Service};
