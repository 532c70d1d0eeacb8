//! Polling loops as programs without this library write them.

use std::{hint::black_box, time::Duration};

use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use serde::Deserialize;
use ureq::{
    Agent,
    config::Config,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

use crate::{Failure, serve};

pub(crate) const PAUSE: Duration = Duration::from_millis(1);

/// What a loop does besides sending requests and looking at the status.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Parses each URL and formats the token anew, and reads one member.
    Careless,
    /// As little as a loop can do: one header field, one member, and a URL and a token that are kept.
    Best,
    /// What the library does: its header fields, a new id for each request, seven members, and a URL and a token that
    /// are kept.
    Same,
}

#[derive(Deserialize)]
struct Status {
    status: String,
}

/// The members that the library reads.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    status: String,
    #[serde(rename = "id")]
    _id: Option<String>,
    #[serde(rename = "@odata.type")]
    _type: Option<String>,
    #[serde(rename = "createdDateTime")]
    _created: Option<String>,
    #[serde(rename = "lastActionDateTime")]
    _last_action: Option<String>,
    #[serde(rename = "statusDetail")]
    _detail: Option<String>,
    #[serde(rename = "resourceLocation")]
    _resource: Option<String>,
}

impl Work {
    fn is_done(self, body: &[u8]) -> Result<bool, Failure> {
        let status = match self {
            Self::Careless | Self::Best => serde_json::from_slice::<Status>(body)?.status,
            Self::Same => serde_json::from_slice::<Operation>(body)?.status,
        };
        Ok(status == "succeeded")
    }
}

/// The header fields of the library's requests, or the token's alone.
fn fields(token: &str, work: Work) -> Result<HeaderMap, Failure> {
    let mut fields = HeaderMap::with_capacity(8);
    let bearer = HeaderValue::try_from(format!("Bearer {token}"))?;
    if work == Work::Best {
        fields.insert(header::AUTHORIZATION, bearer);
        return Ok(fields);
    }
    fields.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    fields.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    fields.insert(header::USER_AGENT, HeaderValue::from_static("bench"));
    fields.insert(
        "prefer",
        HeaderValue::from_static("include-unknown-enum-members"),
    );
    fields.insert(header::AUTHORIZATION, bearer);
    fields.insert("client-request-id", HeaderValue::from_static(""));
    Ok(fields)
}

/// The fields, with the id of request number `ordinal` where the work has one.
fn numbered(fields: &HeaderMap, ordinal: &mut u32, work: Work) -> Result<HeaderMap, Failure> {
    let mut fields = fields.clone();
    if work == Work::Best {
        return Ok(fields);
    }
    *ordinal += 1;
    fields.insert(
        "client-request-id",
        HeaderValue::try_from(serve::id(*ordinal))?,
    );
    Ok(fields)
}

/// ureq in its fastest setup: with a resolver that does not call the system's resolver on another thread.
pub(crate) fn ureq(count: u32, url: &str, token: &str, work: Work) -> Result<(), Failure> {
    let config = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(30)))
        .build();
    let agent = Agent::with_parts(config, DefaultConnector::default(), Literal);
    let start = format!("{url}/external/industryData/runs/start");
    let (fields, mut ordinal) = (fields(token, work)?, 0);
    let bearer = format!("Bearer {token}");
    let start_uri: Uri = start.parse()?;
    for _ in 0..count {
        let accepted = match work {
            Work::Careless => agent
                .post(&start)
                .header("authorization", &bearer)
                .send_empty()?,
            Work::Same | Work::Best => {
                let mut request = agent.post(start_uri.clone());
                if let Some(headers) = request.headers_mut() {
                    *headers = numbered(&fields, &mut ordinal, work)?;
                }
                request.send_empty()?
            }
        };
        let location = accepted.headers().get("location").ok_or("no Location")?;
        let location = location.to_str()?.to_owned();
        let uri: Uri = location.parse()?;
        loop {
            std::thread::sleep(PAUSE);
            let mut answer = match work {
                Work::Careless => agent
                    .get(&location)
                    .header("authorization", &bearer)
                    .call()?,
                Work::Same | Work::Best => {
                    let mut request = agent.get(uri.clone());
                    if let Some(headers) = request.headers_mut() {
                        *headers = numbered(&fields, &mut ordinal, work)?;
                    }
                    request.call()?
                }
            };
            if work.is_done(&answer.body_mut().read_to_vec()?)? {
                break;
            }
        }
    }
    Ok(())
}

/// The same work without I/O: four requests, one `Location`, three bodies.
pub(crate) fn without_io(count: u32, token: &str) -> Result<(), Failure> {
    let (fields, mut ordinal) = (fields(token, Work::Same)?, 0);
    let start: Uri = "https://graph.microsoft.com/beta/external/industryData/runs/start".parse()?;
    let location = format!(
        "https://graph.microsoft.com/beta/external/industryData/operations/{}",
        serve::id(1)
    );
    let bodies = [false, false, true].map(|is_done| serve::body(1, is_done).into_bytes());
    let mut request = |method: Method, uri: Uri| {
        let mut request = Request::new(());
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = numbered(&fields, &mut ordinal, Work::Same)?;
        drop(black_box(request));
        Ok::<_, Failure>(())
    };
    for _ in 0..count {
        request(Method::POST, start.clone())?;
        let uri: Uri = black_box(&location).parse()?;
        for body in &bodies {
            request(Method::GET, uri.clone())?;
            // A client hands out a new body each time.
            black_box(Work::Same.is_done(&body.clone())?);
        }
    }
    Ok(())
}

#[derive(Debug)]
struct Literal;

impl Resolver for Literal {
    fn resolve(
        &self,
        uri: &Uri,
        _: &Config,
        _: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let mut found = self.empty();
        let authority = uri.authority().map(|it| it.as_str()).unwrap_or_default();
        found.push(authority.parse().map_err(|_| ureq::Error::HostNotFound)?);
        Ok(found)
    }
}

/// reqwest as in its documentation.
pub(crate) fn reqwest(count: u32, url: &str, token: &str, work: Work) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()?;
    let start = format!("{url}/external/industryData/runs/start");
    let (fields, mut ordinal) = (fields(token, work)?, 0);
    let start_url: reqwest::Url = start.parse()?;
    runtime.block_on(async {
        for _ in 0..count {
            let request = match work {
                Work::Careless => client.post(&start).bearer_auth(token),
                Work::Same | Work::Best => {
                    client
                        .post(start_url.clone())
                        .headers(numbered(&fields, &mut ordinal, work)?)
                }
            };
            let accepted = request.send().await?;
            let location = accepted.headers().get("location").ok_or("no Location")?;
            let location = location.to_str()?.to_owned();
            let parsed: reqwest::Url = location.parse()?;
            loop {
                tokio::time::sleep(PAUSE).await;
                let request = match work {
                    Work::Careless => client.get(&location).bearer_auth(token),
                    Work::Same | Work::Best => {
                        client
                            .get(parsed.clone())
                            .headers(numbered(&fields, &mut ordinal, work)?)
                    }
                };
                let answer = request.send().await?;
                if work.is_done(&answer.bytes().await?)? {
                    break;
                }
            }
        }
        Ok(())
    })
}
