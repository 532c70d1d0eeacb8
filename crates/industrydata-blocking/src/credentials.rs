//! Client credentials as a token source.

use std::{fmt, time::Duration};

use industrydata_core::{
    Deadline, Tenant,
    auth::{AccessToken, Challenge, ClientCredentials, TokenError, TokenTries},
    policy::Limits,
    wire::BuildError,
};
use industrydata_system::{any_seed, now};
use ureq::{config::ConfigBuilder, typestate::AgentScope};

use crate::{http::Http, stop::Stop, tokens::TokenSource};

/// The longest answer of a token endpoint, in bytes.
const BODY_LIMIT: usize = 256 * 1024;
/// Tenants that may ask at a time.
const CONNECTIONS: usize = 8;

/// Gets tokens with an application's credentials, over a separate connection to the authority.
///
/// After a transient error it asks again, up to three times and within
/// [`Limits::TOKEN`].
pub struct CredentialsToken {
    credentials: ClientCredentials,
    http: Http,
    limit: Duration,
    stop: Stop,
}

impl CredentialsToken {
    /// Asks the authority of `credentials`.
    ///
    /// # Errors
    ///
    /// [`BuildError`], as for a client.
    pub fn new(credentials: ClientCredentials) -> Result<Self, BuildError> {
        Self::over(credentials, None)
    }

    /// Asks the authority with a ureq configuration, under the same conditions as
    /// [`ClientBuilder::config`](crate::ClientBuilder::config).
    ///
    /// # Errors
    ///
    /// [`BuildError`], as for a client.
    pub fn with_config(
        credentials: ClientCredentials,
        config: ConfigBuilder<AgentScope>,
    ) -> Result<Self, BuildError> {
        Self::over(credentials, Some(config))
    }

    fn over(
        credentials: ClientCredentials,
        config: Option<ConfigBuilder<AgentScope>>,
    ) -> Result<Self, BuildError> {
        let stop = Stop::default();
        Ok(Self {
            http: Http::new(
                config,
                credentials.is_plain(),
                credentials.is_loopback(),
                &credentials.host(),
                CONNECTIONS,
                &stop,
            )?,
            credentials,
            limit: Limits::default().request,
            stop,
        })
    }

    /// The time the authority may take for its answer: 30 s unless set, and no more.
    #[must_use]
    pub fn request_limit(mut self, limit: Duration) -> Self {
        self.limit = limit.clamp(Duration::from_millis(1), Limits::default().request);
        self
    }

    /// A handle that cuts off the request that is in flight, and every later one.
    #[must_use]
    pub fn stop_handle(&self) -> Stop {
        self.stop.clone()
    }
}

impl TokenSource for CredentialsToken {
    fn token(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
    ) -> Result<AccessToken, TokenError> {
        let mut tries = TokenTries::new(&self.credentials, any_seed(), now());
        loop {
            let error = match self.ask(tenant, challenge, &mut tries) {
                Ok(token) => return Ok(token),
                Err(error) => error,
            };
            let Some(pause) = tries.pause(&error, now()) else {
                return Err(error);
            };
            self.stop.sleep(pause);
            if self.stop.is_stopped() {
                return Err(error);
            }
        }
    }
}

impl CredentialsToken {
    fn ask(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
        tries: &mut TokenTries<'_>,
    ) -> Result<AccessToken, TokenError> {
        let request = self.credentials.request(tenant, challenge)?;
        if self.stop.is_stopped() {
            return Err(TokenError::unavailable(
                "stopped before a token was asked for",
            ));
        }
        let limit = self.limit.min(tries.time_limit(now()));
        let connection = self
            .http
            .connection(limit, &self.stop)
            .map_err(TokenError::unavailable)?;
        let deadline = Deadline::after(limit, now());
        let (head, body) = connection
            .send(request, deadline, |_| BODY_LIMIT)
            .map_err(TokenError::unavailable)?;
        tries.read(&head, body, now())
    }
}

impl fmt::Debug for CredentialsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsToken")
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}
