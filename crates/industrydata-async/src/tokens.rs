//! Token sources, and the cache of tokens.

use std::{
    collections::HashMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use industrydata_clock::Clock;
use industrydata_core::{
    Tenant, Timestamp,
    auth::{AccessToken, Challenge, KeptToken, TokenError},
};
use industrydata_system::with_reqwest::sleep;

/// A source of access tokens for `https://graph.microsoft.com`, or for the service at another base URL.
///
/// The client caches the token of each tenant. It calls the source again only shortly before the token expires and
/// after a refusal, once at a time for a tenant. An async closure [becomes a source](IntoTokenSource).
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # use industrydata_async::{Client, FixedToken};
/// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
/// # use industrydata_ledger::Ledger;
/// # let emulator = Emulator::start(Config::default())?;
/// # let ledger = Ledger::memory_with_clock(emulator.clock());
/// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
/// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
/// # let contoso = client.tenant("contoso")?;
/// use industrydata_async::{TokenFuture, TokenSource, core::{Tenant, auth::{AccessToken, Challenge, TokenError}}};
///
/// /// Asks a vault that knows each tenant.
/// struct Vault(String);
///
/// impl TokenSource for Vault {
///     fn token<'a>(&'a self, tenant: &'a Tenant, _: Option<&'a Challenge>) -> TokenFuture<'a> {
///         TokenFuture::new(async move {
///             println!("a token for {tenant}");
///             AccessToken::new(&self.0)
///         })
///     }
/// }
///
/// let tokens = Vault(emulator.token().to_owned());
/// let client = Client::builder(tokens, Ledger::memory()).base(emulator.base_url()).build()?;
/// client.tenant("contoso")?.preflight().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait TokenSource: Send + Sync {
    /// Returns a token for `tenant`. With a challenge, the service has refused the last token: the call fails if the
    /// source returns the same one. Pass [`Challenge::claims`] to the authority.
    ///
    /// The future is dropped after [`Limits::TOKEN`](industrydata_core::policy::Limits::TOKEN), because a slot is
    /// reserved meanwhile.
    ///
    /// # Errors
    ///
    /// [`TokenError`]. A start then sends nothing.
    fn token<'a>(&'a self, tenant: &'a Tenant, challenge: Option<&'a Challenge>)
    -> TokenFuture<'a>;
}

/// The future of a token, boxed so that sources are usable as `dyn`.
#[must_use = "futures do nothing unless polled"]
pub struct TokenFuture<'a>(
    Pin<Box<dyn Future<Output = Result<AccessToken, TokenError>> + Send + 'a>>,
);

impl<'a> TokenFuture<'a> {
    /// Boxes `future`.
    pub fn new(future: impl Future<Output = Result<AccessToken, TokenError>> + Send + 'a) -> Self {
        Self(Box::pin(future))
    }
}

impl Future for TokenFuture<'_> {
    type Output = Result<AccessToken, TokenError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for TokenFuture<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenFuture").finish_non_exhaustive()
    }
}

/// What a client takes as its token source: a [`TokenSource`], or an async closure or function that returns a token, with
/// the arguments of [`TokenSource::token`] or without arguments.
///
/// A closure is cloned for each call, and what it has captured with it. So its future may hold what it needs, and be sent
/// to another thread, which a borrow from the closure would not allow. `K` is inferred. It tells the three apart.
///
/// ```
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// # use industrydata_async::{Client, FixedToken};
/// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
/// # use industrydata_ledger::Ledger;
/// # let emulator = Emulator::start(Config::default())?;
/// # let ledger = Ledger::memory_with_clock(emulator.clock());
/// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
/// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
/// # let contoso = client.tenant("contoso")?;
/// use industrydata_async::core::{Tenant, auth::{AccessToken, Challenge}};
///
/// let text = emulator.token().to_owned();
/// let plain = Client::builder(async move || AccessToken::new(&text), Ledger::memory());
/// plain.base(emulator.base_url()).build()?.tenant("contoso")?.preflight().await?;
///
/// let text = emulator.token().to_owned();
/// let informed = Client::builder(
///     async move |tenant: &Tenant, _: Option<&Challenge>| {
///         println!("a token for {tenant}");
///         AccessToken::new(&text)
///     },
///     Ledger::memory(),
/// );
/// informed.base(emulator.base_url()).build()?.tenant("contoso")?.preflight().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
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

