//! Policies: plain values a caller may set.

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
