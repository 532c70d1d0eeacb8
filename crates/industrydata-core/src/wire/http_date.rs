//! HTTP dates (RFC 9110 section 5.6.7) and the `Date` field.

use http::{HeaderMap, HeaderValue, header::DATE};
use jiff::{
    Timestamp, ToSpan,
    civil::{self, Weekday},
    tz::Offset,
};

use crate::wire::text::{number, small_number, trim_ows};

const DAYS: [(&str, &str, Weekday); 7] = [
    ("Mon", "Monday", Weekday::Monday),
    ("Tue", "Tuesday", Weekday::Tuesday),
    ("Wed", "Wednesday", Weekday::Wednesday),
    ("Thu", "Thursday", Weekday::Thursday),
    ("Fri", "Friday", Weekday::Friday),
    ("Sat", "Saturday", Weekday::Saturday),
    ("Sun", "Sunday", Weekday::Sunday),
];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// Reads an HTTP-date: IMF-fixdate, RFC 850 or asctime form (RFC 9110 section 5.6.7).
///
/// The form is case-sensitive, the date must exist, and the day name must match it. A leap second reads as the next
/// second. A two-digit year is the next year with these digits, or the latest past one if that is more than 50 years after
/// `reference`.
///
/// ```
/// use industrydata_core::wire::http_date;
/// use jiff::Timestamp;
///
/// let now: Timestamp = "2026-03-10T12:00:00Z".parse()?;
/// let date: Timestamp = "1994-11-06T08:49:37Z".parse()?;
/// assert_eq!(http_date(b"Sun, 06 Nov 1994 08:49:37 GMT", now), Some(date));
/// assert_eq!(http_date(b"Sunday, 06-Nov-94 08:49:37 GMT", now), Some(date));
/// assert_eq!(http_date(b"Sun Nov  6 08:49:37 1994", now), Some(date));
/// assert_eq!(http_date(b"Mon, 06 Nov 1994 08:49:37 GMT", now), None);
/// # Ok::<(), jiff::Error>(())
/// ```
#[must_use]
pub fn http_date(value: &[u8], reference: Timestamp) -> Option<Timestamp> {
    imf_fixdate(value)
        .or_else(|| rfc850(value, reference))
        .or_else(|| asctime(value))?
        .timestamp()
}

/// The `Date` of an answer: its time by the server's clock (RFC 9110 section 6.6.1).
///
/// `None` if it is missing or invalid, or if two field lines differ.
#[must_use]
pub fn date(headers: &HeaderMap, now: Timestamp) -> Option<Timestamp> {
    http_date(trim_ows(date_line(headers)?.as_bytes()), now)
}

/// The line of the `Date` field. `None` if there is none, or if two differ.
pub(crate) fn date_line(headers: &HeaderMap) -> Option<&HeaderValue> {
    let mut lines = headers.get_all(DATE).iter();
    let line = lines.next()?;
    (!lines.any(|other| other != line)).then_some(line)
}

/// The parts of a date as written, with a year of four digits.
struct Written {
    weekday: Weekday,
    year: i16,
    month: i8,
    day: i8,
    time: Time,
}

/// Hour, minute and second as written.
type Time = (i8, i8, i8);

