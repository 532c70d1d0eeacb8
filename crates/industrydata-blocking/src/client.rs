//! The client: one for many tenants, cheap to clone.

use std::{fmt, sync::Arc};

use industrydata_core::{
    Tenant, TenantError,
    ledger::Store,
    lro::Settings,
    wire::{BaseUrl, BuildError},
};
use ureq::{config::ConfigBuilder, typestate::AgentScope};

use crate::{
    drive::Driver,
    http::Http,
    inner::Inner,
    stop::Stop,
    tenant_client::TenantClient,
    tokens::{Cache, TokenSource},
};

/// The `User-Agent`, unless the settings have another.
const USER_AGENT: &str = concat!("industrydata-blocking/", env!("CARGO_PKG_VERSION"));
/// The most connections open at a time, unless set otherwise.
const CONNECTIONS: usize = 64;

/// Starts and polls runs, for any number of tenants over one pool of connections.
///
/// A clone is another handle to the same client.
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

impl Client {
    /// A client that takes its tokens from `tokens` and keeps its ledger in `store`.
    ///
    /// There is no default ledger. `industrydata_ledger::Ledger::memory()` is one that ends with the process.
    pub fn builder(
        tokens: impl TokenSource + 'static,
        store: impl Store + 'static,
    ) -> ClientBuilder {
        ClientBuilder {
            tokens: Box::new(tokens),
            store: Box::new(store),
            settings: Settings::default(),
            config: None,
            connections: CONNECTIONS,
        }
    }

    /// The client for one tenant.
    ///
    /// # Errors
    ///
    /// [`TenantError`] if the name is empty, too long or has a control character.
    pub fn tenant<T>(&self, tenant: T) -> Result<TenantClient, TenantError>
    where
        T: TryInto<Tenant>,
        TenantError: From<T::Error>,
    {
        let session = self.0.settings.session(tenant.try_into()?, USER_AGENT);
        Ok(TenantClient::new(Driver::new(Arc::clone(&self.0), session)))
    }

    /// The base URL of the service.
    #[must_use]
    pub fn base(&self) -> &BaseUrl {
        self.0.settings.base_url()
    }

    /// A handle that stops this client, from any thread.
    #[must_use]
    pub fn stop_handle(&self) -> Stop {
        self.0.stop.clone()
    }
}

/// Builds a [`Client`].
#[must_use = "nothing is built until `build` is called"]
pub struct ClientBuilder {
    tokens: Box<dyn TokenSource>,
    store: Box<dyn Store>,
    settings: Settings,
    config: Option<ConfigBuilder<AgentScope>>,
    connections: usize,
}

impl ClientBuilder {
    /// Uses these settings, which do not depend on the HTTP client: base URL, poll interval, limits of time, throttle
    /// and others.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// A ureq configuration: its proxy, roots and TLS provider in place of what this machine's environment and store say
    /// ([the crate's page](crate#the-network)).
    ///
    /// ureq opens the connections with it. Loopback has no proxy, whatever it says. It does not apply to requests: limits of
    /// time and size, redirects, header fields and middleware are this client's own.
    pub fn config(mut self, config: ConfigBuilder<AgentScope>) -> Self {
        self.config = Some(config);
        self
    }

    /// The most connections open at a time: 64 by default, at least 1.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if there is no TLS, or if a proxy variable or the trusted certificates cannot be read.
    pub fn build(self) -> Result<Client, BuildError> {
        let base = self.settings.base_url();
        let (plain, local) = (!base.is_https(), base.is_loopback());
        let (host, stop) = (base.host().to_owned(), Stop::default());
        Ok(Client(Arc::new(Inner {
            http: Http::new(self.config, plain, local, &host, self.connections, &stop)?,
            tokens: Cache::new(self.tokens),
            store: self.store,
            stop,
            settings: self.settings,
        })))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}
