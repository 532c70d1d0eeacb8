//! What every command gets besides its arguments.

use std::fmt::Display;

use crate::{
    args::Output,
    environment::Environment,
    report::Document,
    signals::Interrupt,
    terminal::{self, Unconfirmed, width::Width},
};

/// Asks before a reset.
pub(super) fn confirm(question: &str) -> Result<(), Box<Document>> {
    terminal::confirm(question).map_err(|unconfirmed| {
        let (message, advice) = match unconfirmed {
            Unconfirmed::NoTerminal => (
                "without a terminal to ask for confirmation, a reset needs --yes",
                "run it at a terminal, or add --yes",
            ),
            Unconfirmed::Refused => (
                "the reset was not confirmed, nothing was changed",
                "run it again and type yes, or add --yes",
            ),
        };
        Document::usage(message).advise(advice).into()
    })
}

/// The environment, the interrupt and the output form.
#[derive(Clone, Copy)]
pub(crate) struct Context<'c> {
    pub(crate) env: Environment<'c>,
    pub(crate) interrupt: &'c Interrupt,
    pub(crate) output: Output,
}

impl Context<'_> {
    /// Reports progress on standard error, unless the user wants none.
    pub(crate) fn progress(&self, line: impl Display) {
        let text = line.to_string();
        terminal::progress(Width::stderr().wrap(&text, "  "));
    }
}
