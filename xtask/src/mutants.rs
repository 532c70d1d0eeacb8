//! Mutation testing of the core and the ledger by cargo-mutants. Its configuration, `.cargo/mutants.toml`, lists the mutants
//! that no test can tell from the code.

use std::{ffi::OsString, fs};

use crate::{
    Failure, cargo,
    stores::Stores,
    tools::{MUTANTS, NEXTEST},
};

#[derive(clap::Args)]
pub(crate) struct Mutants {
    #[arg(long, default_value = "all", value_parser = ["core", "ledger", "all"])]
    package: String,
    /// Only in lines changed since this revision, or since the `recorded` one of .cargo/mutants.toml
    #[arg(long)]
    changed: Option<String>,
    /// More arguments for cargo-mutants, such as --shard 0/8 or --jobs 4
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
}

impl Mutants {
    pub(crate) fn run(&self) -> Result<(), Failure> {
        NEXTEST.need()?;
        MUTANTS.need()?;
        let mut survived = Vec::new();
        for name in ["core", "ledger"] {
            if [name, "all"].contains(&self.package.as_str())
                && !self.are_caught(&format!("industrydata-{name}"))?
            {
                survived.push(name);
            }
        }
        if survived.is_empty() {
            return Ok(());
        }
        let survived = survived.join(" and ");
        Err(format!(
            "mutants survived in {survived}: add a test, or an entry with its reason to .cargo/mutants.toml"
        )
        .into())
    }

    /// Whether a test fails for every selected mutant of a package.
    fn are_caught(&self, package: &str) -> Result<bool, Failure> {
        let out = cargo::root().join("target/mutants-run").join(package);
        fs::create_dir_all(&out)?;
        let mut command = cargo::cargo(["mutants", "--package", package]);
        if let Some(since) = &self.changed {
            let changes = changes(package, since)?;
            if changes.is_empty() {
                println!("{package}: nothing has changed since {since}");
                return Ok(true);
            }
            let diff = out.join("changed.diff");
            fs::write(&diff, changes)?;
            command.arg("--in-diff").arg(diff);
        }
        // A mutant of a constant can keep the compiler busy for ever.
        command.args(["--build-timeout", "600", "--output"]);
        command.arg(&out).args(&self.arguments);
        // Unless the arguments have another number.
        command.env("CARGO_MUTANTS_JOBS", "2");
        command.env("NEXTEST_PROFILE", "mutants");
        if package == "industrydata-core" {
            command.args(["--features", "serde"]);
        }
        let servers = if package == "industrydata-ledger" {
            command.args(["--features", "postgres"]);
            Some(Stores::start()?)
        } else {
            None
        };
        if let Some(servers) = &servers {
            servers.tell(&mut command);
        }
        let status = command.status()?;
        // 2: mutants survived; 3: tests exceeded the time limit, which counts as failed. Other codes prove nothing.
        match status.code() {
            Some(0 | 3) => Ok(true),
            Some(2) => Ok(false),
            _ => Err(format!("cargo mutants ended with {status}: see {}", out.display()).into()),
        }
    }
}

/// The changes of a package's sources since a commit, or since the one that the configuration names.
fn changes(package: &str, since: &str) -> Result<String, Failure> {
    let configuration = fs::read_to_string(cargo::root().join(".cargo/mutants.toml"))?;
    let mut lines = configuration.lines();
    let recorded = lines.find_map(|line| line.strip_prefix("# all were run at "));
    let since = match since {
        "recorded" => {
            recorded.ok_or(".cargo/mutants.toml does not say at which commit all were run")?
        }
        rev => rev,
    };
    cargo::read(&mut cargo::git([
        "diff",
        since,
        "--",
        &format!("crates/{package}/src"),
    ]))
}
