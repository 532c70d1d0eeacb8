//! Redaction of the bearer token in text that a server sent back.

/// Replaces the token.
const REDACTED: &str = "[redacted]";

/// Redacts the token of a request wherever its answer repeats it (E8).
#[derive(Clone, Copy)]
pub(crate) struct Redaction<'t>(Option<&'t str>);

impl<'t> Redaction<'t> {
    /// Redacts `token`. Without a token, and for an empty one, text stays as it is.
    pub(crate) fn of(token: Option<&'t str>) -> Self {
        Self(token.filter(|token| !token.is_empty()))
    }

    pub(crate) fn text(self, text: &str) -> String {
        match self.0 {
            // Preparing the search costs more than reading the text: a shorter text cannot contain the token.
            Some(token) if text.len() >= token.len() => text.replace(token, REDACTED),
            Some(_) | None => text.to_owned(),
        }
    }
}
