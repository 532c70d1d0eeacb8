//! Access tokens, and how to obtain them.
//!
//! - [`AccessToken`] is a checked bearer token. No message, log or `Debug` output shows it, and [`TokenClaims`] reads what it
//!   says about itself.
//! - [`AccessToken::from_output`] reads the output of a command such as `az account get-access-token`.
//! - [`Credential`] is what proves to Entra who asks, and [`ObtainToken`] the exchange with it, one step at a time:
//!   requests, files, signatures and waits.
//! - [`CredentialKind`] reads a credential from the environment variables that platforms and tools set.
//! - [`KeptToken`] decides when a cached token is renewed, and [`Challenge`] says what a refused one lacked.
//!
//! Each exchange with an endpoint is also there as one request and one answer: [`ClientCredentials`], [`ClientAssertion`],
//! [`ManagedIdentity`] and [`GitHubActions`].
//!
//! A start obtains its token before it sends the POST. If that fails with [`TokenError`], no run was started.

pub(crate) mod address;
pub(crate) mod application;
pub(crate) mod certificate;
pub(crate) mod claims;
pub(crate) mod client_assertion;
pub(crate) mod client_credentials;
pub(crate) mod credential;
pub(crate) mod environment;
pub(crate) mod github;
pub(crate) mod managed_identity;
pub(crate) mod obtain;
pub(crate) mod pem;
pub(crate) mod refusal;
pub(crate) mod token;
pub(crate) mod token_answer;
pub(crate) mod token_output;
pub(crate) mod token_tries;

pub use self::{
    address::Route,
    application::Application,
    certificate::{AssertionSigner, SignerError, certificate_assertion},
    claims::TokenClaims,
    client_assertion::{Assertion, ClientAssertion},
    client_credentials::ClientCredentials,
    credential::Credential,
    environment::{CredentialKind, Variables, variable_line},
    github::GitHubActions,
    managed_identity::{ManagedIdentity, UserAssigned},
    obtain::{
        FileError, FileRead, ObtainToken, Signing, TokenCall, TokenPause, TokenReply, TokenStep,
    },
    pem::{PemError, PemFile, PrivateKey},
    refusal::TokenRefusal,
    token::{AccessToken, Challenge, KeptToken, TokenError},
    token_output::{SECRET_VARIABLES, SHELL},
};
