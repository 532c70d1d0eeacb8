//! Access tokens as values, the texts that carry them, and the exchanges with a token endpoint.

pub(crate) mod client_credentials;
pub(crate) mod token;
pub(crate) mod token_output;

pub use self::{
    client_credentials::ClientCredentials,
    token::{AccessToken, Challenge, KeptToken, TokenError},
};
