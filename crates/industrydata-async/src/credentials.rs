//! Credentials as a token source.

use std::{fmt, fs, io::Read, path::Path, time::Duration};

use industrydata_clock::{Clock, SystemClock};
use industrydata_core::{
    Deadline, Now, Tenant,
    auth::{
        AccessToken, Challenge, Credential, FileError, ObtainToken, TokenCall, TokenError,
        TokenStep,
    },
    policy::Limits,
    wire::BuildError,
};
use industrydata_system::{ClientClock, any_seed, now, now_by, on_a_thread};
use tokio::sync::oneshot;

use crate::{
    certificate::signer,
    endpoints::Endpoints,
    tokens::{TokenFuture, TokenSource},
};

/// Gets tokens with a [`Credential`], over separate connections to its endpoints.
///
/// It asks again after a transient error, within [`Limits::TOKEN`]. The client caches the token and passes claims
/// challenges on. A managed identity can neither carry them nor be made to give another token.
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
/// use industrydata_async::{CredentialsToken, core::auth::ClientCredentials};
///
/// let credentials = ClientCredentials::new(emulator.client_id(), emulator.client_secret())
///     .authority(emulator.authority_url())?; // leave it out for Microsoft's own
/// let tokens = CredentialsToken::new(credentials)?;
/// let client = Client::builder(tokens, Ledger::memory()).base(emulator.base_url()).build()?;
/// client.tenant("contoso")?.preflight().await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CredentialsToken {
    credential: Given,
    endpoints: Endpoints,
    limit: Duration,
    clock: ClientClock,
}

/// Where the credential of an exchange comes from.
enum Given {
    Once(Box<Credential>),
    Anew(Box<dyn Fn() -> Result<Credential, TokenError> + Send + Sync>),
}

impl CredentialsToken {
    /// Uses this credential, such as `ClientCredentials` or a `ManagedIdentity`.
    ///
    /// # Errors
    ///
    /// [`BuildError`], as for a client.
    pub fn new(credential: impl Into<Credential>) -> Result<Self, BuildError> {
        Self::given(Given::Once(Box::new(credential.into())), None)
    }

    /// Uses a reqwest configuration for the token endpoint, under the same conditions as
    /// [`ClientBuilder::config`](crate::ClientBuilder::config). A managed identity is always asked past any proxy.
    ///
    /// # Errors
    ///
    /// [`BuildError`], as for a client.
    pub fn with_config(
        credential: impl Into<Credential>,
        config: reqwest::ClientBuilder,
    ) -> Result<Self, BuildError> {
        Self::given(Given::Once(Box::new(credential.into())), Some(config))
    }

    /// Calls `read` for the credential of each exchange, because some platforms change the environment of a running
    /// process.
    ///
    /// ```
    /// use industrydata_async::{CredentialsToken, core::auth::{CredentialKind, Variables}};
    ///
    /// let tokens = CredentialsToken::anew(|| {
    ///     let variables = Variables::read(|name| std::env::var_os(name));
    ///     CredentialKind::Workload.credential(&variables)
    /// })?;
    /// # Ok::<(), industrydata_async::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`BuildError`], as for a client.
    pub fn anew(
        read: impl Fn() -> Result<Credential, TokenError> + Send + Sync + 'static,
    ) -> Result<Self, BuildError> {
        Self::given(Given::Anew(Box::new(read)), None)
    }

    /// The same with a configuration, as [`with_config`](Self::with_config) uses it.
    ///
    /// # Errors
    ///
    /// [`BuildError`], as for a client.
    pub fn anew_with_config(
        read: impl Fn() -> Result<Credential, TokenError> + Send + Sync + 'static,
        config: reqwest::ClientBuilder,
    ) -> Result<Self, BuildError> {
        Self::given(Given::Anew(Box::new(read)), Some(config))
    }

    fn given(
        credential: Given,
        config: Option<reqwest::ClientBuilder>,
    ) -> Result<Self, BuildError> {
        let endpoints = Endpoints::new(credential.get().ok().as_deref(), config)?;
        Ok(Self {
            credential,
            endpoints,
            limit: Limits::default().request,
            clock: ClientClock::new(SystemClock),
        })
    }

