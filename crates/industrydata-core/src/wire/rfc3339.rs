//! RFC 3339 timestamps as Graph writes them: with an offset, and with any number of fraction digits.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time},
    tz::Offset,
};

use crate::wire::text::{number, small_number};

/// 0001-01-01T00:00:00Z in Unix seconds.
const UNSET: i64 = -62_135_596_800;

/// Reads an RFC 3339 `date-time` (section 5.6; B12). Digits below a nanosecond are dropped, and a leap second reads as the
/// next second.
///
/// `None` also for .NET's `DateTime.MinValue`, which means "unset", and for the last two days of the year 9999, which a
/// [`Timestamp`] cannot hold.
pub(crate) fn rfc3339(text: &str) -> Option<Timestamp> {
    let (head, tail) = text.as_bytes().split_first_chunk::<19>()?;
    let [
        y1,
        y2,
        y3,
        y4,
        b'-',
        m1,
        m2,
        b'-',
        d1,
        d2,
        b'T' | b't',
        time @ ..,
    ] = head
    else {
        return None;
    };
    let [h1, h2, b':', n1, n2, b':', s1, s2] = time else {
        return None;
    };
    let (nanosecond, zone) = fraction(tail)?;
    let date = Date::new(
        number(&[*y1, *y2, *y3, *y4])?,
        two(*m1, *m2)?,
        two(*d1, *d2)?,
    )
    .ok()?;
    let second = two(*s1, *s2)?;
    let time = Time::new(two(*h1, *h2)?, two(*n1, *n2)?, second.min(59), nanosecond).ok()?;
    let offset = offset(zone)?;
    let timestamp = offset.to_timestamp(date.to_datetime(time)).ok()?;
    let local = timestamp
        .as_second()
        .saturating_add(i64::from(offset.seconds()));
    if nanosecond == 0 && [local, timestamp.as_second()].contains(&UNSET) {
        return None;
    }
    match second {
        ..60 => Some(timestamp),
        60 => timestamp.checked_add(1.second()).ok(),
        61.. => None,
    }
}

/// The nanoseconds of an optional fraction, and the text after it.
fn fraction(tail: &[u8]) -> Option<(i32, &[u8])> {
    let Some(digits) = tail.strip_prefix(b".") else {
        return Some((0, tail));
    };
    let count = digits.iter().take_while(|b| b.is_ascii_digit()).count();
    let (digits, zone) = digits.split_at_checked(count)?;
    if digits.is_empty() {
        return None;
    }
    let nanosecond = digits
        .iter()
        .chain(b"000000000")
        .take(9)
        .fold(0_i32, |value, digit| {
            value
                .saturating_mul(10)
                .saturating_add(i32::from(digit.saturating_sub(b'0')))
        });
    Some((nanosecond, zone))
}

/// `time-offset`: `Z` or hours and minutes.
fn offset(zone: &[u8]) -> Option<Offset> {
    let (sign, hours, minutes) = match zone {
        [b'Z' | b'z'] => return Some(Offset::UTC),
        [b'+', h1, h2, b':', m1, m2] => (1, two(*h1, *h2)?, two(*m1, *m2)?),
        [b'-', h1, h2, b':', m1, m2] => (-1, two(*h1, *h2)?, two(*m1, *m2)?),
        _ => return None,
    };
    if hours > 23 || minutes > 59 {
        return None;
    }
    let seconds = i32::from(hours)
        .saturating_mul(60)
        .saturating_add(i32::from(minutes));
    Offset::from_seconds(seconds.saturating_mul(60).saturating_mul(sign)).ok()
}

fn two(tens: u8, ones: u8) -> Option<i8> {
    small_number(&[tens, ones])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Option<&str>) {
        let expected = expected.map(|text| text.parse::<Timestamp>().unwrap());
        assert_eq!(rfc3339(text), expected, "{text:?}");
    }

    #[test]
    fn reads_the_grammar() {
        check("2024-05-01T10:00:00Z", Some("2024-05-01T10:00:00Z"));
        check("2024-05-01t10:00:00.5z", Some("2024-05-01T10:00:00.5Z"));
        check(
            "2024-05-01T10:00:00.1234567890123456789Z",
            Some("2024-05-01T10:00:00.123456789Z"),
        );
        check("2024-05-01T00:30:00+02:00", Some("2024-04-30T22:30:00Z"));
        check("2024-05-01T00:30:00-00:00", Some("2024-05-01T00:30:00Z"));
        check("2024-05-01T00:30:00-23:59", Some("2024-05-02T00:29:00Z"));
        check("2016-12-31T23:59:60Z", Some("2017-01-01T00:00:00Z"));
        check("1601-01-01T00:00:00Z", Some("1601-01-01T00:00:00Z"));
        check("0001-01-01T00:00:01Z", Some("0001-01-01T00:00:01Z"));
    }

    #[test]
    fn other_forms_are_refused() {
        for bad in [
            "",
            "Z",
            "2024-05-01",
            "2024-05-01T10:00:00",
            "2024-05-01 10:00:00Z",
            "2024-05-01T10:00Z",
            "2024-05-01T10:00:00.Z",
            "2024-05-01T10:00:00,5Z",
            "2024-05-01T10:00:00+0200",
            "2024-05-01T10:00:00+02",
            "2024-05-01T10:00:00+24:00",
            "2024-05-01T10:00:00+02:60",
            "2024-05-01T10:00:00 Z",
            " 2024-05-01T10:00:00Z",
            "2024-05-01T10:00:00Z ",
            "2024-05-01T10:00:00Z[UTC]",
            "20240501T100000Z",
            "2024-13-01T10:00:00Z",
            "2023-02-29T10:00:00Z",
            "2024-05-01T24:00:00Z",
            "2024-05-01T10:60:00Z",
            "2024-05-01T10:00:61Z",
            "+002024-05-01T10:00:00Z",
            "-001-05-01T10:00:00Z",
            "2024-05-01T10:00:00.-5Z",
            "2024-05-01T10:00:00\u{2212}02:00",
            "2020-03-19T12-01-03.45Z",
            "\u{661}024-05-01T10:00:00Z",
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00.0000000Z",
            "0001-01-01T00:00:00+00:00",
            "0001-01-01T00:00:00+14:00",
            "0001-01-01T02:00:00+02:00",
            "9999-12-31T23:59:59.9999999Z",
            "9999-12-31T23:59:60-23:59",
        ] {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\\.[0-9]{0,12})?(Z|z|[+-][0-9]{2}:[0-9]{2})|\\PC{0,40}") {
            let _ = rfc3339(&text);
        }

        #[test]
        fn reads_what_jiff_writes(nanos in 0_i64..=i64::MAX) {
            let timestamp = Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            prop_assert_eq!(rfc3339(&timestamp.to_string()), Some(timestamp));
        }
    }
}
