//! The two clients behind one interface.

mod asynchronous;
mod blocking;
mod client;

pub(crate) use self::client::{Client, OperationPoller, RunPoller, Setup};
use crate::{args::Http, report::Document, terminal};

/// Builds the client of this flavour. Nothing is sent.
pub(crate) fn client(http: Http, setup: Setup) -> Result<Box<dyn Client>, Box<Document>> {
    terminal::detail(format!(
        "credential: {}; client: {http}",
        setup.tokens.description()
    ));
    match http {
        Http::Blocking => blocking::client(setup),
        Http::Async => asynchronous::client(setup),
    }
}
