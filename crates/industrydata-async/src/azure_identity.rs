//! Credentials of the Azure SDK as a token source.

use std::{fmt, sync::Arc};

use azure_core::credentials::TokenCredential;
use industrydata_core::{
    Tenant, Timestamp,
    auth::{AccessToken, Challenge, TokenError},
};

use industrydata_system::now;

use crate::tokens::{TokenFuture, TokenSource};

const SCOPE: &str = "https://graph.microsoft.com/.default";

/// Gets tokens from any credential of the Azure SDK, such as those of the crate `azure_identity`.
///
/// The credential gets neither the tenant nor a claims challenge, because its interface has no place for them. It caches its
/// tokens, and no call makes it forget one: if it returns the token that the service has refused, the call ends.
///
/// ```no_run
/// use industrydata_async::{AzureIdentityToken, Client};
/// # use azure_core::credentials::TokenCredential;
/// # fn client(credential: std::sync::Arc<dyn TokenCredential>, ledger: industrydata_ledger::Ledger) {
/// // Such as `azure_identity::ManagedIdentityCredential::new(None)?`.
/// let client = Client::builder(AzureIdentityToken::new(credential), ledger).build();
/// # }
/// ```
pub struct AzureIdentityToken {
    credential: Arc<dyn TokenCredential>,
    scope: String,
}

impl AzureIdentityToken {
    /// Uses this credential.
    #[must_use]
    pub fn new(credential: Arc<dyn TokenCredential>) -> Self {
        Self {
            credential,
            scope: SCOPE.to_owned(),
        }
    }

    /// Requests this scope instead of `https://graph.microsoft.com/.default`.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    async fn obtain(&self, challenge: Option<&Challenge>) -> Result<AccessToken, TokenError> {
        let got = self.credential.get_token(&[&self.scope], None).await;
        let got = got.map_err(|error| {
            let status = error.http_status().map(u16::from);
            let is_final =
                status.is_some_and(|it| (400..500).contains(&it) && ![408, 429].contains(&it));
            if is_final {
                TokenError::Refused(error.to_string().into())
            } else {
                TokenError::unavailable(error)
            }
        })?;
        let token = AccessToken::new(got.token.secret())?;
        if challenge.is_some_and(|it| it.refused().is_same_token(&token)) {
            let text = "the credential returned the token again that the service has refused, and no call makes it get another one";
            return Err(TokenError::Refused(text.to_owned().into()));
        }
        let expires = Timestamp::from_second(got.expires_on.unix_timestamp());
        Ok(token.with_life(now().utc, expires.unwrap_or(Timestamp::MAX)))
    }
}

impl TokenSource for AzureIdentityToken {
    fn token<'a>(&'a self, _: &'a Tenant, challenge: Option<&'a Challenge>) -> TokenFuture<'a> {
        TokenFuture::new(self.obtain(challenge))
    }
}

impl fmt::Debug for AzureIdentityToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AzureIdentityToken")
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}
