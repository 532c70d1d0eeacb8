//! Where to connect to and how: all that is known before the first connection.

use std::{fmt, sync::atomic::AtomicUsize, time::Duration};

use postgres_rustls::MakeRustlsConnect;
use tokio_postgres::{Config, config::Host};

use super::{
    options::PgOptions, parameters::Server, passfile::Passfile, schema::Schema,
    store_error::Obstacle, tls, url,
};

/// All that is known before the first connection.
pub(super) struct Plan {
    /// The servers in their order, each with the settings of a connection to it.
    pub(super) servers: Vec<(Server, Config)>,
    /// Which of them took the last connection, and is tried first for the next.
    pub(super) last_used: AtomicUsize,
    pub(super) tls: Option<MakeRustlsConnect>,
    pub(super) schema: Schema,
    pub(super) wait: Duration,
    pub(super) connections: usize,
    pub(super) keep_statements: bool,
    /// Where the ledger is, for messages; without the password.
    pub(super) place: String,
}

impl Plan {
    pub(super) fn new(options: PgOptions, url: &str) -> Result<Self, Obstacle> {
        let mut address = url::parse(url)?;
        let place = address.place();
        let config = &mut address.config;
        if let (None, Some(password)) = (config.get_password(), &options.password) {
            config.password(password);
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.wait);
        }
        if config.get_tcp_user_timeout().is_none() {
            // If the network drops everything, the system gives up as well, sooner than its default of a quarter of an hour.
            config.tcp_user_timeout(options.wait.saturating_mul(4));
        }
        let passfile = address.passfile.map(|path| Passfile {
            path,
            is_explicit: true,
        });
        let passfile = passfile.or(options.passfile);
        let mut servers = Vec::new();
        for server in address.servers {
            let mut config = address.config.clone();
            match &server.host {
                Host::Tcp(name) => config.host(name),
                #[cfg(unix)]
                Host::Unix(path) => config.host_path(path),
            };
            config.port(server.port);
            if let (None, Some(passfile)) = (config.get_password(), &passfile)
                && let Some(password) = passfile.password(&server, &config)?
            {
                config.password(password);
            }
            servers.push((server, config));
        }
        Ok(Self {
            servers,
            last_used: AtomicUsize::new(0),
            tls: tls::connector(&address.encryption)?,
            schema: Schema::new(options.schema.or(address.schema))?,
            place,
            wait: options.wait,
            connections: options.connections,
            keep_statements: options.keep_statements,
        })
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan")
            .field("place", &self.place)
            .field("schema", &self.schema.name())
            .field("encrypts", &self.tls.is_some())
            .field("wait", &self.wait)
            .finish_non_exhaustive()
    }
}
