//! What a command prints at its end, and its exit code.

use serde::Serialize;

use crate::{
    args::Output,
    human,
    report::{Document, SCHEMA_VERSION},
    terminal::{self, Unwritten},
};

/// The end of a command.
pub(crate) enum Answer {
    /// The result in both forms.
    Result {
        /// One line.
        json: String,
        /// For people, on standard output.
        text: String,
        /// For people, on standard error.
        error: String,
        exit_code: u8,
        if_unwritten: IfUnwritten,
    },
    /// The command has printed its result itself.
    Printed { exit_code: u8 },
}

/// What to do if the result cannot be written.
pub(crate) enum IfUnwritten {
    /// The output is the work, so the command has failed.
    Fail,
    /// The exit code stays. These lines, which may be none, go to standard error.
    Keep(String),
}

impl Answer {
    /// A successful read.
    pub(crate) fn value(value: &impl Serialize, text: String) -> Self {
        Self::Result {
            json: json(value),
            text,
            error: String::new(),
            exit_code: 0,
            if_unwritten: IfUnwritten::Fail,
        }
    }

    /// The document as JSON, and this text for people.
    pub(crate) fn with_text(document: &Document, text: String) -> Self {
        Self::Result {
            json: json(document),
            text,
            error: human::error(document),
            exit_code: document.outcome.exit_code(),
            if_unwritten: IfUnwritten::Keep(human::operation(document)),
        }
    }

    /// Prints the result, unless that was done, and returns the exit code.
    pub(crate) fn print(self, output: Output) -> u8 {
        terminal::end_status();
        match self {
            Self::Result {
                json,
                text,
                error,
                exit_code,
                if_unwritten,
            } => {
                let written = terminal::print(match output {
                    Output::Json => &json,
                    Output::Human => &text,
                });
                if output == Output::Human || written.is_err() {
                    terminal::print_error(&error);
                }
                match (written, if_unwritten) {
                    (Err(_), IfUnwritten::Fail) => return Unwritten::EXIT_CODE,
                    (Err(_), IfUnwritten::Keep(lines)) => terminal::print_error(&lines),
                    (Ok(()), _) => {}
                }
                exit_code
            }
            Self::Printed { exit_code } => exit_code,
        }
    }
}

impl From<&Document> for Answer {
    fn from(document: &Document) -> Self {
        Self::with_text(document, human::result(document))
    }
}

/// A document as one line. `docs/schema/` has a schema for each kind of document.
pub(super) fn json(value: &impl Serialize) -> String {
    let document = Versioned {
        schema_version: SCHEMA_VERSION,
        value,
    };
    // The values are structs of strings and numbers, which always serialise.
    let json = serde_json::to_string(&document).unwrap_or_default();
    format!("{json}\n")
}

#[derive(Serialize)]
struct Versioned<'v, T> {
    schema_version: u32,
    #[serde(flatten)]
    value: &'v T,
}
