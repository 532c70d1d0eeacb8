//! URIs under `{base}/external/industryData`, made of checked parts.

use http::Uri;
use percent_encoding::utf8_percent_encode;

use crate::policy::MAX_ID_BYTES;
use crate::wire::{
    base_url::BaseUrl, location::same_origin, resource_path::API_PATH, uri::RESERVED,
};

/// The URI of `path`, which begins with a slash.
pub(super) fn under(base: &BaseUrl, path: &str) -> Option<Uri> {
    same_origin(base, &format!("{base}{API_PATH}{path}")).ok()
}

/// The id as one percent-encoded path segment.
///
/// `None` if it is empty, longer than 128 bytes, `.` or `..`, or has a character that some server would read as part of
/// the path (`/ \ % ? #`, controls).
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
    fn an_id_is_one_segment_or_refused() {
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
