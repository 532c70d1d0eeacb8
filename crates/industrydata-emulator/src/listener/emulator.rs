//! The service on a loopback socket, served from a dedicated thread.

use std::{
    fmt,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use industrydata_clock::ManualClock;
use jiff::Timestamp;
use tokio::{runtime, sync::oneshot, time::sleep};

use crate::{
    certificate,
    config::Config,
    fault::Fault,
    listener::connection::Shared,
    service::{GITHUB_TOKEN, Service},
    time::{later, since},
};

/// How long to wait for the thread to end. It only has to drop its sockets.
const STOP_LIMIT: Duration = Duration::from_secs(2);

/// How often the life of a token in a file is compared with the clock, which may be advanced at any time.
const RENEWAL_TICK: Duration = Duration::from_millis(100);

/// How long to wait after a failed accept, for example when the process has no file descriptors left.
const ACCEPT_RETRY: Duration = Duration::from_millis(20);

/// A service that listens on 127.0.0.1. It listens on no other address because its tokens are public.
///
/// It runs on its own thread, so it can be created and dropped anywhere, even inside an asynchronous runtime. Dropping it
/// closes the port and every connection.
///
/// ```
/// use std::time::Duration;
/// use industrydata_emulator::{Config, Emulator};
///
/// let emulator = Emulator::start(Config::default())?;
/// println!("base URL {}, token {}", emulator.base_url(), emulator.token());
///
/// // The schedule begins a run every twelve hours.
/// emulator.advance(Duration::from_secs(12 * 3600));
/// assert!(emulator.with_service(|service| !service.runs().is_empty()));
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Emulator {
    shared: Shared,
    authority: String,
    token: String,
    client: (String, String),
    tenant_id: String,
    runtime: runtime::Handle,
    stop: Option<oneshot::Sender<()>>,
    stopped: Mutex<mpsc::Receiver<()>>,
}

impl fmt::Debug for Emulator {
    /// Without its token and its secret, and without waiting for the service.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emulator")
            .field("authority", &self.authority)
            .field("tenant_id", &self.tenant_id)
            .field("now", &self.shared.clock.now())
            .finish_non_exhaustive()
    }
}

impl Emulator {
    /// Starts a service whose clock begins at the machine's time.
    ///
    /// # Errors
    ///
    /// If the port is in use, or the system has no threads or file descriptors left.
    pub fn start(config: Config) -> io::Result<Self> {
        Self::start_with(config, ManualClock::real())
    }

