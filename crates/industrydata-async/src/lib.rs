//! placeholder

mod books;
mod client;
mod clock;
mod command;
mod connect;
mod credentials;
mod driver;
mod http;
mod run;
mod stop;
mod stream;
mod tenant_client;
mod tokens;

pub use industrydata_core as core;

pub use books::{AsyncStore, BookFuture};
pub use client::{BuildError, Client, ClientBuilder};
pub use command::CommandToken;
pub use credentials::CredentialsToken;
pub use run::Run;
pub use stop::Stop;
pub use stream::RunStream;
pub use tenant_client::TenantClient;
pub use tokens::{FixedToken, TokenFuture, TokenSource};
