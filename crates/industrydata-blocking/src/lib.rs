//! placeholder

mod client;
mod clock;
mod command;
mod connect;
mod credentials;
mod driver;
mod http;
mod run;
mod stop;
mod tenant_client;
mod tokens;

pub use industrydata_core as core;

pub use client::{BuildError, Client, ClientBuilder};
pub use command::CommandToken;
pub use credentials::CredentialsToken;
pub use run::Run;
pub use stop::Stop;
pub use tenant_client::TenantClient;
pub use tokens::{FixedToken, TokenSource};
