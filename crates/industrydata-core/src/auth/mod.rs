//! Access tokens, and how to obtain them.
//!
//! - [`AccessToken`] is a checked bearer token. No message, log or `Debug` output shows it.
//! - [`AccessToken::from_output`] reads the output of a command such as `az account get-access-token`.
//! - [`ClientCredentials`] is the OAuth 2 flow of an application, as one request and one answer, and [`TokenTries`] says
//!   when to repeat it.
//! - [`KeptToken`] decides when a cached token is renewed, and [`Challenge`] says what a refused one lacked.
//!
//! A start obtains its token before it sends the POST. If that fails with [`TokenError`], no run was started.

pub(crate) mod client_credentials;
pub(crate) mod token;
pub(crate) mod token_output;
pub(crate) mod token_tries;

pub use self::{
    client_credentials::ClientCredentials,
    token::{AccessToken, Challenge, KeptToken, TokenError},
    token_output::{SECRET_VARIABLES, SHELL},
    token_tries::TokenTries,
};
