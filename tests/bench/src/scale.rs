//! The cost of very many operations at once, as the program `scale` beside this one measures it. It is another program,
//! since it counts what it allocates, which would add to the counts of this one.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use crate::{
    Failure,
    figure::{Aim, Argued, Figure, Part},
};

/// The figures with their aims.
pub(crate) fn figures() -> Result<Part, Failure> {
    let measured = measured()?;
    let of = |name: &str, count: &str| {
        let name = format!("{name}, {count}");
        let found = measured.iter().find(|it| it.0 == name);
        found.map_or(f64::NAN, |it| it.1)
    };
    let figures = measured.iter().map(|(name, value, unit)| {
        let (what, count) = name.rsplit_once(", ").unwrap_or((name, ""));
        let figure = Figure::new(name, *value, unit);
        match what {
            "heap, one set" | "heap, one set of starts" => figure.aim(Aim::Value(700.0)),
            "heap, a task each" => {
                let by_hand = of("heap, a task by hand", count);
                figure.beside(by_hand).aim(Aim::Ratio(1.2))
            }
            // Flat: the same for many as for few.
            "cpu, one set" | "instr, tenant and ledger" => figure.beside(of(what, "1000")).aim(Aim::Ratio(1.1)),
            "cpu, tenant and ledger" => {
                let flat = figure.beside(of(what, "1000")).aim(Aim::Ratio(1.1));
                flat.argued(Some(Argued {
                    limit: 1.8,
                    why: "the same instructions take longer: memory is spread over more pages than the processor has in its \
                          tables, and the allocator of the C library looks for room in it",
                }))
            }
            _ => figure,
        }
    });
    Ok(Part::Figures(figures.collect()))
}

/// Name, value and unit of each.
fn measured() -> Result<Vec<(String, f64, &'static str)>, Failure> {
    let program = env::current_exe()?.with_file_name("scale");
    build(&program)?;
    let output = Command::new(&program).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("scale ended with {}", output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let figures = text.lines().map(|line| {
        let mut parts = line.split('\t');
        let mut next = || parts.next().ok_or_else(|| format!("no figure: {line}"));
        let (name, value) = (next()?.to_owned(), next()?.parse()?);
        let unit = match next()? {
            "B" => "B",
            "instr" => "instr",
            _ => "us",
        };
        Ok((name, value, unit))
    });
    figures.collect()
}

/// `cargo run` builds one program of a package.
fn build(program: &Path) -> Result<(), Failure> {
    let Some(cargo) = env::var_os("CARGO") else {
        return match program.exists() {
            true => Ok(()),
            false => Err("build it first: cargo build --release --package bench".into()),
        };
    };
    let mut build = Command::new(cargo);
    build.args(["build", "--release", "--locked", "--package", "bench"]);
    match build.args(["--bin", "scale"]).status()?.success() {
        true => Ok(()),
        false => Err("the program `scale` was not built".into()),
    }
}
