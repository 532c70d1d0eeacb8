//! What every command gets besides its arguments.

use std::fmt::Display;

use crate::{
    args::Output,
    environment::Environment,
    signals::Interrupt,
    terminal::{self, width::Width},
};

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
