//! `industrydata`: starts a Microsoft Graph *industryData* run from the command line and sees it through.
//!
//! ```text
//! args -> settings -> commands -> flavour (blocking | async) -> report -> JSON or text, and the exit code
//!                        |
//!                     signals: the first ends the work gently, the second at once
//! ```
//!
//! This program is the only place of the workspace that reads the environment, files of settings and the terminal.
//! What to send, when, and what an answer means is the library's; what it comes to here stands in `verdict`.

mod args;
mod commands;
mod flavour;
mod human;
mod report;
mod settings;
mod signals;
mod tokens;
mod verdict;

use std::{
    env,
    ffi::OsString,
    io::{self, Write},
    process::ExitCode,
    thread,
};

use clap::{Parser, error::ErrorKind};
use serde::Serialize;

use crate::{
    args::{Cli, Output},
    commands::{Answer, Context},
    report::Document,
    settings::Environment,
    signals::Interrupt,
};

fn main() -> ExitCode {
    // reqwest takes the provider of the process; somebody who installed one before us keeps it.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<OsString> = env::args_os().collect();
    let output = args::output_of(&arguments);
    let interrupt = Interrupt::default();
    interrupt.last_word(Document::cut_off(
        industrydata_core::lro::MayHaveStarted::No,
        None,
    ));
    // Without it a signal ends the process as it would any other.
    let _ = interrupt.listen(move |document| print_document(document, output));

    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error, output, &interrupt),
    };
    let output = cli.global.output;
    let context = Context {
        env: Environment(&|name| env::var_os(name)),
        interrupt: &interrupt,
        output,
    };
    let answer =
        commands::run(&cli, context).unwrap_or_else(|document| Answer::Document(*document));
    if let Answer::Printed(code) = answer {
        return code.into();
    }
    claimed(&interrupt);
    match answer {
        Answer::Document(document) => {
            print_document(&document, output);
            document.outcome.exit_code().into()
        }
        Answer::Text(document, text) => {
            match output {
                Output::Json => print_json(&document),
                Output::Human => print(&text),
            }
            document.outcome.exit_code().into()
        }
        Answer::Json(json, text) => {
            match output {
                Output::Json => print(&json),
                Output::Human => print(&text),
            }
            ExitCode::SUCCESS
        }
        Answer::Printed(code) => code.into(),
    }
}

/// Help and version are printed as they are; anything else is a usage error.
fn unparsed(error: &clap::Error, output: Output, interrupt: &Interrupt) -> ExitCode {
    claimed(interrupt);
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        print(&error.render().to_string());
        return ExitCode::SUCCESS;
    }
    let rendered = error.render().to_string();
    let is_bare = matches!(
        error.kind(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
    );
    let message = if is_bare {
        "no command was given".to_owned()
    } else {
        said(&rendered)
    };
    let document = Document::usage(message);
    match output {
        Output::Json => print_json(&document),
        Output::Human => drop(error.print()),
    }
    document.outcome.exit_code().into()
}

/// The first paragraph of what clap says, as one line.
fn said(rendered: &str) -> String {
    let paragraph = rendered
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim);
    let line = paragraph.collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

/// Takes the right to print the one answer; where an interrupt was faster, this process is about to end.
fn claimed(interrupt: &Interrupt) {
    while !interrupt.claim() {
        thread::park();
    }
}

fn print_document(document: &Document, output: Output) {
    match output {
        Output::Json => print_json(document),
        Output::Human => {
            print(&human::result(document));
            let _ = io::stderr()
                .lock()
                .write_all(human::error(document).as_bytes());
        }
    }
}

fn print_json(value: &impl Serialize) {
    // Strings and numbers are always JSON.
    if let Ok(mut line) = serde_json::to_string(value) {
        line.push('\n');
        print(&line);
    }
}

/// Prints on standard output, whether or not anybody reads it. What cannot be written is said where it may be heard.
fn print(text: &str) {
    let mut stdout = io::stdout().lock();
    let written = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        human::tell(format!(
            "error: standard output cannot be written, the answer is lost: {error}"
        ));
    }
}
