//! `bench-peers WHAT COUNT URL`: COUNT operations, each a start and its polls, by a client of the registry.
//!
//! Each is the smallest loop that its documentation suggests. `cargo xtask bench` builds it where it is asked to, and counts
//! its instructions over the same service as those of this library.

mod azure;
mod google;
mod graph;

use std::{env, error::Error, process::ExitCode, time::Duration};

use serde::Deserialize;

type Failure = Box<dyn Error + Send + Sync>;

const PAUSE: Duration = Duration::from_millis(1);
const START: &str = "external/industryData/runs/start";

#[derive(Deserialize)]
struct Status {
    status: String,
}

impl Status {
    fn is_done(&self) -> bool {
        self.status == "succeeded"
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [what, count, url] = arguments.as_slice() else {
        eprintln!("error: bench-peers WHAT COUNT URL");
        return ExitCode::FAILURE;
    };
    match run(what, count, url) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(what: &str, count: &str, url: &str) -> Result<(), Failure> {
    let count: u32 = count.parse()?;
    let token = "t".repeat(1200);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match what {
            "google-cloud-lro" => google::operations(count, url, &token).await,
            "graph-rs-sdk" => graph::operations(count, url, &token).await,
            "azure_core" => azure::operations(count, url, &token).await,
            _ => Err(format!("no client is named {what}").into()),
        }
    })
}
