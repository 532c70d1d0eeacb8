//! What all requests to the service have in common.

use std::sync::Arc;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, USER_AGENT},
};

use crate::{auth::token::AccessToken, seed::Seed, wire::base_url::BaseUrl};

const CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The service at one base URL, and the header fields of requests to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Service {
    base: BaseUrl,
    get: Arc<HeaderMap>,
}

impl Service {
    /// The service at `base`. Requests carry `user_agent`, or this library's name if that is not a valid header value.
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
        // Placeholders for what each request fills in, so that the cloned map never grows.
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

    /// Whether `other` is the same service, made once and cloned.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.get, &other.get) && self.base == other.base
    }

    /// A GET of `uri`, with the client request id number `ordinal` of `seed`.
    pub(crate) fn get(
        &self,
        uri: &Uri,
        token: &AccessToken,
        seed: Seed,
        ordinal: u32,
    ) -> Request<()> {
        let mut headers = HeaderMap::clone(&self.get);
        headers.insert(AUTHORIZATION, token.header().clone());
        // Hexadecimal digits and hyphens are always a valid value.
        if let Ok(id) = HeaderValue::from_bytes(&seed.client_request_id(ordinal)) {
            headers.insert(CLIENT_REQUEST_ID, id);
        }
        let mut request = Request::new(());
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers;
        request
    }

    /// A POST to `uri` without a body, with the client request id number `ordinal` of `seed`.
    pub(crate) fn post(
        &self,
        uri: &Uri,
        token: &AccessToken,
        seed: Seed,
        ordinal: u32,
    ) -> Request<()> {
        let mut request = self.get(uri, token, seed, ordinal);
        *request.method_mut() = Method::POST;
        let headers = request.headers_mut();
        // The preference is about enums in the answer, and a 202 has no body.
        headers.remove(PREFER);
        headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        request
    }
}

#[cfg(test)]
mod tests {
    use http::Method;

    use super::*;

    #[test]
    fn a_read_is_a_get_with_the_token() {
        let service = Service::new(BaseUrl::graph(), "an-agent");
        let token = AccessToken::new("canary-token").unwrap();
        let uri = Uri::from_static("https://graph.microsoft.com/beta/x");
        let get = service.get(&uri, &token, Seed::new([7; 16]), 1);
        assert_eq!((get.method(), get.uri()), (&Method::GET, &uri));
        assert_eq!(get.headers()[AUTHORIZATION], "Bearer canary-token");
        assert!(!get.headers().contains_key("content-length"));
        assert!(get.headers().contains_key(PREFER));
    }
}
