//! Who asks for tokens besides the application: managed identities, and workloads that stand in for the application.

use crate::config::permission::Permission;

/// The audience of an assertion that stands in for an application.
pub(crate) const TOKEN_EXCHANGE: &str = "api://AzureADTokenExchange";
pub(crate) const GITHUB_ISSUER: &str = "https://token.actions.githubusercontent.com";
pub(crate) const GITHUB_SUBJECT: &str = "repo:contoso/school-data:ref:refs/heads/main";
pub(crate) const WORKLOAD_ISSUER: &str = "https://cluster.example/oidc";
pub(crate) const WORKLOAD_SUBJECT: &str = "system:serviceaccount:school-data:starter";

/// The issuer of the tokens of a tenant's managed identities.
pub(crate) fn identity_issuer(tenant_id: &str) -> String {
    format!("https://login.microsoftonline.com/{tenant_id}/v2.0")
}

/// A managed identity of the machine or app.
///
/// ```
/// use industrydata_emulator::{Config, Identity};
///
/// // A machine with a user-assigned identity alone.
/// let config = Config { identities: vec![Identity::user()], ..Config::default() };
/// assert!(!config.identities[0].is_system_assigned);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its client id, which `client_id` chooses.
    pub client_id: String,
    /// The id of its service principal, which `object_id` or `principal_id` chooses.
    pub object_id: String,
    /// Its resource id, which `msi_res_id` or `mi_res_id` chooses.
    pub resource_id: String,
    /// Whether it is the system-assigned identity: the one of a request that chooses none.
    pub is_system_assigned: bool,
    /// The permissions of its tokens.
    pub permissions: Vec<Permission>,
}

impl Identity {
    /// A system-assigned identity with every permission.
    #[must_use]
    pub fn system() -> Self {
        Self {
            client_id: "emulator-system-identity".to_owned(),
            object_id: "0d4f3c8e-71a7-4f0b-8a55-6a3b9be0c101".to_owned(),
            resource_id: "/subscriptions/0/resourceGroups/emulator/providers/Microsoft.Compute/virtualMachines/emulator"
                .to_owned(),
            is_system_assigned: true,
            permissions: Permission::ALL.to_vec(),
        }
    }

    /// A user-assigned identity with every permission, and the client id `emulator-identity`.
    #[must_use]
    pub fn user() -> Self {
        Self {
            client_id: "emulator-identity".to_owned(),
            object_id: "0d4f3c8e-71a7-4f0b-8a55-6a3b9be0c102".to_owned(),
            resource_id: "/subscriptions/0/resourceGroups/emulator/providers/Microsoft.ManagedIdentity/userAssignedIdentities/emulator"
                .to_owned(),
            is_system_assigned: false,
            ..Self::system()
        }
    }
}

/// Whose assertions stand in for the application: the issuer, subject and audience must be equal letter by letter.
///
/// The assertions of the issuers that the emulator plays (a cluster's, GitHub's and that of its managed identities) must be
/// ones that it issued. Those of other issuers are accepted without a check of the signature, so that a real workload can
/// be tried. The assertion of a GitHub job is accepted once; the others until they expire, because a platform keeps them.
///
/// ```
/// use industrydata_emulator::{Client, FederatedCredential};
///
/// let workload = FederatedCredential::new("https://issuer.example", "system:serviceaccount:rosters:nightly");
/// let client = Client { federated: vec![workload], ..Client::default() };
/// assert_eq!(client.federated[0].audience, "api://AzureADTokenExchange");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FederatedCredential {
    /// The `iss` of the assertion.
    pub issuer: String,
    /// Its `sub`.
    pub subject: String,
    /// Its `aud`.
    pub audience: String,
}

impl FederatedCredential {
    /// These three, with the audience `api://AzureADTokenExchange`.
    #[must_use]
    pub fn new(issuer: impl Into<String>, subject: impl Into<String>) -> Self {
        Self {
            issuer: issuer.into(),
            subject: subject.into(),
            audience: TOKEN_EXCHANGE.to_owned(),
        }
    }

    /// The workload of the federated token file.
    #[must_use]
    pub fn workload() -> Self {
        Self::new(WORKLOAD_ISSUER, WORKLOAD_SUBJECT)
    }

    /// The GitHub job.
    #[must_use]
    pub fn github() -> Self {
        Self::new(GITHUB_ISSUER, GITHUB_SUBJECT)
    }

    /// A managed identity of this tenant.
    #[must_use]
    pub fn identity(tenant_id: &str, identity: &Identity) -> Self {
        Self::new(identity_issuer(tenant_id), identity.object_id.as_str())
    }
}
