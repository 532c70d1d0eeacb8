//! Calls the command named on the command line.

use crate::{
    args::{Cli, Command, FlowsCommand, LedgerCommand},
    commands::{
        action, answer::Answer, completions, context::Context, demo, doctor, emulator, ledger,
        quota, reads, start, wait,
    },
    report::Document,
};

/// Runs the command. An error is a document too.
pub(crate) fn run(cli: &Cli, context: Context<'_>) -> Result<Answer, Box<Document>> {
    match &cli.command {
        Command::Start(args) => start::run(&cli.global, args, context),
        Command::Wait(args) => wait::run(&cli.global, args, context),
        Command::Validate(args) => action::validate(&cli.global, args, context),
        Command::Flows(FlowsCommand::Reset(args)) => action::reset_flow(&cli.global, args, context),
        Command::Doctor(args) => doctor::run(&cli.global, args, context),
        Command::Quota(args) => quota::run(&cli.global, args, context),
        Command::Ledger(LedgerCommand::Reset(args)) => ledger::reset(&cli.global, args, context),
        Command::Runs(command) => reads::runs(&cli.global, command, context),
        Command::Operations(command) => reads::operations(&cli.global, command, context),
        Command::Emulator(args) => emulator::run(&cli.global, args, context),
        Command::Demo => demo::run(context),
        Command::Completions(args) => Ok(completions::completions(args)),
        Command::Man(args) => completions::man(args),
    }
}
