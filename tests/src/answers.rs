//! Building blocks for the server's responses.
//!
//! The server replaces the placeholders `{base}`, `{origin}`, `{port}`, `{foreign}`, `{token}`, `{token:SPELLING}`
//! (in a spelling of the module `tokens`), `{date}`, `{date+N}` and `{length}` (of the body) when it sends a response.

use crate::turn::{Act, Turn};

/// The id of the operation that every scenario polls.
pub const OPERATION: &str = "171bf0b4-14e9-408f-71dd-08dcd2a15d23";

/// A 202 whose `Location` has the documented form.
#[must_use]
pub fn accepted() -> Turn {
    located(&format!(
        "{{base}}/external/industryData/operations/{OPERATION}"
    ))
}

/// A 202 with this `Location`.
#[must_use]
pub fn located(location: &str) -> Turn {
    answer(202, &[&format!("Location: {location}")], "")
}

/// A 200 with an operation that has this status.
#[must_use]
pub fn status(status: &str) -> Turn {
    answer(
        200,
        &["Content-Type: application/json"],
        &format!(r#"{{"id":"{OPERATION}","status":"{status}"}}"#),
    )
}

/// A complete response with its `Content-Length`.
#[must_use]
pub fn answer(status: u16, fields: &[&str], body: &str) -> Turn {
    let mut all = fields.to_vec();
    all.push("Content-Length: {length}");
    let mut bytes = head(status, &all);
    bytes.extend_from_slice(body.as_bytes());
    raw(bytes)
}

/// The head of a response, including the empty line that ends it.
#[must_use]
pub fn head(status: u16, fields: &[&str]) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {status} Something\r\n");
    for field in fields {
        head.push_str(field);
        head.push_str("\r\n");
    }
    head.push_str("\r\n");
    head.into_bytes()
}

/// These bytes; only placeholders are replaced.
#[must_use]
pub fn raw(bytes: impl Into<Vec<u8>>) -> Turn {
    Turn::new([Act::Send(bytes.into())])
}
