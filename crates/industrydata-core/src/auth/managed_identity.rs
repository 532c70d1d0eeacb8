//! Managed identities: the platform gives a token to programs that run on it.
//!
//! Documentation:
//! [virtual machines](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token),
//! [App Service, Functions and Container Apps](https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference).

use std::fmt;

use http::{HeaderValue, Request, header::ACCEPT, response::Parts};
use percent_encoding::utf8_percent_encode;
use zeroize::Zeroizing;

use crate::{
    auth::{
        address::{Address, Route},
        token::{AccessToken, TokenError},
        token_answer,
    },
    now::Now,
    wire::{transport::IncompleteBody, uri::RESERVED},
};

const METADATA_PATH: &str = "/metadata/identity/oauth2/token";
const GRAPH: &str = "https://graph.microsoft.com";
/// The audience of a token that stands in for an application, in every tenant of the global service.
pub(crate) const TOKEN_EXCHANGE: &str = "api://AzureADTokenExchange";
const ADVICE: &str = "check that a managed identity is assigned to this machine or app; if it has several, AZURE_CLIENT_ID must be the client id of one of them";
/// The same for an identity that stands in for an application, whose id is in `AZURE_CLIENT_ID`.
const FEDERATION_ADVICE: &str = "check that a managed identity is assigned to this machine or app; if it has several, AZURE_MANAGED_IDENTITY_CLIENT_ID must be the client id of one of them";

/// A managed identity, and the endpoint that gives its tokens.
///
/// The exchange is one request and one answer: send [`request`](Self::request), then pass the answer to [`read`](Self::read).
/// The platform keeps a token for up to 24 hours and gives the same one until it expires: neither a refusal nor a claims
/// challenge yields another one, and a permission that is granted meanwhile is not in it.
///
/// ```
/// use industrydata_core::auth::{Credential, ManagedIdentity, UserAssigned};
///
/// // Of the virtual machine that the program runs on, which has several.
/// let identity = ManagedIdentity::metadata().identity(UserAssigned::ClientId("c-1".to_owned()));
/// assert_eq!(identity.host(), "169.254.169.254");
/// let credential = Credential::managed_identity(identity);
/// assert!(credential.application().is_none());
/// ```
#[derive(Clone)]
pub struct ManagedIdentity {
    source: Source,
    identity: Option<UserAssigned>,
    resource: String,
}

#[derive(Clone)]
enum Source {
    Metadata(Address),
    AppService(Address, Zeroizing<String>),
}

/// Which of several user-assigned identities is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserAssigned {
    /// By its client id.
    ClientId(String),
    /// By the id of its service principal.
    ObjectId(String),
    /// By its resource id, `/subscriptions/…`.
    ResourceId(String),
}

impl ManagedIdentity {
    /// The identity of a virtual machine, from the instance metadata service at `http://169.254.169.254`.
    #[must_use]
    pub fn metadata() -> Self {
        Self::from(Source::Metadata(Address::metadata()))
    }

    /// The same, from a metadata service at another address: `https`, or `http` to a loopback or link-local address.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] for any other text.
    pub fn metadata_at(host: &str) -> Result<Self, TokenError> {
        let address = Address::of_identity(host).and_then(Address::without_query);
        address
            .map(|address| Self::from(Source::Metadata(address)))
            .map_err(|error| {
                TokenError::Unusable(format!("the metadata service's address {error}"))
            })
    }

    /// The identity of an app of App Service, Functions or Container Apps: the platform sets `IDENTITY_ENDPOINT` to the
    /// address and `IDENTITY_HEADER` to the secret, which it changes from time to time.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] if the address is neither `https` nor `http` to a loopback or link-local address.
    pub fn app_service(endpoint: &str, header: impl Into<String>) -> Result<Self, TokenError> {
        let header = Zeroizing::new(header.into());
        let address = Address::of_identity(endpoint);
        address
            .map(|address| Self::from(Source::AppService(address, header)))
            .map_err(|error| TokenError::Unusable(format!("the identity endpoint {error}")))
    }

    fn from(source: Source) -> Self {
        Self {
            source,
            identity: None,
            resource: GRAPH.to_owned(),
        }
    }

