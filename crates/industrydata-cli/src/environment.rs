//! Environment variables. An empty variable counts as not set.

use std::ffi::OsString;

use crate::report::Document;

/// Looks up a variable of the process, or of a test.
#[derive(Clone, Copy)]
pub(crate) struct Environment<'e>(pub(crate) &'e dyn Fn(&str) -> Option<OsString>);

impl Environment<'_> {
    pub(crate) fn os(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Box<Document>> {
        self.os(name)
            .map(|value| {
                value
                    .into_string()
                    .map_err(|_| Document::usage(format!("{name} is not valid UTF-8")).into())
            })
            .transpose()
    }
}
