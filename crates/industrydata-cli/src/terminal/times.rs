//! Times for people: in their time zone and relative to now. Where the zone is not known, times are in UTC. Durations in two
//! units.

use std::{env, fs, path::Path, sync::OnceLock, time::Duration};

use industrydata_core::Timestamp;
use jiff::tz::TimeZone;

/// The time zone of the user, if the system names one.
fn zone() -> Option<&'static TimeZone> {
    static ZONE: OnceLock<Option<TimeZone>> = OnceLock::new();
    let zone = ZONE.get_or_init(|| {
        let is_of_the_machine = cfg!(unix) && env::var_os("TZ").is_none();
        is_of_the_machine
            .then(|| zone_of(Path::new("/etc/localtime")))
            .flatten()
            .or_else(|| TimeZone::try_system().ok())
            .filter(|zone| !zone.is_unknown())
    });
    zone.as_ref()
}

/// The zone whose rules are in this file.
///
/// jiff would find the zone's name too, which is not shown here. For that it lists the folders of all zones, which takes a third of
/// a short command's time.
fn zone_of(file: &Path) -> Option<TimeZone> {
    TimeZone::tzif("local", &fs::read(file).ok()?).ok()
}

/// A time to the second: `2026-03-10 07:00:00 +01:00`, or `2026-03-10 06:00:00Z` in UTC.
pub(crate) fn at(time: Timestamp) -> String {
    format(time, zone(), "%Y-%m-%d %H:%M:%S")
}

/// The same without the date if that is today's.
pub(crate) fn at_today(time: Timestamp, now: Timestamp) -> String {
    let day = |time| format(time, zone(), "%Y-%m-%d");
    if day(time) == day(now) {
        return format(time, zone(), "%H:%M:%S");
    }
    at(time)
}

/// The time and how far it is from now: `… (in 11 h 57 min)`.
pub(crate) fn at_and_in(time: Timestamp, now: Timestamp) -> String {
    format!("{} ({})", at(time), relative(time, now))
}

/// How far a time is from now: `in 11 h 57 min`, `2 h ago`, `now`.
pub(crate) fn relative(time: Timestamp, now: Timestamp) -> String {
    let ahead = time.duration_since(now);
    // Whole seconds: the clocks of two machines agree no better.
    let distance = Duration::from_secs(ahead.unsigned_abs().as_secs());
    if distance.is_zero() {
        return "now".to_owned();
    }
    match ahead.is_negative() {
        true => format!("{} ago", duration(distance)),
        false => format!("in {}", duration(distance)),
    }
}

/// A time of a JSON document for people. What is not a time stays as it is.
pub(crate) fn of_text(text: &str) -> String {
    text.parse().map_or_else(|_| text.to_owned(), at)
}

/// The text with its times for people: those that end a word, or stand before a punctuation mark.
pub(crate) fn in_text(text: &str) -> String {
    let words = text.split_inclusive(' ').map(|word| {
        let bare = word.trim_end_matches([' ', ':', ',', ';', ')']);
        let time = bare.ends_with('Z').then(|| bare.parse().ok()).flatten();
        match time {
            Some(time) => format!("{}{}", at(time), word.get(bare.len()..).unwrap_or_default()),
            None => word.to_owned(),
        }
    });
    words.collect()
}

fn format(time: Timestamp, zone: Option<&TimeZone>, form: &str) -> String {
    let has_time = form.contains("%S");
    let zoned = zone.map(|zone| time.to_zoned_datetime(zone.clone()));
    let Some(zoned) = zoned.filter(|zoned| !zoned.offset().is_zero()) else {
        let text = time.strftime(form).to_string();
        return if has_time { format!("{text}Z") } else { text };
    };
    let text = zoned.strftime(form).to_string();
    match has_time {
        true => format!("{text} {}", zoned.strftime("%:z")),
        false => text,
    }
}

