//! The endpoints of a platform: the metadata service of a virtual machine, the identity endpoint of an app, and the
//! assertions of a GitHub job.
//!
//! Documentation:
//! [virtual machines](https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token),
//! [App Service](https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference),
//! [GitHub Actions](https://docs.github.com/actions/reference/security/oidc).

use std::borrow::Cow;

use http::{
    HeaderMap, Method, Request, Response, StatusCode,
    header::{ALLOW, AUTHORIZATION},
};
use serde_json::{Value, json};

use crate::{
    config::{Identity, TOKEN_EXCHANGE},
    graph::response::set,
    model::Kept,
    platform::{Platform, Refused, json_response},
    service::state::Service,
    time::since,
};

/// The bearer token of the GitHub job.
pub(crate) const GITHUB_TOKEN: &str = "emulator-request-token";
/// The audience of a job's assertion if the request names none.
const GITHUB_AUDIENCE: &str = "https://github.com/contoso";
/// What a managed identity may get a token for: Graph, in three spellings, and the exchange.
const RESOURCES: [&str; 4] = [
    "https://graph.microsoft.com",
    "https://graph.microsoft.com/",
    "00000003-0000-0000-c000-000000000000",
    TOKEN_EXCHANGE,
];

impl Service {
    /// Responds to a request to the endpoint of a platform.
    pub(super) fn platform(
        &mut self,
        request: &Request<Vec<u8>>,
        platform: Platform,
    ) -> Response<Vec<u8>> {
        if request.method() != Method::GET {
            let message = format!("the method {} is not allowed here", request.method());
            let status = StatusCode::METHOD_NOT_ALLOWED;
            let refused = Refused::new(status, "method_not_allowed", message);
            let mut response = platform.error(&refused);
            set(response.headers_mut(), ALLOW, "GET");
            return response;
        }
        let query = request.uri().query().unwrap_or_default();
        let answer = match platform {
            Platform::Metadata => self.metadata(request.headers(), query),
            Platform::App => self.app(request.headers(), query),
            Platform::GitHub => self.github(request.headers(), query),
        };
        match answer {
            Ok(answer) => json_response(StatusCode::OK, &answer),
            Err(refused) => platform.error(&refused),
        }
    }

    /// `GET /metadata/identity/oauth2/token`
    fn metadata(&mut self, headers: &HeaderMap, query: &str) -> Result<Value, Refused> {
        if headers.contains_key("x-forwarded-for") {
            let message = "a request with X-Forwarded-For came through a proxy: ask directly";
            return Err(Refused::request(message));
        }
        let is_marked = headers
            .get("metadata")
            .is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
        if !is_marked {
            let message = "the required header `Metadata: true` is missing";
            return Err(Refused::request(message));
        }
        let version = parameter(query, "api-version").unwrap_or_default();
        if !(version.len() == 10 && *version >= *"2018-02-01") {
            let message = "the api-version is missing or unknown: use 2018-02-01";
            return Err(Refused::request(message));
        }
        let names = ["client_id", "object_id", "msi_res_id"];
        let (kept, client_id, resource) = self.of_identity(query, names)?;
        let left = since(self.now, kept.expires).as_secs().to_string();
        Ok(json!({
            "access_token": kept.token,
            "client_id": client_id,
            "expires_in": left,
            "expires_on": kept.expires.as_second().to_string(),
            "ext_expires_in": left,
            "not_before": kept.issued.as_second().to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }))
    }

