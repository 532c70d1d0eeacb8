//! The commands. Each gives an answer; printing it and the exit code are `main`'s.

mod demo;
mod emulator;
mod follow;
mod ledger;
mod quota;
mod reads;
mod run;
mod start;
mod wait;

use crate::{
    args::{Cli, Command, LedgerCommand, Output},
    report::Document,
    settings::Environment,
    signals::Interrupt,
};

/// What a command is run with beside its arguments.
#[derive(Clone, Copy)]
pub(crate) struct Context<'c> {
    pub(crate) env: Environment<'c>,
    pub(crate) interrupt: &'c Interrupt,
    pub(crate) output: Output,
}

/// What a command has to say at its end.
pub(crate) enum Answer {
    /// The document, in the form that was asked for.
    Document(Document),
    /// One line of JSON; for people the text.
    Json(String, String),
    /// The document as JSON; for people this text.
    Text(Document, String),
    /// All is printed already.
    Printed(u8),
}

impl Answer {
    /// The value as JSON; for people the text.
    fn of(value: &impl serde::Serialize, text: String) -> Self {
        // Strings and numbers are always JSON.
        let json = serde_json::to_string(value).unwrap_or_default();
        Self::Json(format!("{json}\n"), text)
    }
}

/// Runs the command.
pub(crate) fn run(cli: &Cli, context: Context<'_>) -> Result<Answer, Box<Document>> {
    match &cli.command {
        Command::Start(args) => start::run(&cli.global, args, context),
        Command::Wait(args) => wait::run(&cli.global, args, context),
        Command::Quota(args) => quota::run(&cli.global, args, context),
        Command::Ledger(LedgerCommand::Reset(args)) => ledger::reset(&cli.global, args, context),
        Command::Runs(command) => reads::runs(&cli.global, command, context),
        Command::Operations(command) => reads::operations(&cli.global, command, context),
        Command::Emulator(args) => emulator::run(args, context),
        Command::Demo => demo::run(context),
    }
}

impl Context<'_> {
    /// Tells people what is going on.
    pub(crate) fn progress(&self, line: impl std::fmt::Display) {
        if self.output == Output::Human {
            crate::human::tell(line);
        }
    }
}
