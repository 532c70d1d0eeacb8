//! The requests: what is the same in each is made once and kept.
//!
//! - `POST {base}/external/industryData/runs/start`, permission `IndustryData-Run.Start`
//!   ([industryDataRun: start](https://learn.microsoft.com/graph/api/industrydata-industrydatarun-start)). No body, but
//!   `content-length: 0`: Graph answers 411 without it, and neither HTTP client sends it by itself.
//! - `GET {base}/external/industryData/operations/{id}`, permission `IndustryData.ReadBasic.All`
//!   ([Get longRunningOperation](https://learn.microsoft.com/graph/api/longrunningoperation-get)).

use std::sync::Arc;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, USER_AGENT},
};

use crate::{auth::token::AccessToken, seed::Seed, wire::base_url::BaseUrl};

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The service under one base and the header fields of its requests; cheap to clone.
#[derive(Clone, Debug)]
pub struct Service {
    base: BaseUrl,
    get: Arc<HeaderMap>,
}

impl Service {
    /// The service under `base`, asked by `user_agent` (this library's own name if it fits no header field).
    #[must_use]
    pub fn new(base: BaseUrl, user_agent: &str) -> Self {
        let agent = HeaderValue::try_from(user_agent).unwrap_or(HeaderValue::from_static(concat!(
            "industrydata/",
            env!("CARGO_PKG_VERSION")
        )));
        let mut get = HeaderMap::with_capacity(8);
        get.insert(ACCEPT, HeaderValue::from_static("application/json"));
        get.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        get.insert(USER_AGENT, agent);
        get.insert(
            PREFER,
            HeaderValue::from_static("include-unknown-enum-members"),
        );
        // Places for what each request fills in: a map that is cloned full never grows.
        get.insert(AUTHORIZATION, HeaderValue::from_static(""));
        get.insert(CLIENT_REQUEST_ID, HeaderValue::from_static(""));
        Self {
            base,
            get: Arc::new(get),
        }
    }

    /// The base URL.
    #[must_use]
    pub const fn base(&self) -> &BaseUrl {
        &self.base
    }

    pub(crate) fn start(&self, token: &AccessToken, seed: Seed, ordinal: u32) -> Request<()> {
        let mut request = self.get(self.base.start_uri(), token, seed, ordinal);
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        headers.remove(PREFER);
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        request
    }

    pub(crate) fn get(
        &self,
        uri: &Uri,
        token: &AccessToken,
        seed: Seed,
        ordinal: u32,
    ) -> Request<()> {
        let mut headers = HeaderMap::clone(&self.get);
        headers.insert(AUTHORIZATION, token.header().clone());
        // 36 hexadecimal digits and hyphens always are a field value.
        if let Ok(id) = HeaderValue::from_bytes(&seed.client_request_id(ordinal)) {
            headers.insert(CLIENT_REQUEST_ID, id);
        }
        let mut request = Request::new(());
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_post_without_a_body_and_a_read_is_a_get() {
        let service = Service::new(BaseUrl::graph(), "an-agent");
        let token = AccessToken::new("canary-token").unwrap();
        let seed = Seed::new([7; 16]);
        let start = service.start(&token, seed, 1);
        assert_eq!(start.method(), Method::POST);
        assert_eq!(start.uri(), service.base().start_uri());
        let id = seed.client_request_id(1);
        let of = |request: &Request<()>, name: HeaderName| {
            let value = request.headers().get(name)?;
            Some(String::from_utf8_lossy(value.as_bytes()).into_owned())
        };
        assert_eq!(
            of(&start, AUTHORIZATION).as_deref(),
            Some("Bearer canary-token")
        );
        assert_eq!(of(&start, CONTENT_LENGTH).as_deref(), Some("0"));
        assert_eq!(of(&start, PREFER), None);
        assert_eq!(
            of(&start, CLIENT_REQUEST_ID).unwrap().as_bytes(),
            id.as_slice()
        );
        let uri = Uri::from_static("https://graph.microsoft.com/beta/x");
        let get = service.get(&uri, &token, seed, 1);
        assert_eq!((get.method(), get.uri()), (&Method::GET, &uri));
        assert_eq!(
            of(&get, AUTHORIZATION).as_deref(),
            Some("Bearer canary-token")
        );
        assert_eq!(of(&get, CONTENT_LENGTH), None);
        assert!(of(&get, PREFER).is_some());
    }
}