    /// `GET {IDENTITY_ENDPOINT}`
    fn app(&mut self, headers: &HeaderMap, query: &str) -> Result<Value, Refused> {
        let header = headers.get("x-identity-header");
        if header.is_none_or(|value| value.as_bytes() != self.identity_header().as_bytes()) {
            let message =
                "the header X-IDENTITY-HEADER is missing or is not the current IDENTITY_HEADER";
            return Err(Refused::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                message,
            ));
        }
        if parameter(query, "api-version").as_deref() != Some("2019-08-01") {
            let message = "the api-version is missing or unknown: use 2019-08-01";
            return Err(Refused::request(message));
        }
        let names = ["client_id", "principal_id", "mi_res_id"];
        let (kept, client_id, resource) = self.of_identity(query, names)?;
        Ok(json!({
            "access_token": kept.token,
            "client_id": client_id,
            "expires_on": kept.expires.as_second().to_string(),
            "resource": resource,
            "token_type": "Bearer",
        }))
    }

    /// `GET {ACTIONS_ID_TOKEN_REQUEST_URL}`
    fn github(&mut self, headers: &HeaderMap, query: &str) -> Result<Value, Refused> {
        let field = headers.get(AUTHORIZATION).and_then(|it| it.to_str().ok());
        let is_job =
            field
                .and_then(|field| field.split_once(' '))
                .is_some_and(|(scheme, token)| {
                    scheme.eq_ignore_ascii_case("bearer") && token == GITHUB_TOKEN
                });
        if !is_job {
            let message = "the bearer token is missing or is not ACTIONS_ID_TOKEN_REQUEST_TOKEN";
            return Err(Refused::new(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                message,
            ));
        }
        let audience = parameter(query, "audience");
        let assertion = self.github_assertion(audience.as_deref().unwrap_or(GITHUB_AUDIENCE));
        Ok(json!({"count": assertion.len(), "value": assertion}))
    }

    /// The token of the identity that a query chooses by one of these parameters, with its client id and the resource.
    fn of_identity(
        &mut self,
        query: &str,
        names: [&str; 3],
    ) -> Result<(Kept, String, String), Refused> {
        let resource = parameter(query, "resource").filter(|it| !it.is_empty());
        let Some(resource) = resource else {
            return Err(Refused::request("the parameter 'resource' is missing"));
        };
        if !RESOURCES.contains(&&*resource) {
            let message = format!("AADSTS500011: the tenant has no resource '{resource}'");
            return Err(Refused::new(
                StatusCode::BAD_REQUEST,
                "invalid_resource",
                message,
            ));
        }
        let identity = choose(&self.config.identities, query, names)?.clone();
        let kept = self.identity_token(&identity, &resource);
        Ok((kept, identity.client_id, resource.into_owned()))
    }
}

/// The identity that the query chooses, or the one of a query that chooses none.
fn choose<'i>(
    identities: &'i [Identity],
    query: &str,
    names: [&str; 3],
) -> Result<&'i Identity, Refused> {
    let chosen: Vec<_> = names
        .iter()
        .enumerate()
        .filter_map(|(at, name)| Some((at, parameter(query, name)?)))
        .collect();
    let is_chosen = |it: &&Identity| {
        chosen.iter().all(|(at, value)| {
            let ids = [&it.client_id, &it.object_id, &it.resource_id];
            ids.get(*at)
                .is_some_and(|id| id.eq_ignore_ascii_case(value))
        })
    };
    if chosen.len() > 1 {
        let [first, second, third] = names;
        let message = format!("give only one of {first}, {second} and {third}");
        return Err(Refused::request(message));
    }
    let mut found = identities.iter().filter(is_chosen);
    let system = || identities.iter().find(|it| it.is_system_assigned);
    let only = match chosen.is_empty().then(system).flatten() {
        Some(system) => Some(system),
        None => found.next(),
    };
    match only {
        None => Err(Refused::request("Identity not found")),
        Some(_) if chosen.is_empty() && system().is_none() && found.next().is_some() => {
            Err(Refused::request(
                "there are several user-assigned identities: choose one by its client id",
            ))
        }
        Some(identity) => Ok(identity),
    }
}

fn parameter<'q>(query: &'q str, name: &str) -> Option<Cow<'q, str>> {
    form_urlencoded::parse(query.as_bytes()).find_map(|(key, value)| (key == name).then_some(value))
}
