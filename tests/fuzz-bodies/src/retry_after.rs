//! `Retry-After` (rule R): the delay is that of the longest valid line, and at most a day.

use std::time::Duration;

use http::{
    HeaderMap, HeaderValue,
    header::{DATE, RETRY_AFTER},
};
use industrydata_core::wire::date;
use industrydata_core::wire::http_date;
use industrydata_core::wire::longest_delay;
use industrydata_core::wire::retry_after;
use jiff::{Timestamp, ToSpan, tz::Offset};

use crate::{
    Target,
    draw::{CUT, joined},
    vectors,
};

pub(crate) const TARGET: Target = Target {
    name: "retry_after",
    about: "the delay is the longest valid line and at most a day; dates agree with an independent parser",
    body,
    seeds,
    words: &[
        "Tue, 10 Mar 2026 12:00:00 GMT",
        "Tuesday, 10-Mar-26 12:00:00 GMT",
        "Tue Mar 10 12:00:00 2026",
        "GMT",
        "UTC",
        "120",
        "86400",
        "86401",
        "0.001",
        "18446744073709551616",
        "Sun",
        "Feb",
        "29",
        "24:00:00",
        "23:59:60",
        "-1",
    ],
};

/// Input: four bytes for the clock, then the `Date` field and the lines.
fn body(input: &[u8]) {
    let (clock, rest) = input.split_first_chunk::<4>().unwrap_or((&[0; 4], &[]));
    // From 136 years before to 136 years after 2026, in steps of two seconds.
    let halves = i64::from(i32::from_be_bytes(*clock));
    let now = Timestamp::from_millisecond(1_773_144_000_000 + halves * 500 * 4)
        .expect("within the range");
    let mut lines: Vec<&[u8]> = rest.split(|b| *b == CUT).collect();
    let date_field = lines.remove(0);
    for line in lines.iter().chain([&date_field]) {
        assert_date(line, now);
    }
    let delay = longest_delay(lines.iter().copied(), now);
    assert!(
        delay.is_none_or(|delay| delay <= Duration::from_secs(86_400)),
        "R5: {delay:?}"
    );
    let each = lines
        .iter()
        .filter_map(|line| longest_delay([*line].into_iter(), now));
    assert_eq!(delay, each.max(), "R7");
    assert_eq!(
        delay,
        longest_delay(lines.iter().rev().copied(), now),
        "the delay depends on the order of the lines"
    );
    for line in &lines {
        assert_seconds(line, now);
    }
    let mut headers = HeaderMap::new();
    for line in &lines {
        let Ok(value) = HeaderValue::from_bytes(line) else {
            return;
        };
        headers.append(RETRY_AFTER, value);
    }
    assert_eq!(retry_after(&headers, now), delay, "without a Date");
    let Ok(date_field) = HeaderValue::from_bytes(date_field) else {
        return;
    };
    headers.insert(DATE, date_field);
    let reference = date(&headers, now).unwrap_or(now);
    assert_eq!(
        retry_after(&headers, now),
        longest_delay(lines.iter().copied(), reference),
        "R3"
    );
}

/// A second implementation of rules R1, R2 and R6, in decimal text.
fn assert_seconds(line: &[u8], now: Timestamp) {
    let delay = longest_delay([line].into_iter(), now);
    let text = String::from_utf8_lossy(line)
        .trim_matches([' ', '\t'])
        .to_owned();
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (text.as_str(), None),
    };
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_digits(whole) || !fraction.is_none_or(is_digits) {
        if http_date(text.as_bytes(), now).is_none() {
            assert_eq!(delay, None, "R6: {text:?}");
        }
        return;
    }
    let day = 86_400_000_u64;
    let significant = whole.trim_start_matches('0');
    let seconds = if significant.len() > 5 {
        day
    } else {
        significant.parse().unwrap_or(0)
    };
    let fraction = fraction.unwrap_or_default();
    let (kept, left) = fraction.split_at(fraction.len().min(3));
    let millis: u64 = format!("{kept:0<3}").parse().expect("three digits");
    let millis = millis + u64::from(left.contains(|c| c != '0'));
    let expected = (seconds.saturating_mul(1000) + millis).min(day);
    assert_eq!(delay, Some(Duration::from_millis(expected)), "R2: {text:?}");
}

/// Compares a date with the results of an independent formatter and an independent parser.
fn assert_date(line: &[u8], now: Timestamp) {
    let Some(read) = http_date(line, now) else {
        return;
    };
    let text = str::from_utf8(line).expect("a date is ASCII");
    let utc = Offset::UTC.to_datetime(read);
    let written = utc.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    if read < Timestamp::MAX {
        assert_eq!(
            http_date(written.as_bytes(), now),
            Some(read),
            "{text} is {written}"
        );
    }
    if text.contains("-") {
        let years = utc.year() - Offset::UTC.to_datetime(now).year();
        assert!(
            (-50..=50).contains(&years),
            "R4: {text} is {years} years off {now}"
        );
        let limit = Offset::UTC.to_datetime(now).checked_add(50.years());
        assert!(
            limit.is_err()
                || limit.is_ok_and(|limit| utc <= limit.checked_add(1.day()).unwrap_or(limit)),
            "R4: {text}"
        );
    } else if text.ends_with("GMT") && !text.contains(":60 ") {
        let other = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text);
        assert!(
            other.is_err() || other.is_ok_and(|other| other == read),
            "{text} is {written}"
        );
    }
}

fn seeds() -> Vec<Vec<u8>> {
    vectors::kept(vectors::of("retry_after").iter().map(|vector| {
        let mut lines = vec![vectors::text(vector, "date").as_bytes()];
        lines.extend(
            vector
                .get("value")
                .and_then(|value| value.as_str())
                .map(str::as_bytes),
        );
        lines.extend(
            vectors::list(vector, "values")
                .iter()
                .filter_map(|value| Some(value.as_str()?.as_bytes())),
        );
        // The selector becomes the fourth byte of the clock.
        [&[0, 0, 0], joined(0, &lines).as_slice()].concat()
    }))
}
