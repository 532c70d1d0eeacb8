//! Lists the targets, writes their seeds, replays one input, and runs a target without libFuzzer.

use std::{
    env, fs,
    panic::catch_unwind,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use fuzz_bodies::{Mutator, TARGETS, Target, target};

const USAGE: &str =
    "usage: fuzz-bodies list | prepare DIR | replay TARGET FILE | run TARGET SECONDS SEED DIR";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["list"] => {
            for target in TARGETS {
                println!("{} {}", target.name, target.about);
            }
            Ok(true)
        }
        ["prepare", folder] => prepare(Path::new(folder)),
        ["replay", name, file] => of(name).and_then(|target| replay(target, Path::new(file))),
        ["run", name, seconds, seed, folder] => of(name).and_then(|target| {
            let seconds = seconds.parse().map_err(|_| USAGE)?;
            let seed = seed.parse().map_err(|_| USAGE)?;
            run(
                target,
                Duration::from_secs(seconds),
                seed,
                Path::new(folder),
            )
        }),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn of(name: &str) -> Result<&'static Target, String> {
    target(name).ok_or_else(|| format!("no target is named {name}"))
}

/// Writes each target's seeds and dictionary: `DIR/seeds/TARGET/*` and `DIR/TARGET.dict`.
fn prepare(folder: &Path) -> Result<bool, String> {
    let write = |path: &Path, bytes: &[u8]| {
        fs::write(path, bytes).map_err(|e| format!("{} cannot be written: {e}", path.display()))
    };
    for target in TARGETS {
        let seeds = folder.join("seeds").join(target.name);
        fs::create_dir_all(&seeds)
            .map_err(|e| format!("{} cannot be created: {e}", seeds.display()))?;
        for (at, seed) in (target.seeds)().iter().enumerate() {
            write(&seeds.join(format!("{at:03}")), seed)?;
        }
        let quoted = |word: &&str| {
            word.bytes()
                .map(|byte| format!("\\x{byte:02X}"))
                .collect::<String>()
        };
        let words: Vec<String> = target
            .words
            .iter()
            .map(|word| format!("\"{}\"\n", quoted(word)))
            .collect();
        write(
            &folder.join(format!("{}.dict", target.name)),
            words.concat().as_bytes(),
        )?;
    }
    Ok(true)
}

/// Runs one input, for example the artefact of a crash.
fn replay(target: &Target, file: &Path) -> Result<bool, String> {
    let bytes = fs::read(file).map_err(|e| format!("{} cannot be read: {e}", file.display()))?;
    (target.body)(&bytes);
    println!("{}: the property holds for {}", target.name, file.display());
    Ok(true)
}

/// Runs mutated inputs for this time. The first one that breaks the property is written to `DIR`, and ends the run.
fn run(target: &Target, time: Duration, seed: u64, folder: &Path) -> Result<bool, String> {
    let began = Instant::now();
    let mut mutator = Mutator::new(target, seed);
    let mut executions = 0_u64;
    while began.elapsed() < time {
        for _ in 0..16 {
            let input = mutator.next_input();
            executions += 1;
            let body = target.body;
            if catch_unwind(|| body(&input)).is_ok() {
                continue;
            }
            fs::create_dir_all(folder).map_err(|e| e.to_string())?;
            let path = folder.join(format!("crash-{seed}-{executions}"));
            fs::write(&path, &input).map_err(|e| e.to_string())?;
            println!("executions {executions} artefact {}", path.display());
            return Ok(false);
        }
    }
    println!("executions {executions}");
    Ok(true)
}
