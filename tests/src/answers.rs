//! Building blocks for the server's responses.
//!
//! The server replaces the placeholders `{base}`, `{origin}`, `{port}`, `{foreign}`, `{token}`, `{token:SPELLING}`
//! (in a spelling of the module `tokens`), `{date}`, `{date+N}` and `{length}` (of the body) when it sends a response.

use crate::turn::{Act, Turn};

/// The id of the operation that every scenario polls.
pub const OPERATION: &str = "171bf0b4-14e9-408f-71dd-08dcd2a15d23";

/// The data connector that scenarios validate.
pub const CONNECTOR: &str = "8c010e87-c28b-4350-bdc1-65ec29258b93";

/// The flow set and the provisioning flow that scenarios reset.
pub const FLOW: (&str, &str) = (
    "8c33d025-5e64-4550-2aa3-08dc4ac66fca",
    "51f99e09-bdc5-47ff-7a0a-08dc4ac74cf1",
);

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

/// A 200 with the operation of a validation that has this status and these members.
#[must_use]
pub fn validation(status: &str, members: &str) -> Turn {
    answer(
        200,
        &["Content-Type: application/json", "Request-Id: r-9"],
        &format!(
            r##"{{"@odata.type":"#microsoft.graph.industryData.fileValidateOperation","id":"{OPERATION}","status":"{status}"{members}}}"##
        ),
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
