//! The kinds of credentials.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::{
    auth::{
        address::Route,
        application::Application,
        client_assertion::ClientAssertion,
        client_credentials::ClientCredentials,
        github::GitHubActions,
        managed_identity::{ManagedIdentity, TOKEN_EXCHANGE},
        token::TokenError,
    },
    tenant::Tenant,
};

/// What proves to Entra who asks for a token.
///
/// | credential | claims challenge | another token after a refusal |
/// | --- | --- | --- |
/// | client secret, certificate, file with an assertion, GitHub Actions, managed identity for an application | passed on | yes |
/// | managed identity | cannot be passed on | no: the platform gives the same token for up to 24 hours |
///
/// ```
/// use industrydata_core::auth::{Application, ClientCredentials, Credential};
///
/// let secret = Credential::from(ClientCredentials::new("client-id", "client-secret"));
/// let certificate = Credential::certificate(Application::new("client-id"), "/etc/school/app.pem");
/// assert!(secret.check(&"contoso.example".parse()?).is_ok());
/// // Neither shows its secret.
/// assert!(!format!("{secret:?} {certificate:?}").contains("client-secret"));
/// # Ok::<(), industrydata_core::TenantError>(())
/// ```
#[derive(Clone)]
pub struct Credential(pub(crate) Kind);

#[derive(Clone)]
pub(crate) enum Kind {
    Secret(ClientCredentials),
    ManagedIdentity(ManagedIdentity),
    Assertion(ClientAssertion, AssertionSource),
}

#[derive(Clone)]
pub(crate) enum AssertionSource {
    File(PathBuf),
    ManagedIdentity(ManagedIdentity),
    GitHub(GitHubActions),
    Certificate { path: PathBuf, sends_chain: bool },
}

impl Credential {
    /// An application with a secret.
    #[must_use]
    pub const fn secret(credentials: ClientCredentials) -> Self {
        Self(Kind::Secret(credentials))
    }

    /// A managed identity itself.
    #[must_use]
    pub const fn managed_identity(identity: ManagedIdentity) -> Self {
        Self(Kind::ManagedIdentity(identity))
    }

    /// An application, with an assertion that the platform keeps in a file and renews: workload identity of Kubernetes. The
    /// file is read anew for each exchange.
    #[must_use]
    pub fn federated_file(application: Application, path: impl Into<PathBuf>) -> Self {
        Self::asserted(application, AssertionSource::File(path.into()))
    }

    /// An application, in any tenant, for which a managed identity stands in. The application and the identity are of one
    /// home tenant.
    #[must_use]
    pub fn federated_identity(application: Application, identity: ManagedIdentity) -> Self {
        let identity = identity.resource(TOKEN_EXCHANGE);
        Self::asserted(application, AssertionSource::ManagedIdentity(identity))
    }

    /// An application, for which a job of GitHub Actions stands in.
    #[must_use]
    pub const fn github(application: Application, job: GitHubActions) -> Self {
        Self::asserted(application, AssertionSource::GitHub(job))
    }

    /// An application with a certificate: a PEM file with the private RSA key (PKCS #1 or PKCS #8, not encrypted) and the
    /// certificate. The file is read anew for each exchange.
    #[must_use]
    pub fn certificate(application: Application, path: impl Into<PathBuf>) -> Self {
        let (path, sends_chain) = (path.into(), false);
        Self::asserted(
            application,
            AssertionSource::Certificate { path, sends_chain },
        )
    }

    /// Whether a certificate is sent with its issuers, so that Entra may trust it by its subject and issuer. The default is
    /// no. Other credentials ignore it.
    #[must_use]
    pub fn sends_chain(mut self, sends: bool) -> Self {
        if let Kind::Assertion(_, AssertionSource::Certificate { sends_chain, .. }) = &mut self.0 {
            *sends_chain = sends;
        }
        self
    }

    const fn asserted(application: Application, source: AssertionSource) -> Self {
        Self(Kind::Assertion(ClientAssertion::new(application), source))
    }

    /// The application that the token is for. `None` for a managed identity itself.
    #[must_use]
    pub const fn application(&self) -> Option<&Application> {
        match &self.0 {
            Kind::Secret(credentials) => Some(credentials.application()),
            Kind::Assertion(exchange, _) => Some(exchange.application()),
            Kind::ManagedIdentity(_) => None,
        }
    }

    /// How the endpoint that gives the token may be reached, and its host. An IPv6 address is in brackets.
    #[must_use]
    pub fn endpoint(&self) -> (Route, &str) {
        match &self.0 {
            Kind::Secret(credentials) => of_application(credentials.application()),
            Kind::Assertion(exchange, _) => of_application(exchange.application()),
            Kind::ManagedIdentity(identity) => (identity.route(), identity.host()),
        }
    }

    /// The same of the endpoint that gives the assertion, if there is one.
    #[must_use]
    pub fn assertion_endpoint(&self) -> Option<(Route, &str)> {
        match &self.0 {
            Kind::Assertion(_, AssertionSource::ManagedIdentity(identity)) => {
                Some((identity.route(), identity.host()))
            }
            Kind::Assertion(_, AssertionSource::GitHub(job)) => Some((job.route(), job.host())),
            Kind::Assertion(_, AssertionSource::File(_) | AssertionSource::Certificate { .. })
            | Kind::Secret(_)
            | Kind::ManagedIdentity(_) => None,
        }
    }

    /// Checks what can be checked without a file or a request.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`] for a directory, an id or a secret that cannot be sent.
    pub fn check(&self, tenant: &Tenant) -> Result<(), TokenError> {
        match &self.0 {
            Kind::Secret(credentials) => credentials.request(tenant, None).map(drop),
            Kind::ManagedIdentity(identity) => identity.request().map(drop),
            Kind::Assertion(exchange, source) => {
                exchange.application().request(tenant, &[], None)?;
                match source {
                    AssertionSource::ManagedIdentity(identity) => identity.request().map(drop),
                    AssertionSource::GitHub(job) => job.request().map(drop),
                    AssertionSource::File(_) | AssertionSource::Certificate { .. } => Ok(()),
                }
            }
        }
    }

    /// The file that is read for each exchange, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.0 {
            Kind::Assertion(
                _,
                AssertionSource::File(path) | AssertionSource::Certificate { path, .. },
            ) => Some(path),
            Kind::Assertion(
                _,
                AssertionSource::ManagedIdentity(_) | AssertionSource::GitHub(_),
            )
            | Kind::Secret(_)
            | Kind::ManagedIdentity(_) => None,
        }
    }
}

fn of_application(application: &Application) -> (Route, &str) {
    (application.route(), application.host())
}

impl From<ClientCredentials> for Credential {
    fn from(credentials: ClientCredentials) -> Self {
        Self::secret(credentials)
    }
}

impl From<ManagedIdentity> for Credential {
    fn from(identity: ManagedIdentity) -> Self {
        Self::managed_identity(identity)
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Secret(credentials) => fmt::Debug::fmt(credentials, f),
            Kind::ManagedIdentity(identity) => fmt::Debug::fmt(identity, f),
            Kind::Assertion(exchange, source) => f
                .debug_tuple("Credential")
                .field(exchange)
                .field(source)
                .finish(),
        }
    }
}

impl fmt::Debug for AssertionSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) | Self::Certificate { path, .. } => fmt::Debug::fmt(path, f),
            Self::ManagedIdentity(identity) => fmt::Debug::fmt(identity, f),
            Self::GitHub(job) => fmt::Debug::fmt(job, f),
        }
    }
}
