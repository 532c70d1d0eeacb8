//! Every constant and policy, each with its reason. What a caller may set is a type; the rest are constants.

use std::time::Duration;

/// How long to pause between polls.
///
/// The service publishes one figure only, *no less than every 5 seconds*
/// ([fileValidateOperation](https://learn.microsoft.com/graph/api/resources/industrydata-filevalidateoperation)).
/// The default pauses a tenth of the time since the start, at least 5 s and at most 60 s: news is late by at
/// most a tenth, and a run of hours costs few requests. A `Retry-After` only lengthens a pause.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PollingPolicy {
    fixed: Option<Duration>,
}

impl PollingPolicy {
    const FLOOR: Duration = Duration::from_secs(5);
    const CEILING: Duration = Duration::from_secs(60);

    /// A fixed pause, from 1 ms up, instead of the default's growing one. It is the caller's own: no floor binds it.
    #[must_use]
    pub fn every(pause: Duration) -> Self {
        Self {
            fixed: Some(pause.max(Duration::from_millis(1))),
        }
    }

    /// The fixed pause, if there is one.
    #[must_use]
    pub const fn fixed(&self) -> Option<Duration> {
        self.fixed
    }

    /// The pause after an answer that came `since_start` after the start was accepted.
    #[must_use]
    pub fn pause(&self, since_start: Duration) -> Duration {
        self.fixed
            .unwrap_or_else(|| (since_start / 10).clamp(Self::FLOOR, Self::CEILING))
    }

    /// The pause before the retry that follows `misses` polls in a row without news, with a number of `0..=u32::MAX`
    /// that spreads clients (full jitter). A fixed pause stays fixed.
    pub(crate) fn retry(&self, since_start: Duration, misses: u32, jitter: u32) -> Duration {
        let pause = self.pause(since_start);
        if self.fixed.is_some() {
            return pause;
        }
        let ceiling = (Self::FLOOR * (1 << misses.min(5))).min(Self::CEILING);
        pause.max(ceiling.mul_f64(f64::from(jitter) / f64::from(u32::MAX)))
    }
}

/// How many starts the service takes in which time: five in twelve hours
/// ([industryDataRun: start](https://learn.microsoft.com/graph/api/industrydata-industrydatarun-start)).
///
/// Whether the service's window slides is not known; a sliding one here is safe either way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttle {
    /// Starts within the window.
    pub limit: u32,
    /// Length of the window.
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

/// Limits of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// One request with its answer's body; 30 s by default. Also what a reservation's lease is made of.
    pub request: Duration,
    /// All of a start and of the wait for its operation; 24 h by default.
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
    /// The most that [`Limits::request`] may be; more is taken for this.
    pub const LONGEST_REQUEST: Duration = Duration::from_secs(60 * 60);
    /// The most that [`Limits::total`] may be; more is taken for this.
    pub const LONGEST_TOTAL: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

    /// The same limits within their own: a request of 1 ms to 1 h, ten years in all.
    #[must_use]
    pub fn clamped(self) -> Self {
        Self {
            request: self
                .request
                .clamp(Duration::from_millis(1), Self::LONGEST_REQUEST),
            total: self.total.min(Self::LONGEST_TOTAL),
        }
    }

    /// The most time a token may take while a reservation is held.
    pub const TOKEN: Duration = Duration::from_secs(60);

    /// How long a reservation is good for: the token, the POST and its one repeat after a 401, and a margin.
    #[must_use]
    pub fn lease(&self) -> Duration {
        Self::TOKEN
            .saturating_add(self.clamped().request.saturating_mul(2))
            .saturating_add(Duration::from_secs(30))
    }
}

// The ledger.

/// The safety margin at the end of a window, and the difference of clocks that is tolerated.
pub(crate) const MARGIN: Duration = Duration::from_secs(120);
/// The service is never left alone for longer than this because of one 429.
pub(crate) const MAX_NOT_BEFORE: Duration = Duration::from_secs(24 * 60 * 60);
/// The most released entries kept: each only stops a reservation that arrives after its own release.
pub(crate) const MAX_TOMBSTONES: usize = 16;
/// Entries are kept for at least this long, whatever window a caller sets.
pub(crate) const MIN_KEPT: Duration = Duration::from_secs(12 * 60 * 60);
/// The longest note kept with a resolution, in characters.
pub(crate) const MAX_NOTE_CHARS: usize = 300;
/// The longest tenant name, in bytes of UTF-8.
pub(crate) const MAX_TENANT_BYTES: usize = 256;

