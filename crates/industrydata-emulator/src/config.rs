//! The configuration of an emulated service.

mod identity;
mod permission;

use std::{fmt, time::Duration};

pub use identity::{FederatedCredential, Identity};
pub(crate) use identity::{
    GITHUB_ISSUER, GITHUB_SUBJECT, TOKEN_EXCHANGE, WORKLOAD_ISSUER, WORKLOAD_SUBJECT,
    identity_issuer,
};
pub use permission::Permission;

/// The directory id of the tenant, unless [`Client::tenant_id`] is another.
pub(crate) const TENANT_ID: &str = "8a4e6c3e-5d0f-4b52-9a57-2f6c1b0d7e91";

const HOUR: u64 = 3600;

/// The configuration of an emulated service. Set the fields to change and take the others from the default.
///
/// ```
/// use industrydata_emulator::{Config, Grant, Permission, Throttle, Window};
///
/// let config = Config {
///     tokens: vec![Grant::only("read-only", &[Permission::ReadOperations, Permission::ReadRuns])],
///     throttle: Throttle { kind: Window::Fixed, ..Throttle::default() },
///     speed: 60.0,
///     ..Config::default()
/// };
/// assert_eq!(config.throttle.limit, 5);
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The service root in every `Location` and `@odata.nextLink`: scheme, host and version, without a trailing slash. A
    /// listener replaces it with its own address.
    pub base: String,
    /// The port on 127.0.0.1 that a listener binds. With 0, the system chooses one.
    pub port: u16,
    /// The seed of all ids and issued tokens. The same seed, times and requests give the same responses.
    pub seed: u64,
    /// The bearer tokens that are valid from the beginning and never expire.
    pub tokens: Vec<Grant>,
    /// The only application that the token endpoint knows.
    pub client: Client,
    /// The managed identities of the machine or app. A request that chooses none gets the system-assigned one, or else the
    /// only one there is.
    pub identities: Vec<Identity>,
    /// How long the assertions are valid that the emulator issues for a GitHub job or in a federated token file, on the
    /// service's clock.
    pub assertion_lifetime: Duration,
    /// How many starts the service accepts in a window, over all tokens: the service is one tenant's.
    pub throttle: Throttle,
    /// When the service starts runs by itself. With `None`, it never does.
    pub schedule: Option<Schedule>,
    /// How long an operation takes from the accepted start until `succeeded`.
    pub operation_takes: Duration,
    /// How long a run takes.
    pub run_takes: Duration,
    /// How long the operation of a validation or a reset takes.
    pub action_takes: Duration,
    /// The data connectors that can be validated.
    pub connectors: Vec<Connector>,
    /// The provisioning flows that can be reset.
    pub flows: Vec<Flow>,
    /// Divides `operation_takes`, `run_takes` and `action_takes`. The clock, the window and the schedule do not change.
    pub speed: f64,
    /// The maximum number of entries on a page of a list.
    pub page_size: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            base: "http://127.0.0.1:8085/beta".to_owned(),
            port: 0,
            seed: 1,
            tokens: vec![Grant::all("emulator-token")],
            client: Client::default(),
            identities: vec![Identity::system(), Identity::user()],
            assertion_lifetime: Duration::from_secs(5 * 60),
            throttle: Throttle::default(),
            schedule: Some(Schedule::default()),
            operation_takes: Duration::from_secs(120),
            run_takes: Duration::from_secs(110 * 60),
            action_takes: Duration::from_secs(8),
            connectors: vec![
                Connector::clean("clean"),
                Connector::clean("with-warnings").warning("OptionalFileNotFound", "classes.csv"),
                Connector::clean("with-errors")
                    .error("RequiredFileNotFound", "orgs.csv")
                    .error("InvalidHeader", "users.csv")
                    .warning("OptionalFileNotFound", "classes.csv"),
                Connector::clean("failing").failing("the upload session has expired"),
            ],
            flows: vec![
                Flow::new("flow-set", "flow"),
                Flow::new("flow-set", "flow-with-location").located(),
            ],
            speed: 1.0,
            page_size: 100,
        }
    }
}

