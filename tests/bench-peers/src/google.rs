//! google-cloud-lro's poller. It knows only operations of Google's services, so the two closures that a generated client
//! would have are written here, over reqwest, and give it what the service's body says in Google's form.

use std::{sync::Arc, time::Duration};

use google_cloud_gax::{
    error::Error, polling_backoff_policy::PollingBackoffPolicy, polling_error_policy::Aip194Strict,
    polling_state::PollingState,
};
use google_cloud_longrunning::model::Operation;
use google_cloud_lro::{Poller, internal};
use google_cloud_wkt::{Any, Empty};
use reqwest::Client;

use crate::{Failure, PAUSE, START, Status};

#[derive(Debug)]
struct Fixed;

impl PollingBackoffPolicy for Fixed {
    fn wait_period(&self, _: &PollingState) -> Duration {
        PAUSE
    }
}

type Started = internal::Operation<Empty, Empty>;

pub(crate) async fn operations(count: u32, url: &str, token: &str) -> Result<(), Failure> {
    let client = Client::builder().no_proxy().build()?;
    let (start, token): (Arc<str>, Arc<str>) = (format!("{url}/{START}").into(), token.into());
    for _ in 0..count {
        let begin = {
            let (client, start, token) = (client.clone(), start.clone(), token.clone());
            move || async move { begin(client, start, token).await.map_err(Error::io) }
        };
        let query = {
            let (client, token) = (client.clone(), token.clone());
            move |name| {
                let (client, token) = (client.clone(), token.clone());
                async move { query(client, name, token).await.map_err(Error::io) }
            }
        };
        let poller =
            internal::new_unit_poller(Arc::new(Aip194Strict), Arc::new(Fixed), begin, query);
        poller.until_done().await?;
    }
    Ok(())
}

async fn begin(client: Client, start: Arc<str>, token: Arc<str>) -> Result<Started, Failure> {
    let answer = client.post(&*start).bearer_auth(&token).send().await?;
    let location = answer.headers().get("location").ok_or("no Location")?;
    let operation = Operation::default().set_name(location.to_str()?);
    Ok(Started::new(operation))
}

async fn query(client: Client, name: String, token: Arc<str>) -> Result<Started, Failure> {
    let answer = client.get(&name).bearer_auth(&token).send().await?;
    let status: Status = serde_json::from_slice(&answer.bytes().await?)?;
    let mut operation = Operation::default()
        .set_name(name)
        .set_done(status.is_done());
    if status.is_done() {
        operation = operation.set_response(Any::from_msg(&Empty::default())?);
    }
    Ok(Started::new(operation))
}
