//! What each of very many operations costs a process that waits for all of them at once, over 64 connections.
//!
//! `scale` measures everything, `scale N ...` for these numbers of operations alone. Each measurement runs in another process,
//! `scale measure WHAT N ROUNDS URL`, and the service in one more, `scale serve ...`. `scale count ...` is `scale measure ...`
//! for valgrind, which does not know the processor's clock. A line has a name, a value and a unit, with tabs between them.

mod by_hand;
mod by_library;
mod service;

use std::{
    env,
    error::Error,
    io::{BufRead, BufReader},
    process::{Child, Command, ExitCode, Stdio},
};

use peak_alloc::PeakAlloc;
use rustix::time::{ClockId, clock_gettime};

/// The reason why a measurement failed.
type Failure = Box<dyn Error + Send + Sync>;

/// Counts what is allocated: the sizes that were asked for, without what an allocator adds.
#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const CONNECTIONS: usize = 64;
/// Operations that are polled before anything is measured, so that the connections are open.
const BEFORE: u32 = 256;
/// The numbers of operations, and how often each is repeated where time is measured.
const SIZES: [(u32, u32); 3] = [(1_000, 10), (10_000, 2), (100_000, 1)];

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
    match arguments.as_slice() {
        ["serve", operations, polls] => service::serve(operations.parse()?, polls.parse()?),
        ["measure" | "count", what, count, rounds, url] => {
            let value = measure(what, count.parse()?, rounds.parse()?, url)?;
            println!("{value}");
            Ok(())
        }
        sizes => all(sizes),
    }
}

/// What is measured: its name on the command line, its name in the table, and whether it is memory.
const SUBJECTS: [(&str, &str, bool); 7] = [
    ("set", "heap, one set", true),
    ("starts", "heap, one set of starts", true),
    ("tasks", "heap, a task each", true),
    ("by-hand", "heap, a task by hand", true),
    ("set", "cpu, one set", false),
    ("tenants", "cpu, tenant and ledger", false),
    ("by-hand", "cpu, a task by hand", false),
];

fn all(sizes: &[&str]) -> Result<(), Failure> {
    for (what, name, is_heap) in SUBJECTS {
        for (count, rounds) in SIZES {
            if !(sizes.is_empty() || sizes.contains(&count.to_string().as_str())) {
                continue;
            }
            // Memory does not depend on the number below 10,000. The starts are made one after the other.
            let is_left_out = count == 1_000 || what == "starts" && count == 100_000;
            if is_heap && is_left_out {
                continue;
            }
            let rounds = if is_heap { 0 } else { rounds };
            let value = measured(what, count, rounds)?;
            let unit = if is_heap { "B" } else { "us" };
            println!("{name}, {count}\t{value}\t{unit}");
        }
    }
    if Command::new("valgrind").arg("--version").output().is_ok() {
        // More would take many minutes.
        let (before, few, many) = (counted(0)?, counted(1_000)?, counted(10_000)?);
        for (count, instructions) in [(1_000, few), (10_000, many)] {
            let value = (instructions - before) / f64::from(count);
            println!("instr, tenant and ledger, {count}\t{value}\tinstr");
        }
    }
    Ok(())
}

/// The instructions of a process for this many starts with a tenant each.
fn counted(count: u32) -> Result<f64, Failure> {
    let program = env::current_exe()?;
    let (_service, url) = served(count, 1)?;
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.arg(&program).args(["count", "tenants"]);
    let output = command.args([&count.to_string(), "1", &url]).output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let counted = text.split_once("Collected : ").map(|(_, rest)| rest);
    let number = counted.and_then(|rest| rest.split_whitespace().next());
    match number.filter(|_| output.status.success()) {
        Some(number) => Ok(number.parse()?),
        None => Err(format!("counting ended with {}: {text}", output.status).into()),
    }
}

/// Ends the service.
struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A service in another process, and its base URL.
fn served(count: u32, rounds: u32) -> Result<(Served, String), Failure> {
    let program = env::current_exe()?;
    // Where memory is measured, no operation ends.
    let operations = BEFORE + count * rounds.max(1);
    let polls = if rounds == 0 { u8::MAX } else { 2 };
    let mut service = Command::new(&program)
        .args(["serve", &operations.to_string(), &polls.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = service.stdout.take();
    let service = Served(service);
    let mut url = String::new();
    BufReader::new(stdout.ok_or("no output")?).read_line(&mut url)?;
    Ok((service, url.trim().to_owned()))
}

/// The result of a measurement, made in another process.
fn measured(what: &str, count: u32, rounds: u32) -> Result<f64, Failure> {
    let program = env::current_exe()?;
    let (_service, url) = served(count, rounds)?;
    let output = Command::new(&program)
        .args(["measure", what, &count.to_string()])
        .args([&rounds.to_string(), &url])
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("measuring {what} ended with {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.trim().parse()?)
}

/// Bytes or microseconds for each operation.
fn measure(what: &str, count: u32, rounds: u32, url: &str) -> Result<f64, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match (what, rounds) {
            ("set", _) => by_library::set(count, rounds, url).await,
            ("starts", 0) => by_library::starts(count, url).await,
            ("tasks", 0) => by_library::tasks(count, url).await,
            ("tenants", 1..) => by_library::tenants(count, rounds, url).await,
            ("by-hand", _) => by_hand::tasks(count, rounds, url).await,
            _ => Err(format!("nothing to measure is named {what}").into()),
        }
    })
}

/// What is on the heap, or the time that the process has used.
#[derive(Clone, Copy)]
enum Since {
    Heap(usize),
    Time(f64),
    /// Another program counts.
    Nothing,
}

impl Since {
    /// `rounds` is 0 where memory is measured.
    fn now(rounds: u32) -> Self {
        if rounds == 0 {
            return Self::Heap(HEAP.current_usage());
        }
        if env::args().nth(1).as_deref() == Some("count") {
            return Self::Nothing;
        }
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Self::Time(time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3)
    }

    /// The difference until now, for each operation.
    fn each(self, count: u32, rounds: u32) -> f64 {
        let difference = match (self, Self::now(rounds)) {
            (Self::Heap(then), Self::Heap(now)) => now as f64 - then as f64,
            (Self::Time(then), Self::Time(now)) => now - then,
            _ => f64::NAN,
        };
        difference / f64::from(count) / f64::from(rounds.max(1))
    }
}
