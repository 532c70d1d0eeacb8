//! Checks on text that is shown to people.

use crate::echo::assert_hidden;

/// Checks that a text cannot control a terminal, forge a log line or hide characters: it has no control characters, no
/// line or paragraph separators and no bidirectional marks.
#[track_caller]
pub(crate) fn assert_plain(shown: &str) {
    let hidden = shown.chars().find(|c| {
        c.is_control()
            || matches!(*c as u32, 0x2028..=0x202e | 0x2066..=0x2069 | 0xfeff | 0xe0000..=0xe007f)
    });
    assert_eq!(hidden, None, "{shown:?}");
}

/// Checks the texts of an error that may reach a log: plain, and without the secret.
#[track_caller]
pub(crate) fn assert_shown(error: &(impl std::fmt::Display + std::fmt::Debug), secret: &str) {
    for shown in [
        error.to_string(),
        format!("{error:?}"),
        format!("{error:#?}").replace('\n', ""),
    ] {
        assert_plain(&shown);
        assert_hidden(&shown, secret);
    }
}
