//! Counts the instructions and allocations of an operation, beside loops written by hand. Counts and not times, since they
//! are the same on a busy machine.

use std::{env, process::Command};

use crate::{Failure, serve};

/// One line of the table.
struct Subject {
    /// The name of the bench on the command line.
    bench: &'static str,
    name: &'static str,
    /// The loop that the instructions are divided by.
    beside: Option<&'static str>,
    aim: Aim,
}

/// What is asked of a subject.
#[derive(Clone, Copy)]
enum Aim {
    None,
    /// At most this many instructions.
    Instructions(u64),
    /// At most this many hundredths of the instructions of the loop beside it.
    Hundredths(u64),
}

const fn subject(
    bench: &'static str,
    name: &'static str,
    beside: Option<&'static str>,
    aim: Aim,
) -> Subject {
    Subject {
        bench,
        name,
        beside,
        aim,
    }
}

const SUBJECTS: [Subject; 12] = [
    subject("core-poll", "core, a poll", None, Aim::Instructions(7_000)),
    subject("core", "core", None, Aim::Instructions(36_000)),
    subject(
        "core-4",
        "core, 4 starts before",
        None,
        Aim::Instructions(62_000),
    ),
    subject(
        "changes-4",
        "reserve and settle, 4 before",
        None,
        Aim::Instructions(30_000),
    ),
    subject("ureq", "ureq, same work", None, Aim::None),
    subject("ureq-careless", "ureq, careless", Some("ureq"), Aim::None),
    subject("blocking", "blocking", Some("ureq"), Aim::Hundredths(100)),
    subject(
        "blocking-4",
        "blocking, 4 starts before",
        Some("ureq"),
        Aim::Hundredths(115),
    ),
    subject("reqwest", "reqwest, same work", None, Aim::None),
    subject(
        "reqwest-careless",
        "reqwest, careless",
        Some("reqwest"),
        Aim::None,
    ),
    subject("async", "async", Some("reqwest"), Aim::Hundredths(105)),
    subject(
        "async-4",
        "async, 4 starts before",
        Some("reqwest"),
        Aim::Hundredths(112),
    ),
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
        "{:30}{:>13}{:>9}{:>8}{:>13}",
        "", "instructions", "ratio", "aim", "allocations"
    );
    let mut counted: Vec<(&str, u64)> = Vec::new();
    for subject in &SUBJECTS {
        let instructions = INSTRUCTIONS.count(subject.bench, &url)?;
        let allocations = ALLOCATIONS.count(subject.bench, &url)?;
        counted.push((subject.bench, instructions));
        let beside = counted
            .iter()
            .find(|(bench, _)| Some(*bench) == subject.beside);
        let ratio = beside.map(|(_, of)| instructions * 1000 / of.max(&1));
        let ratio = ratio.map_or_else(String::new, |it| format!("{}.{:03}", it / 1000, it % 1000));
        let aim = match subject.aim {
            Aim::None => String::new(),
            Aim::Instructions(most) => most.to_string(),
            Aim::Hundredths(most) => format!("{}.{:02}", most / 100, most % 100),
        };
        println!(
            "{:30}{instructions:13}{ratio:>9}{aim:>8}{allocations:13}",
            subject.name
        );
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
