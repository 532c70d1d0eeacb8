//! One request and its answer: hyper's HTTP/1.1 on the calling thread, over connections of ureq. Both flavours thus read an
//! answer alike, and no log of ureq sees a request.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use http::{Request, StatusCode, header::CONTENT_LENGTH, response::Parts};
use hyper::body::Incoming;
use industrydata_core::{
    Deadline,
    policy::CONNECT_LIMIT,
    wire::{BuildError, IncompleteBody, Phase, TransportError},
};
use industrydata_system::{
    now,
    with_ureq::{self, Dialer, Exchange},
};
use ureq::{config::ConfigBuilder, typestate::AgentScope};

use crate::stop::Stop;

/// How often a wait for a connection looks whether it was stopped.
const TICK: Duration = Duration::from_millis(50);

/// The connections of a client.
#[derive(Debug)]
pub(crate) struct Http {
    dialer: Dialer,
    idle: Mutex<Vec<(Exchange, Instant)>>,
    most_idle: usize,
    gate: Gate,
    stop: Stop,
}

impl Http {
    /// `config` is the caller's configuration. `plain`: the target is unencrypted, and therefore loopback or an identity
    /// endpoint. `local`: no proxy is used, for the same reason. `host`: that of the target.
    pub(crate) fn new(
        config: Option<ConfigBuilder<AgentScope>>,
        plain: bool,
        local: bool,
        host: &str,
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
        let mut config = match config {
            Some(config) => config,
            None => with_ureq::config(plain, local, host)?,
        };
        if local {
            config = config.proxy(None);
        }
        let config = config.build();
        Ok(Self {
            dialer: Dialer::new(config, plain, Arc::new(stop.clone()))?,
            idle: Mutex::default(),
            most_idle: connections,
            gate: Gate {
                free: Mutex::new(connections.max(1)),
                freed: Condvar::new(),
            },
            stop: stop.clone(),
        })
    }

    /// One of the connections that may be open at a time, if one is free.
    pub(crate) fn free_connection(&self) -> Option<Connection<'_>> {
        let free = &self.gate.free;
        let mut free = free.lock().unwrap_or_else(PoisonError::into_inner);
        *free = free.checked_sub(1)?;
        Some(Connection { http: self })
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
                let why = "no connection became free in time";
                return Err(TransportError::new(Phase::Local, why).timed_out(left.is_zero()));
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

    /// A connection that is kept and still open, the latest first.
    fn kept(&self) -> Option<Exchange> {
        let oldest = self.dialer.config().max_idle_age();
        loop {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            let (mut exchange, since) = idle.pop()?;
            drop(idle);
            if since.elapsed() < oldest && exchange.is_open() {
                return Some(exchange);
            }
        }
    }

    fn keep(&self, exchange: Exchange) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < self.most_idle {
            idle.push((exchange, Instant::now()));
        }
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
    /// Puts `request` on the wire once, before the deadline or not at all, and reads what comes back: its head, and its body
    /// up to the limit for its status.
    pub(crate) fn send(
        &self,
        request: Request<Vec<u8>>,
        deadline: Deadline,
        body_limit: impl FnOnce(StatusCode) -> usize,
    ) -> Result<(Parts, Result<Vec<u8>, IncompleteBody>), TransportError> {
        let mut exchange = match self.http.kept() {
            Some(exchange) => exchange,
            None => {
                let limit = CONNECT_LIMIT.min(deadline.remaining(now()));
                let transport = self.http.dialer.dial(request.uri(), limit)?;
                Exchange::new(transport, Arc::new(self.http.stop.clone()))?
            }
        };
        let (head, mut body) = exchange.send(request, deadline)?.into_parts();
        let read = read(&mut exchange, &head, &mut body, body_limit(head.status));
        if read.is_ok() && exchange.is_reusable(&body) {
            self.http.keep(exchange);
        }
        Ok((head, read))
    }
}

fn read(
    exchange: &mut Exchange,
    head: &Parts,
    body: &mut Incoming,
    limit: usize,
) -> Result<Vec<u8>, IncompleteBody> {
    if limit == 0 {
        return Ok(Vec::new());
    }
    let announced = head
        .headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse().ok())
        .unwrap_or(0_usize);
    let mut bytes = Vec::with_capacity(announced.min(limit));
    loop {
        match exchange.chunk(body).map_err(IncompleteBody::Cut)? {
            Some(chunk) if bytes.len() + chunk.len() > limit => {
                return Err(IncompleteBody::TooLarge { limit });
            }
            Some(chunk) => bytes.extend_from_slice(&chunk),
            None => return Ok(bytes),
        }
    }
}
