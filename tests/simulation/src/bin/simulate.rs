//! `simulate`: the program behind `cargo xtask simulate`.

use std::{env, fs, process::ExitCode, thread, time::Instant};

use simulation::{Found, Plan, Planted, Script, Violation, play, run, shrink, transitions};

const USAGE: &str =
    "usage: simulate [--seeds N] [--from SEED] [--threads N] | --seed SEED | --script FILE";

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let (mut seeds, mut from, mut seed, mut script) = (20_000, 0, None, None);
    let mut threads = thread::available_parallelism()?.get();
    let mut words = env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().ok_or(USAGE)?;
        match word.as_str() {
            "--seeds" => seeds = value.parse()?,
            "--from" => from = value.parse()?,
            "--threads" => threads = value.parse()?,
            "--seed" => seed = Some(value.parse()?),
            "--script" => script = Some(value),
            _ => return Err(USAGE.into()),
        }
    }
    // A panic is reported as a violation of I9, without the default panic message.
    std::panic::set_hook(Box::new(|_| ()));
    match (script, seed) {
        (Some(path), _) => one(&Script::parse(&fs::read_to_string(path)?)?),
        (None, Some(seed)) => one(&transitions::script(seed)),
        (None, None) => many(Plan {
            from,
            seeds,
            threads,
            planted: Planted::Nothing,
        }),
    }
}

fn many(plan: Plan) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let began = Instant::now();
    let (tally, found) = run(plan);
    let took = began.elapsed().as_secs_f64();
    println!("{tally}");
    let last = plan.from.wrapping_add(plan.seeds).wrapping_sub(1);
    let rate = plan.seeds as f64 / took.max(1e-9);
    println!(
        "seeds {} to {last}, {took:.1} s on {} threads, {rate:.0} histories per second",
        plan.from, plan.threads
    );
    println!("{} violations", found.len());
    for Found { seed, violation } in &found {
        report(*seed, violation)?;
    }
    Ok(exit(found.is_empty()))
}

fn one(script: &Script) -> Result<ExitCode, Box<dyn std::error::Error>> {
    let (tally, violation) = play(script, Planted::Nothing);
    print!("{}", script.text());
    println!("{tally}");
    match &violation {
        Some(violation) => print_violation(violation),
        None => println!("every law holds"),
    }
    Ok(exit(violation.is_none()))
}

/// Prints a violation with the shortest script that shows it.
fn report(seed: u64, violation: &Violation) -> Result<(), Box<dyn std::error::Error>> {
    println!("\nseed {seed}; play it again with `cargo xtask simulate --seed {seed}`");
    print_violation(violation);
    let (script, violation) = shrink(&transitions::script(seed), &violation.law, Planted::Nothing);
    let path = env::temp_dir().join(format!("simulation-{seed}.jsonl"));
    fs::write(&path, script.text())?;
    println!(
        "shortened; play it with `cargo xtask simulate --script {}`",
        path.display()
    );
    print_violation(&violation);
    print!("{}", script.text());
    Ok(())
}

fn print_violation(violation: &Violation) {
    println!("{} is broken: {}", violation.law, violation.sentence());
    println!("  {}", violation.detail);
}

fn exit(holds: bool) -> ExitCode {
    if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
