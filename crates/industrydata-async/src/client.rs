//! The client: one for many tenants, cheap to clone.

use std::{fmt, sync::Arc, time::Duration};

use industrydata_core::Tenant;
use industrydata_core::TenantError;
use industrydata_core::endpoint::Service;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Store;
use industrydata_core::policy::Limits;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::Cause;

use crate::{
    books::{AsyncStore, Threaded},
    http::Http,
    stop::Stop,
    tenant_client::TenantClient,
    tokens::{Cache, TokenSource},
};

/// What this library calls itself in `User-Agent`.
const USER_AGENT: &str = concat!("industrydata-async/", env!("CARGO_PKG_VERSION"));
/// The most connections open at a time, unless set otherwise.
const CONNECTIONS: usize = 64;

/// Starts runs and sees them through, for any number of tenants over one pool of connections.
///
/// A clone is another handle to the same client. It is used within a tokio runtime with its I/O and time drivers.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) http: Http,
    pub(crate) tokens: Cache,
    pub(crate) books: Box<dyn AsyncStore>,
    pub(crate) service: Service,
    pub(crate) policy: PollingPolicy,
    pub(crate) throttle: Throttle,
    pub(crate) limits: Limits,
    pub(crate) who: Caller,
    pub(crate) stop: Stop,
}

impl Client {
    /// A client that takes its tokens from `tokens` and keeps its books in `books`.
    ///
    /// Books are asked for: `industrydata_ledger::Ledger::memory()` forgets them with the process, and must be written
    /// out.
    pub fn builder(
        tokens: impl TokenSource + 'static,
        books: impl Store + 'static,
    ) -> ClientBuilder {
        Self::with_async_store(tokens, Threaded(Arc::new(books)))
    }

    /// Like [`Client::builder`], with a store that answers by futures.
    pub fn with_async_store(
        tokens: impl TokenSource + 'static,
        books: impl AsyncStore + 'static,
    ) -> ClientBuilder {
        ClientBuilder {
            tokens: Box::new(tokens),
            books: Box::new(books),
            base: BaseUrl::graph(),
            config: None,
            policy: PollingPolicy::default(),
            throttle: Throttle::default(),
            limits: Limits::default(),
            connections: CONNECTIONS,
            user_agent: USER_AGENT.to_owned(),
            who: Caller::default(),
        }
    }

    /// The client for one tenant.
    ///
    /// # Errors
    ///
    /// [`TenantError`] if no tenant can have that name. A run may have started: no.
    pub fn tenant<T>(&self, tenant: T) -> Result<TenantClient, TenantError>
    where
        T: TryInto<Tenant>,
        TenantError: From<T::Error>,
    {
        Ok(TenantClient::new(self.clone(), tenant.try_into()?))
    }

    /// The service this client speaks to.
    #[must_use]
    pub fn base(&self) -> &BaseUrl {
        self.0.service.base()
    }

    /// A handle that ends what this client is doing, from any task or thread.
    #[must_use]
    pub fn stop_handle(&self) -> Stop {
        self.0.stop.clone()
    }

    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inner")
            .field("base", self.service.base())
            .field("policy", &self.policy)
            .field("throttle", &self.throttle)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Settings of a [`Client`]. Each has a sound default.
#[must_use = "nothing is built until `build` is called"]
pub struct ClientBuilder {
    tokens: Box<dyn TokenSource>,
    books: Box<dyn AsyncStore>,
    base: BaseUrl,
    config: Option<reqwest::ClientBuilder>,
    policy: PollingPolicy,
    throttle: Throttle,
    limits: Limits,
    connections: usize,
    user_agent: String,
    who: Caller,
}

impl ClientBuilder {
    /// Another base than `https://graph.microsoft.com/beta`.
    pub fn base(mut self, base: BaseUrl) -> Self {
        self.base = base;
        self
    }

    /// A reqwest configuration of the caller's own: proxies, roots, a TLS backend.
    ///
    /// Ours goes on top, last: no redirects, no retries, no decompression, http/1.1, no proxy for loopback, and our
    /// limits of time and size.
    pub fn config(mut self, config: reqwest::ClientBuilder) -> Self {
        self.config = Some(config);
        self
    }

    /// The pauses between polls.
    pub fn polling(mut self, policy: PollingPolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Another quota than five starts in twelve hours.
    pub fn throttle(mut self, throttle: Throttle) -> Self {
        self.throttle = throttle;
        self
    }

    /// The time one request may take with its answer's body; 30 s by default, 1 ms to 1 h.
    pub fn request_limit(mut self, limit: Duration) -> Self {
        self.limits.request = limit;
        self.limits = self.limits.clamped();
        self
    }

    /// The time a start and the wait for its operation may take together; 24 h by default.
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.limits.total = limit;
        self
    }

    /// The most connections open at a time; 64 by default, at least 1.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// The program's own `User-Agent`.
    pub fn user_agent(mut self, user_agent: impl Into<String>) -> Self {
        self.user_agent = user_agent.into();
        self
    }

    /// Who starts, for the people who read the books later.
    pub fn who(mut self, who: Caller) -> Self {
        self.who = who;
        self
    }

    /// The client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if there is no TLS to be had. A run may have started: no.
    pub fn build(self) -> Result<Client, BuildError> {
        let plain = !self.base.is_https();
        let local = self.base.is_loopback();
        Ok(Client(Arc::new(Inner {
            http: Http::new(self.config, plain, local, self.connections)?,
            tokens: Cache::new(self.tokens),
            books: self.books,
            service: Service::new(self.base, &self.user_agent),
            policy: self.policy,
            throttle: self.throttle,
            limits: self.limits,
            who: self.who,
            stop: Stop::default(),
        })))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("base", &self.base)
            .finish_non_exhaustive()
    }
}

/// A client that cannot be built. A run may have started: no.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The feature `rustls-no-provider` is on, and the process has installed no provider.
    #[error(
        "no TLS provider is installed: call `install_default` of a rustls provider first, or use the feature `rustls`"
    )]
    NoTlsProvider,
    /// The feature for TLS is off, and the base is `https`.
    #[error(
        "this build has no TLS: turn on one of the features `rustls`, `rustls-no-provider` and `native-tls`"
    )]
    NoTls,
    /// The HTTP client refused its configuration.
    #[error("the HTTP client cannot be built: {0}")]
    Client(Cause),
}

impl BuildError {
    pub(crate) fn client(error: reqwest::Error) -> Self {
        Self::Client(Cause::new(error))
    }
}
