//! `Retry-After`: how long a client must wait before its next request (RFC 9110 section 10.2.3).

use std::time::Duration;

use http::{
    HeaderMap,
    header::{DATE, RETRY_AFTER},
};
use jiff::{SignedDuration, Timestamp};

use crate::policy::MAX_RETRY_AFTER;
use crate::wire::{
    http_date::{date, http_date},
    text::trim_ows,
};

/// The delay that an answer asks for, at most 24 hours. `None` if it asks for none, or for one that is malformed.
///
/// Seconds may have a decimal fraction, as in a Graph sample. A date is measured from the answer's own `Date` if that is
/// valid, else from `now`, so that a wrong local clock does no harm. Of several lines, the longest valid delay counts.
///
/// ```
/// use std::time::Duration;
///
/// use industrydata_core::wire::retry_after;
/// use jiff::Timestamp;
///
/// let now: Timestamp = "2026-03-10T15:30:00Z".parse()?;
/// let mut headers = http::HeaderMap::new();
/// assert_eq!(retry_after(&headers, now), None);
/// headers.insert("retry-after", "2.128".parse()?);
/// assert_eq!(retry_after(&headers, now), Some(Duration::from_millis(2128)));
/// headers.insert("date", "Tue, 10 Mar 2026 12:00:00 GMT".parse()?);
/// headers.insert("retry-after", "Tue, 10 Mar 2026 12:02:00 GMT".parse()?);
/// assert_eq!(retry_after(&headers, now), Some(Duration::from_secs(120)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    if !headers.contains_key(RETRY_AFTER) {
        return None;
    }
    let reference = if headers.contains_key(DATE) {
        date(headers, now)
    } else {
        None
    };
    let lines = headers.get_all(RETRY_AFTER).iter();
    longest_delay(
        lines.map(|value| value.as_bytes()),
        reference.unwrap_or(now),
    )
}

/// The longest valid delay among raw `Retry-After` values, at most 24 hours. Dates are measured from `reference`.
#[must_use]
pub fn longest_delay<'a>(
    values: impl Iterator<Item = &'a [u8]>,
    reference: Timestamp,
) -> Option<Duration> {
    values
        .filter_map(|value| delay(trim_ows(value), reference))
        .max()
}

fn delay(value: &[u8], reference: Timestamp) -> Option<Duration> {
    let delay = match seconds(value) {
        Some(delay) => delay,
        None => until(http_date(value, reference)?, reference),
    };
    Some(delay.min(MAX_RETRY_AFTER))
}

/// `delay-seconds`, with an optional decimal fraction that is rounded up to a millisecond (R2).
fn seconds(value: &[u8]) -> Option<Duration> {
    let mut parts = value.split(|b| *b == b'.');
    let whole = parts.next().filter(|digits| is_digits(digits))?;
    let fraction = match parts.next() {
        Some(fraction) => Some(fraction).filter(|digits| is_digits(digits))?,
        None => b"0",
    };
    if parts.next().is_some() {
        return None;
    }
    let append = |value: u64, digit: &u8| {
        value
            .saturating_mul(10)
            .saturating_add(u64::from(digit.saturating_sub(b'0')))
    };
    let whole = whole.iter().fold(0, append);
    let mut millis = fraction.iter().chain(b"000").take(3).fold(0, append);
    if fraction.iter().skip(3).any(|digit| *digit != b'0') {
        millis = millis.saturating_add(1);
    }
    Some(Duration::from_millis(
        whole.saturating_mul(1000).saturating_add(millis),
    ))
}

fn is_digits(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(u8::is_ascii_digit)
}

