//! `industrydata`: starts a Microsoft Graph *industryData* run from the command line and waits for it.
//!
//! ```text
//! args -> settings -> commands -> flavour (blocking | async) -> report -> JSON or text, and the exit code
//!                        |
//!                     signals: the first interrupt stops the work, the second ends the process
//! ```
//!
//! No other crate of the workspace reads the environment, token files or the terminal. The libraries decide what to
//! send, when to send it, and what an answer means. `error_report` lists the exit code of each of their errors.

mod args;
mod checks;
mod commands;
mod environment;
mod error_report;
mod flavour;
mod help;
mod human;
mod ledger_place;
mod report;
mod resume;
mod settings;
mod signals;
mod taken_options;
mod tenancy;
mod terminal;
mod tokens;
mod watch;

use std::{env, ffi::OsString, process::ExitCode, thread};

use clap::{
    FromArgMatches,
    error::{ContextKind, ContextValue, ErrorKind},
};
use industrydata_core::lro::MayHaveStarted;

use crate::{
    args::{Cli, Output},
    commands::{answer::Answer, context::Context, dispatch},
    environment::Environment,
    report::Document,
    signals::Interrupt,
    terminal::{Detail, Unwritten, colour::Colour, width::Width},
};

fn main() -> ExitCode {
    // reqwest uses the provider of the process. An error means that one is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments: Vec<OsString> = env::args_os().collect();
    let output = args::requested_output(&arguments);
    let colour = args::requested_colour(&arguments);
    colour.set();
    let interrupt = Interrupt::default();
    interrupt.set_fallback(Document::interrupted(MayHaveStarted::No, None));
    // Without a listener, a signal ends the process with the system's own exit code.
    let _ = interrupt.listen(move |document| _ = Answer::from(document).print(output));

    let env = Environment(&|name| env::var_os(name));
    let parsed = match args::quick(&arguments) {
        Some(cli) => Ok(cli),
        None => parsed(&arguments, env, colour),
    };
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return unparsed(&error, output, &interrupt),
    };
    report::set_called(cli.command.called());
    let output = cli.global.output;
    detail(&cli.global).set();
    if cli.global.verbose {
        terminal::show_requests();
    }
    let context = Context {
        env,
        interrupt: &interrupt,
        output,
    };
    let answer = dispatch::run(&cli, context).unwrap_or_else(|document| Answer::from(&*document));
    if matches!(answer, Answer::Result { .. }) {
        claim_output(&interrupt);
    }
    answer.print(output).into()
}

/// Parses with the whole command line, laid out, so that help and messages can be shown.
fn parsed(
    arguments: &[OsString],
    env: Environment<'_>,
    colour: Colour,
) -> Result<Cli, clap::Error> {
    let mut command = help::command(env, colour);
    let parsed = command
        .try_get_matches_from_mut(arguments)
        .and_then(|mut matches| {
            Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
        });
    if parsed.is_err() {
        report::set_called(help::called(&command, arguments));
    }
    parsed
}

/// Prints help and version as clap renders them. Everything else is a usage error.
fn unparsed(error: &clap::Error, output: Output, interrupt: &Interrupt) -> ExitCode {
    claim_output(interrupt);
    let rendered = error.render();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return match terminal::print(&rendered.ansi().to_string()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => Unwritten::EXIT_CODE.into(),
        };
    }
    let is_bare = matches!(
        error.kind(),
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand
    );
    let message = if is_bare {
        match report::called() {
            "industrydata" => "no command was given".to_owned(),
            group => format!("no command of `{group}` was given"),
        }
    } else {
        first_paragraph(&rendered.to_string())
    };
    let mut document = Document::usage(message);
    if let Some(similar) = similar(error) {
        let help = report::help_advice();
        document = document.advise(&format!("did you mean {similar}? {help}"));
    }
    match output {
        Output::Json => _ = Answer::from(&document).print(output),
        Output::Human => {
            let text = rendered.ansi().to_string();
            terminal::print_error(&Width::stderr().wrap(&text, "  "));
        }
    }
    document.outcome.exit_code().into()
}

/// What is like the word that is not known.
fn similar(error: &clap::Error) -> Option<String> {
    let kinds = [
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedArg,
        ContextKind::SuggestedValue,
    ];
    let value = kinds.iter().find_map(|kind| error.get(*kind))?;
    let quoted = |word: &String| format!("`{word}`");
    if let ContextValue::String(word) = value {
        return Some(quoted(word));
    }
    let ContextValue::Strings(words) = value else {
        return None;
    };
    let words: Vec<_> = words.iter().map(quoted).collect();
    (!words.is_empty()).then(|| words.join(" or "))
}

fn detail(global: &args::Global) -> Detail {
    match (global.quiet, global.verbose) {
        (true, _) => Detail::Quiet,
        (false, true) => Detail::Verbose,
        (false, false) => Detail::Usual,
    }
}

/// The first paragraph of clap's message, as one line.
fn first_paragraph(rendered: &str) -> String {
    let paragraph = rendered
        .lines()
        .take_while(|line| !line.trim().is_empty())
        .map(str::trim);
    let line = paragraph.collect::<Vec<_>>().join(" ");
    line.strip_prefix("error: ").unwrap_or(&line).to_owned()
}

/// Claims the right to print the result. If an interrupt has claimed it, this waits for the process to end.
fn claim_output(interrupt: &Interrupt) {
    while !interrupt.claim_output() {
        thread::park();
    }
}
