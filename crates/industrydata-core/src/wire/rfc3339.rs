//! RFC 3339 timestamps as Graph writes them: with an offset, and with any number of fraction digits.

use jiff::{Timestamp, ToSpan};

use crate::wire::eight::Eight;

/// .NET's `DateTime.MinValue`, which means "unset".
const UNSET: &str = "0001-01-01T00:00:00";
/// The same in Unix seconds.
const UNSET_SECOND: i64 = -62_135_596_800;

/// Reads an RFC 3339 `date-time` (section 5.6; B12). Digits below a nanosecond are dropped, and a leap second reads as the
/// next second.
///
/// `None` also for [`UNSET`] as written or in UTC, and for the last two days of the year 9999, which a [`Timestamp`] cannot
/// hold.
pub(crate) fn rfc3339(text: impl AsRef<[u8]>) -> Option<Timestamp> {
    let text = text.as_ref();
    usual(text).or_else(|| general(str::from_utf8(text).ok()?))
}

/// Reads the form that Graph writes, `2024-05-01T10:00:00.1234567Z`, for the days of this century that every month has.
///
/// `None` for any other text. Where there is a result, [`general`] has the same.
fn usual(text: &[u8]) -> Option<Timestamp> {
    let (time, rest) = usual_at_start(text)?;
    rest.is_empty().then_some(time)
}

/// The same for a text that begins with a time, and what follows the time.
#[inline(always)]
pub(crate) fn usual_at_start(text: &[u8]) -> Option<(Timestamp, &[u8])> {
    const DAYS_BEFORE_MONTH: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    /// Days from 1970 to 2000.
    const DAYS_BEFORE_2000: i64 = 10_957;
    let (date, rest) = text.split_first_chunk()?;
    let (time, [b':', s, t, tail @ ..]) = rest.split_first_chunk()? else {
        return None;
    };
    let [year, month] = Eight::of(*date).numbers(*b"20__-__-", [2, 5])?;
    let [day, hour, minute] = Eight::of(*time).numbers(*b"__T__:__", [0, 3, 6])?;
    let (s, t) = (s.wrapping_sub(b'0'), t.wrapping_sub(b'0'));
    let second = (s < 10 && t < 10).then_some(i64::from(s) * 10 + i64::from(t))?;
    if !(1..=28).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (nanos, rest) = match tail {
        [b'Z', rest @ ..] => (0, rest),
        [b'.', fraction @ ..] => nanos(fraction)?,
        _ => return None,
    };
    let before = DAYS_BEFORE_MONTH.get(usize::try_from(month - 1).ok()?)?;
    // Of the years 2000 to 2099 every fourth is a leap year, from the first on.
    let leap_days = (year + 3) / 4 + i64::from(year % 4 == 0 && month > 2);
    let days = DAYS_BEFORE_2000 + year * 365 + leap_days + before + day - 1;
    let seconds = ((days * 24 + hour) * 60 + minute) * 60 + second;
    Some((Timestamp::new(seconds, nanos).ok()?, rest))
}

/// The nanoseconds of one to nine digits, and what follows the `Z` after them.
#[inline(never)]
fn nanos(fraction: &[u8]) -> Option<(i32, &[u8])> {
    let length = fraction.iter().take(10).position(|b| *b == b'Z')?;
    let (digits, rest) = fraction.split_at_checked(length)?;
    let mut nanos = 0;
    for at in 0..9 {
        let digit = digits.get(at).map_or(0, |b| b.wrapping_sub(b'0'));
        nanos = nanos * 10 + i32::from((digit < 10).then_some(digit)?);
    }
    (length > 0).then_some((nanos, rest.get(1..)?))
}

fn general(text: &str) -> Option<Timestamp> {
    let (head, tail) = text.split_at_checked(UNSET.len())?;
    let zone = tail.strip_prefix('.').map_or(tail, |digits| {
        digits.trim_start_matches(|c: char| c.is_ascii_digit())
    });
    // jiff also reads other forms of ISO 8601, and offsets of up to 25:59:59.
    let is_zone = has_form(zone, "Z")
        || has_form(zone, "+00:00") && zone.get(1..3).is_some_and(|hours| hours < "24");
    if !has_form(head, "0000-00-00T00:00:00") || !is_zone {
        return None;
    }
    // It takes nine digits at most.
    let fraction = tail.strip_suffix(zone)?;
    let timestamp: Timestamp = match fraction.get(..10) {
        Some(nine) => [head, nine, zone].concat().parse().ok()?,
        None => text.parse().ok()?,
    };
    if timestamp.subsec_nanosecond() == 0
        && (head.eq_ignore_ascii_case(UNSET) || timestamp.as_second() == UNSET_SECOND)
    {
        return None;
    }
    // It reads a second of 60 as 59.
    let leap = i64::from(head.ends_with(":60"));
    timestamp.checked_add(leap.seconds()).ok()
}

/// Whether `text` has the form of `form`: `0` is any digit, `+` either sign, a letter either case.
fn has_form(text: &str, form: &str) -> bool {
    text.len() == form.len()
        && text
            .bytes()
            .zip(form.bytes())
            .all(|(byte, form)| match form {
                b'0' => byte.is_ascii_digit(),
                b'+' => matches!(byte, b'+' | b'-'),
                form => byte.eq_ignore_ascii_case(&form),
            })
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
    fn every_day_of_the_century_is_as_the_library_has_it() {
        let mut days = 0;
        for day in 0..36_525_i64 {
            let seconds = 946_684_800 + day * 86_400 + 3_723;
            let timestamp = Timestamp::from_second(seconds).unwrap();
            let text = timestamp.to_string();
            let found = usual(text.as_bytes());
            days += usize::from(found.is_some());
            assert!(found.is_none_or(|found| found == timestamp), "{text}");
        }
        assert_eq!(days, 100 * 12 * 28);
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
    fn texts_outside_the_grammar_are_refused() {
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
            "2024-05-01T10:00:00+02:00:30",
            "2024-05-01T10:00:00.123456789.5Z",
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
        fn the_usual_form_is_what_the_library_reads(
            text in "(20[0-9]{2}|[0-9]{4})-(0[0-9]|1[0-3])-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\\.[0-9]{0,10}|,5)?(Z|z|)",
        ) {
            if let Some(usual) = usual(text.as_bytes()) {
                prop_assert_eq!(Some(usual), general(&text));
            }
        }

        #[test]
        fn reads_what_jiff_writes(nanos in 0_i64..=i64::MAX) {
            let timestamp = Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            prop_assert_eq!(rfc3339(timestamp.to_string()), Some(timestamp));
        }
    }
}
