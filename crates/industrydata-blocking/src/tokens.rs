//! Token sources, and the cache of tokens.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use industrydata_clock::Clock;
use industrydata_core::{
    Tenant, Timestamp,
    auth::{AccessToken, Challenge, KeptToken, TokenError},
};

/// A source of access tokens for `https://graph.microsoft.com`, or for the service at another base URL.
///
/// The client caches the token of each tenant. It calls the source again only shortly before the token expires and
/// after a refusal, once at a time for a tenant. A closure of the same shape is a source; one without arguments
/// [becomes one](IntoTokenSource).
///
/// ```
/// # use industrydata_blocking::{Client, FixedToken};
/// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
/// # use industrydata_ledger::Ledger;
/// # let emulator = Emulator::start(Config::default())?;
/// # let ledger = Ledger::memory_with_clock(emulator.clock());
/// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
/// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
/// # let contoso = client.tenant("contoso")?;
/// use industrydata_blocking::{TokenSource, core::{Tenant, auth::{AccessToken, Challenge, TokenError}}};
///
/// /// Reads the token from a file that another program renews.
/// struct TokenFile(std::path::PathBuf);
///
/// impl TokenSource for TokenFile {
///     fn token(&self, _: &Tenant, _: Option<&Challenge>) -> Result<AccessToken, TokenError> {
///         let text = std::fs::read(&self.0).map_err(TokenError::unavailable)?;
///         AccessToken::from_output(text, industrydata_blocking::core::Timestamp::now())
///     }
/// }
///
/// let client = Client::builder(TokenFile("/run/token".into()), Ledger::memory()).base(emulator.base_url()).build()?;
/// // There is no such file here, so nothing is sent.
/// assert!(!client.tenant("contoso")?.start().unwrap_err().is_in_doubt());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait TokenSource: Send + Sync {
    /// Returns a token for `tenant`. With a challenge, the service has refused the last token: the call fails if the
    /// source returns the same one. Pass [`Challenge::claims`] to the authority.
    ///
    /// It should return within [`Limits::TOKEN`](industrydata_core::policy::Limits::TOKEN), because a slot is reserved
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// [`TokenError`]. A start then sends nothing.
    fn token(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
    ) -> Result<AccessToken, TokenError>;
}

impl<F> TokenSource for F
where
    F: Fn(&Tenant, Option<&Challenge>) -> Result<AccessToken, TokenError> + Send + Sync,
{
    fn token(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
    ) -> Result<AccessToken, TokenError> {
        self(tenant, challenge)
    }
}

/// What a client takes as its token source: a [`TokenSource`], or a closure that returns a token, with the arguments of
/// [`TokenSource::token`] or without arguments.
///
/// `K` is inferred. It tells these apart.
///
/// ```
/// # use industrydata_blocking::{Client, FixedToken};
/// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
/// # use industrydata_ledger::Ledger;
/// # let emulator = Emulator::start(Config::default())?;
/// # let ledger = Ledger::memory_with_clock(emulator.clock());
/// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
/// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
/// # let contoso = client.tenant("contoso")?;
/// use industrydata_blocking::core::{Tenant, auth::{AccessToken, Challenge}};
///
/// let text = emulator.token().to_owned();
/// let plain = Client::builder(move || AccessToken::new(&text), Ledger::memory());
/// plain.base(emulator.base_url()).build()?.tenant("contoso")?.preflight()?;
///
/// let text = emulator.token().to_owned();
/// let informed = Client::builder(
///     move |tenant: &Tenant, _: Option<&Challenge>| {
///         println!("a token for {tenant}");
///         AccessToken::new(&text)
///     },
///     Ledger::memory(),
/// );
/// informed.base(emulator.base_url()).build()?.tenant("contoso")?.preflight()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait IntoTokenSource<K> {
    /// The token source.
    fn into_source(self) -> Box<dyn TokenSource>;
}

impl<S: TokenSource + 'static> IntoTokenSource<()> for S {
    fn into_source(self) -> Box<dyn TokenSource> {
        Box::new(self)
    }
}

