//! What a command prints at its end, and its exit code.

use serde::Serialize;

use crate::{args::Output, human, report::Document, terminal};

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
    },
    /// The command has printed its result itself.
    Printed { exit_code: u8 },
}

impl Answer {
    /// A successful read.
    pub(crate) fn value(value: &impl Serialize, text: String) -> Self {
        Self::Result {
            json: json(value),
            text,
            error: String::new(),
            exit_code: 0,
        }
    }

    /// The document as JSON, and this text for people.
    pub(crate) fn with_text(document: &Document, text: String) -> Self {
        Self::Result {
            json: json(document),
            text,
            error: human::error(document),
            exit_code: document.outcome.exit_code(),
        }
    }

    /// Prints the result, unless that was done, and returns the exit code.
    pub(crate) fn print(self, output: Output) -> u8 {
        match self {
            Self::Result {
                json,
                text,
                error,
                exit_code,
            } => {
                match output {
                    Output::Json => terminal::print(&json),
                    Output::Human => {
                        terminal::print(&text);
                        terminal::print_error(&error);
                    }
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

fn json(value: &impl Serialize) -> String {
    // The values are structs of strings and numbers, which always serialise.
    let json = serde_json::to_string(value).unwrap_or_default();
    format!("{json}\n")
}
