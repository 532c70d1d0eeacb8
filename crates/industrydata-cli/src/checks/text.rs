//! The checks for people: a line each, one of advice, and the commands that follow it.

use std::fmt::Write as _;

use anstyle::Style;
use industrydata_core::wire::escape_controls;

use crate::{
    checks::check::{Check, CheckResult, first_problem},
    terminal::{
        colour::{BAD, CAUTION, COMMAND, FAINT, GOOD, paint},
        times,
        width::{Width, columns},
    },
};

/// The column at which the checks begin: the longest result and a blank.
const LABEL: usize = 8;
/// The narrowest width at which what follows a line begins below its check.
const WIDE: usize = 60;

const fn style(result: CheckResult) -> Style {
    match result {
        CheckResult::Ok => GOOD,
        CheckResult::Warning => CAUTION,
        CheckResult::Problem => BAD,
    }
}

/// All checks, those that could not be made, and what they say together.
pub(crate) fn text(checks: &[Check], unmade: &[&str], width: Width) -> String {
    let indent = match width.fits(WIDE) {
        true => " ".repeat(LABEL),
        false => "  ".to_owned(),
    };
    let mut text = String::new();
    for check in checks {
        let label = check.result.name();
        let space = " ".repeat(LABEL - label.len());
        let name = check.name.replace('_', " ");
        let message = times::in_text(&escape_controls(&check.message).to_string());
        let line = width.wrap(&format!("{label}{space}{name}: {message}"), &indent);
        let rest = line.strip_prefix(label).unwrap_or_default();
        let _ = writeln!(text, "{}{rest}", paint(style(check.result), label));
        let Some(advice) = &check.advice else {
            continue;
        };
        let colon = if advice.commands.is_empty() { "" } else { ":" };
        let line = format!(
            "{indent}what to do: {}{colon}",
            escape_controls(&advice.text)
        );
        let _ = writeln!(text, "{}", width.wrap(&line, &indent));
        for command in &advice.commands {
            for line in continued(command, width, &indent) {
                let _ = writeln!(text, "{indent}{}", paint(COMMAND, &line));
            }
        }
    }
    if !unmade.is_empty() {
        let names: Vec<_> = unmade.iter().map(|name| name.replace('_', " ")).collect();
        let line = format!(
            "not checked: {}, because of what failed before",
            names.join(", ")
        );
        let _ = writeln!(text, "{}", paint(FAINT, &width.wrap(&line, &indent)));
    }
    let warnings = checks.iter().filter(|it| it.result == CheckResult::Warning);
    let warnings = match warnings.count() {
        0 => String::new(),
        1 => ", with 1 warning".to_owned(),
        many => format!(", with {many} warnings"),
    };
    let (style, verdict) = match first_problem(checks) {
        None => (GOOD, format!("a start is possible{warnings}")),
        Some(document) => {
            let code = document.outcome.exit_code();
            (
                BAD,
                format!(
                    "a start would end with exit code {code}: fix the first problem, then look again"
                ),
            )
        }
    };
    let _ = writeln!(text, "{}", paint(style, &width.wrap(&verdict, "  ")));
    text
}

/// A command in lines that a shell takes as one. A line ends between two words, and never within quotes.
fn continued(command: &str, width: Width, indent: &str) -> Vec<String> {
    let room = match width.0 {
        Some(width) => width.saturating_sub(indent.len() + " \\".len()),
        None => return vec![command.to_owned()],
    };
    let mut words = vec![String::new()];
    let mut depth = (false, 0_usize);
    for letter in command.chars() {
        depth = match letter {
            '"' => (!depth.0, depth.1),
            '(' => (depth.0, depth.1 + 1),
            ')' => (depth.0, depth.1.saturating_sub(1)),
            _ => depth,
        };
        match (letter, words.last_mut()) {
            (' ', _) if !depth.0 => words.push(String::new()),
            (_, Some(last)) => last.push(letter),
            (_, None) => {}
        }
    }
    let mut lines: Vec<String> = Vec::new();
    for word in words {
        match lines.last_mut() {
            Some(line) if columns(line) + 1 + columns(&word) <= room => {
                line.push(' ');
                line.push_str(&word);
            }
            Some(line) => {
                line.push_str(" \\");
                lines.push(format!("    {word}"));
            }
            None => lines.push(word),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        checks::check::{Advice, Step},
        report::{Document, Kind, Outcome},
    };

    const COMMAND_LINE: &str = "az rest --method post --url \"https://graph.microsoft.com/v1.0/x\" --body \"{\\\"a\\\":\\\"b c\\\"}\"";

    fn checks() -> Vec<Check> {
        let document = Document::error(
            Outcome::Unauthorized,
            Kind::Forbidden,
            "the token may not start runs before 2026-03-10T12:00:00Z, whatever it says",
        );
        let advice = Advice {
            text: "have an administrator grant the permission of this kind, then get a new token"
                .to_owned(),
            commands: vec![COMMAND_LINE.to_owned()],
        };
        vec![
            Check::ok(Step::Settings, "settings", "all are valid"),
            Check::warning(
                Step::LedgerPlace,
                "ledger_place",
                "it is in memory",
                "use a disk",
            ),
            Check::problem(Step::Answer, "permissions", document).advise(advice),
        ]
    }

    fn shown(width: Option<usize>, unmade: &[&str]) -> String {
        let text = text(&checks(), unmade, Width(width));
        anstream::adapter::strip_str(&text).to_string()
    }

    #[test]
    fn a_line_for_each_check_and_one_of_advice() {
        let text = shown(None, &[]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "ok      settings: all are valid");
        assert_eq!(lines[1], "warning ledger place: it is in memory");
        assert_eq!(lines[2], "        what to do: use a disk");
        assert!(
            lines[3].starts_with("problem permissions: the token may not"),
            "{text}"
        );
        assert!(lines[4].ends_with("get a new token:"), "{text}");
        assert_eq!(lines[5], format!("        {COMMAND_LINE}"));
        assert_eq!(
            lines[6],
            "a start would end with exit code 4: fix the first problem, then look again"
        );
        let text = shown(None, &["token", "clock"]);
        assert!(
            text.contains("not checked: token, clock, because"),
            "{text}"
        );
    }

    #[test]
    fn lines_fit_80_and_40_columns() {
        for width in [80, 40] {
            for line in shown(Some(width), &["ledger_place", "quota", "network"]).lines() {
                let is_word =
                    !line.trim().trim_end_matches(" \\").contains(' ') || line.contains('"');
                assert!(columns(line) <= width || is_word, "{width}: {line:?}");
            }
        }
    }

    #[test]
    fn a_command_goes_on_in_the_next_line() {
        let lines = continued(COMMAND_LINE, Width(Some(40)), "  ");
        assert!(lines.len() > 2, "{lines:?}");
        let joined: Vec<_> = lines
            .iter()
            .map(|line| line.trim_start().trim_end_matches(" \\"))
            .collect();
        assert_eq!(joined.join(" "), COMMAND_LINE);
        let assignment = "graph=$(az ad sp show --id 0 --query id --output tsv)";
        let lines = continued(assignment, Width(Some(30)), "  ");
        let joined: Vec<_> = lines
            .iter()
            .map(|line| line.trim_start().trim_end_matches(" \\"))
            .collect();
        assert_eq!(joined.join(" "), assignment);
    }
}
