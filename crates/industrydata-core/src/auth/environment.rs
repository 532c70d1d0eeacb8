//! Credentials from environment variables: pure functions of what the variables hold.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt,
};

use crate::auth::{
    application::Application,
    client_credentials::ClientCredentials,
    credential::Credential,
    github::GitHubActions,
    managed_identity::{ManagedIdentity, UserAssigned},
    token::TokenError,
};

const TENANT: &str = "AZURE_TENANT_ID";
const CLIENT: &str = "AZURE_CLIENT_ID";
const SECRET: &str = "AZURE_CLIENT_SECRET";
const CERTIFICATE: &str = "AZURE_CLIENT_CERTIFICATE_PATH";
const SEND_CHAIN: &str = "AZURE_CLIENT_SEND_CERTIFICATE_CHAIN";
const TOKEN_FILE: &str = "AZURE_FEDERATED_TOKEN_FILE";
const AUTHORITY: &str = "AZURE_AUTHORITY_HOST";
const ENDPOINT: &str = "IDENTITY_ENDPOINT";
const HEADER: &str = "IDENTITY_HEADER";
const THUMBPRINT: &str = "IDENTITY_SERVER_THUMBPRINT";
const ARC: &str = "IMDS_ENDPOINT";
const CLOUD_SHELL: &str = "MSI_ENDPOINT";
const OLD_SECRET: &str = "MSI_SECRET";
const METADATA: &str = "AZURE_POD_IDENTITY_AUTHORITY_HOST";
const IDENTITY: &str = "AZURE_MANAGED_IDENTITY_CLIENT_ID";
const GITHUB_URL: &str = "ACTIONS_ID_TOKEN_REQUEST_URL";
const GITHUB_TOKEN: &str = "ACTIONS_ID_TOKEN_REQUEST_TOKEN";

/// The kinds of credentials that environment variables describe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialKind {
    /// An application with the secret `AZURE_CLIENT_SECRET`.
    Secret,
    /// An application with the certificate in `AZURE_CLIENT_CERTIFICATE_PATH`.
    Certificate,
    /// An application with the assertion in `AZURE_FEDERATED_TOKEN_FILE`: workload identity of Kubernetes.
    Workload,
    /// The managed identity of `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`, or else that of the virtual machine. With
    /// `AZURE_CLIENT_ID`, a user-assigned one.
    ManagedIdentity,
    /// An application, with the token of a GitHub Actions job.
    GitHub,
    /// The application `AZURE_CLIENT_ID` of the tenant `AZURE_TENANT_ID`, for which a managed identity stands in: the
    /// user-assigned one of `AZURE_MANAGED_IDENTITY_CLIENT_ID`.
    ManagedIdentityFederation,
}

