//! A start and its polls over ureq, without this library.

use std::{env, error::Error, thread, time::Duration};

use serde::Deserialize;
use ureq::Agent;

#[derive(Deserialize)]
struct Operation {
    status: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let base = env::args().nth(1).ok_or("the base URL is missing")?;
    let bearer = format!("Bearer {}", env::var("INDUSTRYDATA_TOKEN")?);
    let config = Agent::config_builder()
        .timeout_global(Some(Duration::from_secs(30)))
        .build();
    let agent = Agent::new_with_config(config);
    let start = agent.post(format!("{base}/external/industryData/runs/start"));
    let accepted = start.header("authorization", &bearer).send_empty()?;
    let location = accepted.headers().get("location").ok_or("no Location")?;
    let location = location.to_str()?.to_owned();
    loop {
        thread::sleep(Duration::from_secs(5));
        let request = agent.get(&location).header("authorization", &bearer);
        let body = request.call()?.body_mut().read_to_vec()?;
        let operation: Operation = serde_json::from_slice(&body)?;
        println!("{}", operation.status);
        if ["succeeded", "failed"].contains(&operation.status.as_str()) {
            return Ok(());
        }
    }
}