// The schedule of runs.

/// The time from one scheduled run to the next, in seconds.
pub(crate) const SCHEDULE_PERIOD_SECONDS: i64 = 12 * 60 * 60;
/// A start on demand causes the scheduled run to be skipped that is due within this time, its end included.
pub(crate) const SKIP_WITHIN: Duration = Duration::from_secs(10 * 60 * 60);
/// Runs whose start times differ by no more than this, modulo the period, belong to one schedule.
pub(crate) const SCHEDULE_SPREAD_SECONDS: i64 = 15 * 60;
/// An inferred schedule is never known better than this.
pub(crate) const MIN_SCHEDULE_UNCERTAINTY_SECONDS: i64 = 60;
/// A run that starts later than this after a start was accepted is not its run.
pub(crate) const LATEST_RUN_START: Duration = Duration::from_secs(30 * 60);

// A start.

/// A 429 that asks for no more than this is waited out once without being asked to.
pub(crate) const SHORT_THROTTLE: Duration = Duration::from_secs(30);
/// How long the ledger stays closed after a 429 without a Retry-After.
pub(crate) const DEFAULT_THROTTLE: Duration = Duration::from_secs(60);
/// The longest sleep of a start that waits for a slot: another process may give one back at any time.
pub(crate) const MAX_SLOT_WAIT: Duration = Duration::from_secs(60);
/// Spreads clients that wait for the same slot.
pub(crate) const SLOT_JITTER: Duration = Duration::from_secs(5);
/// A request is sent only with this much time left for its answer, or a tenth of the limit if that is less.
pub(crate) const MIN_REQUEST_TIME: Duration = Duration::from_secs(1);
/// How often the remainder of a short 429 is waited out when the ledger is still closed after it.
pub(crate) const THROTTLE_REMAINDERS: u8 = 2;
/// Added to such a remainder, so that one wait is enough.
pub(crate) const THROTTLE_REMAINDER_MARGIN: Duration = Duration::from_millis(50);
/// How often a reservation is given back because its lease ran short before the request was sent.
pub(crate) const MAX_SHORT_LEASES: u32 = 3;

// Polls.

/// A 404 counts as a transient error for this long after the acceptance, and for [`NOT_FOUND_TRIES`] polls at least:
/// a new operation may not be readable at once.
pub(crate) const NOT_FOUND_GRACE: Duration = Duration::from_secs(60);
/// See [`NOT_FOUND_GRACE`].
pub(crate) const NOT_FOUND_TRIES: u32 = 5;
/// Track is lost after transient errors alone for this long, and for [`LOST_TRACK_POLLS`] polls at least.
pub(crate) const LOST_TRACK_AFTER: Duration = Duration::from_secs(600);
/// See [`LOST_TRACK_AFTER`].
pub(crate) const LOST_TRACK_POLLS: u32 = 10;
/// This many 401 in a row end a poll.
pub(crate) const MAX_UNAUTHORIZED: u32 = 3;
/// A token source that failed is not asked again sooner than this.
pub(crate) const TOKEN_RETRY: Duration = Duration::from_secs(1);
/// The last poll comes a tenth of the time limit before its end, and no more than this: at the limit itself there
/// would be no time for the answer.
pub(crate) const LAST_POLL_LEAD: Duration = Duration::from_secs(2);

// Reads.

/// How often a page is asked for before the read fails.
pub(crate) const READ_TRIES: u32 = 5;
/// The most time a read takes, its waits included.
pub(crate) const MAX_READ_TIME: Duration = Duration::from_secs(300);
/// The wait before the first retry is up to this long, before each later one up to twice as long.
pub(crate) const READ_BACK_OFF: Duration = Duration::from_secs(1);
/// The longest such wait.
pub(crate) const MAX_READ_BACK_OFF: Duration = Duration::from_secs(30);
/// A list with more pages than this does not end.
pub(crate) const MAX_LIST_PAGES: u32 = 200;
/// A list with more items than this does not end.
pub(crate) const MAX_LIST_ITEMS: usize = 20_000;

// Tokens.