/// A bearer token and its permissions. Its `Debug` leaves out the token.
///
/// ```
/// use industrydata_emulator::{Grant, Permission};
///
/// let reader = Grant::only("read-only", &[Permission::ReadOperations, Permission::ReadRuns]).called("reports");
/// assert_eq!(reader.permissions.len(), 2);
/// assert!(!format!("{reader:?}").contains("read-only"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    /// The token's text.
    pub token: String,
    /// Its permissions.
    pub permissions: Vec<Permission>,
    /// The name under which its starts are counted; that of its place among the tokens if there is none.
    pub caller: Option<String>,
}

impl Grant {
    /// A token with every permission.
    pub fn all(token: impl Into<String>) -> Self {
        Self::only(token, &Permission::ALL)
    }

    /// A token with these permissions.
    pub fn only(token: impl Into<String>, permissions: &[Permission]) -> Self {
        Self {
            token: token.into(),
            permissions: permissions.to_vec(),
            caller: None,
        }
    }

    /// Counts the starts made with it under this name.
    #[must_use]
    pub fn called(mut self, caller: impl Into<String>) -> Self {
        self.caller = Some(caller.into());
        self
    }
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("permissions", &self.permissions)
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

/// A data connector, and what a validation of its files finds.
///
/// ```
/// use industrydata_emulator::{Config, Connector};
///
/// let rosters = Connector::clean("rosters").error("RequiredFileNotFound", "orgs.csv").warning("OptionalFileNotFound", "classes.csv");
/// let config = Config { connectors: vec![rosters, Connector::clean("late").failing("the upload has expired")], ..Config::default() };
/// assert_eq!(config.connectors[0].errors.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connector {
    /// Its id.
    pub id: String,
    /// The files that a validation reads.
    pub files: Vec<String>,
    /// The errors that a validation finds, each with its code and its file. With errors, no file counts as validated.
    pub errors: Vec<(String, String)>,
    /// The warnings of a validation, each with its code and its file.
    pub warnings: Vec<(String, String)>,
    /// The `statusDetail` with which the operation fails; `None` if it succeeds.
    pub failure: Option<String>,
}

impl Connector {
    /// A connector whose validation finds nothing.
    pub fn clean(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            files: ["orgs.csv", "users.csv", "roles.csv"]
                .map(str::to_owned)
                .to_vec(),
            errors: Vec::new(),
            warnings: Vec::new(),
            failure: None,
        }
    }

    /// Adds an error in a file.
    #[must_use]
    pub fn error(mut self, code: &str, file: &str) -> Self {
        self.errors.push((code.to_owned(), file.to_owned()));
        self
    }

    /// Adds a warning about a file.
    #[must_use]
    pub fn warning(mut self, code: &str, file: &str) -> Self {
        self.warnings.push((code.to_owned(), file.to_owned()));
        self
    }

    /// Makes the operation of a validation fail.
    #[must_use]
    pub fn failing(mut self, detail: &str) -> Self {
        self.failure = Some(detail.to_owned());
        self
    }
}

/// A provisioning flow.
///
/// ```
/// use industrydata_emulator::{Config, Flow};
///
/// let config = Config { flows: vec![Flow::new("flow-set", "flow").located()], ..Config::default() };
/// assert!(config.flows[0].has_location);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The id of its flow set.
    pub flow_set: String,
    /// Its id.
    pub id: String,
    /// Whether the answer to a reset has a `Location`. None is documented.
    pub has_location: bool,
}

impl Flow {
    /// A flow whose reset is answered without a `Location`.
    pub fn new(flow_set: impl Into<String>, id: impl Into<String>) -> Self {
        Self {
            flow_set: flow_set.into(),
            id: id.into(),
            has_location: false,
        }
    }

    /// Answers a reset with the `Location` of an operation.
    #[must_use]
    pub fn located(mut self) -> Self {
        self.has_location = true;
        self
    }
}

