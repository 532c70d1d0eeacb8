//! The client: one for many tenants, cheap to clone.

use std::{fmt, sync::Arc};

use industrydata_clock::{Clock, SystemClock};
use industrydata_core::{
    Tenant, TenantError,
    ledger::Store,
    lro::Settings,
    wire::{BaseUrl, BaseUrlError, BuildError},
};
use industrydata_system::ClientClock;
use ureq::{config::ConfigBuilder, typestate::AgentScope};

use crate::{
    drive::Driver,
    http::Http,
    inner::Inner,
    stop::Stop,
    tenant_client::TenantClient,
    tokens::{Cache, IntoTokenSource, TokenSource},
};

/// The `User-Agent`, unless the settings have another.
const USER_AGENT: &str = concat!("industrydata-blocking/", env!("CARGO_PKG_VERSION"));
/// The most connections open at a time, unless set otherwise.
const CONNECTIONS: usize = 64;

/// Starts and polls runs, for any number of tenants over one pool of connections.
///
/// A clone is another handle to the same client.
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
/// let fabrikam = client.tenant("fabrikam")?;
/// contoso.start()?.until_done()?;
/// // Each tenant has its own five starts.
/// assert_eq!(contoso.quota()?.available(), 4);
/// assert_eq!(fabrikam.quota()?.available(), 5);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Client(Arc<Inner>);

impl Client {
    /// A client that takes its tokens from `tokens` and keeps its ledger in `store`.
    ///
    /// `tokens` is a [`TokenSource`](crate::TokenSource) or a [closure](IntoTokenSource). There is no default ledger:
    /// `industrydata_ledger::Ledger::memory()` is one that ends with the process.
    ///
    /// ```
    /// # fn from_a_vault() -> Result<String, std::io::Error> { Ok("a".to_owned()) }
    /// use industrydata_blocking::{Client, core::auth::{AccessToken, TokenError}};
    /// use industrydata_ledger::Ledger;
    ///
    /// let tokens = || {
    ///     let token = from_a_vault().map_err(TokenError::unavailable)?;
    ///     AccessToken::new(&token)
    /// };
    /// let client = Client::builder(tokens, Ledger::memory()).build()?;
    /// assert_eq!(client.base().as_str(), "https://graph.microsoft.com/beta");
    /// # Ok::<(), industrydata_blocking::BuildError>(())
    /// ```
    pub fn builder<K>(
        tokens: impl IntoTokenSource<K>,
        store: impl Store + 'static,
    ) -> ClientBuilder {
        ClientBuilder {
            tokens: tokens.into_source(),
            store: Box::new(store),
            settings: Ok(Settings::default()),
            clock: ClientClock::new(SystemClock),
            config: None,
            connections: CONNECTIONS,
        }
    }

