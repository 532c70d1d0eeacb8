//! One request and its answer over ureq, with the settings that keep a start from being repeated or sent elsewhere.

use std::{
    io::Read,
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{Request, StatusCode, header::CONTENT_LENGTH, response::Parts};
use industrydata_core::wire::{IncompleteBody, Phase, TransportError};
use ureq::{
    Agent, AsSendBody,
    config::{AutoHeaderValue, ConfigBuilder, RedirectAuthHeaders},
    typestate::AgentScope,
    unversioned::transport::{Connector, DefaultConnector},
};

use crate::{
    build_error::BuildError,
    connect::{self, CachingResolver, Mark},
    stop::Stop,
};

/// The longest that connecting may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How often a wait for a connection looks whether it was stopped.
const TICK: Duration = Duration::from_millis(50);
/// The longest head of an answer, in bytes.
const HEAD_LIMIT: usize = 64 * 1024;

/// The ureq agent with our settings on top.
#[derive(Debug)]
pub(crate) struct Http {
    agent: Agent,
    /// The limit of the agent itself; only a request with less left is configured on its own.
    limit: Duration,
    gate: Gate,
}

impl Http {
    /// `plain`: the target is unencrypted, and therefore loopback. `local`: it is loopback, which no proxy is to see.
    pub(crate) fn new(
        config: ConfigBuilder<AgentScope>,
        plain: bool,
        local: bool,
        limit: Duration,
        connections: usize,
        stop: &Stop,
    ) -> Result<Self, BuildError> {
        #[cfg(not(any(
            feature = "rustls",
            feature = "rustls-no-provider",
            feature = "native-tls"
        )))]
        if !plain {
            return Err(BuildError::NoTls);
        }
        #[cfg(all(feature = "rustls-no-provider", not(feature = "rustls")))]
        if !plain && rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(BuildError::NoTlsProvider);
        }
        let mut config = config
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .redirect_auth_headers(RedirectAuthHeaders::Never)
            .save_redirect_history(false)
            .accept_encoding(AutoHeaderValue::None)
            .max_response_header_size(HEAD_LIMIT)
            .max_idle_connections(connections)
            .max_idle_connections_per_host(connections)
            .https_only(!plain)
            .timeout_global(Some(limit))
            .timeout_connect(Some(CONNECT_LIMIT.min(limit)));
        if local {
            config = config.proxy(None);
        }
        let connector = ().chain(Mark::Begin).chain(DefaultConnector::default()).chain(Mark::End);
        let agent = Agent::with_parts(config.build(), connector, CachingResolver::default());
        stop.add(&agent);
        Ok(Self {
            agent,
            limit,
            gate: Gate {
                free: Mutex::new(connections.max(1)),
                freed: Condvar::new(),
            },
        })
    }

    /// Waits for one of the connections that may be open at a time, until the limit has passed or it is stopped.
    pub(crate) fn connection(
        &self,
        limit: Duration,
        stop: &Stop,
    ) -> Result<Connection<'_>, TransportError> {
        let began = Instant::now();
        let mut free = self
            .gate
            .free
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            let left = limit.saturating_sub(began.elapsed());
            if left.is_zero() || stop.is_stopped() {
                return Err(TransportError::new(
                    Phase::Local,
                    "no connection became free in time",
                ));
            }
            free = self
                .gate
                .freed
                .wait_timeout(free, left.min(TICK))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
        *free -= 1;
        Ok(Connection { http: self })
    }
}

#[derive(Debug)]
struct Gate {
    free: Mutex<usize>,
    freed: Condvar,
}

/// The right to have one connection in use.
pub(crate) struct Connection<'h> {
    http: &'h Http,
}

impl Drop for Connection<'_> {
    fn drop(&mut self) {
        let gate = &self.http.gate;
        *gate.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        gate.freed.notify_one();
    }
}

impl Connection<'_> {
    /// Puts `request` on the wire once, and reads what comes back: its head, and its body up to the limit for its status.
    pub(crate) fn send<B: AsSendBody>(
        &self,
        request: Request<B>,
        time_limit: Duration,
        body_limit: impl FnOnce(StatusCode) -> usize,
    ) -> Result<(Parts, Result<Vec<u8>, IncompleteBody>), TransportError> {
        connect::begin();
        let agent = &self.http.agent;
        let answer = if time_limit < self.http.limit {
            let request = agent
                .configure_request(request)
                .timeout_global(Some(time_limit))
                .timeout_connect(Some(CONNECT_LIMIT.min(time_limit)))
                .build();
            agent.run(request)
        } else {
            agent.run(request)
        };
        let (head, body) = answer.map_err(connect::transport_error)?.into_parts();
        let body = read(&head, body, body_limit(head.status));
        Ok((head, body))
    }
}

/// Reads nothing at a limit of zero. Otherwise it reads up to one byte more than the limit, to notice a longer body.
fn read(head: &Parts, body: ureq::Body, limit: usize) -> Result<Vec<u8>, IncompleteBody> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let announced = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or(0_usize);
    let mut bytes = Vec::with_capacity(announced.min(limit));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    body.into_reader()
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(IncompleteBody::cut)?;
    if bytes.len() > limit {
        return Err(IncompleteBody::TooLarge { limit });
    }
    Ok(bytes)
}
