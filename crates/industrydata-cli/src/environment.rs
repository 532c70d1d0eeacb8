//! Environment variables. An empty variable counts as not set.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    sync::{Mutex, PoisonError},
};

use industrydata_core::auth::variable_line;

use crate::{report::Document, terminal};

/// Looks up a variable of the process, or of a test.
#[derive(Clone, Copy)]
pub(crate) struct Environment<'e>(pub(crate) &'e dyn Fn(&str) -> Option<OsString>);

impl Environment<'_> {
    pub(crate) fn os(&self, name: &str) -> Option<OsString> {
        (self.0)(name).filter(|value| !value.is_empty())
    }

    /// A path or a place. A line break at its end is removed with a warning: it comes from a file of variables, cannot be
    /// seen, and would be a part of the name. Blanks stay, since a path may have them.
    pub(crate) fn path(&self, name: &str) -> Option<OsString> {
        let value = self.os(name)?;
        let Some(text) = value.to_str() else {
            return Some(value);
        };
        let trimmed = text.trim_end_matches(['\r', '\n']);
        if trimmed.len() < text.len() {
            warn_of_trimmed(name);
        }
        Some(OsString::from(trimmed)).filter(|value| !value.is_empty())
    }

    /// A setting. An invalid one is a usage error.
    pub(crate) fn text(&self, name: &str) -> Result<Option<String>, Box<Document>> {
        self.line(name)
            .map_err(|message| Document::usage(message).into())
    }

    /// One line of text, or why the variable has none. A variable read from a file often ends with a line break: its ends are
    /// trimmed with a warning, because what they hold is invisible and would be sent. No error contains the value.
    pub(crate) fn line(&self, name: &str) -> Result<Option<String>, String> {
        let Some(value) = self.os(name) else {
            return Ok(None);
        };
        let (line, is_trimmed) = variable_line(name, &value)?;
        if is_trimmed {
            warn_of_trimmed(name);
        }
        Ok(Some(line).filter(|line| !line.is_empty()))
    }
}

/// Several settings may come from one variable.
pub(crate) fn warn_of_trimmed(name: &str) {
    static WARNED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if warned.insert(name.to_owned()) {
        terminal::warn(format!(
            "ignoring the white space or line break around the value of {name}"
        ));
    }
}
