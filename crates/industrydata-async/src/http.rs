//! One request and its answer over reqwest, with the settings that keep a start from being repeated or sent elsewhere.

use std::{
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{
    Method, Request, Response, StatusCode, Uri,
    header::{CONTENT_LENGTH, HOST},
    response::Parts,
};
use industrydata_core::{
    Deadline,
    policy::{CONNECT_LIMIT, MAX_HEADER_FIELDS},
    wire::{BuildError, Cause, IncompleteBody, Phase, TransportError, is_sent_as},
};
use industrydata_system::{
    now,
    with_reqwest::{self, Held, Mark, Names, given_up, sleep},
};
use reqwest::{Client, ClientBuilder, Url, redirect, retry};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Longer than any request of this client may take.
const BEYOND_LIMITS: Duration = Duration::from_secs(2 * 60 * 60);

/// The reqwest client, with the settings that this crate needs.
pub(crate) struct Http {
    client: Client,
    /// Whether the caller configured the client.
    is_configured: bool,
    gate: Semaphore,
    /// The last URL that was sent, of a POST and of a GET: starts have the same, and so have the polls of an operation. reqwest's
    /// own type takes long to parse.
    posts: Mutex<Option<Url>>,
    gets: Mutex<Option<Url>>,
}

impl Http {
    /// `config` is the caller's configuration. `plain`: the target is unencrypted, and therefore loopback or an identity
    /// endpoint. `local`: no proxy is used, for the same reason. `host`: that of the target.
    pub(crate) fn new(
        config: Option<ClientBuilder>,
        plain: bool,
        local: bool,
        host: &str,
        connections: usize,
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
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            return Err(BuildError::NoTlsProvider);
        }
        let is_configured = config.is_some();
        let mut builder = match config {
            // A limit in the configuration would end a request without its phase; this client's limit is kept outside.
            Some(config) => config.timeout(BEYOND_LIMITS).read_timeout(BEYOND_LIMITS),
            None => with_reqwest::config(plain, local, host)?,
        };
        builder = builder
            .redirect(redirect::Policy::none())
            .retry(retry::never())
            .referer(false)
            .no_gzip()
            .no_brotli()
            .no_zstd()
            .no_deflate()
            .http1_only()
            .http1_max_headers(MAX_HEADER_FIELDS)
            .http1_allow_obsolete_multiline_headers_in_responses(true)
            .http1_allow_spaces_after_header_name_in_responses(true)
            // It would log every byte.
            .connection_verbose(false)
            .https_only(!plain)
            .pool_max_idle_per_host(connections)
            .connect_timeout(CONNECT_LIMIT);
        if local {
            builder = builder.no_proxy();
        }
        if plain {
            builder = builder.dns_resolver(Names {
                is_loopback_only: true,
            });
            // Nothing is encrypted. Otherwise reqwest would load the authorities of the system, and fail where there are none.
            #[cfg(any(feature = "rustls", feature = "rustls-no-provider"))]
            {
                builder = builder.tls_certs_only(Vec::new());
            }
        }
        Ok(Self {
            client: builder
                .build()
                .map_err(|error| BuildError::Client(Cause::new(error)))?,
            is_configured,
            gate: Semaphore::new(connections.max(1)),
            posts: Mutex::default(),
            gets: Mutex::default(),
        })
    }

    /// One of the connections that may be open at a time, if one is free.
    pub(crate) fn free_connection(&self) -> Option<Connection<'_>> {
        let permit = self.gate.try_acquire().ok()?;
        Some(Connection {
            http: self,
            _permit: permit,
        })
    }

    /// Waits for one of the connections that may be open at a time, until the limit has passed.
    pub(crate) async fn connection(
        &self,
        limit: Duration,
    ) -> Result<Connection<'_>, TransportError> {
        let full = || {
            TransportError::new(Phase::Local, "no connection became free in time").timed_out(true)
        };
        let permit = tokio::select! {
            biased;
            permit = self.gate.acquire() => {
                permit.map_err(|closed| TransportError::new(Phase::Local, closed))?
            }
            () = sleep(limit) => return Err(full()),
        };
        Ok(Connection {
            http: self,
            _permit: permit,
        })
    }

    /// `uri` as reqwest has it, if that is the same text.
    fn url(&self, uri: &Uri, is_post: bool) -> Result<Url, TransportError> {
        let last = if is_post { &self.posts } else { &self.gets };
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(url) = last.as_mut() {
            if !is_sent_as(uri, url.as_str()) {
                // Another URL of the same service, as far as that is right.
                url.set_path(uri.path());
                url.set_query(uri.query());
            }
            if is_sent_as(uri, url.as_str()) {
                return Ok(url.clone());
            }
        }
        let url = Url::parse(&uri.to_string())
            .map_err(|error| TransportError::new(Phase::Local, error))?;
        if !is_sent_as(uri, url.as_str()) {
            return Err(TransportError::new(
                Phase::Local,
                "the URL would be sent otherwise than it was checked",
            ));
        }
        Ok(last.insert(url).clone())
    }
}

