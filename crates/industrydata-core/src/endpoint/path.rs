//! Paths under `{base}/external/industryData`, made of checked parts.

use http::Uri;
use percent_encoding::utf8_percent_encode;

use crate::policy::MAX_ID_BYTES;
use crate::wire::{base_url::BaseUrl, location::same_origin, uri::RESERVED};

/// The URI of `path`, which begins with a slash.
pub(super) fn under(base: &BaseUrl, path: &str) -> Option<Uri> {
    same_origin(base, &format!("{base}/external/industryData{path}")).ok()
}

/// An id as one segment of a path, percent-encoded; `None` if it cannot be one: empty, longer than 128 bytes, `.` or
/// `..`, or with a character that some server would read as the path's own (`/ \ % ? #`, controls).
pub(super) fn segment(id: &str) -> Option<String> {
    let forbidden = |c: char| c.is_control() || matches!(c, '/' | '\\' | '%' | '?' | '#');
    if !(1..=MAX_ID_BYTES).contains(&id.len()) || matches!(id, "." | "..") || id.contains(forbidden)
    {
        return None;
    }
    Some(utf8_percent_encode(id, RESERVED).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_one_segment_or_none() {
        for (id, expected) in [
            ("918d4a8f-599b", Some("918d4a8f-599b")),
            ("refresh:A_b", Some("refresh%3AA_b")),
            ("o'k é", Some("o%27k%20%C3%A9")),
            ("a~.b", Some("a~.b")),
            ("", None),
            (".", None),
            ("..", None),
            ("a/b", None),
            ("a\\b", None),
            ("a%2fb", None),
            ("a?b", None),
            ("a#b", None),
            ("a\nb", None),
        ] {
            assert_eq!(segment(id).as_deref(), expected, "{id:?}");
        }
        assert_eq!(segment(&"a".repeat(129)), None);
        let base: BaseUrl = "http://127.0.0.1:8085/beta".parse().unwrap();
        let uri = under(&base, "/runs/refresh%3AA_b").unwrap();
        assert_eq!(
            uri,
            "http://127.0.0.1:8085/beta/external/industryData/runs/refresh%3AA_b"
        );
    }
}
