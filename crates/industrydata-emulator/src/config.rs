//! The configuration of an emulated service.

use std::time::Duration;

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
    /// How many starts the service accepts in a window.
    pub throttle: Throttle,
    /// When the service starts runs by itself. With `None`, it never does.
    pub schedule: Option<Schedule>,
    /// How long an operation takes from the accepted start until `succeeded`.
    pub operation_takes: Duration,
    /// How long a run takes.
    pub run_takes: Duration,
    /// Divides `operation_takes` and `run_takes`. The clock, the window and the schedule do not change.
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
            throttle: Throttle::default(),
            schedule: Some(Schedule::default()),
            operation_takes: Duration::from_secs(120),
            run_takes: Duration::from_secs(110 * 60),
            speed: 1.0,
            page_size: 100,
        }
    }
}

/// What a token allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `IndustryData-Run.Start`: starts runs, and reads runs and their statistics but not operations.
    Start,
    /// `IndustryData.ReadBasic.All`: reads operations.
    ReadOperations,
    /// `IndustryData-Run.Read.All`: reads runs, their activities and statistics.
    ReadRuns,
}

impl Permission {
    /// Every permission.
    pub const ALL: [Self; 3] = [Self::Start, Self::ReadOperations, Self::ReadRuns];
}

/// A bearer token and its permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The token's text.
    pub token: String,
    /// Its permissions.
    pub permissions: Vec<Permission>,
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
        }
    }
}

/// The application that requests tokens at the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its `client_secret`.
    pub secret: String,
    /// The only tenant that it may request tokens for. With `None`, any tenant will do.
    pub tenant: Option<String>,
    /// The permissions of its tokens.
    pub permissions: Vec<Permission>,
    /// How long a token is valid, on the service's clock.
    pub token_lifetime: Duration,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            id: "emulator-client".to_owned(),
            secret: "emulator-secret".to_owned(),
            tenant: None,
            permissions: Permission::ALL.to_vec(),
            token_lifetime: Duration::from_secs(3599),
        }
    }
}

/// The throttle on starts.
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
