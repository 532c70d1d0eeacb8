use http::HeaderValue;
use proptest::prelude::*;

use super::*;

const NOW: &str = "2026-03-10T12:00:00Z";

fn check_at(now: &str, value: &str, expected: Option<&str>) {
    let expected = expected.map(|text| text.parse::<Timestamp>().unwrap());
    assert_eq!(
        http_date(value.as_bytes(), now.parse().unwrap()),
        expected,
        "{value:?}"
    );
}

fn check(value: &str, expected: Option<&str>) {
    check_at(NOW, value, expected);
}

#[test]
fn three_forms() {
    check(
        "Tue, 10 Mar 2026 12:01:30 GMT",
        Some("2026-03-10T12:01:30Z"),
    );
    check(
        "Tuesday, 10-Mar-26 12:01:30 GMT",
        Some("2026-03-10T12:01:30Z"),
    );
    check("Tue Mar 10 12:01:30 2026", Some("2026-03-10T12:01:30Z"));
    check("Fri Mar  6 00:00:00 2026", Some("2026-03-06T00:00:00Z"));
    check("Fri Mar 06 00:00:00 2026", Some("2026-03-06T00:00:00Z"));
    check(
        "Thu, 29 Feb 2024 23:59:59 GMT",
        Some("2024-02-29T23:59:59Z"),
    );
    check(
        "Thu, 31 Dec 2026 23:59:60 GMT",
        Some("2027-01-01T00:00:00Z"),
    );
}

#[test]
fn other_forms_are_refused() {
    for bad in [
        "",
        "GMT",
        "Tue, 10 Mar 2026 12:01:30",
        "Tue, 10 Mar 2026 12:01:30 GMT ",
        " Tue, 10 Mar 2026 12:01:30 GMT",
        "tue, 10 Mar 2026 12:01:30 GMT",
        "Tue, 10 mar 2026 12:01:30 GMT",
        "Tue, 10 MAR 2026 12:01:30 GMT",
        "Tue, 10 Mar 2026 12:01:30 gmt",
        "Tue, 10 Mar 2026 12:01:30 UTC",
        "Tue, 10 Mar 2026 12:01:30 +0000",
        "Tue, 10 Mar 2026 12:01:61 GMT",
        "Tue, 10 Mar 2026 12:60:00 GMT",
        "Tue, 10 Mar 2026 24:00:00 GMT",
        "Tue, 10 Mar 26 12:01:30 GMT",
        "Tue,10 Mar 2026 12:01:30 GMT",
        "Tue 10 Mar 2026 12:01:30 GMT",
        "Tue, 10  Mar 2026 12:01:30 GMT",
        "Fri, 6 Mar 2026 12:00:00 GMT",
        "Fri,  6 Mar 2026 12:00:00 GMT",
        "Tue, 10-Mar-2026 12:01:30 GMT",
        "Tue, 10-Mar-26 12:01:30 GMT",
        "Tuesday, 10-Mar-2026 12:01:30 GMT",
        "Tuesday, 10 Mar 2026 12:01:30 GMT",
        "Tuesday 10-Mar-26 12:01:30 GMT",
        "Fri Mar 6 12:00:00 2026",
        "Fri Mar  6 12:00:00 2026 GMT",
        "Fri Mar  6 12:00:00 26",
        "Sun, 29 Feb 2026 00:00:00 GMT",
        "Tue, 00 Mar 2026 12:00:00 GMT",
        "Fri Mar  0 12:00:00 2026",
        "Tue, 1\u{661} Mar 2026 12:00:00 GMT",
        "Mon, 10 Mar 2026 12:01:30 GMT",
        "Monday, 10-Mar-26 12:01:30 GMT",
        "Mon Mar 10 12:01:30 2026",
        "Tue, 10 Mar +026 12:01:30 GMT",
        "Tue, 10 Mar 2026 12:1:30 GMT",
        "Tue, 10 Mar 2026 12:01 GMT",
        "Tue, GMT",
    ] {
        check(bad, None);
    }
}

#[test]
fn a_two_digit_year_is_at_most_50_years_ahead() {
    check(
        "Wednesday, 05-May-60 10:00:00 GMT",
        Some("2060-05-05T10:00:00Z"),
    );
    check(
        "Thursday, 01-Jan-71 00:00:00 GMT",
        Some("2071-01-01T00:00:00Z"),
    );
    check(
        "Tuesday, 10-Mar-76 12:00:00 GMT",
        Some("2076-03-10T12:00:00Z"),
    );
    check(
        "Wednesday, 10-Mar-76 12:00:01 GMT",
        Some("1976-03-10T12:00:01Z"),
    );
    check(
        "Saturday, 01-Jan-77 00:00:00 GMT",
        Some("1977-01-01T00:00:00Z"),
    );
    check(
        "Friday, 31-Dec-99 23:59:59 GMT",
        Some("1999-12-31T23:59:59Z"),
    );
    check(
        "Tuesday, 29-Feb-00 00:00:00 GMT",
        Some("2000-02-29T00:00:00Z"),
    );
    check(
        "Thursday, 01-Jan-26 00:00:00 GMT",
        Some("2026-01-01T00:00:00Z"),
    );
    check(
        "Wednesday, 31-Dec-25 00:00:00 GMT",
        Some("2025-12-31T00:00:00Z"),
    );
    check_at(
        "2098-06-01T00:00:00Z",
        "Thursday, 01-Jan-05 00:00:00 GMT",
        Some("2105-01-01T00:00:00Z"),
    );
    check_at(
        "2098-06-01T00:00:00Z",
        "Saturday, 01-Jan-05 00:00:00 GMT",
        None,
    );
}

#[test]
fn dates_past_the_range_are_clamped() {
    let last = http_date(b"Fri, 31 Dec 9999 23:59:59 GMT", NOW.parse().unwrap());
    assert_eq!(last, Some(Timestamp::MAX));
    for now in [Timestamp::MIN, Timestamp::MAX] {
        let _ = http_date(b"Friday, 31-Dec-99 23:59:60 GMT", now);
    }
    check(
        "Mon, 01 Jan 0001 00:00:00 GMT",
        Some("0001-01-01T00:00:00Z"),
    );
}

#[test]
fn date_fields_must_agree() {
    let now: Timestamp = NOW.parse().unwrap();
    let mut headers = HeaderMap::new();
    assert_eq!(date(&headers, now), None);
    headers.insert(
        DATE,
        HeaderValue::from_static(" Tue, 10 Mar 2026 12:00:00 GMT\t"),
    );
    assert_eq!(date(&headers, now), Some(now));
    headers.append(
        DATE,
        HeaderValue::from_static("Tue, 10 Mar 2026 12:00:01 GMT"),
    );
    assert_eq!(date(&headers, now), None);
    headers.insert(DATE, HeaderValue::from_static("yesterday"));
    assert_eq!(date(&headers, now), None);
}

proptest! {
    #[test]
    fn never_panics(value in "[A-Z][a-z]{2,8}[, ]{1,2}[0-9 ]{2}[- ][A-Z][a-z]{2}[- ][0-9]{2,4} [0-9:]{8} GMT|\\PC{0,40}",
                    now in -377_705_023_201_i64..=253_402_207_200) {
        let _ = http_date(value.as_bytes(), Timestamp::from_second(now).unwrap());
    }

    #[test]
    fn every_second_is_read_back(seconds in 0_i64..=253_402_207_199) {
        let timestamp = Timestamp::from_second(seconds).unwrap();
        let written = timestamp.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        prop_assert_eq!(http_date(written.as_bytes(), Timestamp::UNIX_EPOCH), Some(timestamp));
    }
}
