//! `POST {base}/external/industryData/runs/start` starts a run.
//!
//! - Permission: `IndustryData-Run.Start`.
//! - Documentation: [industryDataRun: start](https://learn.microsoft.com/graph/api/industrydata-industrydatarun-start).
//! - Request: no body, but `content-length: 0`. Graph answers 411 without it, and HTTP clients leave it out by default.
//! - Answer: `202 Accepted` without a body. Its `Location` is the URL of the operation.

use http::{HeaderMap, Request};

use crate::{
    auth::token::AccessToken,
    endpoint::service::Service,
    seed::Seed,
    wire::{
        base_url::BaseUrl,
        location::{OperationUrl, error::LocationError},
    },
};

/// The POST that starts a run. Only [`Start`](crate::lro::Start) sends it, after it has reserved a slot.
#[derive(Clone, Copy, Debug, Default)]
pub struct StartRun;

impl StartRun {
    /// The permission that the request needs.
    pub const PERMISSION: &'static str = "IndustryData-Run.Start";

    /// The request, with the client request id number `ordinal` of `seed`.
    pub(crate) fn request(
        service: &Service,
        token: &AccessToken,
        seed: Seed,
        ordinal: u32,
    ) -> Request<()> {
        service.post(service.base().start_uri().clone(), token, seed, ordinal)
    }

    /// Reads the header fields of a 202: the URL of the operation.
    ///
    /// # Errors
    ///
    /// [`LocationError`] if the operation cannot be polled. The run was started all the same.
    pub fn decode(base: &BaseUrl, headers: &HeaderMap) -> Result<OperationUrl, LocationError> {
        OperationUrl::from_headers(base, headers)
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method, header::AUTHORIZATION};

    use super::*;

    #[test]
    fn a_start_is_a_post_that_says_it_has_no_body() {
        let service = Service::new(BaseUrl::graph(), "an-agent");
        let token = AccessToken::new("canary-token").unwrap();
        let seed = Seed::new([7; 16]);
        let start = StartRun::request(&service, &token, seed, 1);
        assert_eq!(start.method(), Method::POST);
        assert_eq!(start.uri(), service.base().start_uri());
        let field = |name: &str| start.headers().get(name).map(HeaderValue::as_bytes);
        assert_eq!(
            field(AUTHORIZATION.as_str()),
            Some(b"Bearer canary-token".as_slice())
        );
        assert_eq!(field("content-length"), Some(b"0".as_slice()));
        assert_eq!(field("prefer"), None);
        let id = seed.client_request_id(1);
        assert_eq!(field("client-request-id"), Some(id.as_slice()));
    }
}
