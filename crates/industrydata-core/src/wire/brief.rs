//! The `Debug` of an error, in a few lines.

use std::{
    error::Error,
    fmt::{self, Debug, Write as _},
    iter::successors,
};

use crate::policy::{MAX_SHOWN_CAUSES, MAX_SHOWN_CHARS};

/// Writes an error with the name of its kind, its message, and those of its causes that the message does not mention. Texts
/// are cut to a readable length.
pub(crate) fn debug_error(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    kind: &dyn Debug,
    error: &dyn Error,
    others: &[(&str, &dyn Debug)],
) -> fmt::Result {
    let mut shown = f.debug_struct(name);
    let message = error.to_string();
    shown.field("kind", &Variant(kind));
    shown.field("message", &cut(&message));
    let causes = causes(error, &message);
    if !causes.is_empty() {
        shown.field("causes", &causes);
    }
    for (name, value) in others {
        shown.field(name, value);
    }
    shown.finish_non_exhaustive()
}

fn causes(error: &dyn Error, message: &str) -> Vec<String> {
    let mut said = message.to_owned();
    let mut causes = Vec::new();
    for cause in successors(error.source(), |cause| (*cause).source()).take(MAX_SHOWN_CAUSES) {
        let cause = cause.to_string();
        if !said.contains(&cause) {
            causes.push(cut(&cause));
            said = cause;
        }
    }
    causes
}

/// The first characters of a text.
pub(crate) fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN_CHARS) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// The name of an enum's variant, without its fields.
struct Variant<'a>(&'a dyn Debug);

impl Debug for Variant<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = Name {
            text: String::new(),
            has_ended: false,
        };
        // It ends the writing at the end of the name, which is not an error.
        let _ = write!(name, "{:?}", self.0);
        f.write_str(&name.text)
    }
}

struct Name {
    text: String,
    has_ended: bool,
}

impl fmt::Write for Name {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = text.find(|c: char| !c.is_ascii_alphanumeric());
        if !self.has_ended {
            self.text
                .push_str(text.get(..end.unwrap_or(text.len())).unwrap_or_default());
        }
        self.has_ended |= end.is_some();
        if self.has_ended {
            return Err(fmt::Error);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::transport::{Phase, TransportError};

    #[test]
    fn a_long_text_is_cut_at_a_character() {
        assert_eq!(cut("short"), "short");
        let long = "ü".repeat(MAX_SHOWN_CHARS + 1);
        assert_eq!(cut(&long), format!("{}…", "ü".repeat(MAX_SHOWN_CHARS)));
        assert_eq!(cut(&"ü".repeat(MAX_SHOWN_CHARS)).chars().last(), Some('ü'));
    }

    #[test]
    fn a_kind_is_shown_by_its_name() {
        let name = |kind: &dyn Debug| format!("{:?}", Variant(kind));
        assert_eq!(name(&Some("x")), "Some");
        assert_eq!(name(&Phase::Tls), "Tls");
        assert_eq!(name(&Phase::Tls as &dyn Debug), "Tls");
        assert_eq!(
            name(&TransportError::new(Phase::Tls, "x")),
            "TransportError"
        );
    }

    #[test]
    fn a_cause_is_shown_once() {
        let inner = TransportError::new(Phase::Tls, TransportError::new(Phase::Tls, "alert"));
        assert_eq!(causes(&inner, "the TLS handshake failed"), ["alert"]);
        assert!(causes(&inner, "the TLS handshake failed: alert").is_empty());
    }
}
