//! The service behind a socket: a thread of its own, for asynchronous and blocking callers alike.

use std::{
    io,
    net::{Ipv4Addr, TcpListener},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};

use jiff::Timestamp;
use tokio::{runtime, sync::oneshot};

use crate::{clock::Clock, config::Config, fault::Fault, service::Service, wire::Shared};

/// How long the end of the thread is waited for. It has nothing to do by then but to drop its sockets.
const STOPPING: Duration = Duration::from_secs(2);

/// How long to wait after a connection could not be accepted, as when the process is out of descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(20);

/// A service that listens on 127.0.0.1, and on no other address: its tokens are public.
///
/// It runs on a thread of its own, so it can be made and dropped anywhere, inside an asynchronous runtime too. Dropping
/// it closes the port and every connection.
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
    /// Starts a service at the machine's time.
    ///
    /// # Errors
    ///
    /// If the port is taken, or the system has no thread or no descriptors left.
    pub fn start(config: Config) -> io::Result<Self> {
        Self::start_with(config, Clock::real())
    }

    /// Starts a service that goes by this clock.
    ///
    /// # Errors
    ///
    /// As [`Emulator::start`].
    pub fn start_with(mut config: Config, clock: Clock) -> io::Result<Self> {
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
        let (up, is_up) = mpsc::sync_channel(1);
        let (end, stopped) = mpsc::sync_channel(1);
        let for_connections = shared.clone();
        thread::Builder::new()
            .name("industrydata-emulator".to_owned())
            .spawn(move || {
                run(listener, for_connections, &up, stopping);
                // Nobody waits for it if the emulator was not dropped but forgotten.
                let _ = end.send(());
            })?;
        is_up.recv().map_err(io::Error::other)??;
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

    /// What stands before `/{tenant}/oauth2/v2.0/token`: `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn authority_url(&self) -> &str {
        &self.authority
    }

    /// The first of the configured tokens, or nothing.
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

    /// The time on the service's clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.clock.now()
    }

    /// The service's clock.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }

    /// Moves the service's clock forward.
    pub fn advance(&self, by: Duration) {
        self.shared.clock.advance(by);
        self.with_service(|_| ());
    }

    /// Scripts a fault, to be met after those that are scripted already.
    pub fn script(&self, fault: Fault) {
        self.with_service(|service| service.script(fault));
    }

    /// Looks at the service, or changes it, as it is now. No request is served meanwhile, and the closure
    /// must not call the emulator's own methods, which would wait for it for ever.
    pub fn with_service<T>(&self, look: impl FnOnce(&mut Service) -> T) -> T {
        let mut service = self
            .shared
            .service
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        service.pass(self.shared.clock.now());
        look(&mut service)
    }

    /// Closes the port and every connection. Dropping does the same.
    pub fn stop(self) {}
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // The receiver is gone only if the thread has ended by itself.
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let stopped = self
            .stopped
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let _ = stopped.recv_timeout(STOPPING);
    }
}

/// The thread: tells whether it is up, then serves until it is told to stop. The runtime's end drops every connection.
fn run(
    listener: TcpListener,
    shared: Shared,
    up: &mpsc::SyncSender<io::Result<()>>,
    stopping: oneshot::Receiver<()>,
) {
    let runtime = match runtime::Builder::new_current_thread()
        .enable_io()
        .enable_time()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let _ = up.send(Err(error));
            return;
        }
    };
    runtime.block_on(async {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                tokio::spawn(accept(listener, shared));
                let _ = up.send(Ok(()));
                let _ = stopping.await;
            }
            Err(error) => {
                let _ = up.send(Err(error));
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
            Err(_) => tokio::time::sleep(ACCEPT_AGAIN).await,
        }
    }
}
