//! Client credentials as a token source.

use std::{fmt, time::Duration};

use crate::{
    http::Http,
    tokens::{TokenFuture, TokenSource},
};
use industrydata_core::{
    Deadline, Tenant,
    auth::{AccessToken, Challenge, ClientCredentials, TokenError, TokenTries},
    policy::Limits,
    wire::BuildError,
};
use industrydata_system::{any_seed, now};

/// The longest answer of a token endpoint, in bytes.
const BODY_LIMIT: usize = 256 * 1024;
/// Tenants that may ask at a time.
const CONNECTIONS: usize = 8;

/// Gets tokens with an application's credentials, over a separate connection to the authority.
///
/// After a transient error it asks again, up to three times and within
/// [`Limits::TOKEN`](industrydata_core::policy::Limits::TOKEN).
pub struct CredentialsToken {
    credentials: ClientCredentials,
    http: Http,
    limit: Duration,
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

    /// Asks the authority with a reqwest configuration, under the same conditions as
    /// [`ClientBuilder::config`](crate::ClientBuilder::config).
    ///
    /// # Errors
    ///
    /// [`BuildError`], as for a client.
    pub fn with_config(
        credentials: ClientCredentials,
        config: reqwest::ClientBuilder,
    ) -> Result<Self, BuildError> {
        Self::over(credentials, Some(config))
    }

    fn over(
        credentials: ClientCredentials,
        config: Option<reqwest::ClientBuilder>,
    ) -> Result<Self, BuildError> {
        Ok(Self {
            http: Http::new(
                config,
                credentials.is_plain(),
                credentials.is_loopback(),
                &credentials.host(),
                CONNECTIONS,
            )?,
            credentials,
            limit: Limits::default().request,
        })
    }

    /// The time the authority may take for its answer: 30 s unless set, and no more.
    #[must_use]
    pub fn request_limit(mut self, limit: Duration) -> Self {
        self.limit = limit.clamp(Duration::from_millis(1), Limits::default().request);
        self
    }
}

impl TokenSource for CredentialsToken {
    fn token<'a>(
        &'a self,
        tenant: &'a Tenant,
        challenge: Option<&'a Challenge>,
    ) -> TokenFuture<'a> {
        TokenFuture::new(self.obtain(tenant, challenge))
    }
}

impl CredentialsToken {
    /// Asks until there is a token, or no further try.
    async fn obtain(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
    ) -> Result<AccessToken, TokenError> {
        let mut tries = TokenTries::new(&self.credentials, any_seed(), now());
        loop {
            let error = match self.ask(tenant, challenge, &mut tries).await {
                Ok(token) => return Ok(token),
                Err(error) => error,
            };
            let Some(pause) = tries.pause(&error, now()) else {
                return Err(error);
            };
            tokio::time::sleep(pause).await;
        }
    }

    async fn ask(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
        tries: &mut TokenTries<'_>,
    ) -> Result<AccessToken, TokenError> {
        let request = self.credentials.request(tenant, challenge)?;
        let limit = self.limit.min(tries.time_limit(now()));
        let connection = self.http.connection(limit).await;
        let connection = connection.map_err(TokenError::unavailable)?;
        let (deadline, never) = (Deadline::after(limit, now()), std::future::pending());
        let answer = connection.send(request, deadline, |_| BODY_LIMIT, never);
        let (head, body) = answer.await.map_err(TokenError::unavailable)?;
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
