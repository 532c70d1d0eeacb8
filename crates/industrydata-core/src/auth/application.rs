//! `POST {authority}/{directory}/oauth2/v2.0/token` obtains a token for an application.
//!
//! Documentation:
//! [client credentials flow](https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).

use http::{
    HeaderValue, Request,
    header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE},
};
use percent_encoding::utf8_percent_encode;

use crate::{
    auth::{
        address::{Address, Route},
        token::{Challenge, TokenError},
    },
    tenant::{Tenant, of_many},
    wire::uri::RESERVED,
};

/// The authority of Entra's global service.
const AUTHORITY: &str = "https://login.microsoftonline.com";
const AUTHORITY_HOST: &str = "login.microsoftonline.com";
const SCOPE: &str = "https://graph.microsoft.com/.default";

/// An application at an authority, without the proof of its identity.
///
/// ```
/// use industrydata_core::auth::{Application, Credential};
///
/// // An app registration whose federated token the platform keeps in a file, as Kubernetes does.
/// let application = Application::new("11111111-2222-3333-4444-555555555555").directory("contoso.example");
/// assert_eq!(application.host(), "login.microsoftonline.com");
/// let credential = Credential::federated_file(application, "/var/run/secrets/azure/tokens/azure-identity-token");
/// assert!(credential.path().is_some());
/// ```
#[derive(Clone, Debug)]
pub struct Application {
    /// `None` is Entra's global service.
    authority: Option<Address>,
    directory: Option<String>,
    client_id: String,
    scope: String,
}

impl Application {
    /// The application `client_id`, at `https://login.microsoftonline.com`. The name of a tenant is used as its directory id
    /// unless [`directory`](Self::directory) sets one.
    #[must_use]
    pub fn new(client_id: impl Into<String>) -> Self {
        Self {
            authority: None,
            directory: None,
            client_id: client_id.into(),
            scope: SCOPE.to_owned(),
        }
    }

    /// Uses this directory, a GUID or a domain name, for every tenant.
    #[must_use]
    pub fn directory(mut self, directory: impl Into<String>) -> Self {
        self.directory = Some(directory.into());
        self
    }

    /// Uses this authority: an `https` URL, or an `http` URL on loopback.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] for any other text.
    pub fn authority(mut self, authority: &str) -> Result<Self, TokenError> {
        let address = Address::of_service(authority).and_then(Address::without_query);
        let address = address.map_err(|it| TokenError::Unusable(format!("the authority {it}")))?;
        self.authority = Some(address);
        Ok(self)
    }

    /// Requests this scope instead of `https://graph.microsoft.com/.default`.
    #[must_use]
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// The id of the application.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// Whether requests to the authority are not encrypted. Only an authority on loopback can be so.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.route() == Route::Plain
    }

    /// Whether the text of the authority names this machine. Send such requests past any proxy.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.authority.as_ref().is_some_and(Address::is_loopback)
    }

    /// How the authority may be reached.
    #[must_use]
    pub fn route(&self) -> Route {
        self.authority
            .as_ref()
            .map_or(Route::Proxied, Address::route)
    }

    /// The host of the authority. An IPv6 address is in brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        self.authority
            .as_ref()
            .map_or(AUTHORITY_HOST, Address::host)
    }

    /// The directory of a tenant: a GUID or a domain name.
    fn directory_of<'t>(&'t self, tenant: &'t Tenant) -> Result<&'t str, TokenError> {
        let directory = self.directory.as_deref().unwrap_or_else(|| tenant.as_str());
        let is_plain = !directory.is_empty()
            && !directory.starts_with('.')
            && directory
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
        if let Some(of_many) = of_many(directory) {
            return Err(TokenError::Unusable(format!(
                "the directory of the application is `{of_many}`, which stands for many tenants: set AZURE_TENANT_ID to the GUID or a domain name of one",
            )));
        }
        is_plain.then_some(directory).ok_or_else(|| {
            TokenError::Unusable(
                "the directory of the application is neither a GUID nor a domain name: set AZURE_TENANT_ID to one"
                    .to_owned(),
            )
        })
    }

    /// The URL of the token endpoint for a tenant, which is the audience of an assertion too.
    pub(crate) fn token_url(&self, tenant: &Tenant) -> Result<String, TokenError> {
        let directory = self.directory_of(tenant)?;
        let authority = self.authority.as_ref().map_or(AUTHORITY, Address::as_str);
        Ok(format!("{authority}/{directory}/oauth2/v2.0/token"))
    }

    /// The request for a token, with `proof` of the application's identity.
    pub(crate) fn request(
        &self,
        tenant: &Tenant,
        proof: &[(&str, &str)],
        challenge: Option<&Challenge>,
    ) -> Result<Request<Vec<u8>>, TokenError> {
        let uri = self.token_url(tenant)?;
        is_plain_text("id", &self.client_id)?;
        let claims = challenge
            .and_then(Challenge::claims)
            .map(|claims| ("claims", claims));
        let first = [("client_id", self.client_id.as_str())];
        let last = [("scope", self.scope.as_str())];
        let fields = first
            .iter()
            .chain(proof)
            .chain(&last)
            .copied()
            .chain(claims);
        let mut form = String::from("grant_type=client_credentials");
        for (name, value) in fields {
            form.push('&');
            form.push_str(name);
            form.push('=');
            form.extend(utf8_percent_encode(value, RESERVED));
        }
        Request::post(uri)
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(ACCEPT_ENCODING, HeaderValue::from_static("identity"))
            .header(
                CONTENT_TYPE,
                HeaderValue::from_static("application/x-www-form-urlencoded"),
            )
            .body(form.into_bytes())
            .map_err(|_| TokenError::Unusable("the authority is not a URL".to_owned()))
    }
}

/// Refuses control characters, which come from a file or a pasted value and which an authority never accepts.
pub(crate) fn is_plain_text(name: &str, value: &str) -> Result<(), TokenError> {
    if value.chars().any(char::is_control) {
        return Err(TokenError::Unusable(format!(
            "the {name} of the application contains a control character, such as a line break"
        )));
    }
    Ok(())
}
