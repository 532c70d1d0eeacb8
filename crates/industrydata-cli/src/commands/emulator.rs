//! `emulator`: serves an emulated service on a loopback port until a signal comes.

use std::{fmt::Write as _, path::Path};

use industrydata_emulator::{Config, Emulator};

use crate::{
    args::{EmulatorArgs, Output},
    commands::{
        answer::{self, Answer},
        context::Context,
    },
    report::{Document, Kind, Outcome},
    resume::shell_quoted,
    settings, terminal,
};

pub(super) fn run(args: &EmulatorArgs, context: Context<'_>) -> Result<Answer, Box<Document>> {
    let config = Config {
        port: args.port,
        speed: args.speed,
        ..Config::default()
    };
    let emulator = Emulator::start(config).map_err(|error| {
        let message = format!(
            "the emulator cannot listen on 127.0.0.1 port {}: {error}",
            args.port
        );
        Document::usage(message).advise("choose another port with --port, or any with --port 0")
    })?;
    // A temporary ledger, so that starts at the emulator do not fill the user's own.
    let folder = tempfile::Builder::new()
        .prefix(settings::EMULATOR_FOLDER)
        .tempdir()
        .map_err(|error| {
            let message = format!("cannot create a folder for a temporary ledger: {error}");
            Document::error(Outcome::Unexpected, Kind::Unexpected, message)
                .advise("check that the temporary folder is writable")
        })?;
    let ledger = folder.path().join("ledger.sqlite");
    // The announcement is the result of this command: after it a signal prints nothing more.
    if context.interrupt.claim_output() {
        announce(&emulator, &ledger, context.output);
    }
    context.progress("serving until interrupted");
    context.interrupt.wait();
    emulator.stop();
    drop(folder);
    context.progress("stopped");
    Ok(Answer::Printed {
        exit_code: Outcome::Interrupted.exit_code(),
    })
}

fn announce(emulator: &Emulator, ledger: &Path, output: Output) {
    let base = emulator.base_url();
    let text = match output {
        Output::Json => answer::json(&serde_json::json!({ "base_url": base })),
        Output::Human => settings_text(emulator, ledger),
    };
    // A failure was reported. The emulator serves all the same.
    let _ = terminal::print(&text);
}

/// What to set, for each shell. The lines of the shell that is usual on this system can be run as they are; those of the
/// others are comments to it.
fn settings_text(emulator: &Emulator, ledger: &Path) -> String {
    let settings = [
        ("INDUSTRYDATA_BASE_URL", emulator.base_url()),
        ("INDUSTRYDATA_TOKEN", emulator.token().to_owned()),
        ("INDUSTRYDATA_LEDGER", ledger.to_string_lossy().into_owned()),
    ];
    let credentials = [
        ("AZURE_AUTHORITY_HOST", emulator.authority_url().to_owned()),
        ("AZURE_TENANT_ID", "contoso".to_owned()),
        ("AZURE_CLIENT_ID", emulator.client_id().to_owned()),
        ("AZURE_CLIENT_SECRET", emulator.client_secret().to_owned()),
    ];
    let usual = if cfg!(windows) {
        Dialect::PowerShell
    } else {
        Dialect::Sh
    };
    let others = [Dialect::Sh, Dialect::PowerShell, Dialect::Cmd];
    let lines = |shell: Dialect| {
        let lines = settings.iter().map(|(name, value)| shell.set(name, value));
        lines.collect::<Vec<_>>().join("\n")
    };
    let mut text = format!("{}\n", lines(usual));
    for shell in others.into_iter().filter(|shell| *shell != usual) {
        let lines = lines(shell).replace('\n', "\n# ");
        let _ = writeln!(text, "# in {}:\n# {lines}", shell.name());
    }
    let _ = writeln!(text, "# to use client credentials instead of the token:");
    let _ = writeln!(text, "# {}", usual.unset("INDUSTRYDATA_TOKEN"));
    for (name, value) in &credentials {
        let _ = writeln!(text, "# {}", usual.set(name, value));
    }
    text
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Dialect {
    Sh,
    PowerShell,
    Cmd,
}

impl Dialect {
    const fn name(self) -> &'static str {
        match self {
            Self::Sh => "sh",
            Self::PowerShell => "PowerShell",
            Self::Cmd => "cmd",
        }
    }

    fn set(self, name: &str, value: &str) -> String {
        match self {
            Self::Sh => format!("export {name}={}", shell_quoted(value)),
            Self::PowerShell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
            Self::Cmd => format!("set \"{name}={value}\""),
        }
    }

    fn unset(self, name: &str) -> String {
        match self {
            Self::Sh => format!("unset {name}"),
            Self::PowerShell => format!("Remove-Item env:{name}"),
            Self::Cmd => format!("set {name}="),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_sets_a_variable_in_its_own_way() {
        let value = r"C:\Users\a 'b'\x%y";
        for (shell, text) in [
            (Dialect::Sh, r"export A='C:\Users\a '\''b'\''\x%y'"),
            (Dialect::PowerShell, r"$env:A = 'C:\Users\a ''b''\x%y'"),
            (Dialect::Cmd, r#"set "A=C:\Users\a 'b'\x%y""#),
        ] {
            assert_eq!(shell.set("A", value), text);
        }
        assert_eq!(Dialect::Sh.set("A", "/tmp/x"), "export A=/tmp/x");
    }
}