/// The environment variables that describe credentials.
///
/// ```
/// use industrydata_core::auth::{CredentialKind, Variables};
///
/// let variables = Variables::read(|name| match name {
///     "AZURE_CLIENT_SECRET" => Some("s3cret".into()),
///     "AZURE_CLIENT_ID" => Some("app\n".into()),
///     _ => None,
/// });
/// assert_eq!(CredentialKind::detect(&variables), [CredentialKind::Secret]);
/// let error = CredentialKind::Secret.credential(&variables).unwrap_err();
/// assert_eq!(error.to_string(), "the credential `secret` needs AZURE_TENANT_ID, which is not set");
/// assert_eq!(CredentialKind::Secret.trimmed(&variables), ["AZURE_CLIENT_ID"]);
/// ```
#[derive(Clone, Default)]
pub struct Variables(BTreeMap<&'static str, OsString>);

impl Variables {
    /// The names that are looked up.
    pub const NAMES: [&'static str; 17] = [
        TENANT,
        CLIENT,
        SECRET,
        CERTIFICATE,
        SEND_CHAIN,
        TOKEN_FILE,
        AUTHORITY,
        ENDPOINT,
        HEADER,
        THUMBPRINT,
        ARC,
        CLOUD_SHELL,
        OLD_SECRET,
        METADATA,
        IDENTITY,
        GITHUB_URL,
        GITHUB_TOKEN,
    ];

    /// Looks up each name, such as with `var_os` of the standard library. An empty variable counts as not set.
    #[must_use]
    pub fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let values = Self::NAMES.into_iter().filter_map(|name| {
            let value = lookup(name)?;
            let is_empty = value.to_str().is_some_and(|text| trim(text).is_empty());
            (!is_empty).then_some((name, value))
        });
        Self(values.collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// One line of text.
    fn line(&self, name: &'static str) -> Result<Option<String>, TokenError> {
        let value = self.0.get(name).map(|value| variable_line(name, value));
        Ok(value
            .transpose()
            .map_err(TokenError::Unusable)?
            .map(|(line, _)| line))
    }
}

impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// The value of a variable as one line of text, and whether its ends were trimmed: what they hold is invisible, often the
/// line break of a file, and would be sent.
///
/// # Errors
///
/// A message that names the variable and does not contain its value: it is not UTF-8, or contains a control character.
pub fn variable_line(name: &str, value: &OsStr) -> Result<(String, bool), String> {
    let value = value
        .to_str()
        .ok_or_else(|| format!("{name} is not valid UTF-8"))?;
    let line = trim(value);
    if line.chars().any(char::is_control) {
        return Err(format!(
            "{name} contains a control character, such as a line break"
        ));
    }
    Ok((line.to_owned(), line.len() < value.len()))
}

fn trim(value: &str) -> &str {
    value.trim_matches(|c: char| {
        c.is_whitespace() || c.is_control() || matches!(c, '\u{feff}' | '\u{200b}')
    })
}

impl CredentialKind {
    /// All kinds. Those before [`GitHub`](Self::GitHub) are in the order in which [`detect`](Self::detect) takes them.
    pub const ALL: [Self; 6] = [
        Self::Secret,
        Self::Certificate,
        Self::Workload,
        Self::ManagedIdentity,
        Self::GitHub,
        Self::ManagedIdentityFederation,
    ];

    /// The name, such as `managed-identity`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret => "secret",
            Self::Certificate => "certificate",
            Self::Workload => "workload",
            Self::ManagedIdentity => "managed-identity",
            Self::GitHub => "github",
            Self::ManagedIdentityFederation => "managed-identity-federation",
        }
    }

    /// The kinds that the variables describe, the one to use first: a secret, a certificate, a file with an assertion, and
    /// the managed identity of an app.
    ///
    /// The ids of a tenant and an application alone describe none. The identity of a virtual machine leaves no trace in the
    /// environment, and the other kinds only stand in for an application that was chosen: name those.
    #[must_use]
    pub fn detect(variables: &Variables) -> Vec<Self> {
        let signs: [(Self, &[&str]); 4] = [
            (Self::Secret, &[SECRET]),
            (Self::Certificate, &[CERTIFICATE]),
            (Self::Workload, &[TOKEN_FILE]),
            (Self::ManagedIdentity, &[ENDPOINT, HEADER, CLOUD_SHELL]),
        ];
        let is_set = |names: &[&str]| names.iter().any(|name| variables.has(name));
        let found = signs.into_iter().filter(|(_, names)| is_set(names));
        found.map(|(kind, _)| kind).collect()
    }

    /// The variables without which this kind is incomplete.
    const fn needed(self) -> &'static [&'static str] {
        match self {
            Self::Secret => &[TENANT, CLIENT, SECRET],
            Self::Certificate => &[TENANT, CLIENT, CERTIFICATE],
            Self::Workload => &[TENANT, CLIENT, TOKEN_FILE],
            Self::ManagedIdentity => &[],
            Self::GitHub => &[TENANT, CLIENT, GITHUB_URL, GITHUB_TOKEN],
            Self::ManagedIdentityFederation => &[TENANT, CLIENT],
        }
    }

    /// The variables that this kind uses if they are set.
    const fn optional(self) -> &'static [&'static str] {
        match self {
            Self::Secret | Self::Workload | Self::GitHub => &[AUTHORITY],
            Self::Certificate => &[AUTHORITY, SEND_CHAIN],
            Self::ManagedIdentity => &[CLIENT, ENDPOINT, HEADER, METADATA],
            Self::ManagedIdentityFederation => &[AUTHORITY, IDENTITY, ENDPOINT, HEADER, METADATA],
        }
    }

    /// The variables of this kind whose values were trimmed.
    #[must_use]
    pub fn trimmed(self, variables: &Variables) -> Vec<&'static str> {
        let names = self.needed().iter().chain(self.optional()).copied();
        let is_trimmed = |name: &&str| {
            let value = variables.0.get(name);
            value.is_some_and(|value| variable_line(name, value).is_ok_and(|(_, trimmed)| trimmed))
        };
        names.filter(is_trimmed).collect()
    }

    /// The credential of this kind that the variables describe.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unusable`], which names every variable that is missing, the variable that is not usable, or the
    /// platform that is not supported. It contains no value of a variable.
    pub fn credential(self, variables: &Variables) -> Result<Credential, TokenError> {
        if matches!(
            self,
            Self::ManagedIdentity | Self::ManagedIdentityFederation
        ) {
            refuse_platforms(variables)?;
        }
        let mut missing = self.needed().to_vec();
        if matches!(
            self,
            Self::ManagedIdentity | Self::ManagedIdentityFederation
        ) && (variables.has(ENDPOINT) || variables.has(HEADER))
        {
            missing.extend([ENDPOINT, HEADER]);
        }
        missing.retain(|name| !variables.has(name));
        if !missing.is_empty() {
            return Err(TokenError::Unusable(self.incomplete(&missing)));
        }
        let text = |name| variables.line(name).map(Option::unwrap_or_default);
        Ok(match self {
            Self::Secret => ClientCredentials::of(application(variables)?, text(SECRET)?).into(),
            Self::Certificate => {
                let path = text(CERTIFICATE)?;
                let lower = path.to_ascii_lowercase();
                if lower.ends_with(".pfx") || lower.ends_with(".p12") {
                    return Err(TokenError::Unusable(format!(
                        "{CERTIFICATE} names a PFX file, which is not supported: convert it to PEM with `openssl pkcs12 -in FILE.pfx -out FILE.pem -nodes`"
                    )));
                }
                let sends_chain = variables.line(SEND_CHAIN)?;
                let sends_chain = match sends_chain.map(|it| it.to_ascii_lowercase()).as_deref() {
                    None | Some("0" | "false") => false,
                    Some("1" | "true") => true,
                    Some(_) => {
                        return Err(TokenError::Unusable(format!(
                            "{SEND_CHAIN} is neither true nor false"
                        )));
                    }
                };
                Credential::certificate(application(variables)?, path).sends_chain(sends_chain)
            }
            Self::Workload => {
                Credential::federated_file(application(variables)?, text(TOKEN_FILE)?)
            }
            Self::ManagedIdentity => identity(variables, CLIENT)?.into(),
            Self::GitHub => {
                let job = GitHubActions::new(&text(GITHUB_URL)?, text(GITHUB_TOKEN)?);
                let job = job.map_err(|error| named(GITHUB_URL, &error))?;
                Credential::github(application(variables)?, job)
            }
            Self::ManagedIdentityFederation => Credential::federated_identity(
                application(variables)?,
                identity(variables, IDENTITY)?,
            ),
        })
    }

    fn incomplete(self, missing: &[&str]) -> String {
        let names = match missing {
            [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
            _ => missing.concat(),
        };
        let verb = if missing.len() == 1 { "is" } else { "are" };
        let name = self.name();
        let mut text = format!("the credential `{name}` needs {names}, which {verb} not set");
        if missing.contains(&GITHUB_URL) || missing.contains(&GITHUB_TOKEN) {
            text.push_str(": GitHub sets them in a job with `permissions: id-token: write`");
        }
        text
    }
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Refuses platforms whose identity endpoints have rules that are not implemented here.
fn refuse_platforms(variables: &Variables) -> Result<(), TokenError> {
    let has = |name| variables.has(name);
    let (platform, variable) = if has(ENDPOINT) && has(THUMBPRINT) {
        ("Service Fabric", THUMBPRINT)
    } else if has(ENDPOINT) && !has(HEADER) && has(ARC) {
        ("Azure Arc", ARC)
    } else if has(CLOUD_SHELL) && !has(ENDPOINT) && has(OLD_SECRET) {
        ("Azure Machine Learning", OLD_SECRET)
    } else if has(CLOUD_SHELL) && !has(ENDPOINT) {
        ("Cloud Shell", CLOUD_SHELL)
    } else {
        return Ok(());
    };
    Err(TokenError::Unusable(format!(
        "the managed identity of {platform} ({variable} is set) is not supported: use another credential, or a token command such as `az account get-access-token --resource https://graph.microsoft.com --output json` after `az login --identity`"
    )))
}

fn application(variables: &Variables) -> Result<Application, TokenError> {
    let text = |name| variables.line(name).map(Option::unwrap_or_default);
    let application = Application::new(text(CLIENT)?).directory(text(TENANT)?);
    let Some(host) = variables.line(AUTHORITY)? else {
        return Ok(application);
    };
    // A host alone is common.
    let url = if host.contains("://") {
        host
    } else {
        format!("https://{host}")
    };
    let application = application.authority(&url);
    application.map_err(|error| named(AUTHORITY, &error))
}

/// The managed identity of the app or of the machine, and the user-assigned one that the variable `id` names.
fn identity(variables: &Variables, id: &'static str) -> Result<ManagedIdentity, TokenError> {
    let identity = match (variables.line(ENDPOINT)?, variables.line(HEADER)?) {
        (Some(endpoint), Some(header)) => ManagedIdentity::app_service(&endpoint, header)
            .map_err(|error| named(ENDPOINT, &error))?,
        (None, _) | (_, None) => match variables.line(METADATA)? {
            Some(host) => {
                ManagedIdentity::metadata_at(&host).map_err(|error| named(METADATA, &error))?
            }
            None => ManagedIdentity::metadata(),
        },
    };
    Ok(match variables.line(id)? {
        Some(id) => identity.identity(UserAssigned::ClientId(id)),
        None => identity,
    })
}

fn named(variable: &str, error: &TokenError) -> TokenError {
    TokenError::Unusable(format!("{variable}: {error}"))
}

#[cfg(test)]
mod tests;
