//! What text that is shown must not have in it.

/// Shown text cannot drive a terminal, forge a log line or hide: no controls, no separators, no bidirectional marks.
#[track_caller]
pub(crate) fn assert_plain(shown: &str) {
    let hidden = shown.chars().find(|c| {
        c.is_control()
            || matches!(*c as u32, 0x2028..=0x202e | 0x2066..=0x2069 | 0xfeff | 0xe0000..=0xe007f)
    });
    assert_eq!(hidden, None, "{shown:?}");
}

/// An error as it may reach a log: plain, and without the secret.
#[track_caller]
pub(crate) fn assert_shown(error: &(impl std::fmt::Display + std::fmt::Debug), secret: &str) {
    for shown in [
        error.to_string(),
        format!("{error:?}"),
        format!("{error:#?}").replace('\n', ""),
    ] {
        assert_plain(&shown);
        assert!(!shown.contains(secret), "the secret is shown: {shown}");
    }
}

/// Every `%HH` decoded once.
pub(crate) fn decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut at, mut out) = (0, Vec::new());
    while at < bytes.len() {
        let hex = (bytes[at] == b'%')
            .then(|| text.get(at + 1..at + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        out.push(hex.unwrap_or(bytes[at]));
        at += if hex.is_some() { 3 } else { 1 };
    }
    out
}
