//! The program behind `cargo xtask bench`.
//!
//! `bench compare` starts a service and counts the cost of `bench WHAT COUNT URL`, which runs COUNT operations against it,
//! each a start and three polls. The loops written by hand do what a program without this library does: send, look at the status, and poll the
//! `Location`. They check nothing, keep no ledger, and send the token to any URL that the service names.

mod by_hand;
mod by_library;
mod compare;
mod core;
mod serve;

use std::{env, error::Error, process::ExitCode};

/// The reason why a bench failed.
type Failure = Box<dyn Error + Send + Sync>;

/// The length of the service's tokens.
const TOKEN_LENGTH: usize = 1200;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (what, count, url) = match arguments.as_slice() {
        ["compare"] => return compare::run(),
        [what, count] => (*what, count.parse()?, ""),
        [what, count, url] => (*what, count.parse()?, *url),
        _ => return Err("bench compare | bench WHAT COUNT [URL]".into()),
    };
    let token = "t".repeat(TOKEN_LENGTH);
    match what {
        "core-operation" => core::operations(count, &token),
        "core-poll" => core::polls(count, &token),
        "ureq" => by_hand::ureq(count, url, &token),
        "blocking" => by_library::blocking(count, url, &token),
        "reqwest" => by_hand::reqwest(count, url, &token),
        "async" => by_library::asynchronous(count, url, &token),
        _ => Err(format!("no bench is named {what}").into()),
    }
}