/// The application that requests tokens at the token endpoint. Its `Debug` leaves out the secret.
///
/// ```
/// use std::time::Duration;
/// use industrydata_emulator::{Client, Config};
///
/// let client = Client { secret: "correct-horse".into(), token_lifetime: Duration::from_secs(600), ..Client::default() };
/// assert!(!format!("{:?}", Config { client, ..Config::default() }).contains("correct-horse"));
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its `client_secret`.
    pub secret: String,
    /// The certificates that are uploaded for it, each in DER: X.509 of version 3 with an RSA key. Their private keys sign
    /// its assertions. They are checked if the feature `certificate` is on.
    pub certificates: Vec<Vec<u8>>,
    /// Whose assertions stand in for it.
    pub federated: Vec<FederatedCredential>,
    /// The name of the only tenant that it may request tokens for, besides `tenant_id`. With `None`, any tenant will do.
    pub tenant: Option<String>,
    /// The directory id of that tenant, a GUID. It is the `tid` of every token, unless the request names another GUID.
    pub tenant_id: String,
    /// The permissions of its tokens.
    pub permissions: Vec<Permission>,
    /// How long a token is valid, on the service's clock: those of the application and those of managed identities.
    pub token_lifetime: Duration,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            id: "emulator-client".to_owned(),
            secret: "emulator-secret".to_owned(),
            certificates: crate::certificate::uploaded(),
            federated: vec![
                FederatedCredential::workload(),
                FederatedCredential::github(),
                FederatedCredential::identity(TENANT_ID, &Identity::system()),
                FederatedCredential::identity(TENANT_ID, &Identity::user()),
            ],
            tenant: None,
            tenant_id: TENANT_ID.to_owned(),
            permissions: Permission::ALL.to_vec(),
            token_lifetime: Duration::from_secs(3599),
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("certificates", &self.certificates.len())
            .field("federated", &self.federated)
            .field("tenant", &self.tenant)
            .field("tenant_id", &self.tenant_id)
            .field("permissions", &self.permissions)
            .field("token_lifetime", &self.token_lifetime)
            .finish_non_exhaustive()
    }
}

/// The throttle on starts.
///
/// ```
/// use industrydata_emulator::{Config, Throttle, Window};
///
/// let throttle = Throttle { limit: 2, kind: Window::Fixed, retry_after: false, ..Throttle::default() };
/// let config = Config { throttle, ..Config::default() };
/// assert_eq!(config.throttle.window.as_secs(), 43_200);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// The maximum number of accepted starts in a window.
    pub limit: usize,
    /// The length of a window.
    pub window: Duration,
    /// Where windows begin and end.
    pub kind: Window,
    /// Whether a 429 has a `Retry-After` that gives the wait until the next slot.
    pub retry_after: bool,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            limit: 5,
            window: Duration::from_secs(12 * HOUR),
            kind: Window::Sliding,
            retry_after: true,
        }
    }
}

/// Where windows begin and end. Microsoft does not document it, so test a client with both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// A start counts for one window from its own time. It no longer counts at the exact end of that window.
    Sliding,
    /// Windows follow each other from the Unix epoch. Windows of 12 h begin at 00:00 and 12:00 UTC.
    Fixed,
}

/// When the service starts runs by itself.
///
/// ```
/// use industrydata_emulator::{Config, Schedule};
///
/// // Runs at 06:00 and 18:00 UTC; the list begins with four of them.
/// let schedule = Schedule { past_runs: 4, ..Schedule::default() };
/// let config = Config { schedule: Some(schedule), ..Config::default() };
/// assert_eq!(Config { schedule: None, ..config }.schedule, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The time from one scheduled run to the next. Zero means no schedule.
    pub every: Duration,
    /// The offset of the schedule: one run is due this long after the Unix epoch.
    pub phase: Duration,
    /// A start causes the next scheduled run to be skipped if that run is due within this time or exactly at its end.
    pub skip_within: Duration,
    /// How many past scheduled runs the service lists when it begins.
    pub past_runs: usize,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            every: Duration::from_secs(12 * HOUR),
            phase: Duration::from_secs(6 * HOUR),
            skip_within: Duration::from_secs(10 * HOUR),
            past_runs: 0,
        }
    }
}
