//! Policies that a caller can set, and every constant of the protocol with its reason.
//!
//! | policy | what it sets |
//! | --- | --- |
//! | [`PollingPolicy`] | the time between two polls |
//! | [`PastDurations`] | what the time between two polls is learned from |
//! | [`Throttle`] | how many starts fit into which window |
//! | [`Limits`] | how long a request, and a start with its operation, may take |

mod past_durations;

use std::time::Duration;

pub use self::past_durations::PastDurations;

/// The time between two polls.
///
/// By default it is [`learned`](Self::learned) from how long the tenant's last operations took. While fewer than four are
/// known, the first interval is 5 s, each is half as long again as the one before, and none is longer than 45 s.
/// `docs/pace.svg` of the repository shows how many requests both take and how late they see an end, beside fixed intervals.
///
/// With the feature `serde`, a policy is its fixed interval (`"10s"`), or null for the learned one.
///
/// The service publishes one figure, *no less than every 5 seconds*
/// ([fileValidateOperation](https://learn.microsoft.com/graph/api/resources/industrydata-filevalidateoperation)). A
/// `Retry-After` lengthens an interval and never shortens it.
///
/// ```
/// use std::time::Duration;
/// use industrydata_core::policy::PollingPolicy;
///
/// let minute = PollingPolicy::every(Duration::from_secs(60));
/// assert_eq!(PollingPolicy::from(Duration::from_secs(60)), minute);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct PollingPolicy {
    #[cfg_attr(
        feature = "serde",
        serde(
            serialize_with = "jiff::fmt::serde::unsigned_duration::friendly::compact::optional::serialize"
        )
    )]
    fixed: Option<Duration>,
}

impl From<Duration> for PollingPolicy {
    /// The fixed interval [`every`](Self::every).
    fn from(interval: Duration) -> Self {
        Self::every(interval)
    }
}

impl PollingPolicy {
    const FLOOR: Duration = Duration::from_secs(5);
    const CEILING: Duration = Duration::from_secs(45);

    /// The default: learned from [`PastDurations`]. Polls are rare while no end is expected, and frequent when one is:
    /// between 5 s and 60 s.
    ///
    /// The ledger keeps the durations, so a start that uses one learns them together with its slot. A poll that resumes by
    /// a token, or of an id, a run or another action, reads no ledger. It has none and uses the growing interval.
    #[must_use]
    pub const fn learned() -> Self {
        Self { fixed: None }
    }

    /// A fixed interval of at least 1 ms. The minimum of 5 s does not apply to it.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        Self {
            fixed: Some(interval.max(Duration::from_millis(1))),
        }
    }

    /// The fixed interval, if one is set.
    #[must_use]
    pub const fn fixed(&self) -> Option<Duration> {
        self.fixed
    }

    /// The interval after an answer that came `since_start` after the start was accepted, where nothing is known of
    /// earlier operations.
    #[must_use]
    pub fn interval(&self, since_start: Duration) -> Duration {
        self.fixed
            // The sum of a geometric series, so that an interval follows from the time alone.
            .unwrap_or_else(|| (Self::FLOOR.saturating_add(since_start / 2)).min(Self::CEILING))
    }

    /// The same, where `past` is known. It follows from these two alone, so that processes agree on it. A fixed interval
    /// stays fixed.
    #[must_use]
    pub fn interval_with(&self, past: &PastDurations, since_start: Duration) -> Duration {
        let learned = match self.fixed {
            Some(_) => None,
            None => past.interval(since_start),
        };
        learned.unwrap_or_else(|| self.interval(since_start))
    }

    /// The time until the next poll after `errors` transient errors in a row: an exponential back-off with full jitter,
    /// and never less than the `interval`. `jitter` is uniform over all of `u32`. A fixed interval stays fixed.
    pub(crate) fn back_off(&self, interval: Duration, errors: u32, jitter: u32) -> Duration {
        if self.fixed.is_some() {
            return interval;
        }
        let ceiling = (Self::FLOOR * (1 << errors.min(5))).min(Self::CEILING);
        interval.max(ceiling.mul_f64(f64::from(jitter) / f64::from(u32::MAX)))
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for PollingPolicy {
    fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
        let fixed =
            jiff::fmt::serde::unsigned_duration::friendly::compact::optional::deserialize(reader)?;
        Ok(fixed.map_or_else(Self::default, Self::every))
    }
}

