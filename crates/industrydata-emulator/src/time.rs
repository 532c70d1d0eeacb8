//! Arithmetic on timestamps that stays inside their range, and the date formats of the service.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp, fmt::rfc2822};

/// `at + by`, or the last representable timestamp.
pub(crate) fn later(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| at.checked_add(by).ok())
        .unwrap_or(Timestamp::MAX)
}

/// `at - by`, or the first representable timestamp.
pub(crate) fn earlier(at: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by)
        .ok()
        .and_then(|by| at.checked_sub(by).ok())
        .unwrap_or(Timestamp::MIN)
}

/// The time from `then` to `now`, or zero if `then` is later.
pub(crate) fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(then)).unwrap_or_default()
}

/// A duration divided by a speed. A speed that is not above zero is ignored.
pub(crate) fn scaled(duration: Duration, speed: f64) -> Duration {
    let usable = speed > 0.0 && (speed - 1.0).abs() > f64::EPSILON;
    let scaled = usable
        .then(|| Duration::try_from_secs_f64(duration.as_secs_f64() / speed).ok())
        .flatten();
    scaled.unwrap_or(duration)
}

/// Whole seconds, rounded up, so that a `Retry-After` never names a time that is too early.
pub(crate) fn seconds_up(wait: Duration) -> u64 {
    wait.as_secs()
        .saturating_add(u64::from(wait.subsec_nanos() > 0))
}

/// `2023-11-01T11:10:46.9247690Z`: the service writes seven fractional digits.
pub(crate) fn graph_time(at: Timestamp) -> String {
    format!("{at:.7}")
}

/// `2020-08-18T12:51:51`: the `date` of an `innerError` has no zone.
pub(crate) fn zoneless(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S").to_string()
}

/// `Tue, 18 Aug 2020 12:51:51 GMT`: the format of a `Date` header.
pub(crate) fn http_date(at: Timestamp) -> String {
    rfc2822::DateTimePrinter::new()
        .timestamp_to_rfc9110_string(&at)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_a_timestamp() {
        let at: Timestamp = "2020-08-18T12:51:51.5Z".parse().unwrap();
        assert_eq!(graph_time(at), "2020-08-18T12:51:51.5000000Z");
        assert_eq!(zoneless(at), "2020-08-18T12:51:51");
        assert_eq!(http_date(at), "Tue, 18 Aug 2020 12:51:51 GMT");
    }

    #[test]
    fn arithmetic_saturates_at_both_ends() {
        assert_eq!(later(Timestamp::UNIX_EPOCH, Duration::MAX), Timestamp::MAX);
        assert_eq!(
            earlier(Timestamp::UNIX_EPOCH, Duration::MAX),
            Timestamp::MIN
        );
        assert_eq!(since(Timestamp::MAX, Timestamp::MIN), Duration::ZERO);
        assert_eq!(seconds_up(Duration::from_millis(1001)), 2);
        assert_eq!(seconds_up(Duration::MAX), u64::MAX);
    }

    #[test]
    fn an_unusable_speed_is_ignored() {
        let minute = Duration::from_secs(60);
        assert_eq!(scaled(minute, 60.0), Duration::from_secs(1));
        for speed in [0.0, -1.0, f64::NAN, f64::MIN_POSITIVE] {
            assert_eq!(scaled(minute, speed), minute, "{speed}");
        }
    }
}