impl Written {
    fn timestamp(&self) -> Option<Timestamp> {
        let date = civil::Date::new(self.year, self.month, self.day).ok()?;
        if date.weekday() != self.weekday {
            return None;
        }
        let (hour, minute, second) = self.time;
        let time = civil::Time::new(hour, minute, second.min(59), 0).ok()?;
        // A timestamp cannot hold the last two days of the year 9999.
        let Ok(timestamp) = Offset::UTC.to_timestamp(date.to_datetime(time)) else {
            return Some(Timestamp::MAX);
        };
        match second {
            ..60 => Some(timestamp),
            60 => Some(timestamp.checked_add(1.second()).unwrap_or(Timestamp::MAX)),
            61.. => None,
        }
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(value: &[u8]) -> Option<Written> {
    let [w1, w2, w3, b',', b' ', rest @ ..] = value else {
        return None;
    };
    let [
        d1,
        d2,
        b' ',
        m1,
        m2,
        m3,
        b' ',
        year @ ..,
        b' ',
        b'G',
        b'M',
        b'T',
    ] = rest
    else {
        return None;
    };
    let [y1, y2, y3, y4, b' ', time @ ..] = year else {
        return None;
    };
    Some(Written {
        weekday: short_weekday([*w1, *w2, *w3])?,
        year: number(&[*y1, *y2, *y3, *y4])?,
        month: month([*m1, *m2, *m3])?,
        day: small_number(&[*d1, *d2])?,
        time: time_of_day(time)?,
    })
}

/// `Sunday, 06-Nov-94 08:49:37 GMT`
fn rfc850(value: &[u8], reference: Timestamp) -> Option<Written> {
    let weekday = value.iter().position(|b| *b == b',')?;
    let (weekday, rest) = value.split_at_checked(weekday)?;
    let [b',', b' ', d1, d2, b'-', m1, m2, m3, b'-', rest @ ..] = rest else {
        return None;
    };
    let [y1, y2, b' ', time @ .., b' ', b'G', b'M', b'T'] = rest else {
        return None;
    };
    let mut written = Written {
        weekday: DAYS
            .iter()
            .find(|(_, long, _)| long.as_bytes() == weekday)
            .map(|(_, _, weekday)| *weekday)?,
        year: number(&[*y1, *y2])?,
        month: month([*m1, *m2, *m3])?,
        day: small_number(&[*d1, *d2])?,
        time: time_of_day(time)?,
    };
    written.year = full_year(&written, reference);
    Some(written)
}

/// `Sun Nov  6 08:49:37 1994`
fn asctime(value: &[u8]) -> Option<Written> {
    let [w1, w2, w3, b' ', m1, m2, m3, b' ', d1, d2, b' ', rest @ ..] = value else {
        return None;
    };
    let [time @ .., b' ', y1, y2, y3, y4] = rest else {
        return None;
    };
    let tens = if *d1 == b' ' { b'0' } else { *d1 };
    Some(Written {
        weekday: short_weekday([*w1, *w2, *w3])?,
        year: number(&[*y1, *y2, *y3, *y4])?,
        month: month([*m1, *m2, *m3])?,
        day: small_number(&[tens, *d2])?,
        time: time_of_day(time)?,
    })
}

/// The next year with the two digits of `written`, or the one a century before (R4).
fn full_year(written: &Written, reference: Timestamp) -> i16 {
    let now = Offset::UTC.to_datetime(reference);
    let century = now.year().saturating_sub(now.year().rem_euclid(100));
    let mut year = century.saturating_add(written.year);
    if year < now.year() {
        year = year.saturating_add(100);
    }
    let ahead = (year, written.month, written.day, written.time, 0);
    let limit = (
        now.year().saturating_add(50),
        now.month(),
        now.day(),
        (now.hour(), now.minute(), now.second()),
        now.subsec_nanosecond(),
    );
    if ahead > limit {
        year.saturating_sub(100)
    } else {
        year
    }
}

fn short_weekday(name: [u8; 3]) -> Option<Weekday> {
    DAYS.iter()
        .find(|(short, _, _)| short.as_bytes() == name)
        .map(|(_, _, weekday)| *weekday)
}

fn month(name: [u8; 3]) -> Option<i8> {
    let at = MONTHS.iter().position(|month| **month == name)?;
    i8::try_from(at.saturating_add(1)).ok()
}

fn time_of_day(time: &[u8]) -> Option<Time> {
    let [h1, h2, b':', m1, m2, b':', s1, s2] = time else {
        return None;
    };
    Some((
        small_number(&[*h1, *h2])?,
        small_number(&[*m1, *m2])?,
        small_number(&[*s1, *s2])?,
    ))
}

#[cfg(test)]
mod tests;