/// How many starts the service accepts in which time. The default is five in twelve hours
/// ([industryDataRun: start](https://learn.microsoft.com/graph/api/industrydata-industrydatarun-start)).
///
/// Microsoft does not document whether the window slides. A sliding window is safe in both cases, so the ledger uses one.
///
/// ```
/// use std::time::Duration;
/// use industrydata_core::policy::Throttle;
///
/// let usual = Throttle::default();
/// assert_eq!((usual.limit, usual.window), (5, Duration::from_secs(12 * 60 * 60)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct Throttle {
    /// The number of starts in one window.
    pub limit: u32,
    /// The length of the window.
    #[cfg_attr(
        feature = "serde",
        serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")
    )]
    pub window: Duration,
}

impl Default for Throttle {
    fn default() -> Self {
        Self {
            limit: 5,
            window: Duration::from_secs(12 * 60 * 60),
        }
    }
}

/// Time limits.
///
/// ```
/// use std::time::Duration;
/// use industrydata_core::policy::Limits;
///
/// let usual = Limits::default();
/// assert_eq!((usual.request, usual.total), (Duration::from_secs(30), Duration::from_secs(24 * 60 * 60)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(default, deny_unknown_fields)
)]
pub struct Limits {
    /// One request, its answer's body included. The default is 30 s. The lease of a reservation follows from it.
    #[cfg_attr(
        feature = "serde",
        serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")
    )]
    pub request: Duration,
    /// A start and the polls of its operation together. The default is 24 h.
    #[cfg_attr(
        feature = "serde",
        serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")
    )]
    pub total: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            total: Duration::from_secs(24 * 60 * 60),
        }
    }
}

impl Limits {
    /// The maximum of [`Limits::request`]. A larger value is reduced to it.
    pub const LONGEST_REQUEST: Duration = Duration::from_secs(60 * 60);
    /// The maximum of [`Limits::total`]. A larger value is reduced to it.
    pub const LONGEST_TOTAL: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

    /// The limits within their ranges: a request of 1 ms to 1 h, and a total of at most ten years.
    #[must_use]
    pub fn clamped(self) -> Self {
        Self {
            request: self
                .request
                .clamp(Duration::from_millis(1), Self::LONGEST_REQUEST),
            total: self.total.min(Self::LONGEST_TOTAL),
        }
    }

    /// The maximum time to obtain a token while a slot is reserved. A managed identity that is being updated may take 70 s.
    pub const TOKEN: Duration = Duration::from_secs(90);

    /// The lease of a reservation: time for the token, for the POST and its repeat after a 401, and a margin of 30 s.
    #[must_use]
    pub fn lease(&self) -> Duration {
        Self::TOKEN
            .saturating_add(self.clamped().request.saturating_mul(2))
            .saturating_add(LEASE_MARGIN)
    }
}

// The ledger.

