//! What an emulated service is told before it starts.

use std::time::Duration;

const HOUR: u64 = 3600;

/// Everything that can be chosen about an emulated service.
///
/// Made to be written as `Config { port: 8085, ..Config::default() }`.
#[derive(Clone, Debug)]
pub struct Config {
    /// The service root, as it stands in every `Location` and `@odata.nextLink`: scheme, host and version, no slash at
    /// the end. A listener puts its own address here.
    pub base: String,
    /// The port on 127.0.0.1 that a listener takes; 0 lets the system choose.
    pub port: u16,
    /// Where every id and every token comes from: the same seed and the same requests give the same answers.
    pub seed: u64,
    /// The bearer tokens that are good from the start and do not expire.
    pub tokens: Vec<Grant>,
    /// The one application that the token endpoint knows.
    pub client: Client,
    /// How many starts the service accepts.
    pub throttle: Throttle,
    /// When the service starts runs by itself; `None` is never.
    pub schedule: Option<Schedule>,
    /// How long an operation takes from its acceptance to `succeeded`.
    pub operation_takes: Duration,
    /// How long a run takes.
    pub run_takes: Duration,
    /// What the two durations above are divided by. The clock, the window and the schedule are not touched.
    pub speed: f64,
    /// The most entries that one page of a list holds.
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

/// What a token may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    /// `IndustryData-Run.Start`: starts runs, and reads runs and their statistics; not operations.
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

/// A bearer token and what it may be used for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The token's text.
    pub token: String,
    /// What it may be used for.
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

/// The application that asks for tokens at the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its `client_id`.
    pub id: String,
    /// Its `client_secret`.
    pub secret: String,
    /// The tenant its tokens are asked for; `None` answers for any.
    pub tenant: Option<String>,
    /// What its tokens may be used for.
    pub permissions: Vec<Permission>,
    /// How long a token is good for, on the service's clock.
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

/// How many starts are accepted in how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// The most accepted starts in one window.
    pub limit: usize,
    /// How long a window is.
    pub window: Duration,
    /// How windows lie in time.
    pub kind: Window,
    /// Whether a 429 says in `Retry-After` when the next slot opens.
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

/// How windows lie in time: the documentation does not say, so a tool should be tried with both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// A start counts for one window from its own time, and no longer at the exact end of it.
    Sliding,
    /// Windows follow each other from the Unix epoch on, so two of 12 h begin at 00:00 and 12:00 UTC.
    Fixed,
}

/// When the service starts runs by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// The time from one scheduled run to the next. Zero is the same as no schedule.
    pub every: Duration,
    /// Where the runs lie: some run is due this long after the Unix epoch.
    pub phase: Duration,
    /// A start makes the next scheduled run be skipped if that one is due within this time, its end included.
    pub skip_within: Duration,
    /// How many scheduled runs the service has behind it when it begins.
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
