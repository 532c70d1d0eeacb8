//! The two clients behind one interface.

mod asynchronous;
mod blocking;
mod client;

pub(crate) use self::client::{Client, OperationPoller, RunPoller, Setup};
use std::time::Duration;

use industrydata_core::Tenant;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::TokenError;

use crate::{
    args::Http,
    report::Document,
    signals::Interrupt,
    terminal,
    tokens::{Deadline, Tokens},
};

/// Builds the client of this flavour. Nothing is sent.
pub(crate) fn client(http: Http, setup: Setup) -> Result<Box<dyn Client>, Box<Document>> {
    terminal::detail(format!("client: {http}"));
    match http {
        Http::Blocking => blocking::client(setup),
        Http::Async => asynchronous::client(setup),
    }
}

/// Obtains one token, within the time limit.
pub(crate) fn token(
    http: Http,
    tokens: Tokens,
    tenant: &Tenant,
    request_timeout: Duration,
    deadline: &Deadline,
    interrupt: &Interrupt,
) -> Result<Result<AccessToken, TokenError>, Box<Document>> {
    let timeout = deadline.remaining();
    match http {
        Http::Blocking => blocking::token(tokens, tenant, request_timeout, timeout, interrupt),
        Http::Async => asynchronous::token(tokens, tenant, request_timeout, timeout, interrupt),
    }
}
