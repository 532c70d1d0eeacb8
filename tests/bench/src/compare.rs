//! Counts the instructions and allocations of an operation, beside loops written by hand. Counts and not times, since they
//! are the same on a busy machine.

use std::{env, process::Command};

use crate::{Failure, serve};

/// A bench, its name in the table, and the bench that it is divided by.
const SUBJECTS: [(&str, &str, Option<&str>); 6] = [
    ("core-poll", "core, a poll", None),
    ("core-operation", "core, an operation", None),
    ("ureq", "ureq by hand", Some("ureq")),
    ("blocking", "industrydata-blocking", Some("ureq")),
    ("reqwest", "reqwest by hand", Some("reqwest")),
    ("async", "industrydata-async", Some("reqwest")),
];
/// The counts of two runs are subtracted, which leaves out what happens once.
const RUNS: [u32; 2] = [50, 250];

pub(crate) fn run() -> Result<(), Failure> {
    if Command::new("valgrind").arg("--version").output().is_err() {
        return Err("valgrind counts the instructions: install the package `valgrind`".into());
    }
    let url = serve::start()?;
    println!("an operation is a start and three polls; for each:");
    println!(
        "{:24}{:>14}{:>10}{:>13}",
        "", "instructions", "by hand", "allocations"
    );
    let mut counted: Vec<(&str, u64)> = Vec::new();
    for (what, name, by_hand) in SUBJECTS {
        let instructions = INSTRUCTIONS.count(what, &url)?;
        let allocations = ALLOCATIONS.count(what, &url)?;
        counted.push((what, instructions));
        let of = counted.iter().find(|(what, _)| Some(*what) == by_hand);
        let ratio = of.map_or_else(String::new, |(_, of)| {
            let thousandths = instructions * 1000 / of.max(&1);
            format!("{}.{:03}", thousandths / 1000, thousandths % 1000)
        });
        println!("{name:24}{instructions:14}{ratio:>10}{allocations:13}");
    }
    Ok(())
}

/// A tool of valgrind, and the text before the number that it counts.
struct Counter {
    tool: [&'static str; 2],
    before: &'static str,
}

const INSTRUCTIONS: Counter = Counter {
    tool: ["--tool=callgrind", "--callgrind-out-file=/dev/null"],
    before: "Collected : ",
};
const ALLOCATIONS: Counter = Counter {
    tool: ["--tool=memcheck", "--undef-value-errors=no"],
    before: "total heap usage: ",
};

impl Counter {
    /// The count for one operation of a bench.
    fn count(&self, what: &str, url: &str) -> Result<u64, Failure> {
        let [few, many] = RUNS.map(|runs| self.counted(what, runs, url));
        let [fewer, more] = RUNS.map(u64::from);
        Ok(many?.saturating_sub(few?) / (more - fewer))
    }

    fn counted(&self, what: &str, runs: u32, url: &str) -> Result<u64, Failure> {
        let mut command = Command::new("valgrind");
        command.args(self.tool).arg(env::current_exe()?);
        let output = command.args([what, &runs.to_string(), url]).output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("bench {what} ended with {}: {stderr}", output.status).into());
        }
        let number = stderr.split_once(self.before).map(|(_, rest)| {
            let digits = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',');
            digits.filter(char::is_ascii_digit).collect::<String>()
        });
        let number = number.ok_or_else(|| format!("valgrind printed no count: {stderr}"))?;
        Ok(number.parse()?)
    }
}
