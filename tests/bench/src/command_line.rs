//! What the command line takes, beside curl with the same request.

use std::{env, ffi::OsStr, fs, process::Command};

use crate::{
    Failure, children,
    counter::{INSTRUCTIONS, valgrind},
    figure::{Aim, Argued, Figure, Part},
    serve,
};

/// The program `industrydata`, where it is built.
pub(crate) const PROGRAM: &str = "INDUSTRYDATA_BENCH_CLI";

const TOKEN_LENGTH: usize = 1200;
/// How often a command is run, and how often that is repeated. The lowest mean counts.
const RUNS: (u32, u32) = (200, 4);

pub(crate) fn figures() -> Result<Part, Failure> {
    let Some(program) = env::var_os(PROGRAM) else {
        return Ok(Part::NotRun(format!("{PROGRAM} names no program")));
    };
    let url = serve::start()?;
    let folder = env::temp_dir().join(format!("industrydata-quota-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let found = of(&program, &url, folder.join("ledger.sqlite3").as_os_str());
    fs::remove_dir_all(&folder)?;
    Ok(Part::Figures(found?))
}

fn of(program: &OsStr, url: &str, ledger: &OsStr) -> Result<Vec<Figure>, Failure> {
    let token = "t".repeat(TOKEN_LENGTH);
    let ours = |ledger: &OsStr, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).env("INDUSTRYDATA_BASE_URL", url);
        command.env("INDUSTRYDATA_TOKEN", &token);
        command.env("INDUSTRYDATA_TENANT", "contoso");
        command.env("INDUSTRYDATA_LEDGER", ledger);
        command
    };
    // The ledger has a start before its quota is read.
    let mut start = ours(ledger, &["start"]);
    children::milliseconds(&mut start, 1)?;
    let mut quota = ours(ledger, &["quota"]);
    let quota = Figure::new("quota, SQLite", milliseconds(&mut quota)?, "ms CPU");
    let quota = quota.aim(Aim::Value(2.0)).argued(Some(Argued {
        limit: 3.0,
        why: "a program that prints a letter takes nearly half of it on the same machine; see docs/performance.md",
    }));
    let mut figures = vec![quota];

    let mut curl = Command::new("curl");
    curl.args(["--silent", "--fail", "--request", "POST", "--header"]);
    curl.arg(format!("Authorization: Bearer {token}"));
    curl.arg(format!("{url}/external/industryData/runs/start"));
    let has_curl = Command::new("curl").arg("--version").output().is_ok();
    if !has_curl {
        println!("not run: the comparison with curl, which is not installed");
    }
    if let Err(lacks) = valgrind() {
        println!("not run: the instructions, since {lacks}");
    }
    let kinds = [("CPU", false), ("instructions", true)];
    for (name, is_counted) in kinds
        .into_iter()
        .filter(|(_, it)| !it || valgrind().is_ok())
    {
        let unit = if is_counted { "instr" } else { "ms CPU" };
        let measure = |command: &mut Command| {
            if is_counted {
                INSTRUCTIONS.whole(command)
            } else {
                milliseconds(command)
            }
        };
        let mut blocking = ours("none".as_ref(), &["start"]);
        let mut others = ours("none".as_ref(), &["start", "--http", "async"]);
        let blocking = Figure::new("start, blocking", measure(&mut blocking)?, unit);
        let others = Figure::new("start, async", measure(&mut others)?, unit);
        if has_curl {
            let beside = measure(&mut curl)?;
            figures.push(Figure::new(format!("curl, {name}"), beside, unit));
            figures.push(blocking.beside(beside).aim(Aim::Ratio(1.2)));
            figures.push(others.beside(beside));
        } else {
            figures.extend([blocking, others]);
        }
    }
    Ok(figures)
}

fn milliseconds(command: &mut Command) -> Result<f64, Failure> {
    let (runs, repeats) = RUNS;
    let mut lowest = f64::INFINITY;
    for _ in 0..repeats {
        lowest = lowest.min(children::milliseconds(command, runs)?);
    }
    Ok(lowest)
}