    /// Uses this user-assigned identity. Otherwise the platform uses the system-assigned one, or the only one there is.
    #[must_use]
    pub fn identity(mut self, identity: UserAssigned) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Requests a token for this resource instead of `https://graph.microsoft.com`.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = resource.into();
        self
    }

    /// How the endpoint may be reached.
    #[must_use]
    pub const fn route(&self) -> Route {
        match &self.source {
            Source::Metadata(address) | Source::AppService(address, _) => address.route(),
        }
    }

    /// The host of the endpoint. An IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        match &self.source {
            Source::Metadata(address) | Source::AppService(address, _) => address.host(),
        }
    }

    pub(crate) const fn is_metadata(&self) -> bool {
        matches!(self.source, Source::Metadata(_))
    }

    /// The name of the endpoint in messages, with the variable that sets it.
    pub(crate) fn name(&self) -> String {
        match &self.source {
            Source::Metadata(address) => format!(
                "the metadata service at {} (AZURE_POD_IDENTITY_AUTHORITY_HOST sets another)",
                address.host()
            ),
            Source::AppService(..) => "the identity endpoint of IDENTITY_ENDPOINT".to_owned(),
        }
    }

    /// The request for a token.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] if the secret of `IDENTITY_HEADER` is not the value of a header field.
    pub fn request(&self) -> Result<Request<Vec<u8>>, TokenError> {
        let (address, path, version, names) = match &self.source {
            Source::Metadata(address) => {
                let names = ["client_id", "object_id", "msi_res_id"];
                (address, METADATA_PATH, "2018-02-01", names)
            }
            Source::AppService(address, _) => {
                let names = ["client_id", "principal_id", "mi_res_id"];
                (address, "", "2019-08-01", names)
            }
        };
        let [client_id, object_id, resource_id] = names;
        let identity = self.identity.as_ref().map(|identity| match identity {
            UserAssigned::ClientId(id) => (client_id, id.as_str()),
            UserAssigned::ObjectId(id) => (object_id, id.as_str()),
            UserAssigned::ResourceId(id) => (resource_id, id.as_str()),
        });
        let mut query = format!("api-version={version}");
        for (name, value) in [("resource", self.resource.as_str())]
            .into_iter()
            .chain(identity)
        {
            query.push_str(&format!("&{name}="));
            query.extend(utf8_percent_encode(value, RESERVED));
        }
        let mut request = Request::get(address.url(path, &query))
            .header(ACCEPT, HeaderValue::from_static("application/json"));
        request = match &self.source {
            Source::Metadata(_) => request.header("metadata", HeaderValue::from_static("true")),
            Source::AppService(_, secret) => {
                let mut value = HeaderValue::from_str(secret).map_err(|_| {
                    TokenError::Unusable(
                        "IDENTITY_HEADER is not the value of a header field".to_owned(),
                    )
                })?;
                value.set_sensitive(true);
                request.header("x-identity-header", value)
            }
        };
        request
            .body(Vec::new())
            .map_err(|_| TokenError::Unusable(format!("{} is not a URL", self.name())))
    }

    /// Reads the answer, received at `now`.
    ///
    /// # Errors
    ///
    /// As [`ClientCredentials::read`](crate::auth::ClientCredentials::read).
    pub fn read(
        &self,
        head: &Parts,
        body: Result<Vec<u8>, IncompleteBody>,
        now: Now,
    ) -> Result<AccessToken, TokenError> {
        let secret = match &self.source {
            Source::Metadata(_) => None,
            Source::AppService(_, secret) => Some(secret.as_str()),
        };
        let read = token_answer::token(&self.name(), head, body, secret, now);
        let advice = if self.resource == TOKEN_EXCHANGE {
            FEDERATION_ADVICE
        } else {
            ADVICE
        };
        read.map_err(|error| error.or_advice(advice))
    }
}

