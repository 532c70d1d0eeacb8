//! Polling loops as programs without this library write them.

use std::time::Duration;

use serde::Deserialize;
use ureq::{
    Agent,
    config::Config,
    http::Uri,
    unversioned::{
        resolver::{ResolvedSocketAddrs, Resolver},
        transport::{DefaultConnector, NextTimeout},
    },
};

use crate::Failure;

pub(crate) const PAUSE: Duration = Duration::from_millis(1);

#[derive(Deserialize)]
struct Operation {
    status: String,
}

/// ureq in its fastest setup: with a resolver that does not call the system's resolver on another thread.
pub(crate) fn ureq(count: u32, url: &str, token: &str) -> Result<(), Failure> {
    let config = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(30)))
        .build();
    let agent = Agent::with_parts(config, DefaultConnector::default(), Literal);
    let bearer = format!("Bearer {token}");
    let start = format!("{url}/external/industryData/runs/start");
    for _ in 0..count {
        let accepted = agent
            .post(&start)
            .header("authorization", &bearer)
            .send_empty()?;
        let location = accepted.headers().get("location").ok_or("no Location")?;
        let location = location.to_str()?.to_owned();
        loop {
            std::thread::sleep(PAUSE);
            let mut answer = agent
                .get(&location)
                .header("authorization", &bearer)
                .call()?;
            let text = answer.body_mut().read_to_string()?;
            let operation: Operation = serde_json::from_str(&text)?;
            if operation.status == "succeeded" {
                break;
            }
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
pub(crate) fn reqwest(count: u32, url: &str, token: &str) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let client = reqwest::Client::builder()
        .timeout(Duration::from_secs(30))
        .no_proxy()
        .build()?;
    let start = format!("{url}/external/industryData/runs/start");
    runtime.block_on(async {
        for _ in 0..count {
            let accepted = client.post(&start).bearer_auth(token).send().await?;
            let location = accepted.headers().get("location").ok_or("no Location")?;
            let location = location.to_str()?.to_owned();
            loop {
                tokio::time::sleep(PAUSE).await;
                let answer = client.get(&location).bearer_auth(token).send().await?;
                let operation: Operation = serde_json::from_slice(&answer.bytes().await?)?;
                if operation.status == "succeeded" {
                    break;
                }
            }
        }
        Ok(())
    })
}