/// The right to have one connection in use.
pub(crate) struct Connection<'h> {
    http: &'h Http,
    _permit: SemaphorePermit<'h>,
}

impl Connection<'_> {
    /// Puts `request` on the wire once, before the deadline or not at all, and reads what comes back: its head, and its body
    /// up to the limit for its status.
    pub(crate) async fn send<B: Into<reqwest::Body>>(
        &self,
        request: Request<B>,
        deadline: Deadline,
        body_limit: impl FnOnce(StatusCode) -> usize,
        stopped: impl Future<Output = ()>,
    ) -> Result<(Parts, Result<Vec<u8>, IncompleteBody>), TransportError> {
        let (head, body) = request.into_parts();
        let url = self.http.url(&head.uri, head.method == Method::POST)?;
        let mut request = reqwest::Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        if self.http.is_configured {
            // The caller's configuration may have another, for a gateway.
            request.headers_mut().remove(HOST);
        }
        let mark = Mark::default();
        *request.body_mut() = Some(mark.body(body.into()));
        let (held, real) = (Held::new(), now());
        let mut limit = pin!(async {
            tokio::select! {
                biased;
                () = stopped => false,
                () = held.sleep(deadline.remaining(real)) => true,
            }
        });
        let answer = self.http.client.execute(request);
        let mut response = tokio::select! {
            biased;
            answer = mark.request(deadline, real, answer) => answer?,
            // The request is dropped by now.
            is_timeout = &mut limit => return Err(mark.given_up(is_timeout)),
        };
        let (mut head, ()) = Response::new(()).into_parts();
        head.status = response.status();
        head.version = response.version();
        head.headers = std::mem::take(response.headers_mut());
        let most = body_limit(head.status);
        let body = tokio::select! {
            biased;
            body = read(&head, &mut response, most) => body,
            is_timeout = &mut limit => Err(IncompleteBody::cut(given_up(is_timeout))),
        };
        Ok((head, body))
    }
}

async fn read(
    head: &Parts,
    response: &mut reqwest::Response,
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
        let chunk = response.chunk().await;
        match chunk.map_err(|error| IncompleteBody::cut(error.without_url()))? {
            Some(chunk) if bytes.len() + chunk.len() > limit => {
                return Err(IncompleteBody::TooLarge { limit });
            }
            Some(chunk) => bytes.extend_from_slice(&chunk),
            None => return Ok(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cached_url_is_used_for_the_same_uri_only() {
        let http = Http::new(None, true, true, "127.0.0.1", 1).unwrap();
        let sent = |text: &str| {
            let uri = text.parse().unwrap();
            http.url(&uri, false).map(String::from)
        };
        // Each after each other: the same again, longer, shorter, another case, query, port or host.
        let urls = [
            "http://127.0.0.1:9/beta/a",
            "http://127.0.0.1:9/beta/ab",
            "http://127.0.0.1:9/beta/A",
            "http://127.0.0.1:9/beta/a?b",
            "http://127.0.0.1:9/beta/a('b')",
            "http://127.0.0.1:90/beta/a",
            "http://127.0.0.2:9/beta/a",
        ];
        for first in urls {
            for next in urls {
                for url in [first, next] {
                    assert_eq!(sent(url).unwrap(), url);
                }
            }
        }
        // What reqwest would spell otherwise is refused, and the one before it stays.
        let error = sent("http://127.0.0.1:9/beta/./a").unwrap_err();
        assert_eq!(error.phase(), Phase::Local);
        assert_eq!(sent(urls[0]).unwrap(), urls[0]);
    }
}
