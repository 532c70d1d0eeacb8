//! What `cargo xtask bench` counts: `bench WHAT COUNT URL` runs so many operations, one start and three polls each, against
//! a service that `bench serve` is.
//!
//! The loops written by hand do what a program without this library does: they send, look at the status, and poll what
//! `Location` says. They check nothing, keep no books and send the token wherever they are told.

mod by_hand;
mod core;
mod ours;
mod serve;

use std::{env, error::Error, process::ExitCode};

/// What ends a bench.
type Failure = Box<dyn Error + Send + Sync>;

/// As long as the tokens of the service.
const TOKEN_LENGTH: usize = 1200;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("{failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (what, count, url) = match arguments.as_slice() {
        ["serve"] => return serve::run(),
        [what, count] => (*what, count.parse()?, ""),
        [what, count, url] => (*what, count.parse()?, *url),
        _ => return Err("bench serve | bench WHAT COUNT [URL]".into()),
    };
    let token = "t".repeat(TOKEN_LENGTH);
    match what {
        "core-operation" => core::operations(count, &token),
        "core-poll" => core::polls(count, &token),
        "ureq" => by_hand::ureq(count, url, &token),
        "blocking" => ours::blocking(count, url, &token),
        "reqwest" => by_hand::reqwest(count, url, &token),
        "async" => ours::asynchronous(count, url, &token),
        _ => Err(format!("there is no bench {what}").into()),
    }
}
