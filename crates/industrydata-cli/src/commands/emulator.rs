//! `emulator`: serves an emulated service on a loopback port until a signal comes.

use std::{collections::BTreeMap, fmt::Write as _, fs, io, path::Path};

use clap::ValueEnum;
use industrydata_emulator::{Config, Emulator, Identity};

use crate::{
    args::{CredentialChoice, EmulatorArgs, Global, Output},
    commands::{
        answer::{self, Answer},
        context::Context,
    },
    report::{Document, Kind, Outcome},
    resume::shell_quoted,
    settings, terminal,
};

pub(super) fn run(
    global: &Global,
    args: &EmulatorArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let mut config = Config {
        port: args.port,
        speed: args.speed,
        ..Config::default()
    };
    if let Some(lifetime) = args.token_lifetime {
        config.client.token_lifetime = lifetime;
        config.assertion_lifetime = config.assertion_lifetime.min(lifetime);
    }
    let emulator = Emulator::start(config).map_err(|error| {
        let message = format!(
            "the emulator cannot listen on 127.0.0.1 port {}: {error}",
            args.port
        );
        Document::usage(message).advise("choose another port with --port, or any with --port 0")
    })?;
    // A temporary ledger, so that starts at the emulator do not fill the user's own. Only the user can look into the folder.
    let mut builder = tempfile::Builder::new();
    builder.prefix(settings::EMULATOR_FOLDER);
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let folder = builder.tempdir().map_err(|error| not_written(&error))?;
    let credential = global.credential.unwrap_or(CredentialChoice::Auto);
    let printed =
        Printed::new(credential, &emulator, folder.path()).map_err(|error| not_written(&error))?;
    // The announcement is the result of this command: after it a signal prints nothing more.
    if context.interrupt.claim_output() {
        announce(&emulator, &printed, context.output);
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

fn not_written(error: &io::Error) -> Box<Document> {
    let message = format!("cannot write the temporary folder of the emulator: {error}");
    Document::error(Outcome::Unexpected, Kind::Unexpected, message)
        .advise("check that the temporary folder is writable")
        .into()
}

fn announce(emulator: &Emulator, printed: &Printed, output: Output) {
    let text = match output {
        Output::Json => {
            let variables = printed.variables.iter();
            let environment: BTreeMap<_, _> =
                variables.map(|(name, value)| (name, value)).collect();
            answer::json(&serde_json::json!({
                "base_url": emulator.base_url(), "environment": environment,
            }))
        }
        Output::Human => {
            let page = emulator.authority_url();
            format!("{}# status page, for a browser: {page}/\n", printed.text())
        }
    };
    // A failure was reported. The emulator serves all the same.
    let _ = terminal::print(&text);
}

/// What to set for a kind of credential, and what to know of it.
#[derive(Default)]
struct Printed {
    variables: Vec<(&'static str, String)>,
    /// Other variables that may be set, under a heading.
    or: Vec<(&'static str, String)>,
    heading: String,
}

impl Printed {
    /// Writes the files of the kind into the folder.
    fn new(kind: CredentialChoice, emulator: &Emulator, folder: &Path) -> io::Result<Self> {
        let place = |name: &str| folder.join(name).to_string_lossy().into_owned();
        let authority = emulator.authority_url().to_owned();
        let application = || {
            [
                ("AZURE_AUTHORITY_HOST", authority.clone()),
                ("AZURE_TENANT_ID", emulator.tenant_id().to_owned()),
                ("AZURE_CLIENT_ID", emulator.client_id().to_owned()),
            ]
        };
        let mut printed = Self::default();
        let set = &mut printed.variables;
        set.push(("INDUSTRYDATA_BASE_URL", emulator.base_url()));
        if matches!(kind, CredentialChoice::Auto | CredentialChoice::Token) {
            set.push(("INDUSTRYDATA_TOKEN", emulator.token().to_owned()));
        }
        set.push(("INDUSTRYDATA_LEDGER", place("ledger.sqlite")));
        if let Some(name) = named(kind) {
            set.push(("INDUSTRYDATA_CREDENTIAL", name));
        }
        match kind {
            CredentialChoice::Auto => {
                printed.heading =
                    "for another kind of credential: industrydata emulator --credential KIND"
                        .to_owned();
            }
            CredentialChoice::Token => {}
            CredentialChoice::Secret => {
                set.extend(application());
                set.push(("AZURE_CLIENT_SECRET", emulator.client_secret().to_owned()));
            }
            CredentialChoice::Certificate => {
                let path = place("certificate.pem");
                fs::write(&path, emulator.certificate_pem())?;
                set.extend(application());
                set.push(("AZURE_CLIENT_CERTIFICATE_PATH", path));
            }
            CredentialChoice::Workload => {
                let path = place("federated-token");
                emulator.keep_federated_token(&path)?;
                set.extend(application());
                set.push(("AZURE_FEDERATED_TOKEN_FILE", path));
            }
            CredentialChoice::ManagedIdentity => {
                set.push(("AZURE_CLIENT_ID", Identity::user().client_id));
                set.push(("AZURE_POD_IDENTITY_AUTHORITY_HOST", authority));
                printed.heading =
                    "as an app of App Service, Functions or Container Apps, set also:".to_owned();
                printed.or = vec![
                    ("IDENTITY_ENDPOINT", emulator.identity_endpoint()),
                    ("IDENTITY_HEADER", emulator.identity_header()),
                ];
            }
            CredentialChoice::GitHub => {
                set.extend(application());
                set.push(("ACTIONS_ID_TOKEN_REQUEST_URL", emulator.github_url()));
                let token = emulator.github_token().to_owned();
                set.push(("ACTIONS_ID_TOKEN_REQUEST_TOKEN", token));
            }
            CredentialChoice::ManagedIdentityFederation => {
                set.extend(application());
                let identity = Identity::user().client_id;
                set.push(("AZURE_MANAGED_IDENTITY_CLIENT_ID", identity));
                set.push(("AZURE_POD_IDENTITY_AUTHORITY_HOST", authority));
            }
            CredentialChoice::TokenFile | CredentialChoice::TokenCommand => {
                let path = place("token.json");
                emulator.keep_access_token(&path)?;
                let option = if kind == CredentialChoice::TokenFile {
                    format!("--token-file {}", shell_quoted(&path))
                } else {
                    // The command is run by cmd on Windows, and by sh elsewhere.
                    let command = if cfg!(windows) {
                        format!("type \"{path}\"")
                    } else {
                        format!("cat {}", shell_quoted(&path))
                    };
                    format!("--token-command {}", shell_quoted(&command))
                };
                printed.heading = format!("then: industrydata start --wait {option}");
            }
        }
        Ok(printed)
    }

    /// The lines for each shell. Those of the shell that is usual on this system can be run as they are; those of the others
    /// are comments to it.
    fn text(&self) -> String {
        let usual = if cfg!(windows) {
            Dialect::PowerShell
        } else {
            Dialect::Sh
        };
        let others = [Dialect::Sh, Dialect::PowerShell, Dialect::Cmd];
        let lines = |shell: Dialect, variables: &[(&str, String)]| {
            let lines = variables.iter().map(|(name, value)| shell.set(name, value));
            lines.collect::<Vec<_>>().join("\n")
        };
        let mut text = format!("{}\n", lines(usual, &self.variables));
        for shell in others.into_iter().filter(|shell| *shell != usual) {
            let lines = lines(shell, &self.variables).replace('\n', "\n# ");
            let _ = writeln!(text, "# in {}:\n# {lines}", shell.name());
        }
        if !self.heading.is_empty() {
            let _ = writeln!(text, "# {}", self.heading);
        }
        for (name, value) in &self.or {
            let _ = writeln!(text, "# {}", usual.set(name, value));
        }
        text
    }
}

/// The name of a kind that a variable may choose. The other kinds have an option.
fn named(kind: CredentialChoice) -> Option<String> {
    let has_option = matches!(
        kind,
        CredentialChoice::Auto | CredentialChoice::TokenFile | CredentialChoice::TokenCommand
    );
    let value = kind.to_possible_value().filter(|_| !has_option)?;
    Some(value.get_name().to_owned())
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
            Self::Sh => format!("export {name}={}", sh_value(value)),
            Self::PowerShell => format!("$env:{name} = '{}'", value.replace('\'', "''")),
            Self::Cmd => format!("set \"{name}={value}\""),
        }
    }
}

/// The value in a line of sh. A question mark in an assignment needs no quotes.
fn sh_value(value: &str) -> String {
    let rest = value.replace('?', "");
    if shell_quoted(&rest) == rest {
        return value.to_owned();
    }
    shell_quoted(value)
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
        for plain in ["/tmp/x", "http://127.0.0.1:8085/x?a=b"] {
            assert_eq!(Dialect::Sh.set("A", plain), format!("export A={plain}"));
        }
        for odd in ["", "a b", "?&", "a$b"] {
            assert_eq!(Dialect::Sh.set("A", odd), format!("export A='{odd}'"));
        }
    }
}