    /// The client for one tenant.
    ///
    /// # Errors
    ///
    /// [`TenantError`] if the name is empty, too long, has a control character or stands for many tenants.
    pub fn tenant<T>(&self, tenant: T) -> Result<TenantClient, TenantError>
    where
        T: TryInto<Tenant>,
        TenantError: From<T::Error>,
    {
        let session = self.0.settings.of(tenant.try_into()?);
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
///
/// ```
/// use std::time::Duration;
/// use industrydata_blocking::{Client, FixedToken};
/// use industrydata_ledger::Ledger;
///
/// let client = Client::builder(FixedToken::new("eyJ0eXAi")?, Ledger::memory())
///     .base("https://graph.example/beta")
///     .with(|settings| settings.time_limit(Duration::from_secs(3600)))
///     .connections(4)
///     .build()?;
/// assert_eq!(client.base().as_str(), "https://graph.example/beta");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "nothing is built until `build` is called"]
pub struct ClientBuilder {
    tokens: Box<dyn TokenSource>,
    store: Box<dyn Store>,
    settings: Result<Settings, BaseUrlError>,
    clock: ClientClock,
    config: Option<ConfigBuilder<AgentScope>>,
    connections: usize,
}

impl ClientBuilder {
    /// The base URL of the service, as text or as a [`BaseUrl`]: `https://graph.microsoft.com/beta` unless set. If it cannot
    /// be used, [`build`](Self::build) returns the error.
    pub fn base<U>(mut self, base: U) -> Self
    where
        U: TryInto<BaseUrl>,
        BaseUrlError: From<U::Error>,
    {
        self.settings = self.settings.and_then(|it| Ok(it.base(base.try_into()?)));
        self
    }

    /// Changes the settings that do not depend on the HTTP client: [`Settings`] has the poll interval, the limits of time, the
    /// throttle and others.
    ///
    /// ```
    /// use std::time::Duration;
    /// # use industrydata_blocking::{Client, FixedToken};
    /// # fn client(tokens: FixedToken, ledger: industrydata_ledger::Ledger) {
    /// let builder = Client::builder(tokens, ledger)
    ///     .base("https://graph.example/beta")
    ///     .with(|settings| settings.polling(Duration::from_secs(30)).user_agent("rosters/2.1"));
    /// # }
    /// ```
    pub fn with(mut self, change: impl FnOnce(Settings) -> Settings) -> Self {
        self.settings = self.settings.map(change);
        self
    }

    /// Uses these settings in place of all that were set before, the base URL included.
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = Ok(settings);
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
    ///
    /// ```
    /// # use industrydata_blocking::{Client, FixedToken};
    /// # fn client(tokens: FixedToken, ledger: industrydata_ledger::Ledger) -> Result<Client, industrydata_blocking::BuildError> {
    /// let config = ureq::Agent::config_builder().no_delay(true);
    /// let client = Client::builder(tokens, ledger).config(config).connections(4).build()?;
    /// # Ok(client)
    /// # }
    /// ```
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections.max(1);
        self
    }

    /// Uses this clock in place of the machine's, for tests: for pauses, limits of time and the expiry of tokens. A client
    /// that would sleep on a [`ManualClock`](industrydata_clock::ManualClock), such as an emulator's, moves it instead
    /// ([why](industrydata_clock#why-a-sleep-moves-the-clock)). Give the same clock to the ledger. Requests keep their limits
    /// in real time.
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use industrydata_blocking::{Client, FixedToken};
    /// use industrydata_emulator::{Config, Emulator};
    /// use industrydata_ledger::Ledger;
    ///
    /// let began = Instant::now();
    /// let emulator = Emulator::start(Config::default())?;
    /// let ledger = Ledger::memory_with_clock(emulator.clock());
    /// let client = Client::builder(FixedToken::new(emulator.token())?, ledger)
    ///     .base(emulator.base_url())
    ///     .clock(emulator.clock())
    ///     .build()?;
    /// let contoso = client.tenant("contoso")?;
    ///
    /// // Five starts, each polled for its two minutes, and a sixth that has to wait.
    /// for _ in 0..5 {
    ///     contoso.start()?.until_done()?;
    /// }
    /// let error = contoso.start().unwrap_err();
    /// assert!(error.is_throttled());
    ///
    /// emulator.advance(Duration::from_secs(12 * 60 * 60));
    /// contoso.start()?.until_done()?;
    /// assert!(began.elapsed() < Duration::from_secs(10));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = ClientClock::new(clock);
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// [`BuildError`] if the base URL cannot be used, if there is no TLS, or if a proxy variable or the trusted certificates
    /// cannot be read.
    pub fn build(self) -> Result<Client, BuildError> {
        let settings = self.settings?;
        let base = settings.base_url();
        let (plain, local) = (!base.is_https(), base.is_loopback());
        let (host, stop) = (base.host().to_owned(), Stop::default());
        Ok(Client(Arc::new(Inner {
            http: Http::new(self.config, plain, local, &host, self.connections, &stop)?,
            tokens: Cache::new(self.tokens),
            store: self.store.into(),
            stop,
            clock: self.clock,
            settings: settings.sessions(USER_AGENT),
        })))
    }
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("base", &self.settings.as_ref().map(Settings::base_url))
            .finish_non_exhaustive()
    }
}
