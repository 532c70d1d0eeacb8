//! Counts of valgrind. They are the same on a busy machine.

use std::{env, ffi::OsStr, process::Command, thread};

use crate::Failure;

/// The counts of two runs are subtracted, which leaves out what happens once.
const RUNS: [u32; 2] = [50, 250];

/// A tool of valgrind, and the text before the number that it counts.
pub(crate) struct Counter {
    tool: [&'static str; 2],
    before: &'static str,
}

pub(crate) const INSTRUCTIONS: Counter = Counter {
    tool: ["--tool=callgrind", "--callgrind-out-file=/dev/null"],
    before: "Collected : ",
};
pub(crate) const ALLOCATIONS: Counter = Counter {
    tool: ["--tool=memcheck", "--undef-value-errors=no"],
    before: "total heap usage: ",
};

/// The version of valgrind, or what it is missing for.
pub(crate) fn valgrind() -> Result<String, String> {
    let version = Command::new("valgrind").arg("--version").output();
    let version = version.ok().filter(|output| output.status.success());
    let text = version.and_then(|output| String::from_utf8(output.stdout).ok());
    let text = text.ok_or("valgrind counts the instructions: install the package `valgrind`")?;
    Ok(text.trim().to_owned())
}

impl Counter {
    /// The count for one operation of a bench of this program.
    pub(crate) fn operation(&self, bench: &str, url: &str) -> Result<f64, Failure> {
        self.operation_of(env::current_exe()?.as_os_str(), bench, url)
    }

    /// The count for one operation of `PROGRAM BENCH COUNT URL`.
    pub(crate) fn operation_of(
        &self,
        program: &OsStr,
        bench: &str,
        url: &str,
    ) -> Result<f64, Failure> {
        let counted = |runs: u32| {
            let mut command = Command::new(program);
            command.args([bench, &runs.to_string(), url]);
            self.whole(&command)
        };
        let [few, many] = RUNS;
        let (fewer, more) = thread::scope(|scope| {
            let fewer = scope.spawn(|| counted(few));
            let more = counted(many);
            (fewer.join(), more)
        });
        let fewer = fewer.map_err(|_| "the count ended early")??;
        Ok((more? - fewer) / f64::from(many - few))
    }

    /// The count of a whole command, which has to succeed.
    pub(crate) fn whole(&self, command: &Command) -> Result<f64, Failure> {
        let mut counted = Command::new("valgrind");
        counted.args(self.tool).arg(command.get_program());
        counted.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => counted.env(name, value),
                None => counted.env_remove(name),
            };
        }
        let output = counted.output()?;
        let stderr = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("{command:?} ended with {}: {stderr}", output.status).into());
        }
        let number = stderr.split_once(self.before).map(|(_, rest)| {
            let digits = rest.chars().take_while(|c| c.is_ascii_digit() || *c == ',');
            digits.filter(char::is_ascii_digit).collect::<String>()
        });
        let number = number.ok_or_else(|| format!("valgrind printed no count: {stderr}"))?;
        Ok(number.parse()?)
    }
}
