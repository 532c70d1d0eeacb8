//! What an operation costs, beside loops written by hand.

use std::{env, ffi::OsString};

#[cfg(feature = "stores")]
use crate::stores;
use crate::{
    Failure, command_line,
    counter::{ALLOCATIONS, Counter, INSTRUCTIONS, valgrind},
    figure::{Aim, Argued, Figure, Part, Table},
    scale, serve, weight,
};

/// Something whose cost is counted.
pub(crate) struct Subject {
    /// The name of the bench on the command line.
    pub(crate) bench: &'static str,
    pub(crate) name: &'static str,
    /// The loop that the instructions are divided by.
    pub(crate) beside: &'static str,
    aim: Aim,
    argued: Option<Argued>,
    /// The most allocations.
    allocations: Option<f64>,
}

impl Subject {
    /// A loop written by hand, beside another or itself.
    const fn by_hand(bench: &'static str, name: &'static str, beside: &'static str) -> Self {
        Self::new(bench, name, beside, Aim::None)
    }

    const fn new(bench: &'static str, name: &'static str, beside: &'static str, aim: Aim) -> Self {
        Self {
            bench,
            name,
            beside,
            aim,
            argued: None,
            allocations: None,
        }
    }

    const fn argued(mut self, limit: f64, why: &'static str) -> Self {
        self.argued = Some(Argued { limit, why });
        self
    }

    /// Whether it is a loop written by hand.
    pub(crate) const fn is_by_hand(&self) -> bool {
        matches!(self.aim, Aim::None)
    }
}

const CORE_WHY: &str = "two changes of the ledger, the gate, four requests and three bodies take \
     more than a loop by hand that checks nothing; see docs/performance.md";

/// The loops stand before what is divided by them.
pub(crate) const SUBJECTS: [Subject; 15] = [
    Subject::by_hand("core-by-hand", "by hand without I/O", "core-by-hand"),
    Subject {
        allocations: Some(6.0),
        ..Subject::new(
            "core-poll",
            "core, a poll",
            "core-by-hand",
            Aim::Value(7_000.0),
        )
    },
    Subject::new("core", "core", "core-by-hand", Aim::Value(36_000.0)).argued(38_500.0, CORE_WHY),
    Subject::new(
        "core-4",
        "core, 4 starts before",
        "core-by-hand",
        Aim::Value(62_000.0),
    ),
    Subject::new(
        "changes-4",
        "reserve and settle, 4 before",
        "core-by-hand",
        Aim::Value(30_000.0),
    ),
    Subject::by_hand("ureq", "ureq, same work", "ureq"),
    Subject::by_hand("ureq-careless", "ureq, careless", "ureq"),
    Subject::by_hand("ureq-best", "ureq, best", "ureq"),
    Subject::new("blocking", "blocking", "ureq", Aim::Ratio(1.0)),
    Subject::new(
        "blocking-4",
        "blocking, 4 starts before",
        "ureq",
        Aim::Ratio(1.15),
    ),
    Subject::by_hand("reqwest", "reqwest, same work", "reqwest"),
    Subject::by_hand("reqwest-careless", "reqwest, careless", "reqwest"),
    Subject::by_hand("reqwest-best", "reqwest, best", "reqwest"),
    Subject::new("async", "async", "reqwest", Aim::Ratio(1.05)),
    Subject::new(
        "async-4",
        "async, 4 starts before",
        "reqwest",
        Aim::Ratio(1.12),
    ),
];

/// The clients of the registry, in a program of their own.
const PEERS: [(&str, &str); 3] = [
    ("google-cloud-lro", "google-cloud-lro"),
    ("graph-rs-sdk", "graph-rs-sdk"),
    ("azure_core", "azure_core"),
];

/// The program of the peers, where it is built.
const PEERS_PROGRAM: &str = "INDUSTRYDATA_BENCH_PEERS";

type Measure = fn() -> Result<Part, Failure>;

/// The parts of the table, each under its title. A part says itself what it lacks.
const PARTS: &[(&str, Measure)] = &[
    ("an operation: a start and three polls", instructions),
    ("allocations of an operation", allocations),
    ("one of many operations at once", scale::figures),
    #[cfg(feature = "stores")]
    ("SQLite, starts a second", stores::sqlite),
    #[cfg(feature = "stores")]
    ("PostgreSQL, starts a second", stores::postgres),
    ("the command line, beside curl", command_line::figures),
    ("weight, beside a bare program", weight::figures),
];

/// The figures of all parts, or of those whose titles have one of these words, in one table.
pub(crate) fn run(words: &[&str]) -> Result<(), Failure> {
    let is_chosen = |title: &str| words.is_empty() || words.iter().any(|it| title.contains(it));
    let mut table = Table::new();
    for (title, part) in PARTS.iter().filter(|(title, _)| is_chosen(title)) {
        table.add(title, part()?);
    }
    table.finish()
}

/// The number that was counted for a bench.
pub(crate) fn counted(counts: &[(&str, f64)], bench: &str) -> f64 {
    let found = counts.iter().find(|(name, _)| *name == bench);
    found.map_or(f64::NAN, |(_, count)| *count)
}

fn instructions() -> Result<Part, Failure> {
    if let Err(lacks) = valgrind() {
        return Ok(Part::NotRun(lacks));
    }
    let url = serve::start()?;
    let mut counts: Vec<(&str, f64)> = Vec::new();
    let mut figures = Vec::new();
    for subject in &SUBJECTS {
        let count = INSTRUCTIONS.operation(subject.bench, &url)?;
        counts.push((subject.bench, count));
        let figure = Figure::new(subject.name, count, "instr");
        let figure = figure.beside(counted(&counts, subject.beside));
        figures.push(figure.aim(subject.aim).argued(subject.argued));
    }
    if let Some(program) = env::var_os(PEERS_PROGRAM) {
        let reqwest = counted(&counts, "reqwest");
        for figure in peers(&INSTRUCTIONS, &program, &url, "instr")? {
            figures.push(figure.beside(reqwest));
        }
    }
    Ok(Part::Figures(figures))
}

fn allocations() -> Result<Part, Failure> {
    if let Err(lacks) = valgrind() {
        return Ok(Part::NotRun(lacks));
    }
    let url = serve::start()?;
    let mut figures = Vec::new();
    for subject in &SUBJECTS {
        let count = ALLOCATIONS.operation(subject.bench, &url)?;
        let figure = Figure::new(subject.name, count, "");
        figures.push(match subject.allocations {
            Some(most) => figure.aim(Aim::Value(most)),
            None => figure,
        });
    }
    if let Some(program) = env::var_os(PEERS_PROGRAM) {
        figures.extend(peers(&ALLOCATIONS, &program, &url, "")?);
    }
    Ok(Part::Figures(figures))
}

fn peers(
    counter: &Counter,
    program: &OsString,
    url: &str,
    unit: &'static str,
) -> Result<Vec<Figure>, Failure> {
    let of = |(bench, name): &(&'static str, &'static str)| {
        let count = counter.operation_of(program, bench, url)?;
        Ok(Figure::new(*name, count, unit))
    };
    PEERS.iter().map(of).collect()
}
