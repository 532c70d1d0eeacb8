//! A figure with its aim, and the table of all figures.

use crate::Failure;

/// An aim is met up to this factor of it. What is beyond has to be argued.
const TOLERANCE: f64 = 1.05;

/// One line of the table.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    /// At most 32 characters are shown aligned.
    pub(crate) name: String,
    /// What was measured, in `unit`.
    pub(crate) value: f64,
    /// At most 6 characters are shown aligned.
    pub(crate) unit: &'static str,
    /// `value` divided by the one that it is compared with.
    pub(crate) ratio: Option<f64>,
    pub(crate) aim: Aim,
    pub(crate) argued: Option<Argued>,
}

/// What is asked of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    /// It is there for comparison.
    None,
    /// The value is at most this.
    Value(f64),
    /// The ratio is at most this.
    Ratio(f64),
    /// The ratio is at least this.
    #[cfg_attr(not(feature = "stores"), allow(dead_code, reason = "for rates"))]
    RatioOfAtLeast(f64),
}

/// Why a figure may be beyond its aim, and by how much at most.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Argued {
    /// The limit that holds in place of the aim, without the tolerance.
    pub(crate) limit: f64,
    pub(crate) why: &'static str,
}

/// What a part of the bench found.
pub(crate) enum Part {
    Figures(Vec<Figure>),
    /// It lacks this.
    NotRun(String),
}

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// There is no aim.
    Given,
    Met,
    Argued,
    Short,
}

impl Figure {
    /// A figure without a ratio and an aim.
    pub(crate) fn new(name: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self {
            name: name.into(),
            value,
            unit,
            ratio: None,
            aim: Aim::None,
            argued: None,
        }
    }

    /// Adds the ratio to another value of the same unit.
    pub(crate) fn beside(mut self, other: f64) -> Self {
        self.ratio = Some(self.value / other);
        self
    }

    pub(crate) fn aim(mut self, aim: Aim) -> Self {
        self.aim = aim;
        self
    }

    pub(crate) fn argued(mut self, argued: Option<Argued>) -> Self {
        self.argued = argued;
        self
    }

    /// A figure that is no number, or has no ratio although its aim is one, falls short.
    fn verdict(&self) -> Verdict {
        let ratio = self.ratio.unwrap_or(f64::NAN);
        let argued = self.argued.map(|it| it.limit);
        let (is_met, is_argued) = match self.aim {
            Aim::None => return Verdict::Given,
            Aim::Value(most) => (
                self.value <= most * TOLERANCE,
                argued.is_some_and(|limit| self.value <= limit),
            ),
            Aim::Ratio(most) => (
                ratio <= most * TOLERANCE,
                argued.is_some_and(|limit| ratio <= limit),
            ),
            Aim::RatioOfAtLeast(least) => (
                ratio * TOLERANCE >= least,
                argued.is_some_and(|limit| ratio >= limit),
            ),
        };
        match (is_met, is_argued) {
            (true, _) => Verdict::Met,
            (false, true) => Verdict::Argued,
            (false, false) => Verdict::Short,
        }
    }

    /// The line of the table, of at most 80 columns if the names keep to their widths.
    fn line(&self) -> String {
        let ratio = self.ratio.map_or_else(String::new, |it| format!("{it:.3}"));
        let aim = match self.aim {
            Aim::None => String::new(),
            Aim::Value(most) => number(most),
            Aim::Ratio(most) => format!("{most:.2}x"),
            Aim::RatioOfAtLeast(least) => format!(">={least:.2}x"),
        };
        let verdict = match self.verdict() {
            Verdict::Given => "",
            Verdict::Met => "met",
            Verdict::Argued => "argued",
            Verdict::Short => "SHORT",
        };
        let (name, value, unit) = (&self.name, number(self.value), self.unit);
        let line = format!("{name:32} {value:>11} {unit:6} {ratio:>7} {aim:>9} {verdict}");
        line.trim_end().to_owned()
    }
}

/// Prints figures as they come, and remembers what fell short.
#[derive(Debug, Default)]
pub(crate) struct Table {
    argued: Vec<String>,
    short: Vec<String>,
    not_run: Vec<String>,
}

impl Table {
    pub(crate) fn new() -> Self {
        println!(
            "{:32} {:>11} {:6} {:>7} {:>9}",
            "", "measured", "", "ratio", "aim"
        );
        Self::default()
    }

    /// Prints a part under its title.
    pub(crate) fn add(&mut self, title: &str, part: Part) {
        println!("{title}");
        match part {
            Part::Figures(figures) => figures.iter().for_each(|figure| self.figure(figure)),
            Part::NotRun(lacks) => {
                println!("  not run: {lacks}");
                self.not_run.push(title.to_owned());
            }
        }
    }