/// Zero for a past date (R3).
fn until(date: Timestamp, reference: Timestamp) -> Duration {
    let left = date.duration_since(reference).max(SignedDuration::ZERO);
    left.unsigned_abs()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn check(values: &[&str], date: Option<&'static str>, expected: Option<u64>) {
        let now = "2026-03-10T12:00:00Z".parse().unwrap();
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                RETRY_AFTER,
                HeaderValue::from_bytes(value.as_bytes()).unwrap(),
            );
        }
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_static(date));
        }
        assert_eq!(
            retry_after(&headers, now),
            expected.map(Duration::from_millis),
            "{values:?}"
        );
    }

    #[test]
    fn seconds_and_fractions() {
        for (value, expected) in [
            ("0", 0),
            ("00000000000000000000000007", 7000),
            ("\t 45 ", 45_000),
            ("0.0", 0),
            ("0.0001", 1),
            ("1.0010", 1001),
            ("1.00100000000000000000001", 1002),
            ("1.999", 1999),
            ("1.9991", 2000),
            ("01.50", 1500),
            ("86399.9999", 86_400_000),
            ("86400.001", 86_400_000),
            ("18446744073709551615", 86_400_000),
            ("18446744073709551616.9", 86_400_000),
        ] {
            check(&[value], None, Some(expected));
        }
        for bad in [
            "",
            " ",
            "-0",
            "+0",
            "1.",
            ".1",
            ".",
            "1..2",
            "1.2.3",
            "1,5",
            "1e3",
            "1.5e1",
            "0x1",
            "1_000",
            "1 0",
            "120s",
            "inf",
            "NaN",
            "\"1\"",
            "1;",
            "10, 20",
            "\u{661}",
            "1.\u{661}",
            "\u{a0}1",
            "1-",
            "1.+5",
        ] {
            check(&[bad], None, None);
        }
    }

    #[test]
    fn dates_and_lines() {
        check(&["Tue, 10 Mar 2026 12:01:00 GMT"], None, Some(60_000));
        check(
            &["Tue, 10 Mar 2026 12:01:00 GMT"],
            Some("Tue, 10 Mar 2026 12:00:50 GMT"),
            Some(10_000),
        );
        check(
            &["Tue, 10 Mar 2026 12:01:00 GMT"],
            Some("Mon, 10 Mar 2026 12:00:50 GMT"),
            Some(60_000),
        );
        check(&["Sun, 06 Nov 1994 08:49:37 GMT"], None, Some(0));
        check(&["Fri, 31 Dec 9999 23:59:59 GMT"], None, Some(86_400_000));
        check(&["Tuesday, 10-Mar-76 12:00:00 GMT"], None, Some(86_400_000));
        check(
            &["x", "Tue, 10 Mar 2026 12:01:00 GMT", "59", "-9"],
            None,
            Some(60_000),
        );
        check(
            &["x", "Tue, 10 Mar 2026 12:01:00 GMT", "61.5", ""],
            None,
            Some(61_500),
        );
        check(&["x", "y"], None, None);
        check(&[], Some("Tue, 10 Mar 2026 12:00:50 GMT"), None);
    }

    #[test]
    fn a_two_digit_year_is_read_by_the_servers_clock() {
        // 1-Jan-20 is in the past of the `Date`, but ahead of a clock in 2075.
        let now = "2075-01-01T00:00:00Z".parse().unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(
            RETRY_AFTER,
            HeaderValue::from_static("Wednesday, 01-Jan-20 00:00:00 GMT"),
        );
        headers.insert(
            DATE,
            HeaderValue::from_static("Tue, 10 Mar 2026 12:00:00 GMT"),
        );
        assert_eq!(retry_after(&headers, now), Some(Duration::ZERO));
    }

    proptest! {
        #[test]
        fn never_panics_and_never_over_a_day(value in "[0-9.]{0,40}|\\PC{0,40}", now in -377_705_023_201_i64..=253_402_207_200) {
            let now = Timestamp::from_second(now).unwrap();
            if let Some(delay) = longest_delay([value.as_bytes()].into_iter(), now) {
                prop_assert!(delay <= MAX_RETRY_AFTER);
            }
        }

        #[test]
        fn whole_seconds_are_read(seconds in 0_u64..=86_400) {
            let value = seconds.to_string();
            let delay = longest_delay([value.as_bytes()].into_iter(), Timestamp::UNIX_EPOCH);
            prop_assert_eq!(delay, Some(Duration::from_secs(seconds)));
        }
    }
}
