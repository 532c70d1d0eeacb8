//! The cost of very many operations at once, as the program `scale` beside this one measures it. It is another program,
//! since it counts what it allocates, which would add to the counts of this one.

use std::{
    env,
    path::Path,
    process::{Command, Stdio},
};

use crate::Failure;

/// Name, value and unit of each figure. `sizes` are the numbers of operations; all of them if there are none.
pub(crate) fn figures(sizes: &[&str]) -> Result<Vec<(String, f64, String)>, Failure> {
    let program = env::current_exe()?.with_file_name("scale");
    build(&program)?;
    let output = Command::new(&program)
        .args(sizes)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("scale ended with {}", output.status).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let figures = text.lines().map(|line| {
        let mut parts = line.split('\t');
        let mut next = || parts.next().ok_or_else(|| format!("no figure: {line}"));
        Ok((next()?.to_owned(), next()?.parse()?, next()?.to_owned()))
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

/// Prints the figures.
pub(crate) fn run(sizes: &[&str]) -> Result<(), Failure> {
    for (name, value, unit) in figures(sizes)? {
        println!("{name:44}{value:>10.1} {unit}");
    }
    Ok(())
}
