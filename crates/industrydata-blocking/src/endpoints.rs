//! The HTTP clients for token and identity endpoints: one for each host and way to reach it, since both decide on the proxy.

use std::sync::{Arc, Mutex, PoisonError};

use industrydata_core::{
    auth::{Credential, Route},
    wire::{BuildError, Phase, TransportError},
};
use ureq::{config::ConfigBuilder, typestate::AgentScope};

use crate::{http::Http, stop::Stop};

/// Tenants that may ask at a time.
const CONNECTIONS: usize = 8;
/// Clients that are kept. An exchange needs two at most.
const MOST: usize = 4;

/// The clients, made when they are needed.
pub(crate) struct Endpoints {
    /// With the caller's configuration, for any host of its route.
    given: Option<(Route, Arc<Http>)>,
    made: Mutex<Vec<(Route, String, Arc<Http>)>>,
}

impl Endpoints {
    /// Makes the clients that the credential needs, and that of its token endpoint with `config`.
    pub(crate) fn new(
        credential: Option<&Credential>,
        config: Option<ConfigBuilder<AgentScope>>,
        stop: &Stop,
    ) -> Result<Self, BuildError> {
        let first = credential.map(Credential::endpoint);
        let given = match config {
            Some(config) => {
                let (route, host) = first.unwrap_or((Route::Proxied, ""));
                Some((route, client(route, host, Some(config), stop)?))
            }
            None => None,
        };
        let made = Mutex::default();
        let endpoints = Self { given, made };
        let second = credential.and_then(Credential::assertion_endpoint);
        for (route, host) in first.into_iter().chain(second) {
            endpoints.made(route, host, stop)?;
        }
        Ok(endpoints)
    }

    /// The client for this route to this host.
    pub(crate) fn of(
        &self,
        route: Route,
        host: &str,
        stop: &Stop,
    ) -> Result<Arc<Http>, TransportError> {
        self.made(route, host, stop)
            .map_err(|error| TransportError::new(Phase::Local, error))
    }

    fn made(&self, route: Route, host: &str, stop: &Stop) -> Result<Arc<Http>, BuildError> {
        if let Some((_, client)) = self.given.as_ref().filter(|(it, _)| *it == route) {
            return Ok(Arc::clone(client));
        }
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |(way, name, _): &&(Route, String, Arc<Http>)| *way == route && name == host;
        if let Some((_, _, client)) = made.iter().find(is_it) {
            return Ok(Arc::clone(client));
        }
        let client = client(route, host, None, stop)?;
        if made.len() == MOST {
            made.remove(0);
        }
        made.push((route, host.to_owned(), Arc::clone(&client)));
        Ok(client)
    }
}

fn client(
    route: Route,
    host: &str,
    config: Option<ConfigBuilder<AgentScope>>,
    stop: &Stop,
) -> Result<Arc<Http>, BuildError> {
    let (plain, local) = match route {
        Route::Proxied => (false, false),
        Route::Direct => (false, true),
        Route::Plain => (true, true),
    };
    Http::new(config, plain, local, host, CONNECTIONS, stop).map(Arc::new)
}