    /// Starts a service with this clock.
    ///
    /// # Errors
    ///
    /// See [`Emulator::start`].
    pub fn start_with(mut config: Config, clock: ManualClock) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, config.port))?;
        listener.set_nonblocking(true)?;
        let authority = format!("http://{}", listener.local_addr()?);
        config.base = format!("{authority}/beta");
        let token = config
            .tokens
            .first()
            .map(|grant| grant.token.clone())
            .unwrap_or_default();
        let client = (config.client.id.clone(), config.client.secret.clone());
        let tenant_id = config.client.tenant_id.clone();
        let service = Arc::new(Mutex::new(Service::new(config, clock.now())));
        let shared = Shared { service, clock };

        let (stop, stopping) = oneshot::channel();
        let (ready, is_ready) = mpsc::sync_channel(1);
        let (ended, stopped) = mpsc::sync_channel(1);
        let for_connections = shared.clone();
        thread::Builder::new()
            .name("industrydata-emulator".to_owned())
            .spawn(move || {
                run(listener, for_connections, &ready, stopping);
                // The receiver is gone only if the drop of the emulator gave up waiting.
                let _ = ended.send(());
            })?;
        let runtime = is_ready.recv().map_err(io::Error::other)??;
        Ok(Self {
            shared,
            authority,
            token,
            client,
            tenant_id,
            runtime,
            stop: Some(stop),
            stopped: Mutex::new(stopped),
        })
    }

    /// The service root: `http://127.0.0.1:PORT/beta`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("{}/beta", self.authority)
    }

    /// The authority of the token endpoint, before `/{tenant}/oauth2/v2.0/token`: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn authority_url(&self) -> &str {
        &self.authority
    }

    /// The first configured token, or an empty string.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The `client_id` for the token endpoint.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client.0
    }

    /// The `client_secret` for the token endpoint.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.client.1
    }

    /// The directory id of the tenant, for `AZURE_TENANT_ID`.
    #[must_use]
    pub fn tenant_id(&self) -> &str {
        &self.tenant_id
    }

    /// The key and the certificate of the default application as a PEM file, for `AZURE_CLIENT_CERTIFICATE_PATH`. Everyone
    /// can read this key: use it with an emulator only. Its assertions are checked if the feature `certificate` is on.
    #[must_use]
    pub fn certificate_pem(&self) -> &'static str {
        certificate::PEM
    }

    /// The address of the identity endpoint of an app, for `IDENTITY_ENDPOINT`.
    #[must_use]
    pub fn identity_endpoint(&self) -> String {
        format!("{}/msi/token", self.authority)
    }

    /// The current secret of the identity endpoint, for `IDENTITY_HEADER`.
    #[must_use]
    pub fn identity_header(&self) -> String {
        self.with_service(|service| service.identity_header().to_owned())
    }

    /// Replaces that secret, and returns the new one. The old one is refused from now on.
    pub fn rotate_identity_header(&self) -> String {
        self.with_service(Service::rotate_identity_header)
    }

    /// The address for the assertions of a GitHub job, for `ACTIONS_ID_TOKEN_REQUEST_URL`.
    #[must_use]
    pub fn github_url(&self) -> String {
        format!("{}/github/token?api-version=2.0", self.authority)
    }

    /// The bearer token of a GitHub job, for `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    #[must_use]
    pub fn github_token(&self) -> &'static str {
        GITHUB_TOKEN
    }

    /// Writes a federated token file, for `AZURE_FEDERATED_TOKEN_FILE`: an assertion, which is renewed when half of its life
    /// is over. The file is replaced as a whole, and only the user may read it.
    ///
    /// # Errors
    ///
    /// If the file cannot be written. A renewal that fails is tried again.
    pub fn keep_federated_token(&self, path: impl Into<PathBuf>) -> io::Result<()> {
        self.keep(path.into(), Service::issue_federated_token)
    }

    /// Writes a file with an access token of the application, as the JSON that `az` prints, for `--token-file`. It is renewed
    /// as that of [`keep_federated_token`](Self::keep_federated_token).
    ///
    /// # Errors
    ///
    /// If the file cannot be written. A renewal that fails is tried again.
    pub fn keep_access_token(&self, path: impl Into<PathBuf>) -> io::Result<()> {
        self.keep(path.into(), |service| {
            let (token, expires) = service.issue_access_token();
            let json = serde_json::json!({
                "accessToken": token,
                "expires_on": expires.as_second(),
                "tokenType": "Bearer",
            });
            (json.to_string(), expires)
        })
    }

    /// Writes what the service issues to the file, now and whenever half of its life is over.
    fn keep(
        &self,
        path: PathBuf,
        issue: impl Fn(&mut Service) -> (String, Timestamp) + Send + 'static,
    ) -> io::Result<()> {
        let shared = self.shared.clone();
        let write = move || {
            let now = shared.clock.now();
            let (text, expires) = {
                let mut service = shared
                    .service
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                service.advance_to(now);
                issue(&mut service)
            };
            replace(&path, &text)?;
            io::Result::Ok(later(now, since(now, expires) / 2))
        };
        let mut renewed = write()?;
        let clock = self.shared.clock.clone();
        self.runtime.spawn(async move {
            loop {
                sleep(RENEWAL_TICK).await;
                if clock.now() >= renewed {
                    renewed = write().unwrap_or(renewed);
                }
            }
        });
        Ok(())
    }

    /// The current time of the service's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The service's clock. A client and a ledger that take it share the service's time.
    #[must_use]
    pub fn clock(&self) -> ManualClock {
        self.shared.clock.clone()
    }

    /// Moves the service's clock forward.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
        self.with_service(|_| ());
    }

    /// Adds a fault after those already scripted.
    pub fn script(&self, fault: Fault) {
        self.with_service(|service| service.script(fault));
    }

    /// Gives access to the service, brought to the current time. Requests wait until the closure returns. The closure
    /// must not call methods of the emulator: they would deadlock.
    pub fn with_service<T>(&self, access: impl FnOnce(&mut Service) -> T) -> T {
        let mut service = self
            .shared
            .service
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        service.advance_to(self.shared.clock.now());
        access(&mut service)
    }

    /// Closes the port and every connection. Dropping does the same.
    pub fn stop(self) {}
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The receiver is gone only if the thread has already ended.
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let stopped = self
            .stopped
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let _ = stopped.recv_timeout(STOP_LIMIT);
    }
}

/// Replaces the file as a whole, and lets only the user read it.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let new = PathBuf::from(name);
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&new)?.write_all(text.as_bytes())?;
    fs::rename(new, path)
}

/// The body of the thread: reports whether it is ready, then serves until it is stopped. Dropping the runtime closes
/// every connection.
fn run(
    listener: TcpListener,
    shared: Shared,
    ready: &mpsc::SyncSender<io::Result<runtime::Handle>>,
    stopping: oneshot::Receiver<()>,
) {
    let runtime = match runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = ready.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                tokio::spawn(accept(listener, shared));
                let _ = ready.send(Ok(runtime::Handle::current()));
                let _ = stopping.await;
            }
            Err(error) => {
                let _ = ready.send(Err(error));
            }
        }
    });
}

async fn accept(listener: tokio::net::TcpListener, shared: Shared) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                tokio::spawn(shared.clone().connection(stream));
            }
            Err(_) => sleep(ACCEPT_RETRY).await,
        }
    }
}
