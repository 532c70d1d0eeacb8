//! Mutation testing of the core and the ledger by cargo-mutants. Its configuration is `.cargo/mutants.toml`, with the
//! mutants that no test can tell from the code.

use std::{fs, process::Command};

use crate::{
    Failure, cargo,
    stores::Stores,
    tools::{MUTANTS, NEXTEST},
};

#[derive(clap::Args)]
pub(crate) struct Mutants {
    #[arg(long, default_value = "all", value_parser = ["core", "ledger", "all"])]
    package: String,
    /// Only the K-th of N parts, as K/N
    #[arg(long)]
    shard: Option<String>,
    /// Only in lines changed since this revision, or since the `recorded` one of .cargo/mutants.toml
    #[arg(long)]
    changed: Option<String>,
    /// Only a part of so many mutants of each package at most
    #[arg(long)]
    most: Option<usize>,
    /// Builds and tests at a time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
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
        Err(format!(
        "mutants survived in {}: add a test, or an entry with its reason to .cargo/mutants.toml",
        survived.join(" and ")
    )
    .into())
    }

    /// Whether every mutant of a package makes a test fail, of those that the flags choose.
    fn are_caught(&self, package: &str) -> Result<bool, Failure> {
        let out = cargo::root().join("target/mutants-run").join(package);
        fs::create_dir_all(&out)?;
        let mut chosen = vec!["mutants".to_owned(), "--package".into(), package.into()];
        if let Some(since) = &self.changed {
            let changes = changes(package, since)?;
            if changes.is_empty() {
                println!("{package}: nothing has changed since {since}");
                return Ok(true);
            }
            let diff = out.join("changed.diff");
            fs::write(&diff, changes)?;
            chosen.extend(["--in-diff".to_owned(), diff.to_string_lossy().into_owned()]);
        }
        if let Some(shard) = &self.shard {
            chosen.extend(["--shard".to_owned(), shard.clone()]);
        } else if let Some(most) = self.most {
            let listed = cargo::read(cargo::cargo(&chosen).arg("--list"))?;
            let shards = listed.lines().count().div_ceil(most.max(1)).max(1);
            chosen.extend(["--shard".to_owned(), format!("0/{shards}")]);
        }
        let mut command = cargo::cargo(&chosen);
        // A mutant of a constant can keep the compiler busy for ever.
        command.args(["--build-timeout", "600", "--jobs", &self.jobs.to_string()]);
        command
            .arg("--output")
            .arg(&out)
            .env("NEXTEST_PROFILE", "mutants");
        let mut servers = None;
        if package == "industrydata-ledger" {
            let started = Stores::start()?;
            started.tell(command.args(["--features", "postgres"]));
            servers = Some(started);
        }
        let status = command.status()?;
        drop(servers);
        // 2: some survived; 3: some ran into the time limit, which is a failed test. Other codes mean that nothing was shown.
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
    let mut diff = Command::new("git");
    diff.args(["diff", since, "--", &format!("crates/{package}/src")]);
    cargo::read(diff.current_dir(cargo::root()))
}
