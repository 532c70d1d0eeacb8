//! The commands. Each gives an answer; printing it and the exit code are `main`'s.

mod demo;
mod emulator;
mod follow;
mod quota;
mod start;
mod wait;

use industrydata_core::Quota;

use crate::{
    args::{Cli, Command, Output},
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
    /// The quota, and whose it is.
    Quota(Box<Quota>, String),
    /// The document as JSON; for people this text.
    Text(Document, String),
    /// All is printed already.
    Printed(u8),
}

/// Runs the command.
pub(crate) fn run(cli: &Cli, context: Context<'_>) -> Result<Answer, Box<Document>> {
    match &cli.command {
        Command::Start(args) => start::run(&cli.global, args, context),
        Command::Wait(args) => wait::run(&cli.global, args, context),
        Command::Quota => quota::run(&cli.global, context),
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
