//! Dot segments of a path, and their removal.

#[derive(Clone, Copy)]
pub(super) enum Dot {
    No,
    Here,
    Up,
}

pub(super) fn dot(segment: &str) -> Dot {
    match segment {
        "." => Dot::Here,
        ".." => Dot::Up,
        _ => Dot::No,
    }
}

/// Removes dot segments (RFC 3986 section 5.2.4) from a path that begins with `/`. Any other path stays as it is.
pub(super) fn remove_dot_segments(path: &str, dot: impl Fn(&str) -> Dot) -> String {
    let Some(rest) = path.strip_prefix('/') else {
        return path.to_owned();
    };
    // Most paths have no dot segment, and each one begins with a dot, plain or encoded.
    let mut pairs = path.as_bytes().windows(2);
    if !pairs.any(|pair| matches!(pair, [b'/', b'.' | b'%'])) {
        return path.to_owned();
    }
    let mut kept = String::with_capacity(path.len());
    let mut segments = rest.split('/').peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match dot(segment) {
            Dot::No => {
                kept.push('/');
                kept.push_str(segment);
                continue;
            }
            Dot::Here => {}
            Dot::Up => kept.truncate(kept.rfind('/').unwrap_or(0)),
        }
        if is_last {
            kept.push('/');
        }
    }
    kept
}
