//! The HTTP clients for token and identity endpoints, one for each way to reach them.

use std::sync::OnceLock;

use industrydata_core::{
    auth::{Credential, Route},
    wire::{Phase, TransportError},
};

use crate::{build_error::BuildError, http::Http};

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
        config: Option<reqwest::ClientBuilder>,
    ) -> Result<Self, BuildError> {
        let endpoints = Self::default();
        let route = credential.map_or(Route::Proxied, Credential::route);
        // Nothing else fills the cells yet.
        let _ = endpoints.cell(route).set(client(route, config)?);
        if let Some(other) = credential.and_then(Credential::assertion_route)
            && other != route
        {
            let client = client(other, None)?;
            let _ = endpoints.cell(other).set(client);
        }
        Ok(endpoints)
    }

    /// The client for this route.
    pub(crate) fn of(&self, route: Route) -> Result<&Http, TransportError> {
        let cell = self.cell(route);
        if let Some(client) = cell.get() {
            return Ok(client);
        }
        let made = client(route, None).map_err(|error| TransportError::new(Phase::Local, error))?;
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

fn client(route: Route, config: Option<reqwest::ClientBuilder>) -> Result<Http, BuildError> {
    let (plain, local) = match route {
        Route::Proxied => (false, false),
        Route::Direct => (false, true),
        Route::Plain => (true, true),
    };
    Http::new(config, plain, local, CONNECTIONS)
}
