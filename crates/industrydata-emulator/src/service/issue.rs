//! What the emulated issuers issue: access tokens, and assertions that stand in for the application.

use jiff::Timestamp;
use serde_json::json;

use crate::{
    config::{
        Client, GITHUB_ISSUER, GITHUB_SUBJECT, Grant, Identity, Permission, TOKEN_EXCHANGE,
        WORKLOAD_ISSUER, WORKLOAD_SUBJECT, identity_issuer,
    },
    model::{Kept, write_jwt},
    service::state::Service,
    time::{later, since},
};

/// Whom a token is for.
pub(super) struct Holder {
    pub(super) tenant_id: String,
    pub(super) client_id: String,
    pub(super) object_id: String,
    pub(super) permissions: Vec<Permission>,
}

impl Holder {
    pub(super) fn client(client: &Client) -> Self {
        Self {
            tenant_id: client.tenant_id.clone(),
            client_id: client.id.clone(),
            object_id: "0d4f3c8e-71a7-4f0b-8a55-6a3b9be0c100".to_owned(),
            permissions: client.permissions.clone(),
        }
    }

    fn identity(identity: &Identity, tenant_id: &str) -> Self {
        Self {
            tenant_id: tenant_id.to_owned(),
            client_id: identity.client_id.clone(),
            object_id: identity.object_id.clone(),
            permissions: identity.permissions.clone(),
        }
    }
}

impl Service {
    /// Issues an access token of the application: a JWT, valid for [`Client::token_lifetime`](crate::Client), and when it
    /// expires.
    pub fn issue_access_token(&mut self) -> (String, Timestamp) {
        let holder = Holder::client(&self.config.client);
        let kept = self.issue_token(holder, "https://graph.microsoft.com");
        (kept.token, kept.expires)
    }

    /// Issues the assertion of a federated token file, valid for
    /// [`Config::assertion_lifetime`](crate::Config::assertion_lifetime), and when it expires.
    pub fn issue_federated_token(&mut self) -> (String, Timestamp) {
        let expires = later(self.now, self.config.assertion_lifetime);
        let token = self.issue_assertion(
            WORKLOAD_ISSUER.to_owned(),
            WORKLOAD_SUBJECT,
            TOKEN_EXCHANGE,
            expires,
        );
        (token, expires)
    }

    /// Replaces the secret of `IDENTITY_HEADER`, as the platform does from time to time, and returns the new one. The old
    /// one is refused from now on.
    pub fn rotate_identity_header(&mut self) -> String {
        self.issued.identity_header = self.ids.guid();
        self.issued.identity_header.clone()
    }

    /// The secret of `IDENTITY_HEADER`.
    #[must_use]
    pub fn identity_header(&self) -> &str {
        &self.issued.identity_header
    }

    pub(super) fn issue_token(&mut self, holder: Holder, resource: &str) -> Kept {
        let lifetime = self.config.client.token_lifetime;
        let expires = later(self.now, lifetime);
        let roles: Vec<_> = holder.permissions.iter().map(|it| it.name()).collect();
        let claims = json!({
            "aud": resource,
            "iss": format!("https://sts.windows.net/{}/", holder.tenant_id),
            "iat": self.now.as_second(),
            "nbf": self.now.as_second(),
            "exp": expires.as_second(),
            "appid": holder.client_id,
            "idtyp": "app",
            "oid": holder.object_id,
            "roles": roles,
            "sub": holder.object_id,
            "tid": holder.tenant_id,
            "uti": self.ids.guid(),
            "ver": "1.0",
        });
        let token = write_jwt(&claims, &mut self.ids);
        let grant = Grant {
            token: token.clone(),
            permissions: holder.permissions,
            caller: Some(holder.client_id),
        };
        self.tokens.add(grant, Some(expires));
        self.kept(token, expires)
    }

    /// The token of an identity for Graph, or its assertion for the exchange. The platform keeps it.
    pub(super) fn identity_token(&mut self, identity: &Identity, resource: &str) -> Kept {
        let key = (identity.object_id.clone(), resource.to_owned());
        let now = self.now;
        if let Some(kept) = self.issued.kept.get(&key)
            && now < kept.renewed
        {
            return kept.clone();
        }
        let tenant_id = self.config.client.tenant_id.clone();
        let kept = if resource == TOKEN_EXCHANGE {
            let expires = later(now, self.config.client.token_lifetime);
            let issuer = identity_issuer(&tenant_id);
            let token = self.issue_assertion(issuer, &identity.object_id, TOKEN_EXCHANGE, expires);
            self.kept(token, expires)
        } else {
            self.issue_token(Holder::identity(identity, &tenant_id), resource)
        };
        self.issued.kept.insert(key, kept.clone());
        kept
    }

    /// The assertion of the GitHub job for this audience.
    pub(super) fn github_assertion(&mut self, audience: &str) -> String {
        let expires = later(self.now, self.config.assertion_lifetime);
        self.issue_assertion(GITHUB_ISSUER.to_owned(), GITHUB_SUBJECT, audience, expires)
    }

    fn issue_assertion(
        &mut self,
        issuer: String,
        subject: &str,
        audience: &str,
        expires: Timestamp,
    ) -> String {
        let claims = json!({
            "aud": audience,
            "iss": issuer,
            "sub": subject,
            "jti": self.ids.guid(),
            "iat": self.now.as_second(),
            "nbf": self.now.as_second(),
            // Rounded up: an assertion may live for a second or two.
            "exp": expires.as_second().saturating_add(i64::from(expires.subsec_nanosecond() > 0)),
        });
        let token = write_jwt(&claims, &mut self.ids);
        self.issued.add(token.clone());
        token
    }

    fn kept(&self, token: String, expires: Timestamp) -> Kept {
        Kept {
            token,
            issued: self.now,
            expires,
            renewed: later(self.now, since(self.now, expires) / 2),
        }
    }
}
