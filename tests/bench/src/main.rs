//! The program behind `cargo xtask bench`.
//!
//! `bench compare` prints all figures, or the parts whose titles have a given word. For an operation it starts a service and
//! counts the cost of `bench WHAT COUNT URL`, which runs COUNT operations against it, each a start and three polls. `bench
//! quick FILE` compares the instructions with those that `bench record FILE` wrote.
//!
//! The loops written by hand do what a program without this library does: send, look at the status, and poll the `Location`.
//! They check nothing, keep no ledger, and send the token to any URL that the service names.

mod by_hand;
mod by_library;
mod children;
mod command_line;
mod compare;
mod core;
mod counter;
#[allow(
    dead_code,
    clippy::unwrap_used,
    reason = "other pictures use the rest, and they are tests"
)]
#[path = "../../tests/pictures/drawing.rs"]
mod drawing;
mod figure;
mod pace;
mod quick;
mod scale;
mod serve;
#[cfg(feature = "stores")]
mod stores;
mod weight;

use std::{env, error::Error, path::Path, process::ExitCode};

use industrydata_core::wire::BaseUrl;

use crate::{by_hand::Work, by_library::Same};

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
        ["compare", words @ ..] => return compare::run(words),
        ["quick", file] => return quick::run(Path::new(file), false),
        ["record", file] => return quick::run(Path::new(file), true),
        ["pace", file] => return pace::run(file),
        [what, count] => (*what, count.parse()?, ""),
        [what, count, url] => (*what, count.parse()?, *url),
        _ => {
            return Err(
                "bench compare [WORD...] | quick FILE | record FILE | pace FILE | WHAT COUNT [URL]"
                    .into(),
            );
        }
    };
    let token = "t".repeat(TOKEN_LENGTH);
    let ledger = |count| Same::with(count, &url.parse()?);
    let graph = |count| Same::with(count, &BaseUrl::graph());
    match what {
        "core-by-hand" => by_hand::without_io(count, &token),
        "core-poll" => core::polls(count, &token, graph(0)?),
        "core" => core::operations(count, &token, graph(0)?),
        "core-4" => core::operations(count, &token, graph(4)?),
        "changes-4" => core::changes(count, &graph(4)?),
        "ureq-careless" => by_hand::ureq(count, url, &token, Work::Careless),
        "ureq-best" => by_hand::ureq(count, url, &token, Work::Best),
        "ureq" => by_hand::ureq(count, url, &token, Work::Same),
        "blocking" => by_library::blocking(count, url, &token, ledger(0)?),
        "blocking-4" => by_library::blocking(count, url, &token, ledger(4)?),
        "reqwest-careless" => by_hand::reqwest(count, url, &token, Work::Careless),
        "reqwest-best" => by_hand::reqwest(count, url, &token, Work::Best),
        "reqwest" => by_hand::reqwest(count, url, &token, Work::Same),
        "async" => by_library::asynchronous(count, url, &token, ledger(0)?),
        "async-4" => by_library::asynchronous(count, url, &token, ledger(4)?),
        _ => Err(format!("no bench is named {what}").into()),
    }
}
