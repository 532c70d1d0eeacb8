//! Checks of the code and its dependencies that are one call of a tool, or a few.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    Failure, cargo,
    tools::{DENY, HACK, NEXTEST},
};

/// Installs what `ci` calls, so that `ci` spends its time on the checks.
pub(crate) fn tools() -> Result<(), Failure> {
    NEXTEST.need()?;
    DENY.need()
}

pub(crate) fn fmt() -> Result<(), Failure> {
    cargo::run(["fmt", "--all", "--check"])
}

pub(crate) fn clippy() -> Result<(), Failure> {
    let mut command = cargo::cargo(["clippy", "--all-targets"]);
    command.args(cargo::WHOLE).args(["--", "-D", "warnings"]);
    cargo::show(&mut command)
}

pub(crate) fn doc() -> Result<(), Failure> {
    let mut command = cargo::cargo(["doc", "--no-deps", "--lib"]);
    command
        .args(cargo::WHOLE)
        .env("RUSTDOCFLAGS", "-D warnings");
    cargo::show(&mut command)
}

/// On Linux `native-tls` needs OpenSSL's headers. Without them, that feature is left out.
pub(crate) fn features() -> Result<(), Failure> {
    HACK.need()?;
    // Features that add to each other do so by pairs.
    let mut command = cargo::cargo(["hack", "check", "--feature-powerset", "--depth", "2"]);
    command.args([
        "--locked",
        "--all-targets",
        "--workspace",
        "--ignore-private",
    ]);
    let mut openssl = Command::new("pkg-config");
    if cfg!(target_os = "linux") && !cargo::works(openssl.args(["--exists", "openssl"])) {
        println!("left out: the feature `native-tls`, since OpenSSL's headers are not installed");
        command.args(["--exclude-features", "native-tls"]);
    }
    cargo::show(&mut command)
}

/// Checks the code for Windows, tests included, as far as that goes without Windows.
pub(crate) fn windows() -> Result<(), Failure> {
    const TARGET: &str = "x86_64-pc-windows-gnu";
    let mut rustc = Command::new("rustc");
    let library = cargo::read(rustc.args(["--target", TARGET, "--print", "target-libdir"]))?;
    // SQLite and ring have parts in C.
    let mut compiler = Command::new("x86_64-w64-mingw32-gcc");
    for (is_there, what) in [
        (
            Path::new(library.trim()).is_dir(),
            "Rust's library for that target",
        ),
        (
            cargo::works(compiler.arg("--version")),
            "the C compiler of MinGW-w64",
        ),
    ] {
        if !is_there {
            println!("not run: {TARGET} needs {what}");
            return Ok(());
        }
    }
    let mut command = cargo::cargo(["clippy", "--all-targets", "--target", TARGET]);
    command.args(cargo::WHOLE).args(["--", "-D", "warnings"]);
    cargo::show(&mut command)
}

/// A sans-I/O core stays without I/O, and each adapter without the other's HTTP client.
pub(crate) fn trees() -> Result<(), Failure> {
    let rules: [(&str, &[&str]); 5] = [
        (
            "core",
            &[
                "tokio", "reqwest", "ureq", "hyper", "mio", "socket2", "rusqlite", "rustls", "url",
            ],
        ),
        // hyper's HTTP/1.1 needs tokio's channels, and neither a runtime nor its sockets.
        ("blocking", &["reqwest", "hyper-util", "mio", "socket2"]),
        ("async", &["ureq"]),
        ("ledger", &["reqwest", "ureq", "hyper"]),
        // Without its feature it has no cryptography.
        ("emulator", &["reqwest", "ureq", "rustls", "ring"]),
    ];
    let mut broken = Vec::new();
    for (name, banned) in rules {
        let package = format!("industrydata-{name}");
        let mut tree = cargo::cargo(["tree", "--locked", "--edges", "normal"]);
        tree.args(["--prefix", "none", "--format", "{p}", "--package", &package]);
        let tree = cargo::read(&mut tree)?;
        let mut crates: Vec<&str> = tree.lines().filter_map(|it| it.split(' ').next()).collect();
        crates.sort_unstable();
        crates.dedup();
        println!("{package}: {} crates with itself", crates.len());
        let found = crates.iter().filter(|it| banned.contains(it));
        broken.extend(found.map(|it| format!("{package} must not depend on {it}")));
    }
    if broken.is_empty() {
        return Ok(());
    }
    Err(broken.join("; ").into())
}

/// Without advisories: their database is not in the package registries.
pub(crate) fn deny() -> Result<(), Failure> {
    DENY.need()?;
    let mut command = cargo::cargo(["deny"]);
    command.args(cargo::WHOLE);
    cargo::show(command.args(["check", "bans", "licenses", "sources"]))
}

pub(crate) fn demo() -> Result<(), Failure> {
    let mut command = cargo::program(&["industrydata"], None)?;
    let began = Instant::now();
    cargo::show(command.arg("demo"))?;
    let took = began.elapsed();
    println!("the demo took {:.1} s", took.as_secs_f64());
    if took > Duration::from_secs(30) {
        return Err("the demo takes longer than 30 s".into());
    }
    Ok(())
}
