//! Tables.

use std::fmt::Write as _;

use industrydata_core::{SignedDuration, wire::escape_controls};

use crate::terminal::{
    colour::{HEADING, paint},
    width::{Width, columns},
};

/// A table with one line for each row. An empty cell is a dash. The last columns that do not fit the terminal stand below
/// their row.
pub(crate) fn table<const N: usize>(heads: [&str; N], rows: &[[String; N]]) -> String {
    table_in(Width::stdout(), heads, rows)
}

fn table_in<const N: usize>(width: Width, heads: [&str; N], rows: &[[String; N]]) -> String {
    let clean = |cell: &str| match cell {
        "" => "-".to_owned(),
        cell => escape_controls(cell).to_string(),
    };
    let rows: Vec<_> = rows
        .iter()
        .map(|row| row.each_ref().map(|cell| clean(cell)))
        .collect();
    let mut widths = heads.map(columns);
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = columns(cell).max(*width);
        }
    }
    let ends = widths.iter().scan(0, |end, width| {
        *end += width + 2;
        Some(*end - 2)
    });
    let inside = ends.take_while(|end| width.fits(*end)).count().max(1);
    let line = |cells: &[String]| {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(cells).take(inside) {
            let space = " ".repeat(width - columns(cell));
            let _ = write!(line, "{cell}{space}  ");
        }
        line.trim_end().to_owned()
    };
    let heading = line(&heads.map(str::to_owned));
    let mut text = format!("{}\n", paint(HEADING, &heading));
    for row in &rows {
        let _ = writeln!(text, "{}", line(row));
        let below = heads.iter().zip(row).skip(inside);
        for (head, cell) in below.filter(|(_, cell)| *cell != "-") {
            let cell = format!("  {}: {cell}", head.to_lowercase());
            let _ = writeln!(text, "{}", width.wrap(&cell, "    "));
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_the_terminal() {
        let rows = [
            ["171bf0b4", "completed", "a name with words"].map(str::to_owned),
            ["2", "", ""].map(str::to_owned),
        ];
        let shown = |width| {
            let text = table_in(Width(width), ["ID", "STATUS", "NAME"], &rows);
            anstream::adapter::strip_str(&text).to_string()
        };
        let whole = "ID        STATUS     NAME\n171bf0b4  completed  a name with words\n2         -          -\n";
        assert_eq!(shown(None), whole);
        assert_eq!(shown(Some(38)), whole);
        assert_eq!(
            shown(Some(37)),
            "ID        STATUS\n171bf0b4  completed\n  name: a name with words\n2         -\n"
        );
        assert_eq!(
            shown(Some(12)),
            "ID\n171bf0b4\n  status:\n    completed\n  name: a\n    name\n    with\n    words\n2\n"
        );
    }
}
