//! Where to connect to and how: all that is known before the first connection.

use std::{fmt, time::Duration};

use postgres_rustls::MakeRustlsConnect;
use tokio_postgres::Config;

use super::{
    options::PgOptions,
    schema::Schema,
    store_error::Obstacle,
    tls,
    url::{self, Address},
};

/// All that is known before the first connection.
pub(super) struct Plan {
    pub(super) config: Config,
    pub(super) tls: Option<MakeRustlsConnect>,
    pub(super) schema: Schema,
    pub(super) wait: Duration,
    pub(super) connections: usize,
    /// Where the ledger is, for messages; without the password.
    pub(super) place: String,
}

impl Plan {
    pub(super) fn new(options: PgOptions, url: &str) -> Result<Self, Obstacle> {
        let Address {
            mut config,
            proof,
            roots,
            schema,
        } = url::parse(url)?;
        if config.get_password().is_none() {
            if let Some(password) = &options.password {
                config.password(password);
            } else if let Some(passfile) = &options.passfile
                && let Some(password) = passfile.password(&config)?
            {
                config.password(password);
            }
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(options.wait);
        }
        // If the network drops everything, the system gives up as well, sooner than its default of a quarter of an hour.
        config.tcp_user_timeout(options.wait.saturating_mul(4));
        Ok(Self {
            tls: tls::connector(proof, roots.as_deref())?,
            schema: Schema::new(options.schema.or(schema))?,
            place: url::place(&config),
            config,
            wait: options.wait,
            connections: options.connections,
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