impl fmt::Debug for ManagedIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ManagedIdentity")
            .field("endpoint", &self.name())
            .field("identity", &self.identity)
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn now() -> Now {
        Now::new(jiff::Timestamp::from_second(1000).unwrap(), Duration::ZERO)
    }

    fn read(
        identity: &ManagedIdentity,
        status: u16,
        body: &str,
    ) -> Result<AccessToken, TokenError> {
        let head = http::Response::builder().status(status).body(()).unwrap();
        identity.read(&head.into_parts().0, Ok(body.into()), now())
    }

    #[test]
    fn the_metadata_service_is_asked() {
        let request = ManagedIdentity::metadata().request().unwrap();
        assert_eq!(
            request.uri(),
            "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fgraph.microsoft.com"
        );
        assert_eq!(request.headers()["metadata"], "true");
        let identity = ManagedIdentity::metadata_at("http://127.0.0.1:9/").unwrap();
        for (which, name) in [
            (UserAssigned::ClientId("a b".to_owned()), "client_id"),
            (UserAssigned::ObjectId("a b".to_owned()), "object_id"),
            (UserAssigned::ResourceId("a b".to_owned()), "msi_res_id"),
        ] {
            let request = identity
                .clone()
                .identity(which)
                .resource("api://x")
                .request();
            assert_eq!(
                request.unwrap().uri().to_string(),
                format!(
                    "http://127.0.0.1:9/metadata/identity/oauth2/token?api-version=2018-02-01&resource=api%3A%2F%2Fx&{name}=a%20b"
                )
            );
        }
    }

    #[test]
    fn an_app_shows_its_header() {
        let identity =
            ManagedIdentity::app_service("http://localhost:42356/msi/token", "s3cret").unwrap();
        for (which, name) in [
            (UserAssigned::ClientId("a".to_owned()), "client_id"),
            (UserAssigned::ObjectId("a".to_owned()), "principal_id"),
            (UserAssigned::ResourceId("a".to_owned()), "mi_res_id"),
        ] {
            let request = identity.clone().identity(which).request().unwrap();
            assert_eq!(
                request.uri().to_string(),
                format!(
                    "http://localhost:42356/msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fgraph.microsoft.com&{name}=a"
                )
            );
            assert_eq!(request.headers()["x-identity-header"], "s3cret");
            assert!(!format!("{:?} {identity:?}", request.headers()).contains("s3cret"));
        }
        let odd = ManagedIdentity::app_service("http://localhost/", "s3cret\n").unwrap();
        let error = odd.request().unwrap_err().to_string();
        assert!(
            error.contains("IDENTITY_HEADER") && !error.contains("s3cret"),
            "{error}"
        );
    }

    #[test]
    fn lives_are_text_or_numbers() {
        let identity = ManagedIdentity::metadata();
        for (body, expires) in [
            (
                r#"{"access_token":"a","expires_in":"60","expires_on":"99999"}"#,
                1060,
            ),
            (r#"{"access_token":"a","expires_in":60}"#, 1060),
            (
                r#"{"access_token":"a","expires_on":"5000","token_type":"Bearer"}"#,
                5000,
            ),
            (r#"{"access_token":"a","expires_on":5000}"#, 5000),
            (
                r#"{"access_token":"a","expires_in":"soon","expires_on":"later"}"#,
                1300,
            ),
            (
                r#"{"access_token":"a","expires_on":"09/14/2026 00:00:00 AM +00:00"}"#,
                1300,
            ),
            (r#"{"access_token":"a"}"#, 1300),
            (r#"{"access_token":"a","expires_on":"1e30"}"#, 1300),
        ] {
            let token = read(&identity, 200, body).unwrap();
            assert_eq!(token.expires().unwrap().as_second(), expires, "{body}");
        }
    }

    #[test]
    fn other_answers_name_the_variable_and_no_secret() {
        let app = ManagedIdentity::app_service("http://localhost/", "s3cret-canary").unwrap();
        for (identity, variable) in [
            (
                ManagedIdentity::metadata(),
                "AZURE_POD_IDENTITY_AUTHORITY_HOST",
            ),
            (app, "IDENTITY_ENDPOINT"),
        ] {
            for (status, body, part) in [
                (200, "<html>s3cret-canary</html>", "not a token"),
                (200, "", "not a token"),
                (200, r#"{"access_token":null}"#, "not a token"),
                (200, r#"{"access_token":"a","token_type":"pop"}"#, "Bearer"),
                (200, r#"{"access_token":"a\nb"}"#, "line break"),
                (200, r#"{"access_token":""}"#, "empty"),
                (302, "", "redirect"),
                (304, "", "redirect"),
                (
                    400,
                    r#"{"error":"invalid_request","error_description":"Identity not found s3cret-canary"}"#,
                    "Identity not found",
                ),
                (
                    400,
                    r#"{"statusCode":400,"message":"No MSI found s3cret-canary"}"#,
                    "No MSI found",
                ),
                (403, "<html>", "403"),
            ] {
                let error = read(&identity, status, body).unwrap_err();
                let text = error.to_string();
                assert!(text.contains(variable) && text.contains(part), "{text}");
                // Only the app has a secret.
                assert!(
                    variable != "IDENTITY_ENDPOINT" || !text.contains("canary"),
                    "{text}"
                );
                assert!(!error.is_transient(), "{text}");
            }
            for status in [408, 429, 500, 503] {
                let error = read(&identity, status, "busy").unwrap_err();
                assert!(
                    error.is_transient() && error.to_string().contains(variable),
                    "{error}"
                );
            }
            let error = read(&identity, 400, "").unwrap_err();
            assert!(error.advice().unwrap().contains("AZURE_CLIENT_ID"));
            let federated = identity.clone().resource(TOKEN_EXCHANGE);
            let error = read(&federated, 400, "").unwrap_err();
            let advice = error.advice().unwrap();
            assert!(
                advice.contains("AZURE_MANAGED_IDENTITY_CLIENT_ID"),
                "{advice}"
            );
            assert!(!advice.contains("AZURE_CLIENT_ID"), "{advice}");
            // Messages of causes leave out URLs, and would differ from those of their errors.
            assert!(!error.to_string().contains("://"), "{error}");
        }
    }

    #[test]
    fn only_near_addresses_are_taken_in_the_clear() {
        for text in [
            "http://identity.example/",
            "x",
            "http://u:p@127.0.0.1/",
            "ftp://127.0.0.1",
        ] {
            assert!(ManagedIdentity::app_service(text, "s").is_err(), "{text}");
            assert!(ManagedIdentity::metadata_at(text).is_err(), "{text}");
        }
        assert!(ManagedIdentity::metadata_at("http://127.0.0.1/?a").is_err());
        assert_eq!(ManagedIdentity::metadata().route(), Route::Plain);
    }
}
