//! The token endpoint: the client credentials grant of OAuth 2.0 with the responses of Microsoft Entra ID.

use http::{Request, Response, StatusCode, header::CONTENT_TYPE};
use serde_json::json;

use crate::{
    entra::{self, EntraError},
    graph::response::Trace,
    service::{issue::Holder, state::Service},
};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Service {
    /// Responds to `POST /{tenant}/oauth2/v2.0/token`.
    pub(super) fn token(
        &mut self,
        request: &Request<Vec<u8>>,
        tenant: &str,
        trace: &Trace,
    ) -> Response<Vec<u8>> {
        let resource = match self.check_token_request(request, tenant) {
            Ok(resource) => resource,
            Err(error) => return error.response(trace),
        };
        let client = &self.config.client;
        let tenant_id = if is_guid(tenant) {
            tenant.to_ascii_lowercase()
        } else {
            client.tenant_id.clone()
        };
        let holder = Holder {
            tenant_id,
            ..Holder::client(client)
        };
        let token = self.issue_token(holder, &resource);
        let seconds = self.config.client.token_lifetime.as_secs();
        entra::response(
            StatusCode::OK,
            &json!({
                "token_type": "Bearer",
                "expires_in": seconds,
                "ext_expires_in": seconds,
                "access_token": token.token,
            }),
        )
    }

    /// Checks a request for a token, and names the resource that it is for.
    fn check_token_request(
        &mut self,
        request: &Request<Vec<u8>>,
        tenant: &str,
    ) -> Result<String, EntraError> {
        let client = &self.config.client;
        if let Some(expected) = &client.tenant
            && ![expected, &client.tenant_id]
                .iter()
                .any(|it| it.eq_ignore_ascii_case(tenant))
        {
            let description = format!("the tenant '{tenant}' is unknown");
            return Err(EntraError::new(90_002, description));
        }
        let content_type = request.headers().get(CONTENT_TYPE);
        let content_type = content_type.and_then(|value| value.to_str().ok());
        let is_form = content_type
            .unwrap_or_default()
            .to_ascii_lowercase()
            .starts_with("application/x-www-form-urlencoded");
        if !is_form {
            return Err(EntraError::new(900_144, "the body is not a form"));
        }
        let optional = |name: &str| {
            form_urlencoded::parse(request.body())
                .find_map(|(key, value)| (key == name).then_some(value))
        };
        let field = |name: &str| {
            optional(name).ok_or_else(|| {
                EntraError::new(900_144, format!("the form has no parameter '{name}'"))
            })
        };
        if field("grant_type")? != "client_credentials" {
            let description = "the only supported grant type is client_credentials";
            return Err(EntraError::new(70_003, description));
        }
        let id = field("client_id")?;
        if id != client.id {
            let description = format!("the tenant has no application '{id}'");
            return Err(EntraError::new(700_016, description));
        }
        let assertion = match (optional("client_secret"), optional("client_assertion")) {
            (Some(secret), None) if secret == client.secret => None,
            (Some(_), None) => {
                return Err(EntraError::new(7_000_215, "the client secret is wrong"));
            }
            (None, Some(assertion)) => Some(assertion),
            (Some(_), Some(_)) => {
                let description = "give either client_secret or client_assertion";
                return Err(EntraError::new(90_013, description));
            }
            (None, None) => {
                let description = "the form has neither client_secret nor client_assertion";
                return Err(EntraError::new(7_000_218, description));
            }
        };
        if assertion.is_some() && field("client_assertion_type")? != ASSERTION_TYPE {
            let description = format!("the client_assertion_type is not {ASSERTION_TYPE}");
            return Err(EntraError::new(90_013, description));
        }
        let scope = field("scope")?;
        let resource = scope.strip_suffix("/.default").map(str::to_owned);
        let Some(resource) = resource.filter(|it| !it.contains(' ')) else {
            let description =
                format!("the scope '{scope}' is not one resource followed by /.default");
            return Err(EntraError::new(1_002_012, description));
        };
        // Last, so that an assertion is used up only by a request without another error.
        if let Some(assertion) = assertion {
            self.check_assertion(&assertion, request, tenant)?;
        }
        Ok(resource)
    }
}

fn is_guid(text: &str) -> bool {
    let parts: Vec<_> = text.split('-').collect();
    parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
        && parts.concat().bytes().all(|b| b.is_ascii_hexdigit())
}