impl<F, T> IntoTokenSource<fn()> for F
where
    F: FnOnce() -> T + Clone + Send + Sync + 'static,
    T: Future<Output = Result<AccessToken, TokenError>> + Send + 'static,
{
    fn into_source(self) -> Box<dyn TokenSource> {
        Box::new(Plain(self))
    }
}

impl<F> IntoTokenSource<fn(&Tenant, Option<&Challenge>)> for F
where
    F: for<'a> AsyncTokenFn<'a> + Clone + Send + Sync + 'static,
{
    fn into_source(self) -> Box<dyn TokenSource> {
        Box::new(WithArguments(self))
    }
}

/// A closure without arguments.
struct Plain<F>(F);

impl<F, T> TokenSource for Plain<F>
where
    F: FnOnce() -> T + Clone + Send + Sync,
    T: Future<Output = Result<AccessToken, TokenError>> + Send + 'static,
{
    fn token<'a>(&'a self, _: &'a Tenant, _: Option<&'a Challenge>) -> TokenFuture<'a> {
        TokenFuture::new(self.0.clone()())
    }
}

/// A closure with the arguments of the trait.
struct WithArguments<F>(F);

impl<F: for<'a> AsyncTokenFn<'a> + Clone + Send + Sync> TokenSource for WithArguments<F> {
    fn token<'a>(
        &'a self,
        tenant: &'a Tenant,
        challenge: Option<&'a Challenge>,
    ) -> TokenFuture<'a> {
        TokenFuture::new(self.0.clone()(tenant, challenge))
    }
}

/// Such a closure for one lifetime: the bound of a future that borrows its arguments cannot be written otherwise.
pub trait AsyncTokenFn<'a>: FnOnce(&'a Tenant, Option<&'a Challenge>) -> Self::Token {
    /// Its future.
    type Token: Future<Output = Result<AccessToken, TokenError>> + Send + 'a;
}

impl<'a, F, T> AsyncTokenFn<'a> for F
where
    F: FnOnce(&'a Tenant, Option<&'a Challenge>) -> T,
    T: Future<Output = Result<AccessToken, TokenError>> + Send + 'a,
{
    type Token = T;
}

impl TokenSource for Box<dyn TokenSource> {
    fn token<'a>(
        &'a self,
        tenant: &'a Tenant,
        challenge: Option<&'a Challenge>,
    ) -> TokenFuture<'a> {
        (**self).token(tenant, challenge)
    }
}

impl<S: TokenSource + ?Sized> TokenSource for Arc<S> {
    fn token<'a>(
        &'a self,
        tenant: &'a Tenant,
        challenge: Option<&'a Challenge>,
    ) -> TokenFuture<'a> {
        (**self).token(tenant, challenge)
    }
}

/// A token that never changes. Once the service has refused it, calls fail.
///
/// ```
/// use industrydata_async::FixedToken;
///
/// let tokens = FixedToken::new("eyJ0eXAi.eyJhdWQi.c2ln")?;
/// assert!(FixedToken::new("Bearer eyJ0eXAi").is_err());
/// # Ok::<(), industrydata_async::core::auth::TokenError>(())
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
    fn token<'a>(&'a self, _: &'a Tenant, _: Option<&'a Challenge>) -> TokenFuture<'a> {
        TokenFuture::new(std::future::ready(Ok(self.0.clone())))
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
    kept: tokio::sync::Mutex<(KeptToken, Option<TokenError>)>,
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
    pub(crate) async fn token(
        &self,
        slot: &Slot,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
        limit: Duration,
        clock: &dyn Clock,
    ) -> Result<AccessToken, TokenError> {
        let calls = slot.calls.load(Ordering::Acquire);
        let mut kept = within(limit, async { Ok(slot.kept.lock().await) }).await?;
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
        // A source that hangs leaves a kept token in use, like one that fails.
        let answer = within(limit, self.source.token(tenant, challenge)).await;
        kept.1 = answer.as_ref().err().cloned();
        slot.calls.fetch_add(1, Ordering::Release);
        kept.0.renewed(answer, challenge, clock.utc())
    }
}

async fn within<T>(
    limit: Duration,
    answer: impl Future<Output = Result<T, TokenError>>,
) -> Result<T, TokenError> {
    tokio::select! {
        biased;
        answer = answer => answer,
        () = sleep(limit) => {
            let limit = limit.as_secs_f64();
            Err(TokenError::unavailable(format!(
                "the token source gave none within {limit:.1} s"
            )))
        }
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
