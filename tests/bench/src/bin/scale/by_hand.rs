//! A loop by hand over the same HTTP client, each operation with a task.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, HeaderValue, header};
use serde::Deserialize;
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::{
    BEFORE, CONNECTIONS, Failure, Since,
    by_library::{interval, token},
    service,
};

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

/// What the tasks share.
struct Shared {
    client: reqwest::Client,
    fields: HeaderMap,
    permits: Semaphore,
    interval: Duration,
}

impl Shared {
    fn new(rounds: u32) -> Result<Self, Failure> {
        let mut fields = HeaderMap::with_capacity(8);
        let bearer = HeaderValue::try_from(format!("Bearer {}", token()))?;
        fields.insert(header::AUTHORIZATION, bearer);
        fields.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        let identity = HeaderValue::from_static("identity");
        fields.insert(header::ACCEPT_ENCODING, identity);
        fields.insert(header::USER_AGENT, HeaderValue::from_static("bench"));
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(300))
            .pool_max_idle_per_host(CONNECTIONS)
            .no_proxy();
        Ok(Self {
            client: client.build()?,
            fields,
            permits: Semaphore::new(CONNECTIONS),
            interval: interval(rounds),
        })
    }

    async fn poll(&self, url: reqwest::Url, id: &str) -> Result<bool, Failure> {
        let _permit = self.permits.acquire().await?;
        let mut fields = self.fields.clone();
        fields.insert("client-request-id", HeaderValue::try_from(id)?);
        let answer = self.client.get(url).headers(fields).send().await?;
        let operation: Operation = serde_json::from_slice(&answer.bytes().await?)?;
        Ok(operation.status == "succeeded")
    }

    async fn operation(self: Arc<Self>, url: reqwest::Url, id: String) -> Result<(), Failure> {
        while !self.poll(url.clone(), &id).await? {
            tokio::time::sleep(self.interval).await;
        }
        Ok(())
    }
}

pub(crate) async fn tasks(count: u32, rounds: u32, url: &str) -> Result<f64, Failure> {
    let shared = Arc::new(Shared::new(rounds)?);
    let spawn = |number| -> Result<JoinHandle<_>, Failure> {
        let id = service::id(number);
        let url = format!("{url}/external/industryData/operations/{id}").parse()?;
        Ok(tokio::spawn(Arc::clone(&shared).operation(url, id)))
    };
    let first = count * rounds.max(1);
    let before: Result<Vec<_>, _> = (first..first + BEFORE).map(spawn).collect();
    service::until_polled(url, BEFORE).await?;
    before?.iter().for_each(JoinHandle::abort);
    let since = Since::now(rounds);
    for round in 0..rounds {
        let numbers = round * count..(round + 1) * count;
        for task in numbers.map(spawn).collect::<Result<Vec<_>, _>>()? {
            task.await??;
        }
    }
    if rounds == 0 {
        for number in 0..count {
            drop(spawn(number)?);
        }
        service::until_polled(url, count + BEFORE).await?;
    }
    Ok(since.each(count, rounds))
}