/// The longest access token accepted, in bytes.
pub(crate) const MAX_TOKEN_BYTES: usize = 16 * 1024;
/// How long before its end a token is renewed, unless it lives for less than twice this.
pub(crate) const TOKEN_RENEWAL_LEAD: Duration = Duration::from_secs(5 * 60);
/// The life of a token whose answer does not state it (RFC 6749 section 5.1 leaves it open).
pub(crate) const TOKEN_LIFE_IF_UNSTATED: Duration = Duration::from_secs(5 * 60);
/// Shorter tokens are not secret, and occur in any text: they are not redacted.
pub(crate) const MIN_REDACTED_BYTES: usize = 8;

// Sizes of what a server or a user sends.

/// The most bytes read of the body of a 2xx answer.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;
/// The most bytes read of the body of any other answer.
pub(crate) const MAX_ERROR_BODY_BYTES: usize = 64 * 1024;
/// The longest base URL accepted, in bytes.
pub(crate) const MAX_BASE_URL_BYTES: usize = 2000;
/// The longest `Location` accepted, in bytes; RFC 9110 section 4.1 asks for support of at least this many.
pub(crate) const MAX_LOCATION_BYTES: usize = 8000;
/// The longest id of an operation or a run, in bytes.
pub(crate) const MAX_ID_BYTES: usize = 128;
/// The longest resume token: a Location of 8,000 bytes, relative to a base URL of 2,000, in base64.
pub(crate) const MAX_RESUME_TOKEN_BYTES: usize = 14_000;
/// The longest delay accepted from a server.
pub(crate) const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// The deepest JSON accepted, in levels.
pub(crate) const MAX_JSON_DEPTH: usize = 128;
/// How many levels of an answer are read: page, list, item, error, its inner errors.
pub(crate) const MAX_BODY_DEPTH: usize = 10;
/// The longest chain of inner errors followed in an error body.
pub(crate) const MAX_INNER_ERRORS: usize = 32;
/// How many levels of an error body are read: the body, its `error`, and the chain.
pub(crate) const MAX_ERROR_BODY_DEPTH: usize = MAX_INNER_ERRORS + 2;
/// The longest chain of inner errors followed in the blocking error of a run.
pub(crate) const MAX_PUBLIC_ERROR_CHAIN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_pace_grows_with_the_run() {
        let policy = PollingPolicy::default();
        let at = |secs| policy.pause(Duration::from_secs(secs)).as_secs();
        assert_eq!(
            [at(0), at(50), at(51), at(300), at(600), at(7200)],
            [5, 5, 5, 30, 60, 60]
        );
    }

    #[test]
    fn retries_spread_and_stay_bounded() {
        let policy = PollingPolicy::default();
        assert_eq!(policy.retry(Duration::ZERO, 1, 0).as_secs(), 5);
        assert_eq!(policy.retry(Duration::ZERO, 1, u32::MAX).as_secs(), 10);
        assert_eq!(policy.retry(Duration::ZERO, 400, u32::MAX).as_secs(), 60);
        let fixed = PollingPolicy::every(Duration::from_millis(50));
        assert_eq!(fixed.retry(Duration::ZERO, 9, u32::MAX).as_millis(), 50);
    }

    #[test]
    fn a_lease_covers_a_token_and_two_requests() {
        assert_eq!(Limits::default().lease().as_secs(), 150);
    }

    #[test]
    fn limits_and_pauses_are_what_they_are_said_to_be() {
        let hours = |hours: u64| Duration::from_secs(hours * 3600);
        assert_eq!(Throttle::default().window, hours(12));
        assert_eq!(Limits::default().total, hours(24));
        assert_eq!(Limits::LONGEST_REQUEST, hours(1));
        assert_eq!(Limits::LONGEST_TOTAL, hours(24 * 3660));
        let own = Limits {
            request: Duration::from_secs(7),
            total: Duration::from_secs(9),
        };
        assert_eq!(own.clamped(), own);
        let wild = Limits {
            request: Duration::MAX,
            total: Duration::MAX,
        };
        assert_eq!(wild.clamped().request, Limits::LONGEST_REQUEST);
        assert_eq!(wild.clamped().total, Limits::LONGEST_TOTAL);
        let none = Limits {
            request: Duration::ZERO,
            total: Duration::ZERO,
        };
        assert_eq!(none.clamped().request, Duration::from_millis(1));
        assert_eq!(PollingPolicy::default().fixed(), None);
        let pause = PollingPolicy::every(Duration::ZERO).fixed();
        assert_eq!(pause, Some(Duration::from_millis(1)));
    }
}
