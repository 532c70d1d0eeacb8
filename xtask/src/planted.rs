//! Faults planted by hand, each to be caught by the test it names.
//!
//! A fault is a patch in `tests/planted`: a mistake that somebody might make, and the test that must fail if they do. Each is
//! applied to a copy of the tree under `target/planted`, which keeps its own build, so that a fault costs one build of
//! what it touches; the tree itself is left alone. What counts as caught is that test, built, run and failing with the
//! words that the patch gives: a fault that does not compile, a test that hangs or one that fails for another reason is not.

mod copy;
mod fault;
mod trial;

use std::{ffi::OsString, process::ExitCode, time::Instant};

use self::{
    copy::TreeCopy,
    fault::TransportError,
    trial::{Bench, End},
};
use crate::{Failure, cargo};

/// Tries every fault, or those named, and ends with 1 unless all of them are caught.
pub(crate) fn run(arguments: &[OsString]) -> Result<ExitCode, Failure> {
    let faults = chosen(fault::all()?, arguments)?;
    let copy = TreeCopy::of(&cargo::root())?;
    let bench = Bench::new(&copy, &faults)?;
    let began = Instant::now();
    bench.passes_unpatched(&faults)?;
    println!(
        "without a fault their tests pass ({} s)",
        began.elapsed().as_secs()
    );
    let mut caught = 0;
    for fault in &faults {
        let began = Instant::now();
        let told = match attempt(fault, &copy, &bench)? {
            None => {
                caught += 1;
                format!("caught by {}", fault.test)
            }
            Some(problem) => format!("NOT CAUGHT: {}\n{problem}", fault.what),
        };
        println!(
            "{} ({:.1} s): {told}",
            fault.name,
            began.elapsed().as_secs_f64()
        );
    }
    println!("{caught} of {} planted faults caught", faults.len());
    Ok(if caught == faults.len() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn chosen(all: Vec<TransportError>, names: &[OsString]) -> Result<Vec<TransportError>, Failure> {
    if names.is_empty() {
        return Ok(all);
    }
    for name in names {
        if !all.iter().any(|fault| fault.name.as_str() == name) {
            return Err(format!("no fault is named {}", name.display()).into());
        }
    }
    let is_named = |fault: &TransportError| names.iter().any(|name| fault.name.as_str() == name);
    Ok(all.into_iter().filter(is_named).collect())
}

/// Plants one fault, tries it and takes it out again; says what is wrong unless it is caught.
fn attempt(
    fault: &TransportError,
    copy: &TreeCopy,
    bench: &Bench<'_>,
) -> Result<Option<String>, Failure> {
    let planted = match copy.plant(fault)? {
        Ok(planted) => planted,
        Err(why) => return Ok(Some(why)),
    };
    let end = bench.attempt(fault);
    planted.take_out()?;
    Ok(match end? {
        End::Failed(output) if fault.is_told_by(&output) => None,
        End::Failed(output) => Some(format!(
            "its test fails without saying `{}`:\n{output}",
            fault.says
        )),
        End::Passed => Some(format!("{} passes all the same", fault.test)),
        End::Hung => Some(format!("{} does not end", fault.test)),
        End::NotBuilt(errors) => Some(format!(
            "it does not compile: mend {}\n{errors}",
            fault.path()
        )),
        End::Odd(output) => Some(format!("{} was not run to its end:\n{output}", fault.test)),
    })
}
