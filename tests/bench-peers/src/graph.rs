//! graph-rs-sdk, which has no long-running operations: its requests in a loop written by hand. It refuses other hosts than
//! Microsoft's unless its feature `test-util` is on.

use graph_rs_sdk::{
    GraphClient, GraphClientConfiguration,
    http::{Method, Url},
};

use crate::{Failure, PAUSE, START, Status};

pub(crate) async fn operations(count: u32, url: &str, token: &str) -> Result<(), Failure> {
    let configuration = GraphClientConfiguration::new()
        .access_token(token)
        .https_only(false);
    let mut client = GraphClient::from(configuration);
    let start = Url::parse(&format!("{url}/{START}"))?;
    for _ in 0..count {
        client.use_test_endpoint(&start);
        let answer = client.custom(Method::POST, None).send().await?;
        let location = answer.headers().get("location").ok_or("no Location")?;
        client.use_test_endpoint(&Url::parse(location.to_str()?)?);
        loop {
            tokio::time::sleep(PAUSE).await;
            let answer = client.custom(Method::GET, None).send().await?;
            let status: Status = serde_json::from_slice(&answer.bytes().await?)?;
            if status.is_done() {
                break;
            }
        }
    }
    Ok(())
}
