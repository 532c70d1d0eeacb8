//! A start and its polls over reqwest, without this library.

use std::{env, error::Error, time::Duration};

use serde::Deserialize;

#[derive(Deserialize)]
struct Operation {
    status: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let base = env::args().nth(1).ok_or("the base URL is missing")?;
    let token = env::var("INDUSTRYDATA_TOKEN")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = reqwest::Client::builder()
            .timeout(Duration::from_secs(30))
            .build()?;
        let start = format!("{base}/external/industryData/runs/start");
        let accepted = client.post(start).bearer_auth(&token).send().await?;
        let location = accepted.error_for_status_ref()?.headers().get("location");
        let location = location.ok_or("no Location")?.to_str()?.to_owned();
        loop {
            tokio::time::sleep(Duration::from_secs(5)).await;
            let answer = client.get(&location).bearer_auth(&token).send().await?;
            let body = answer.error_for_status()?.bytes().await?;
            let operation: Operation = serde_json::from_slice(&body)?;
            println!("{}", operation.status);
            if ["succeeded", "failed"].contains(&operation.status.as_str()) {
                return Ok(());
            }
        }
    })
}
