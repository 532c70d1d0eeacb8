//! Tables and durations.

use std::{fmt::Write as _, time::Duration};

use industrydata_core::{SignedDuration, wire::escape_controls};

/// A table with one line for each row. An empty cell is a dash.
pub(crate) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    let clean = |cell: &str| match cell {
        "" => "-".to_owned(),
        cell => escape_controls(cell).to_string(),
    };
    let heads = heads.map(str::to_owned);
    let rows: Vec<_> = std::iter::once(&heads)
        .chain(rows)
        .map(|row| row.each_ref().map(|cell| clean(cell)))
        .collect();
    let mut widths = [0; N];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            let _ = write!(line, "{cell:<width$}  ");
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// How far a clock differs from the service's, which is ahead of it by `skew`.
pub(crate) fn skew(skew: SignedDuration) -> String {
    let direction = if skew.is_negative() {
        "ahead of"
    } else {
        "behind"
    };
    format!("{} s {direction}", skew.unsigned_abs().as_secs())
}

/// A duration in its two largest units. Only those below ten seconds have a fraction.
pub(super) fn duration(time: Duration) -> String {
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
