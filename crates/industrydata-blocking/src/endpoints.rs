//! The HTTP clients for token and identity endpoints, one for each way to reach them.

use std::sync::OnceLock;

use industrydata_core::{
    auth::{Credential, Route},
    policy::Limits,
    wire::{Phase, TransportError},
};
use ureq::{Agent, config::ConfigBuilder, typestate::AgentScope};

use crate::{build_error::BuildError, http::Http, stop::Stop};

/// Tenants that may ask at a time.
const CONNECTIONS: usize = 8;

/// The clients, made when they are needed.
#[derive(Default)]
pub(crate) struct Endpoints {
    proxied: OnceLock<Http>,
    direct: OnceLock<Http>,
    plain: OnceLock<Http>,
}

impl Endpoints {
    /// Makes the clients that the credential needs, and that of its token endpoint with `config`.
    pub(crate) fn new(
        credential: Option<&Credential>,
        config: ConfigBuilder<AgentScope>,
        stop: &Stop,
    ) -> Result<Self, BuildError> {
        let endpoints = Self::default();
        let route = credential.map_or(Route::Proxied, Credential::route);
        // Nothing else fills the cells yet.
        let _ = endpoints.cell(route).set(client(route, config, stop)?);
        if let Some(other) = credential.and_then(Credential::assertion_route)
            && other != route
        {
            let client = client(other, Agent::config_builder(), stop)?;
            let _ = endpoints.cell(other).set(client);
        }
        Ok(endpoints)
    }

    /// The client for this route.
    pub(crate) fn of(&self, route: Route, stop: &Stop) -> Result<&Http, TransportError> {
        let cell = self.cell(route);
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let made = client(route, Agent::config_builder(), stop)
            .map_err(|error| TransportError::new(Phase::Local, error))?;
        Ok(cell.get_or_init(|| made))
    }

    const fn cell(&self, route: Route) -> &OnceLock<Http> {
        match route {
            Route::Proxied => &self.proxied,
            Route::Direct => &self.direct,
            Route::Plain => &self.plain,
        }
    }
}

fn client(
    route: Route,
    config: ConfigBuilder<AgentScope>,
    stop: &Stop,
) -> Result<Http, BuildError> {
    let (plain, local) = match route {
        Route::Proxied => (false, false),
        Route::Direct => (false, true),
        Route::Plain => (true, true),
    };
    let limit = Limits::default().request;
    Http::new(config, plain, local, limit, CONNECTIONS, stop)
}
