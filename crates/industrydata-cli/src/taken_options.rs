//! Which of the global options each command takes.

/// Options that say how to reach the service.
pub(crate) const SERVICE: [&str; 6] = [
    "base_url",
    "http",
    "tenant",
    "token_file",
    "token_command",
    "credential",
];
/// Options that say where the ledger is.
pub(crate) const LEDGER: [&str; 1] = ["ledger"];

/// Which of the global options a command takes.
pub(crate) struct Takes {
    pub(crate) command: &'static str,
    service: bool,
    ledger: bool,
}

impl Takes {
    /// Whether the command has no use for a global option.
    pub(crate) fn hides(&self, id: &str) -> bool {
        !self.service && SERVICE.contains(&id) || !self.ledger && LEDGER.contains(&id)
    }
}

const fn takes(command: &'static str, service: bool, ledger: bool) -> Takes {
    Takes {
        command,
        service,
        ledger,
    }
}

/// The commands that do not take every global option. They accept and ignore the others, but their help has them not.
pub(crate) const COMMANDS: [Takes; 10] = [
    takes("wait", true, false),
    takes("validate", true, false),
    takes("ledger", false, true),
    takes("flows", true, false),
    takes("runs", true, false),
    takes("operations", true, false),
    takes("emulator", false, false),
    takes("demo", false, false),
    takes("completions", false, false),
    takes("man", false, false),
];

/// Whether a command takes a global option, by its name on the command line.
pub(crate) fn takes_option(command: &str, option: &str) -> bool {
    let id = option.trim_start_matches('-').replace('-', "_");
    let takes = COMMANDS.iter().find(|it| it.command == command);
    takes.is_none_or(|takes| !takes.hides(&id))
}
