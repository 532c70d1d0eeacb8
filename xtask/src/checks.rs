//! One function a check.

use std::{
    ffi::OsString,
    process::{Command, ExitCode},
    time::{Duration, Instant},
};

use crate::{Check, Failure, cargo, fuzz, mutants, planted, simulate, test};

/// Every check with its arguments, in the order of what fails soonest; the tests come last, so that their count is the last
/// line. What takes hours as a whole has a bound here: so many histories, so long a target, the mutants of what has changed.
const CI: &[(&str, Check, &[&str])] = &[
    ("fmt", fmt, &[]),
    ("deny", deny, &[]),
    ("trees", trees, &[]),
    ("clippy", clippy, &[]),
    ("doc", doc, &[]),
    ("features", features, &[]),
    ("demo", demo, &[]),
    ("simulate", simulate::run, &["--seeds", "20000"]),
    ("planted", planted::run, &[]),
    // From one seed, so that a change is judged by about the same inputs as the one before.
    ("fuzz", fuzz::run, &["--seconds", "5", "--seed", "1"]),
    (
        "mutants",
        mutants::run,
        // One job, so that the dependencies are built once.
        &["--changed", "recorded", "--most", "16", "--jobs", "1"],
    ),
    ("test", test::run, &[]),
];

pub(crate) fn ci(_: &[OsString]) -> Result<ExitCode, Failure> {
    for (name, check, arguments) in CI {
        let began = Instant::now();
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        if check(&arguments)? != ExitCode::SUCCESS {
            println!("failed: cargo xtask {name}");
            return Ok(ExitCode::FAILURE);
        }
        // The tests' count is the last line.
        if *name != "test" {
            println!("{name} took {} s", began.elapsed().as_secs());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The layout of the code.
pub(crate) fn fmt(_: &[OsString]) -> Result<ExitCode, Failure> {
    cargo::run(&["fmt", "--all", "--check"])?;
    Ok(ExitCode::SUCCESS)
}

/// The lints, as errors, on everything.
pub(crate) fn clippy(_: &[OsString]) -> Result<ExitCode, Failure> {
    cargo::run(&[
        "clippy",
        "--locked",
        "--workspace",
        "--all-targets",
        "--features",
        test::FEATURES,
        "--",
        "-D",
        "warnings",
    ])?;
    Ok(ExitCode::SUCCESS)
}

/// The documentation, whose links must lead somewhere.
pub(crate) fn doc(_: &[OsString]) -> Result<ExitCode, Failure> {
    let arguments = [
        "doc",
        "--locked",
        "--workspace",
        "--no-deps",
        "--lib",
        "--features",
        test::FEATURES,
    ];
    println!("+ cargo {}", arguments.join(" "));
    let status = cargo::cargo(&arguments)
        .env("RUSTDOCFLAGS", "-D warnings")
        .status()?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Each crate with none and with each of its features alone. `native-tls` takes OpenSSL's headers on Linux and is left
/// out, in so many words, where they are missing.
pub(crate) fn features(_: &[OsString]) -> Result<ExitCode, Failure> {
    let mut combinations = vec![
        ("industrydata-blocking", ""),
        ("industrydata-blocking", "rustls-no-provider"),
        ("industrydata-blocking", "rustls,platform-verifier"),
        ("industrydata-async", ""),
        ("industrydata-async", "rustls-no-provider"),
        ("industrydata-ledger", ""),
        ("industrydata-ledger", "sqlite"),
        ("industrydata-ledger", "postgres"),
    ];
    let openssl = Command::new("pkg-config")
        .args(["--exists", "openssl"])
        .status();
    if cfg!(target_os = "linux") && !openssl.is_ok_and(|status| status.success()) {
        println!("left out: the feature `native-tls`, since OpenSSL's headers are not installed");
    } else {
        combinations.push(("industrydata-blocking", "native-tls"));
        combinations.push(("industrydata-async", "native-tls"));
    }
    for (package, features) in combinations {
        cargo::run(&[
            "check",
            "--locked",
            "--package",
            package,
            "--all-targets",
            "--no-default-features",
            "--features",
            features,
        ])?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What must not stand in the tree of a crate, and which of our crates may.
pub(crate) fn trees(_: &[OsString]) -> Result<ExitCode, Failure> {
    let io = [
        "tokio", "reqwest", "ureq", "hyper", "mio", "socket2", "rusqlite", "rustls", "url",
    ];
    let rules: [(&str, &[&str], &[&str]); 5] = [
        ("industrydata-core", &io, &[]),
        (
            "industrydata-blocking",
            &["tokio", "reqwest", "hyper", "mio"],
            &["industrydata-core"],
        ),
        ("industrydata-async", &["ureq"], &["industrydata-core"]),
        (
            "industrydata-ledger",
            &["reqwest", "ureq", "hyper"],
            &["industrydata-core"],
        ),
        ("industrydata-emulator", &["reqwest", "ureq"], &[]),
    ];
    let mut broken = 0;
    for (package, banned, ours) in rules {
        let tree = cargo::read(&[
            "tree",
            "--locked",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
        ])?;
        let mut crates: Vec<&str> = tree
            .lines()
            .filter_map(|line| line.split(' ').next())
            .collect();
        crates.sort_unstable();
        crates.dedup();
        println!("{package}: {} crates with itself", crates.len());
        for name in &crates {
            let foreign =
                name.starts_with("industrydata-") && *name != package && !ours.contains(name);
            if banned.contains(name) || foreign {
                println!("{package} must not depend on {name}");
                broken += 1;
            }
        }
    }
    Ok(if broken == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Licences, sources and doubled crates. Advisories take a database that is fetched from the network; they are left out
/// where it cannot be.
pub(crate) fn deny(_: &[OsString]) -> Result<ExitCode, Failure> {
    let installed = cargo::cargo(&["deny", "--version"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !installed {
        println!(
            "left out: licences, sources and doubled crates, since cargo-deny is not installed"
        );
        return Ok(ExitCode::SUCCESS);
    }
    println!("left out: advisories, since their database is not among the package registries");
    let all = ["deny", "--locked", "--features", test::FEATURES, "check"];
    cargo::run(&[all.as_slice(), &["bans", "licenses", "sources"]].concat())?;
    Ok(ExitCode::SUCCESS)
}

/// The README's main job; it has half a minute once it is built.
pub(crate) fn demo(_: &[OsString]) -> Result<ExitCode, Failure> {
    cargo::run(&["build", "--locked"])?;
    let began = Instant::now();
    cargo::run(&["run", "--locked", "--quiet", "--", "demo"])?;
    let took = began.elapsed();
    println!("the demo took {:.1} s", took.as_secs_f64());
    if took > Duration::from_secs(30) {
        return Err("the demo takes longer than the 30 s it promises".into());
    }
    Ok(ExitCode::SUCCESS)
}
