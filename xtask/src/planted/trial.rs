//! Building the copy and running one of its tests.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::{
    copy::TreeCopy,
    fault::{Test, TransportError},
};
use crate::{Failure, cargo, stores::Stores};

/// The longest a test may run.
const PATIENCE: Duration = Duration::from_secs(120);
/// Built by itself: most faults are its.
const CORE: &str = "industrydata-core";
/// Built together, whichever of them a test is in.
const ABOVE: [&str; 2] = ["industrydata-ledger", "conformance"];

/// How the test of a planted fault ended.
#[derive(Debug)]
pub(crate) enum End {
    /// It failed, and said this.
    Failed(String),
    /// It did not notice.
    Passed,
    /// It did not end in time.
    Hung,
    /// The fault is none: it does not compile.
    NotBuilt(String),
    /// It neither passed nor failed.
    Odd(String),
}

/// Where tests are built and run.
pub(crate) struct Bench<'c> {
    copy: &'c TreeCopy,
    stores: Option<Stores>,
}

/// A test's program, and the folder it runs in.
struct Built {
    program: PathBuf,
    folder: PathBuf,
}

impl<'c> Bench<'c> {
    /// With the servers up that these faults need.
    pub(crate) fn new(copy: &'c TreeCopy, faults: &[TransportError]) -> Result<Self, Failure> {
        let needs = faults.iter().any(|fault| fault.needs_postgres);
        Ok(Self {
            copy,
            stores: needs.then(Stores::start).transpose()?,
        })
    }

    /// Builds every test that is named and demands that it passes on the tree as it is.
    pub(crate) fn passes_unpatched(&self, faults: &[TransportError]) -> Result<(), Failure> {
        let mut targets: BTreeMap<(&str, &str), Vec<&TransportError>> = BTreeMap::new();
        for fault in faults {
            let key = (fault.test.package.as_str(), fault.test.target.as_str());
            targets.entry(key).or_default().push(fault);
        }
        for ((package, target), faults) in targets {
            let Some(first) = faults.first() else {
                continue;
            };
            let built = self.build(first)?.map_err(|errors| {
                format!("{package} / {target} does not compile as it is:\n{errors}")
            })?;
            let names: Vec<&str> = faults.iter().map(|it| it.test.name.as_str()).collect();
            let (output, _) = self.output(&built, &names)?;
            for name in names {
                if !output.contains(&format!("test {name} ... ok")) {
                    return Err(format!(
                        "{package} / {target} / {name} does not pass without a fault:\n{output}"
                    )
                    .into());
                }
            }
        }
        Ok(())
    }

    /// Builds and runs the test of a fault that is planted.
    pub(crate) fn attempt(&self, fault: &TransportError) -> Result<End, Failure> {
        let built = match self.build(fault)? {
            Ok(built) => built,
            Err(errors) => return Ok(End::NotBuilt(errors)),
        };
        let name = fault.test.name.as_str();
        let (output, code) = self.output(&built, &[name])?;
        // libtest's own code for tests that failed; a crash of the process has another.
        Ok(match code {
            None => End::Hung,
            Some(101) if output.contains(&format!("test {name} ... FAILED")) => End::Failed(output),
            Some(0) if output.contains(&format!("test {name} ... ok")) => End::Passed,
            Some(_) => End::Odd(output),
        })
    }

    fn build(&self, fault: &TransportError) -> Result<Result<Built, String>, Failure> {
        let Test {
            package, target, ..
        } = &fault.test;
        let mut arguments = vec!["test", "--locked", "--no-run"];
        arguments.extend([
            "--message-format=json-render-diagnostics",
            "--package",
            package,
        ]);
        if package != CORE {
            // With the same features for all of them, what they share is built once.
            for other in ABOVE.iter().filter(|other| *other != package) {
                arguments.extend(["--package", other]);
            }
            arguments.extend(["--features", crate::test::FEATURES]);
        }
        let program = if target == "lib" {
            arguments.push("--lib");
            package.replace('-', "_")
        } else {
            arguments.extend(["--test", target]);
            target.clone()
        };
        let output = cargo::cargo(&arguments)
            .current_dir(self.copy.tree())
            .env("CARGO_TARGET_DIR", self.copy.target())
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .env("CARGO_TERM_COLOR", "never")
            // What a fault leaves unused is a warning, whatever is made of warnings elsewhere.
            .env_remove("RUSTFLAGS")
            .output()?;
        if !output.status.success() {
            return Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let messages = String::from_utf8(output.stdout)?;
        let built = messages.lines().find_map(|line| artifact(line, &program));
        Ok(Ok(built.ok_or_else(|| {
            format!("cargo did not tell the program of {package} / {target}")
        })?))
    }

    /// What these tests print, and the code they end with; `None` if they do not end.
    fn output(&self, built: &Built, names: &[&str]) -> Result<(String, Option<i32>), Failure> {
        let path = self.copy.target().join("output.txt");
        let file = fs::File::create(&path)?;
        let mut command = Command::new(&built.program);
        command.arg("--exact").args(names);
        command.env("RUST_BACKTRACE", "0");
        command.current_dir(&built.folder).stdin(Stdio::null());
        command.stdout(file.try_clone()?).stderr(file);
        if let Some(stores) = &self.stores {
            stores.tell(&mut command);
        }
        let mut child = command.spawn()?;
        let began = Instant::now();
        let code = loop {
            match child.try_wait()? {
                // Ended by a signal it has no code, and a test has none that is negative.
                Some(status) => break Some(status.code().unwrap_or(-1)),
                None if began.elapsed() > PATIENCE => {
                    child.kill()?;
                    child.wait()?;
                    break None;
                }
                None => thread::sleep(Duration::from_millis(5)),
            }
        };
        let output = fs::read(&path)?;
        Ok((String::from_utf8_lossy(&output).into_owned(), code))
    }
}

/// The test program of this name, if it is what a line of cargo's tells of.
fn artifact(line: &str, name: &str) -> Option<Built> {
    let message: Value = serde_json::from_str(line).ok()?;
    // Programs and libraries that it takes are told as well.
    let is_test = message.pointer("/profile/test")?.as_bool()?;
    if !is_test || message.pointer("/target/name")?.as_str()? != name {
        return None;
    }
    let manifest = PathBuf::from(message.get("manifest_path")?.as_str()?);
    Some(Built {
        program: message.get("executable")?.as_str()?.into(),
        folder: manifest.parent()?.to_owned(),
    })
}