/// A duration in its two largest units. Only those below ten seconds have a fraction.
pub(crate) fn duration(time: Duration) -> String {
    let tenths = (time.as_millis() + 50) / 100;
    if tenths < 100 {
        return match (tenths / 10, tenths % 10) {
            (whole, 0) => format!("{whole} s"),
            (whole, tenth) => format!("{whole}.{tenth} s"),
        };
    }
    let seconds = (time.as_millis() + 500) / 1000;
    let units = [
        (seconds / 86_400, "d"),
        (seconds / 3600 % 24, "h"),
        (seconds / 60 % 60, "min"),
        (seconds % 60, "s"),
    ];
    let largest = units.iter().skip_while(|(count, _)| *count == 0);
    let shown = largest.take(2).filter(|(count, _)| *count > 0);
    let shown: Vec<_> = shown
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_time_is_local_with_its_offset_or_in_utc() {
        let form = "%Y-%m-%d %H:%M:%S";
        let at = time("2026-03-10T23:30:00.5Z");
        for (zone, text) in [
            (None, "2026-03-10 23:30:00Z"),
            (Some("UTC0"), "2026-03-10 23:30:00Z"),
            (Some("CET-1"), "2026-03-11 00:30:00 +01:00"),
            (Some("IST-5:30"), "2026-03-11 05:00:00 +05:30"),
            (Some("EST5"), "2026-03-10 18:30:00 -05:00"),
        ] {
            let zone = zone.map(|zone| TimeZone::posix(zone).unwrap());
            assert_eq!(format(at, zone.as_ref(), form), text);
        }
    }

    /// Two parts (RFC 9636, section 3), each with one type of local time, and a rule for all times after them.
    #[test]
    fn a_zone_is_read_from_the_file_of_its_rules() {
        let mut header = b"TZif2".to_vec();
        header.extend([0; 15]);
        for count in [0_u32, 0, 0, 0, 1, 4] {
            header.extend(count.to_be_bytes());
        }
        let mut part = header;
        part.extend(3600_i32.to_be_bytes());
        part.extend(b"\0\0CET\0");
        let rules = [&part[..], &part, b"\nCET-1\n"].concat();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("localtime");
        std::fs::write(&file, &rules).unwrap();
        let text = format(
            time("2026-03-10T23:30:00Z"),
            zone_of(&file).as_ref(),
            "%H:%M:%S",
        );
        assert_eq!(text, "00:30:00 +01:00");
        // What is no such file leaves the question to jiff.
        std::fs::write(&file, &rules[..60]).unwrap();
        assert_eq!(zone_of(&file), None);
        assert_eq!(zone_of(&folder.path().join("none")), None);
    }

    #[test]
    fn a_time_is_shown_relative_to_now() {
        let now = time("2026-03-10T12:00:00Z");
        for (at, text) in [
            ("2026-03-10T23:57:00Z", "in 11 h 57 min"),
            ("2026-03-10T12:00:00.9Z", "now"),
            ("2026-03-10T12:00:05Z", "in 5 s"),
            ("2026-03-10T11:00:00Z", "1 h ago"),
        ] {
            assert_eq!(relative(time(at), now), text);
        }
    }

    #[test]
    fn what_is_not_a_time_stays() {
        assert_eq!(of_text("yesterday"), "yesterday");
        for text in [
            "",
            "Z",
            "until  2026-03-10: xZ (Z)",
            "ends 2026-03-10T12:00:00Zx",
        ] {
            assert_eq!(in_text(text), text);
        }
        let text = in_text("until 2026-03-10T12:00:00.25Z: refused");
        assert!(!text.contains('T') && text.ends_with(": refused"), "{text}");
    }

    #[test]
    fn durations_are_short() {
        for (millis, text) in [
            (0, "0 s"),
            (40, "0 s"),
            (700, "0.7 s"),
            (2000, "2 s"),
            (9_949, "9.9 s"),
            (9_950, "10 s"),
            (59_600, "1 min"),
            (65_000, "1 min 5 s"),
            (3_600_000, "1 h"),
            (3_605_000, "1 h"),
            (43_200_000, "12 h"),
            (93_600_000, "1 d 2 h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