impl<F> IntoTokenSource<fn()> for F
where
    F: Fn() -> Result<AccessToken, TokenError> + Send + Sync + 'static,
{
    fn into_source(self) -> Box<dyn TokenSource> {
        Box::new(move |_: &Tenant, _: Option<&Challenge>| self())
    }
}

impl TokenSource for Box<dyn TokenSource> {
    fn token(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
    ) -> Result<AccessToken, TokenError> {
        (**self).token(tenant, challenge)
    }
}

impl<S: TokenSource + ?Sized> TokenSource for Arc<S> {
    fn token(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
    ) -> Result<AccessToken, TokenError> {
        (**self).token(tenant, challenge)
    }
}

/// A token that never changes. Once the service has refused it, calls fail.
///
/// ```
/// use industrydata_blocking::FixedToken;
///
/// let tokens = FixedToken::new("eyJ0eXAi.eyJhdWQi.c2ln")?;
/// assert!(FixedToken::new("Bearer eyJ0eXAi").is_err());
/// # Ok::<(), industrydata_blocking::core::auth::TokenError>(())
/// ```
#[derive(Clone, Debug)]
pub struct FixedToken(AccessToken);

impl FixedToken {
    /// Always answers with `token`, given as text or as an [`AccessToken`].
    ///
    /// # Errors
    ///
    /// [`TokenError::Malformed`] if the text is not a bearer token, as for [`AccessToken::new`]. The error does not contain
    /// the text.
    pub fn new<T>(token: T) -> Result<Self, TokenError>
    where
        T: TryInto<AccessToken>,
        TokenError: From<T::Error>,
    {
        Ok(Self(token.try_into()?))
    }
}

impl From<AccessToken> for FixedToken {
    fn from(token: AccessToken) -> Self {
        Self(token)
    }
}

impl TokenSource for FixedToken {
    fn token(&self, _: &Tenant, _: Option<&Challenge>) -> Result<AccessToken, TokenError> {
        Ok(self.0.clone())
    }
}

/// Caches the token of each tenant. One call of the source serves all callers that wait for it.
pub(crate) struct Cache {
    source: Box<dyn TokenSource>,
    slots: Mutex<HashMap<Tenant, Arc<Slot>>>,
}

/// The place of one tenant in the cache.
#[derive(Default)]
pub(crate) struct Slot {
    /// Calls of the source that have ended.
    calls: AtomicU64,
    kept: Mutex<(KeptToken, Option<TokenError>)>,
}

impl Cache {
    pub(crate) fn new(source: Box<dyn TokenSource>) -> Self {
        Self {
            source,
            slots: Mutex::default(),
        }
    }

    /// The tenant's place. It is looked for once for all calls of a tenant's client.
    pub(crate) fn slot(&self, tenant: &Tenant) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(slots.entry(tenant.clone()).or_default())
    }

    /// The cached token, or one of the source. `slot` is the tenant's.
    pub(crate) fn token(
        &self,
        slot: &Slot,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
        clock: &dyn Clock,
    ) -> Result<AccessToken, TokenError> {
        let calls = slot.calls.load(Ordering::Acquire);
        let mut kept = slot.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = kept.0.usable(challenge, clock.utc()) {
            return Ok(token);
        }
        if slot.calls.load(Ordering::Acquire) != calls
            && let Some(error) = &kept.1
        {
            // The call this one waited for has failed: both fail.
            let error = error.clone();
            return kept.0.renewed(Err(error), challenge, clock.utc());
        }
        let answer = self.source.token(tenant, challenge);
        kept.1 = answer.as_ref().err().cloned();
        slot.calls.fetch_add(1, Ordering::Release);
        kept.0.renewed(answer, challenge, clock.utc())
    }
}

impl Slot {
    /// The cached token, if it can be used and no call of the source is awaited.
    pub(crate) fn kept(
        &self,
        challenge: Option<&Challenge>,
        now: Timestamp,
    ) -> Option<AccessToken> {
        let kept = self.kept.try_lock().ok()?;
        kept.0.usable(challenge, now)
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}