/// A slot frees this much later than its window ends, and clocks may differ by this much.
pub(crate) const MARGIN: Duration = Duration::from_secs(120);
/// The longest time for which one 429 closes the ledger.
pub(crate) const MAX_NOT_BEFORE: Duration = Duration::from_secs(24 * 60 * 60);
/// The number of tombstones kept. A tombstone stops a reservation that arrives after its own release.
pub(crate) const MAX_TOMBSTONES: usize = 16;
/// The number of entries kept although their window has passed by the ledger's clock, or the limit of the throttle if that
/// is greater. The next answer's `Date` decides whether that clock was right.
pub(crate) const MAX_PAST: usize = 16;
/// Entries are kept for at least this long, even if the window is shorter.
pub(crate) const MIN_KEPT: Duration = Duration::from_secs(12 * 60 * 60);
/// Added to the time that a token and two POSTs may take: what a reservation's lease is longer than its start.
pub(crate) const LEASE_MARGIN: Duration = Duration::from_secs(30);
/// The longest reason kept with an entry, in characters.
pub(crate) const MAX_REASON_CHARS: usize = 200;
/// The longest host name or label of a caller that is kept, in characters.
pub(crate) const MAX_CALLER_CHARS: usize = 255;
/// The longest key of a start, in bytes of UTF-8. Names of runs, jobs and executions with a date are shorter.
pub(crate) const MAX_START_KEY_BYTES: usize = 128;
/// The longest note of a resolution, in characters.
pub(crate) const MAX_NOTE_CHARS: usize = 300;
/// The longest tenant name, in bytes of UTF-8.
pub(crate) const MAX_TENANT_BYTES: usize = 256;

// The schedule of runs.

/// The time from one scheduled run to the next, in seconds.
pub(crate) const SCHEDULE_PERIOD_SECONDS: i64 = 12 * 60 * 60;
/// The service skips a scheduled run that is due within this time after a start on demand, its end included.
pub(crate) const SKIP_WITHIN: Duration = Duration::from_secs(10 * 60 * 60);
/// Runs belong to one schedule if their start times, modulo the period, differ by no more than this.
pub(crate) const SCHEDULE_SPREAD_SECONDS: i64 = 15 * 60;
/// The least uncertainty of an inferred schedule.
pub(crate) const MIN_SCHEDULE_UNCERTAINTY_SECONDS: i64 = 60;
/// A run that starts later than this after an acceptance was not caused by it.
pub(crate) const LATEST_RUN_START: Duration = Duration::from_secs(30 * 60);

// A reconciliation.

/// The most operations, and the most runs, considered about the time of the entries: a service that takes five starts in
/// twelve hours has a few. With more, nothing is freed.
pub(crate) const MAX_RECONCILED: usize = 500;

// A start.

/// A start waits out one 429 of at most this length on its own account. A longer one is returned to the caller.
pub(crate) const SHORT_THROTTLE: Duration = Duration::from_secs(30);
/// How long a 429 without a `Retry-After` closes the ledger.
pub(crate) const DEFAULT_THROTTLE: Duration = Duration::from_secs(60);
/// The longest sleep of a start that waits for a slot. Another process may release a slot at any time.
pub(crate) const MAX_SLOT_WAIT: Duration = Duration::from_secs(60);
/// Spreads the clients that wait for one slot.
pub(crate) const SLOT_JITTER: Duration = Duration::from_secs(5);
/// A request is sent only if this much time is left for its answer, or a tenth of the limit if that is less.
pub(crate) const MIN_REQUEST_TIME: Duration = Duration::from_secs(1);
/// How often a start waits for the rest of a short 429 if the ledger is still closed after the first wait.
pub(crate) const THROTTLE_REMAINDERS: u8 = 2;
/// Added to such a wait, so that one is usually enough.
pub(crate) const THROTTLE_REMAINDER_MARGIN: Duration = Duration::from_millis(50);
/// How often a start releases a reservation whose lease ran short before its POST, and reserves again.
pub(crate) const MAX_SHORT_LEASES: u32 = 3;
/// How long a start waits before it looks again at another start with its key, and how far it spreads those looks. Together
/// with the store's reply they stay below two seconds.
pub(crate) const KEY_LOOK: Duration = Duration::from_millis(1200);
/// See [`KEY_LOOK`].
pub(crate) const KEY_LOOK_JITTER: Duration = Duration::from_millis(400);
/// How long a start may try to resolve the doubt about an earlier one with its key. Lists of a few pages take seconds.
pub(crate) const MAX_KEY_RECONCILE_TIME: Duration = Duration::from_secs(120);

// Polls.

