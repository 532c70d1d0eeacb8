//! What the pictures are drawn from: times, tokens and answers for a machine.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode, header, response::Parts};
use industrydata_core::{
    Now, Timestamp,
    auth::AccessToken,
    lro::{Session, Settings},
};

/// The `Location` of the documented example.
pub(crate) const LOCATION: &str = "https://graph.microsoft.com/beta/external/industryData/operations/171bf0b4-14e9-408f-71dd-08dcd2a15d23";

pub(crate) const SEED: [u8; 16] = [7; 16];

/// A time of the wall clock and the steady one, so long after the beginning.
pub(crate) fn at(after: Duration) -> Now {
    let utc: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
    Now::new(utc + after, after)
}

pub(crate) fn session() -> Session {
    Settings::default().session("contoso".parse().unwrap(), "pictures/1")
}

/// A token of this number, so that a second one differs from the first.
pub(crate) fn token(number: usize) -> AccessToken {
    AccessToken::new(&format!("not-a-real-token-{number}")).unwrap()
}

/// The head of an answer.
pub(crate) fn head(status: u16, fields: &[(header::HeaderName, &str)]) -> Parts {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    for (name, value) in fields {
        let value = HeaderValue::from_str(value).unwrap();
        response.headers_mut().insert(name, value);
    }
    response.into_parts().0
}
