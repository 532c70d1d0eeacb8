//! `vectors [DIR]`: the program behind `cargo xtask vectors`. It exits with 1 unless every vector passes.

use std::{env, path::Path, process::ExitCode};

fn main() -> ExitCode {
    let folder = env::args_os().nth(1);
    let problem = match vectors::run(folder.as_ref().map(Path::new)) {
        Ok(tally) if tally.failed == 0 => return ExitCode::SUCCESS,
        Ok(tally) => format!("{} vectors failed", tally.failed),
        Err(problem) => problem,
    };
    eprintln!("error: {problem}");
    ExitCode::FAILURE
}