/// How long the change that a poller makes to the ledger when it has ended may take. Its caller waits for the outcome.
pub(crate) const END_CHANGE_LIMIT: Duration = Duration::from_secs(1);
/// A duration is kept only if the end was seen within this time after an answer that showed none, or within a quarter of
/// the duration. Otherwise the poll was interrupted, and the operation may have ended much earlier.
pub(crate) const END_SEEN_WITHIN: Duration = Duration::from_secs(120);
/// A 404 is a transient error for this long after the acceptance, and for at least [`NOT_FOUND_TRIES`] polls, because a
/// new operation may not be readable yet.
pub(crate) const NOT_FOUND_GRACE: Duration = Duration::from_secs(60);
/// See [`NOT_FOUND_GRACE`].
pub(crate) const NOT_FOUND_TRIES: u32 = 5;
/// As [`NOT_FOUND_GRACE`], since the poll began, where nothing is known of a start: the id may be a mistake.
pub(crate) const NOT_FOUND_GRACE_IF_UNKNOWN: Duration = Duration::from_secs(10);
/// See [`NOT_FOUND_GRACE_IF_UNKNOWN`].
pub(crate) const NOT_FOUND_TRIES_IF_UNKNOWN: u32 = 2;
/// A poller gives up after transient errors alone for this long, and for at least [`LOST_TRACK_POLLS`] polls.
pub(crate) const LOST_TRACK_AFTER: Duration = Duration::from_secs(600);
/// See [`LOST_TRACK_AFTER`].
pub(crate) const LOST_TRACK_POLLS: u32 = 10;
/// A poller gives up after this many 401 in a row.
pub(crate) const MAX_UNAUTHORIZED: u32 = 3;
/// The minimum time between two calls of a failing token source.
pub(crate) const TOKEN_RETRY: Duration = Duration::from_secs(1);
/// The last poll comes a tenth of the time limit before its end, and at most this much, so that its answer can arrive.
pub(crate) const LAST_POLL_LEAD: Duration = Duration::from_secs(2);

// Reads.

/// How often a page is requested before the read fails.
pub(crate) const READ_TRIES: u32 = 5;
/// The longest time of a read, its waits included.
pub(crate) const MAX_READ_TIME: Duration = Duration::from_secs(300);
/// The longest back-off before the first retry. It doubles with each retry.
pub(crate) const READ_BACK_OFF: Duration = Duration::from_secs(1);
/// The longest back-off before any retry.
pub(crate) const MAX_READ_BACK_OFF: Duration = Duration::from_secs(30);
/// A list with more pages than this is treated as endless.
pub(crate) const MAX_LIST_PAGES: u32 = 200;
/// A list with more items than this is treated as endless.
pub(crate) const MAX_LIST_ITEMS: usize = 20_000;

/// The longest time that the details of a failure may take. The failure is known by then, and its caller waits.
pub(crate) const MAX_DETAILS_TIME: Duration = Duration::from_secs(10);

// Tokens.

