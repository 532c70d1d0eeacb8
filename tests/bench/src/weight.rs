//! What a program takes to build and to carry, beside one that does the same without this library and with the same TLS.

use std::{collections::BTreeSet, env, fs, path::Path, process::Command};

use crate::{
    Failure, children,
    figure::{Aim, Argued, Figure, Part},
};

/// The programs of the package `weight`, without the word before the flavour.
const FLAVOURS: [Flavour; 2] = [
    Flavour {
        name: "async",
        crates: None,
        build: Some(Argued {
            limit: 1.45,
            why: BUILD_WHY,
        }),
        size: Some(Argued {
            limit: 1.32,
            why: SIZE_WHY,
        }),
    },
    Flavour {
        name: "blocking",
        crates: Some(Argued {
            limit: 1.55,
            why: CRATES_WHY,
        }),
        build: Some(Argued {
            limit: 1.85,
            why: BUILD_WHY,
        }),
        size: Some(Argued {
            limit: 1.55,
            why: SIZE_WHY,
        }),
    },
];

const CRATES_WHY: &str = "nine of the seventeen are hyper's, which sends over ureq's connections, so that no secret enters a crate \
     that logs it; without them the aim would be met; see docs/performance.md";

const BUILD_WHY: &str = "the core and its adapter, which do what the bare program leaves out, and linking them; see \
     docs/performance.md";

const SIZE_WHY: &str = "the core and what it takes of std, with their tables for unwinding; then hyper, jiff and serde_json; see \
     docs/performance.md";

/// The rounds of builds. The lowest time of a program counts, since whatever else the machine does only adds to it.
const ROUNDS: u32 = 2;

struct Flavour {
    name: &'static str,
    crates: Option<Argued>,
    build: Option<Argued>,
    size: Option<Argued>,
}

/// What a clean build of a program takes and makes.
struct Build {
    /// Processor time, in seconds.
    seconds: f64,
    /// Bytes of the stripped program.
    bytes: f64,
}

pub(crate) fn figures() -> Result<Part, Failure> {
    let mut figures = Vec::new();
    for flavour in &FLAVOURS {
        let name = flavour.name;
        let programs = [format!("bare-{name}"), format!("checked-{name}")];
        let crates = [crates(&programs[0])?, crates(&programs[1])?];
        let builds = builds(&programs)?;
        let mut add = |what: &str, unit, [bare, checked]: [f64; 2], aim, argued| {
            figures.push(Figure::new(format!("{what}, bare {name}"), bare, unit));
            let figure = Figure::new(format!("{what}, {name}"), checked, unit);
            figures.push(figure.beside(bare).aim(Aim::Ratio(aim)).argued(argued));
        };
        add("third-party crates", "", crates, 1.25, flavour.crates);
        let seconds = builds.each_ref().map(|it| it.seconds);
        add("clean build", "s CPU", seconds, 1.15, flavour.build);
        let bytes = builds.each_ref().map(|it| it.bytes);
        add("stripped program", "B", bytes, 1.15, flavour.size);
    }
    Ok(Part::Figures(figures))
}

/// Builds both programs in turn.
fn builds(programs: &[String; 2]) -> Result<[Build; 2], Failure> {
    let mut lowest = [build(&programs[0])?, build(&programs[1])?];
    for _ in 1..ROUNDS {
        for (lowest, program) in lowest.iter_mut().zip(programs) {
            lowest.seconds = lowest.seconds.min(build(program)?.seconds);
        }
    }
    Ok(lowest)
}

fn build(program: &str) -> Result<Build, Failure> {
    let folder = env::temp_dir().join(format!("industrydata-weight-{}", std::process::id()));
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--package", "weight"]);
    build.args(["--features", program, "--bin", program, "--target-dir"]);
    let took = children::milliseconds(build.arg(&folder), 1);
    let built = took.and_then(|took| {
        Ok(Build {
            seconds: took / 1000.0,
            bytes: size(&folder.join("release").join(program))?,
        })
    });
    // A build that failed may have made no folder.
    drop(fs::remove_dir_all(&folder));
    built
}

/// The crates of the registry that a program has.
fn crates(program: &str) -> Result<f64, Failure> {
    let mut tree = cargo();
    tree.args(["tree", "--locked", "--package", "weight", "--features"]);
    tree.args([program, "--edges", "normal", "--prefix", "none"]);
    let output = tree.args(["--format", "{p}"]).output()?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{tree:?} ended with {}: {stderr}", output.status).into());
    }
    let tree = String::from_utf8(output.stdout)?;
    // Those of this workspace have their folder in parentheses.
    let crates: BTreeSet<&str> = tree.lines().map(|it| it.trim_end_matches(" (*)")).collect();
    let crates = crates.iter().filter(|it| !it.contains('/')).count();
    Ok(f64::from(u32::try_from(crates)?))
}

fn size(program: &Path) -> Result<f64, Failure> {
    Ok(f64::from(u32::try_from(fs::metadata(program)?.len())?))
}

/// Cargo, as `cargo run` names it.
fn cargo() -> Command {
    Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}