    fn figure(&mut self, figure: &Figure) {
        println!("{}", figure.line());
        match figure.verdict() {
            Verdict::Given | Verdict::Met => {}
            Verdict::Argued => {
                if let Some(Argued { limit, why }) = figure.argued {
                    self.argued
                        .push(format!("{}, up to {}: {why}", figure.name, number(limit)));
                }
            }
            Verdict::Short => self.short.push(figure.name.clone()),
        }
    }

    /// Prints the reasons of what was argued.
    ///
    /// # Errors
    ///
    /// If something fell short.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        for argued in &self.argued {
            println!("argued: {argued}");
        }
        if !self.not_run.is_empty() {
            println!("parts not run: {}", self.not_run.join(", "));
        }
        if self.short.is_empty() {
            return Ok(());
        }
        Err(format!("short of the aim: {}", self.short.join("; ")).into())
    }
}

/// A number with commas between its thousands, and with decimals if it is small.
fn number(value: f64) -> String {
    let text = match value.abs() {
        ..10.0 => return format!("{value:.2}"),
        ..100.0 => return format!("{value:.1}"),
        _ => format!("{value:.0}"),
    };
    let mut apart = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > usize::from(value < 0.0) && (text.len() - at).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(value: f64, other: f64, aim: Aim, limit: Option<f64>) -> Verdict {
        let argued = limit.map(|limit| Argued { limit, why: "" });
        let figure = Figure::new("", value, "").beside(other);
        figure.aim(aim).argued(argued).verdict()
    }

    #[test]
    fn an_aim_is_met_up_to_its_tolerance_and_argued_up_to_a_limit() {
        let value = |value, limit| verdict(value, 1.0, Aim::Value(100.0), limit);
        assert_eq!(value(104.9, None), Verdict::Met);
        assert_eq!(value(105.1, None), Verdict::Short);
        assert_eq!(value(105.1, Some(110.0)), Verdict::Argued);
        assert_eq!(value(110.1, Some(110.0)), Verdict::Short);
        assert_eq!(value(f64::NAN, Some(110.0)), Verdict::Short);
        let ratio = |value, limit| verdict(value, 100.0, Aim::Ratio(1.1), limit);
        assert_eq!(ratio(115.0, None), Verdict::Met);
        assert_eq!(ratio(116.0, None), Verdict::Short);
        assert_eq!(ratio(116.0, Some(1.2)), Verdict::Argued);
        let least = |value, limit| verdict(value, 100.0, Aim::RatioOfAtLeast(0.85), limit);
        assert_eq!(least(81.0, None), Verdict::Met);
        assert_eq!(least(80.0, None), Verdict::Short);
        assert_eq!(least(80.0, Some(0.7)), Verdict::Argued);
        assert_eq!(least(69.0, Some(0.7)), Verdict::Short);
        assert_eq!(verdict(1.0, 0.0, Aim::None, None), Verdict::Given);
        let no_ratio = Figure::new("", 1.0, "").aim(Aim::Ratio(1.0));
        assert_eq!(no_ratio.verdict(), Verdict::Short);
    }

    #[test]
    fn a_table_with_a_figure_that_falls_short_is_a_failure() {
        let mut table = Table::new();
        let figure = Figure::new("fine", 1.0, "B").aim(Aim::Value(1.0));
        table.add("a", Part::Figures(vec![figure.clone()]));
        table.add("b", Part::NotRun("a server".to_owned()));
        let short = Figure {
            value: 2.0,
            ..figure
        };
        let mut other = Table::new();
        other.add("a", Part::Figures(vec![short]));
        assert!(table.finish().is_ok());
        assert!(other.finish().is_err());
    }

    #[test]
    fn lines_are_aligned_within_80_columns() {
        let figure = Figure::new("reserve and settle, 4 before", 1_234_567_890.0, "instr")
            .beside(98_765_432.0)
            .aim(Aim::RatioOfAtLeast(12.0))
            .argued(Some(Argued {
                limit: 99.0,
                why: "",
            }));
        assert!(figure.line().chars().count() <= 80, "{}", figure.line());
        assert_eq!(
            figure.line(),
            "reserve and settle, 4 before     1,234,567,890 instr   12.500  >=12.00x met"
        );
        assert_eq!(number(1_234.5), "1,234");
        assert_eq!(number(-123.4), "-123");
        assert_eq!(number(99.96), "100.0");
        assert_eq!(number(1.0), "1.00");
    }
}
