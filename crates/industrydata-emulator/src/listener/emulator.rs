//! The service on a loopback socket, served from a dedicated thread.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use industrydata_clock::ManualClock;
use jiff::Timestamp;
use tokio::{runtime, sync::oneshot};

use crate::{config::Config, fault::Fault, listener::connection::Shared, service::Service};

/// How long to wait for the thread to end. It only has to drop its sockets.
const STOP_LIMIT: Duration = Duration::from_secs(2);

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
#[derive(Debug)]
pub struct Emulator {
    shared: Shared,
    authority: String,
    token: String,
    client: (String, String),
    stop: Option<oneshot::Sender<()>>,
    stopped: Mutex<mpsc::Receiver<()>>,
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
        is_ready.recv().map_err(io::Error::other)??;
        Ok(Self {
            shared,
            authority,
            token,
            client,
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

/// The body of the thread: reports whether it is ready, then serves until it is stopped. Dropping the runtime closes
/// every connection.
fn run(
    listener: TcpListener,
    shared: Shared,
    ready: &mpsc::SyncSender<io::Result<()>>,
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
                let _ = ready.send(Ok(()));
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
            Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
        }
    }
}
