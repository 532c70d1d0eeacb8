//! The paths of the industryData API below a base URL, and the ids in them.

use crate::policy::MAX_ID_BYTES;

/// The path of the API.
pub(crate) const API_PATH: &str = "/external/industryData";
/// The path of the collection of operations.
pub(crate) const OPERATIONS_PATH: &str = "/external/industryData/operations";
/// The path that starts a run.
pub(crate) const START_PATH: &str = "/external/industryData/runs/start";

/// The id in what follows the name of a collection: `/{id}` or `('{id}')`, with one trailing slash at most (L10).
pub(crate) fn id_after_collection(rest: &str) -> Option<&str> {
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let id = match rest.strip_prefix('/') {
        Some(id) => id,
        None => rest.strip_prefix("('")?.strip_suffix("')")?,
    };
    is_id(id).then_some(id)
}

/// Whether `id` can be the id of an operation or a run (L11).
pub(crate) fn is_id(id: &str) -> bool {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'~' | b'-');
    // This looks at every byte, which lets the compiler use vectors.
    let all_plain = || id.bytes().fold(true, |all, b| all & is_plain(b));
    (1..=MAX_ID_BYTES).contains(&id.len()) && all_plain() && !matches!(id, "." | "..")
}

/// Like [`str::strip_prefix`], ASCII case-insensitively.
pub(crate) fn strip_prefix<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (head, tail) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(tail)
}
