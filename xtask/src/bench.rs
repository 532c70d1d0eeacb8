//! What an operation costs, in instructions and allocations, beside loops written by hand. Counts and not times: they are
//! the same on a busy machine.

use std::{
    ffi::OsStr,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use crate::{Failure, cargo};

/// What `bench` is asked for, how it is called here, and the loop by hand that it is held against.
const SUBJECTS: [(&str, &str, Option<&str>); 6] = [
    ("core-poll", "core, a poll", None),
    ("core-operation", "core, an operation", None),
    ("ureq", "ureq by hand", Some("ureq")),
    ("blocking", "industrydata-blocking", Some("ureq")),
    ("reqwest", "reqwest by hand", Some("reqwest")),
    ("async", "industrydata-async", Some("reqwest")),
];
/// The counts of two runs are subtracted, so that what happens once falls out.
const RUNS: [u32; 2] = [50, 250];

pub(crate) fn run() -> Result<(), Failure> {
    if !cargo::works(Command::new("valgrind").arg("--version")) {
        return Err("valgrind counts the instructions: install the package `valgrind`".into());
    }
    // Alone, since other packages would turn on TLS for both sides of the comparison.
    cargo::run(["build", "--release", "--locked", "--package", "bench"])?;
    let program = cargo::built("bench", "release")?;
    let program = program.get_program();
    let service = Service::start(program)?;
    println!("an operation is a start and three polls; for each:");
    println!(
        "{:24}{:>14}{:>10}{:>13}",
        "", "instructions", "by hand", "allocations"
    );
    let mut counted: Vec<(&str, u64)> = Vec::new();
    for (what, name, by_hand) in SUBJECTS {
        let instructions = service.count(program, what, &INSTRUCTIONS)?;
        let allocations = service.count(program, what, &ALLOCATIONS)?;
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

/// A tool of valgrind, and what stands before the number it counts.
struct Counter {
    tool: &'static [&'static str],
    before: &'static str,
}

const INSTRUCTIONS: Counter = Counter {
    tool: &["--tool=callgrind", "--callgrind-out-file=/dev/null"],
    before: "Collected : ",
};
const ALLOCATIONS: Counter = Counter {
    tool: &["--tool=memcheck", "--undef-value-errors=no"],
    before: "total heap usage: ",
};

/// The service that answers the same to all; it ends with this value.
struct Service {
    process: Child,
    url: String,
}

impl Service {
    fn start(program: &OsStr) -> Result<Self, Failure> {
        let mut process = Command::new(program)
            .arg("serve")
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout).read_line(&mut url)?;
        }
        let url = url.trim().to_owned();
        Ok(Self { process, url })
    }

    /// What one operation of `what` counts.
    fn count(&self, program: &OsStr, what: &str, counter: &Counter) -> Result<u64, Failure> {
        let [few, many] = RUNS.map(|runs| self.counted(program, what, runs, counter));
        let (few, many) = (few?, many?);
        let [fewer, more] = RUNS.map(u64::from);
        Ok(many.saturating_sub(few) / (more - fewer))
    }

    fn counted(
        &self,
        program: &OsStr,
        what: &str,
        runs: u32,
        counter: &Counter,
    ) -> Result<u64, Failure> {
        let mut command = Command::new("valgrind");
        command.args(counter.tool).arg(program);
        let output = command
            .args([what, &runs.to_string(), &self.url])
            .output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("bench {what} ended with {}: {stderr}", output.status).into());
        }
        let number = stderr.split_once(counter.before).map(|(_, rest)| {
            let digits = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',');
            digits.filter(char::is_ascii_digit).collect::<String>()
        });
        let number = number.ok_or_else(|| format!("valgrind printed no count: {stderr}"))?;
        Ok(number.parse()?)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
