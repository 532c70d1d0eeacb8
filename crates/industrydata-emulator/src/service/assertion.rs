//! The check of a client assertion: one that the application signed with a certificate, or that another issuer signed.

use http::{Request, header::HOST};

use crate::{
    config::{GITHUB_ISSUER, WORKLOAD_ISSUER, identity_issuer},
    entra::EntraError,
    model::Jwt,
    service::{signature, state::Service},
};

/// How far ahead the end of an assertion may be that an application signed, in seconds.
const LONGEST: f64 = 600.0;

impl Service {
    /// Checks an assertion for the application, and marks it as used if it is valid once.
    pub(super) fn check_assertion(
        &mut self,
        assertion: &str,
        request: &Request<Vec<u8>>,
        tenant: &str,
    ) -> Result<(), EntraError> {
        let Some(jwt) = Jwt::read(assertion) else {
            return Err(EntraError::new(50_027, "the assertion is not a JWT"));
        };
        let is_own =
            jwt.header_text("x5t#S256").is_some() || jwt.text("iss") == self.config.client.id;
        let is_once = if is_own {
            self.check_certificate(&jwt, request, tenant)?;
            true
        } else {
            self.check_federated(&jwt, assertion)?;
            jwt.text("iss") == GITHUB_ISSUER
        };
        self.check_time(&jwt, is_own)?;
        if !is_once {
            return Ok(());
        }
        let id = jwt.text("jti");
        if id.is_empty() {
            return Err(EntraError::new(50_013, "the assertion has no jti"));
        }
        if !self.issued.mark_used(&format!("{} {id}", jwt.text("iss"))) {
            let description = "the assertion was used before: its jti is valid once";
            return Err(EntraError::new(50_013, description));
        }
        Ok(())
    }

    /// An assertion that the application signed with the key of a certificate.
    fn check_certificate(
        &self,
        jwt: &Jwt<'_>,
        request: &Request<Vec<u8>>,
        tenant: &str,
    ) -> Result<(), EntraError> {
        let client = &self.config.client;
        if let Some(reason) = signature::refusal(jwt, &client.certificates) {
            return Err(EntraError::new(700_027, reason));
        }
        let host = request.headers().get(HOST);
        let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
        let audiences = [self.authority_and_root().0, &format!("http://{host}")]
            .map(|authority| format!("{authority}/{tenant}/oauth2/v2.0/token"));
        if !audiences.iter().any(|it| jwt.text("aud") == it) {
            let description = format!(
                "the assertion's audience '{}' is not this token endpoint",
                jwt.text("aud")
            );
            return Err(EntraError::new(700_023, description));
        }
        for name in ["iss", "sub"] {
            if jwt.text(name) != client.id {
                let description = format!("the assertion's {name} is not the client_id");
                return Err(EntraError::new(700_021, description));
            }
        }
        Ok(())
    }

    /// An assertion of another issuer, for which a federated credential exists.
    fn check_federated(&self, jwt: &Jwt<'_>, assertion: &str) -> Result<(), EntraError> {
        let client = &self.config.client;
        let mut known: Vec<_> = client.federated.iter().collect();
        let issuer = jwt.text("iss");
        for (name, code) in [("iss", 700_211), ("sub", 700_213), ("aud", 700_212)] {
            let claim = jwt.text(name);
            known.retain(|it| {
                let expected = match name {
                    "iss" => &it.issuer,
                    "sub" => &it.subject,
                    _ => &it.audience,
                };
                expected == claim
            });
            if known.is_empty() {
                let description =
                    format!("no federated credential matches the assertion's {name} '{claim}'");
                return Err(EntraError::new(code, description));
            }
        }
        let is_played = [WORKLOAD_ISSUER, GITHUB_ISSUER].contains(&issuer)
            || issuer == identity_issuer(&client.tenant_id);
        if is_played && !self.issued.has(assertion) {
            let description = "the signature of the assertion is not that of its issuer";
            return Err(EntraError::new(50_013, description));
        }
        Ok(())
    }

    fn check_time(&self, jwt: &Jwt<'_>, is_own: bool) -> Result<(), EntraError> {
        let now = self.now.as_duration().as_secs_f64();
        let from = jwt.seconds("nbf").unwrap_or(now);
        let to = jwt.seconds("exp").unwrap_or(now);
        if from > now || now >= to {
            let description = "the assertion is not within its valid time range";
            return Err(EntraError::new(700_024, description));
        }
        if is_own && to - now > LONGEST {
            let description = "the assertion ends more than ten minutes ahead";
            return Err(EntraError::new(700_024, description));
        }
        Ok(())
    }
}