    /// The time that each answer may take: 30 s unless set, and no more.
    #[must_use]
    pub fn request_limit(mut self, limit: Duration) -> Self {
        self.limit = limit.clamp(Duration::from_millis(1), Limits::default().request);
        self
    }
}

impl CredentialsToken {
    /// Uses this clock in place of the machine's, for tests: a token expires by it. Give it that of the client.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock + 'static) -> Self {
        self.clock = ClientClock::new(clock);
        self
    }

    fn now(&self) -> Now {
        now_by(&self.clock)
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
    /// Carries out the exchange.
    async fn obtain(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
    ) -> Result<AccessToken, TokenError> {
        let credential = self.credential.get()?;
        let mut exchange = ObtainToken::new(&credential, tenant, challenge, any_seed(), self.now());
        loop {
            match exchange.step(self.now()) {
                TokenStep::Send(call) => self.send(call).await,
                TokenStep::Read(file) => {
                    let content = read(file.path(), file.limit()).await;
                    file.done(content, self.now());
                }
                TokenStep::Sign(signing) => {
                    let signer = signer(signing.pem());
                    signing.done(signer, self.now());
                }
                TokenStep::Wait(pause) => {
                    let (now, time) = (self.now(), pause.remaining(self.now()));
                    let until = now.steady.saturating_add(time);
                    if !self.clock.skip_to(until) {
                        tokio::time::sleep(time).await;
                        self.clock.slept_until(until);
                    }
                }
                TokenStep::Done(result) => return result,
            }
        }
    }

    async fn send(&self, call: TokenCall<'_, '_>) {
        let limit = self.limit.min(call.time_limit(self.now()));
        let endpoint = match self.endpoints.of(call.route(), call.host()) {
            Ok(endpoint) => endpoint,
            Err(error) => return call.unsent(error, self.now()),
        };
        let connection = match endpoint.connection(limit).await {
            Ok(connection) => connection,
            Err(error) => return call.unsent(error, self.now()),
        };
        let (request, reply) = call.request();
        let most = reply.body_limit();
        let (deadline, never) = (Deadline::after(limit, now()), std::future::pending());
        match connection.send(request, deadline, |_| most, never).await {
            Ok((head, body)) => reply.answer(&head, body, self.now()),
            Err(error) => reply.lost(error, self.now()),
        }
    }
}

impl Given {
    fn get(&self) -> Result<Box<Credential>, TokenError> {
        match self {
            Self::Once(credential) => Ok(credential.clone()),
            Self::Anew(read) => read().map(Box::new),
        }
    }
}

/// Reads a file on another thread.
async fn read(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    let path = path.to_owned();
    let other = |error: &dyn fmt::Display| FileError::Other(error.to_string());
    let (sender, receiver) = oneshot::channel();
    on_a_thread("token file", move || {
        drop(sender.send(read_now(&path, limit)))
    })
    .map_err(|error| other(&error))?;
    receiver.await.unwrap_or_else(|lost| Err(other(&lost)))
}

/// Reads a regular file, up to one byte more than the limit. A pipe might never end.
fn read_now(path: &Path, limit: usize) -> Result<Vec<u8>, FileError> {
    if !fs::metadata(path).map_err(file_error)?.is_file() {
        return Err(FileError::NotAFile);
    }
    let file = fs::File::open(path).map_err(file_error)?;
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(file_error)?;
    if bytes.len() > limit {
        return Err(FileError::TooLarge);
    }
    Ok(bytes)
}

fn file_error(error: std::io::Error) -> FileError {
    if error.kind() == std::io::ErrorKind::NotFound {
        FileError::NotFound
    } else {
        FileError::Other(error.to_string())
    }
}

impl fmt::Debug for CredentialsToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialsToken")
            .field("credential", &self.credential.get().ok())
            .finish_non_exhaustive()
    }
}
