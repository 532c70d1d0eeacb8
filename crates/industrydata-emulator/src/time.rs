//! Arithmetic on timestamps that stays inside their range, and the ways the service writes them.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

/// `at + by`, or the last timestamp there is.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| at.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}

/// How long `now` is after `then`; zero if it is not.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// Whole seconds, rounded up, as a `Retry-After` must be if it is not to name a time too early.
pub(crate) fn seconds_up(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
}

/// `2023-11-01T11:10:46.9247690Z`: seven digits, as the service's own clock ticks.
pub(crate) fn stamp(at: Timestamp) -> String {
    format!("{at:.7}")
}

/// `2020-08-18T12:51:51`: how an `innerError` writes its date, without a zone.
pub(crate) fn zoneless(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// `Tue, 18 Aug 2020 12:51:51 GMT`.
pub(crate) fn http_date(at: Timestamp) -> String {
    rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_of_a_time() {
        let at: Timestamp = "2020-08-18T12:51:51.5Z".parse().unwrap();
        assert_eq!(stamp(at), "2020-08-18T12:51:51.5000000Z");
        assert_eq!(zoneless(at), "2020-08-18T12:51:51");
        assert_eq!(http_date(at), "Tue, 18 Aug 2020 12:51:51 GMT");
    }

    #[test]
    fn the_ends_of_the_range_hold() {
        assert_eq!(later(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MAX);
        assert_eq!(since(Timestamp::MAX, Timestamp::MIN), Duration::ZERO);
        assert_eq!(seconds_up(Duration::from_millis(1001)), 2);
        assert_eq!(seconds_up(Duration::MAX), u64::MAX);
    }
}
