//! What all requests to the service have in common.

use std::sync::Arc;

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, HOST, USER_AGENT},
};

use crate::{auth::token::AccessToken, seed::Seed, wire::base_url::BaseUrl};

static CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("client-request-id");
const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The service at one base URL, and the header fields of requests to it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Service {
    base: BaseUrl,
    templates: Arc<Templates>,
}

/// Requests without a URI. What each request fills in of the header fields is empty, so that a clone never grows, and comes
/// first.
#[derive(Debug)]
struct Templates {
    get: Request<()>,
    post: Request<()>,
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
        get.insert(AUTHORIZATION, HeaderValue::from_static(""));
        get.insert(CLIENT_REQUEST_ID.clone(), HeaderValue::from_static(""));
        get.insert(ACCEPT, HeaderValue::from_static("application/json"));
        get.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        get.insert(USER_AGENT, agent);
        get.insert(
            PREFER,
            HeaderValue::from_static("include-unknown-enum-members"),
        );
        // Clients format it for each request that has none. All requests go to the base's authority.
        let host = base.start_uri().authority().map(|it| it.as_str());
        if let Some(Ok(host)) = host.map(HeaderValue::from_str) {
            get.insert(HOST, host);
        }
        let mut post = get.clone();
        // The preference is about enums in the answer, and a 202 has no body.
        post.remove(PREFER);
        post.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        Self {
            base,
            templates: Arc::new(Templates {
                get: template(Method::GET, get),
                post: template(Method::POST, post),
            }),
        }
    }

    /// The base URL.
    #[must_use]
    pub const fn base(&self) -> &BaseUrl {
        &self.base
    }

    /// Whether `other` is the same service, made once and cloned.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.templates, &other.templates) && self.base == other.base
    }

    /// A GET of `uri`, with the client request id number `ordinal` of `seed`.
    pub(crate) fn get(
        &self,
        uri: Uri,
        token: &AccessToken,
        seed: Seed,
        ordinal: u32,
    ) -> Request<()> {
        let id = seed.client_request_id(ordinal);
        request(&self.templates.get, uri, token, id)
    }

    /// A POST to `uri` without a body, with the client request id number `ordinal` of `seed`.
    pub(crate) fn post(
        &self,
        uri: Uri,
        token: &AccessToken,
        seed: Seed,
        ordinal: u32,
    ) -> Request<()> {
        let id = seed.client_request_id(ordinal);
        request(&self.templates.post, uri, token, id)
    }
}

fn template(method: Method, headers: HeaderMap) -> Request<()> {
    let mut request = Request::new(());
    *request.method_mut() = method;
    *request.headers_mut() = headers;
    request
}

fn request(template: &Request<()>, uri: Uri, token: &AccessToken, id: [u8; 36]) -> Request<()> {
    let mut request = template.clone();
    *request.uri_mut() = uri;
    let mut missing = 2;
    for (name, value) in request.headers_mut() {
        if *name == AUTHORIZATION {
            *value = token.header().clone();
            missing -= 1;
        } else if *name == CLIENT_REQUEST_ID {
            *value = id_value(&id);
            missing -= 1;
        }
        // A walk to the first fields costs less than two look-ups.
        if missing == 0 {
            break;
        }
    }
    request
}

/// The value of a field with an id. Where the length is known, the check of the bytes is not compiled to vectors.
#[inline(never)]
fn id_value(id: &[u8]) -> HeaderValue {
    // Hexadecimal digits and hyphens are always a valid value.
    HeaderValue::from_bytes(id).unwrap_or(HeaderValue::from_static(""))
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
        let get = service.get(uri.clone(), &token, Seed::new([7; 16]), 1);
        assert_eq!((get.method(), get.uri()), (&Method::GET, &uri));
        assert_eq!(get.headers()[AUTHORIZATION], "Bearer canary-token");
        assert!(!get.headers().contains_key("content-length"));
        assert!(get.headers().contains_key(PREFER));
        assert_eq!(get.headers()[HOST], "graph.microsoft.com");
    }
}