/// How often a token is requested before its source fails.
pub(crate) const TOKEN_TRIES: u32 = 3;
/// The back-off of the instance metadata service before its first retry. It doubles with each retry, as its documentation asks.
pub(crate) const METADATA_BACK_OFF: Duration = Duration::from_secs(1);
/// How often the instance metadata service is asked: once, and after 1, 2 and 4 s.
pub(crate) const METADATA_TRIES: u32 = 4;
/// The wait after a 410 of the instance metadata service. It sends a 410 during an update, which takes up to 70 s.
pub(crate) const METADATA_UPDATE_WAIT: Duration = Duration::from_secs(10);
/// How often such a wait is made: for 70 s in all.
pub(crate) const METADATA_UPDATE_WAITS: u32 = 7;
/// The longest answer of a token or identity endpoint, and the longest file with an assertion or a certificate, in bytes.
pub(crate) const MAX_TOKEN_ANSWER_BYTES: usize = 64 * 1024;
/// How long a file may be absent, empty or half written, because another program is replacing it.
pub(crate) const FILE_PATIENCE: Duration = Duration::from_secs(2);
/// How often such a file is read meanwhile.
pub(crate) const FILE_RETRY: Duration = Duration::from_millis(50);
/// A certificate assertion is valid this long before and after it is made: ten minutes in all, the most that Entra takes, and
/// the clocks may differ by half of it.
pub(crate) const ASSERTION_SPREAD: Duration = Duration::from_secs(5 * 60);
/// The longest access token, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// A token is renewed this long before it expires, or after half its life if that is later.
pub(crate) const TOKEN_RENEWAL_LEAD: Duration = Duration::from_secs(5 * 60);
/// The life of a token whose answer does not state it (RFC 6749 section 5.1 allows that).
pub(crate) const TOKEN_LIFE_IF_UNSTATED: Duration = Duration::from_secs(5 * 60);
/// A shorter token is not redacted: it is not a secret, and it occurs in ordinary text.
pub(crate) const MIN_REDACTED_BYTES: usize = 8;
/// The least number of letters and digits for which a part of a secret is redacted. Fewer occur in ordinary text.
pub(crate) const MIN_REDACTED_PART: usize = 8;
/// Into how many parts a long secret is divided; each is redacted alone. A quarter of a client secret is no secret.
pub(crate) const REDACTED_PARTS: usize = 4;
/// How many layers of escapes are decoded in search of a secret. Gateways add one each.
pub(crate) const MAX_ESCAPE_LAYERS: u32 = 3;
/// The same within base64.
pub(crate) const MAX_ESCAPE_LAYERS_IN_BASE64: u32 = 2;
/// How many layers of base64 are decoded in search of a secret.
pub(crate) const MAX_BASE64_LAYERS: u32 = 2;
/// How many bytes are searched for a secret in all layers of a short text; of a long one, eight times its length. What
/// takes longer is redacted as a whole, so that a server cannot keep a client busy with decoding.
pub(crate) const REDACTION_EFFORT: usize = 256 * 1024;

// Connections.

/// The longest that connecting may take.
pub const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// How long the first connection to each address of a host may take while others are untried. Each further round takes
/// twice as long. RFC 8305 section 8 recommends 250 ms for the first; a slower host is reached in a later round.
pub const FIRST_CONNECT_TRY: Duration = Duration::from_millis(300);
/// The most header fields of an answer: more than a chain of gateways adds, and a number that both HTTP clients keep.
pub const MAX_HEADER_FIELDS: usize = 128;
/// The port of a proxy whose URL has none: curl's.
pub(crate) const DEFAULT_PROXY_PORT: u16 = 1080;
/// The port of an `https` proxy whose URL has none: curl's.
pub(crate) const DEFAULT_TLS_PROXY_PORT: u16 = 443;

// Sizes of input from a server or a user.

/// How many characters of a header value or a link an error shows.
pub(crate) const MAX_SHOWN_CHARS: usize = 300;
/// How many causes the `Debug` of an error looks at.
pub(crate) const MAX_SHOWN_CAUSES: usize = 8;
/// How many `Location` lines an error shows.
pub(crate) const MAX_SHOWN_LOCATIONS: usize = 4;
/// How many bytes are read of the body of a 2xx answer.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;
/// How many bytes are read of the body of any other answer.
pub(crate) const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;
/// The longest base URL, in bytes.
pub(crate) const MAX_BASE_URL_BYTES: usize = 2000;
/// The longest `Location`, in bytes. RFC 9110 section 4.1 recommends that URIs of this length are supported.
pub(crate) const MAX_LOCATION_BYTES: usize = 8000;
/// The longest id of an operation or a run, in bytes.
pub(crate) const MAX_ID_BYTES: usize = 128;
/// The longest resume token: a `Location` of 8000 bytes below a base URL of 2000 bytes, in base64.
pub(crate) const MAX_RESUME_TOKEN_BYTES: usize = 14_000;
/// The longest delay accepted from a server.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// The deepest JSON accepted, in levels.
pub(crate) const MAX_JSON_DEPTH: usize = 128;
/// How many levels of an answer are kept: page, list, item, error, and its inner errors.
pub(crate) const MAX_BODY_DEPTH: usize = 10;
/// The longest chain of inner errors in an error body.
pub(crate) const MAX_INNER_ERRORS: usize = 32;
/// How many levels of an error body are kept: the body, its `error`, and the chain.
pub(crate) const MAX_ERROR_BODY_DEPTH: usize = MAX_INNER_ERRORS + 2;
/// How many levels of an operation's body are kept: the body, a list, an error, and its inner errors.
pub(crate) const MAX_OPERATION_DEPTH: usize = MAX_PUBLIC_ERROR_CHAIN + 3;
/// The longest chain of inner errors in the blocking error of a run.
pub(crate) const MAX_PUBLIC_ERROR_CHAIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_interval_grows_with_the_run() {
        let policy = PollingPolicy::default();
        let at = |secs| policy.interval(Duration::from_secs(secs)).as_secs();
        assert_eq!(
            [at(0), at(5), at(12), at(60), at(80), at(81), at(7200)],
            [5, 7, 11, 35, 45, 45, 45]
        );
    }

    #[test]
    fn the_back_off_is_jittered_and_bounded() {
        let policy = PollingPolicy::default();
        let five = Duration::from_secs(5);
        assert_eq!(policy.back_off(five, 1, 0).as_secs(), 5);
        assert_eq!(policy.back_off(five, 1, u32::MAX).as_secs(), 10);
        assert_eq!(policy.back_off(five, 400, u32::MAX).as_secs(), 45);
        assert_eq!(policy.back_off(12 * five, 400, u32::MAX).as_secs(), 60);
        let fixed = PollingPolicy::every(Duration::from_millis(50));
        let interval = fixed.interval(Duration::ZERO);
        assert_eq!(fixed.back_off(interval, 9, u32::MAX).as_millis(), 50);
    }

    #[test]
    fn a_callers_own_interval_stands_above_what_was_learned() {
        let past = PastDurations::new([Duration::from_secs(1800); 4]);
        let at = |policy: PollingPolicy| {
            let interval = policy.interval_with(&past, Duration::from_secs(60));
            (interval.as_secs(), policy.interval(Duration::from_secs(60)))
        };
        assert_eq!(at(PollingPolicy::learned()), (60, Duration::from_secs(35)));
        let nine = Duration::from_secs(9);
        assert_eq!(at(PollingPolicy::every(nine)), (9, nine));
        let none = PastDurations::default();
        let same = PollingPolicy::learned().interval_with(&none, nine);
        assert_eq!(same, PollingPolicy::default().interval(nine));
    }

    #[test]
    fn a_lease_covers_a_token_and_two_requests() {
        assert_eq!(Limits::default().lease().as_secs(), 180);
    }

    #[test]
    fn defaults_and_ranges_are_as_documented() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        assert_eq!(Throttle::default().window, hours(12));
        assert_eq!(Limits::default().total, hours(24));
        assert_eq!(Limits::LONGEST_REQUEST, hours(1));
        assert_eq!(Limits::LONGEST_TOTAL, hours(24 * 3660));
        let usual = Limits {
            request: Duration::from_secs(7),
            total: Duration::from_secs(9),
        };
        assert_eq!(usual.clamped(), usual);
        let huge = Limits {
            request: Duration::MAX,
            total: Duration::MAX,
        };
        assert_eq!(huge.clamped().request, Limits::LONGEST_REQUEST);
        assert_eq!(huge.clamped().total, Limits::LONGEST_TOTAL);
        let none = Limits {
            request: Duration::ZERO,
            total: Duration::ZERO,
        };
        assert_eq!(none.clamped().request, Duration::from_millis(1));
        assert_eq!(PollingPolicy::default().fixed(), None);
        let shortest = PollingPolicy::every(Duration::ZERO).fixed();
        assert_eq!(shortest, Some(Duration::from_millis(1)));
    }
}
