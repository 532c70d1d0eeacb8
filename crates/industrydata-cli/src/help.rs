//! The command line as it is shown: wrapped to the terminal, styled, and each command with the options that it takes.

use std::{ffi::OsString, fmt::Write as _};

use clap::{
    Arg, Command, CommandFactory,
    builder::{StyledStr, Styles},
};

use crate::{
    args::Cli,
    environment::Environment,
    report::SCHEMA_VERSION,
    settings,
    taken_options::{COMMANDS, Takes},
    terminal::{
        colour::{BAD, COMMAND, Colour, GOOD, HEADING, paint},
        width::{Width, columns},
    },
};

/// Options of the output, which every command takes.
#[cfg(test)]
const OUTPUT: [&str; 4] = ["output", "color", "verbose", "quiet"];

const EMULATED_CREDENTIAL: &str = "\
Kind of credential to print variables for

Besides the variables that are always printed, those with which a command in \
another shell uses this kind. Without it, they have a token that never expires.";

/// The command line for this terminal and user.
pub(crate) fn command(env: Environment<'_>, colour: Colour) -> Command {
    let width = Width::stdout().help();
    let ledger = settings::default_ledger(env).ok();
    let ledger = ledger.map(|path| path.display().to_string());
    let styles = Styles::styled()
        .header(HEADING)
        .usage(HEADING)
        .literal(COMMAND)
        .placeholder(anstyle::Style::new())
        .valid(GOOD)
        .invalid(BAD)
        .error(BAD);
    let choice = match colour {
        Colour::Auto => clap::ColorChoice::Auto,
        Colour::Always => clap::ColorChoice::Always,
        Colour::Never => clap::ColorChoice::Never,
    };
    let mut command = plain()
        .styles(styles)
        .color(choice)
        .term_width(width)
        .long_version(long_version(ledger.as_deref()));
    if let Some(path) = ledger {
        command = command.mut_arg("ledger", |arg| {
            let help = arg.get_long_help().unwrap_or_default().to_string();
            arg.long_help(format!("{help}\n\n[default: {path}]"))
        });
    }
    laid_out(command, width)
}

/// The interval of a start, whose ledger has how long earlier operations took. Other waits read no ledger.
const LEARNED_INTERVAL: &str = "\
Fixed interval between polls

By default it grows from 5 s to 45 s. Once the ledger knows how long four \
operations of the tenant took, it follows from them. A longer Retry-After takes \
precedence.";

/// The definition, with the help that only one command has.
fn defined() -> Command {
    Cli::command().mut_subcommand("start", |start| {
        start.mut_arg("poll_interval", |arg| arg.long_help(LEARNED_INTERVAL))
    })
}

/// A global option as a command shows it, if it does.
fn shown_by(takes: &Takes, arg: &Arg) -> Option<Arg> {
    match (takes.command, arg.get_id().as_str()) {
        // It uses none: the emulator plays them.
        ("emulator", "credential") => Some(
            arg.clone()
                .help("Kind of credential to print variables for")
                .long_help(EMULATED_CREDENTIAL),
        ),
        (_, id) => (!takes.hides(id)).then(|| arg.clone()),
    }
}

/// The command line for a page that others read: without anything of this terminal and user.
pub(crate) fn plain() -> Command {
    let command = defined();
    let hidden = |takes: &Takes| {
        let globals = command.get_arguments();
        let args = globals.filter(|arg| takes.hides(arg.get_id().as_str()));
        args.map(|arg| shown_by(takes, arg).unwrap_or_else(|| arg.clone().hide(true)))
            .collect::<Vec<_>>()
    };
    let hidden: Vec<_> = COMMANDS.iter().map(|it| (it.command, hidden(it))).collect();
    hidden.into_iter().fold(command, |command, (name, args)| {
        // An argument of the same name takes the place of the global one.
        command.mut_subcommand(name, |command| command.args(args))
    })
}

/// The command line for a script that completes it, which would offer hidden options too: each command has those that its
/// help shows, and no others.
pub(crate) fn completed() -> Command {
    let command = defined();
    let globals = command.get_arguments().filter(|arg| arg.is_global_set());
    let globals: Vec<Arg> = globals.map(|arg| arg.clone().global(false)).collect();
    let names: Vec<_> = command
        .get_subcommands()
        .map(|it| it.get_name().to_owned())
        .collect();
    let command = globals.iter().fold(command, |command, arg| {
        command.mut_arg(arg.get_id().as_str(), |arg| arg.global(false))
    });
    names.into_iter().fold(command, |command, name| {
        let takes = COMMANDS.iter().find(|it| it.command == name);
        let shown = |arg: &Arg| takes.map_or_else(|| Some(arg.clone()), |it| shown_by(it, arg));
        let shown: Vec<_> = globals.iter().filter_map(shown).collect();
        command.mut_subcommand(name, |it| with_options(it, &shown))
    })
}

/// The command, and those below it, with these options.
fn with_options(command: Command, options: &[Arg]) -> Command {
    let names: Vec<_> = command
        .get_subcommands()
        .map(|it| it.get_name().to_owned())
        .collect();
    let command = command.args(options);
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |it| with_options(it, options))
    })
}

/// The command that the arguments call, by its words, although they do not parse.
pub(crate) fn called(command: &Command, arguments: &[OsString]) -> String {
    let (mut command, mut words) = (command, command.get_name().to_owned());
    let mut arguments = arguments.iter().skip(1);
    while let Some(word) = arguments.next().and_then(|it| it.to_str()) {
        if word == "--" {
            break;
        }
        if let Some(option) = word.strip_prefix('-') {
            let name = option.trim_start_matches('-');
            let named = |arg: &&Arg| {
                arg.get_long() == Some(name)
                    || arg.get_short().is_some_and(|it| name == it.to_string())
            };
            let option = command.get_arguments().find(named);
            if option.is_some_and(|arg| arg.get_action().takes_values()) {
                arguments.next();
            }
            continue;
        }
        let Some(inner) = command.find_subcommand(word).filter(|_| word != "help") else {
            break;
        };
        command = inner;
        words = format!("{words} {word}");
    }
    words
}

fn long_version(ledger: Option<&str>) -> String {
    let mut text = format!(
        "{}\ntarget: {}-{}\nHTTP clients: blocking (ureq), async (reqwest)\nledger stores: SQLite, PostgreSQL, none\n\
         JSON documents: schema version {}\n",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS,
        SCHEMA_VERSION,
    );
    if let Some(path) = ledger {
        let _ = writeln!(text, "default ledger: {path}");
    }
    text.truncate(text.trim_end().len());
    text
}

/// Lays out the texts below the options of a command and of its subcommands.
fn laid_out(command: Command, width: usize) -> Command {
    let long = command
        .get_after_long_help()
        .map(|text| styled(text, width));
    let short = command.get_after_help().map(|text| styled(text, width));
    let about = command.get_long_about().map(|text| styled(text, width));
    let names: Vec<_> = command
        .get_subcommands()
        .map(|it| it.get_name().to_owned())
        .collect();
    let mut command = command;
    if let Some(long) = long {
        command = command.after_long_help(long);
    }
    if let Some(short) = short {
        command = command.after_help(short);
    }
    if let Some(about) = about {
        command = command.long_about(about);
    }
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |it| laid_out(it, width))
    })
}

/// Headings and commands in their style, and lines wrapped. A line without an indent continues the paragraph above it.
fn styled(text: &StyledStr, width: usize) -> StyledStr {
    let text = text.to_string();
    let mut paragraphs: Vec<String> = Vec::new();
    for line in text.lines() {
        match paragraphs.last_mut() {
            Some(last) if continues(last, line) => {
                last.push(' ');
                last.push_str(line.trim_start());
            }
            _ => paragraphs.push(line.to_owned()),
        }
    }
    let width = Width(Some(width));
    let lines = paragraphs.iter().map(|line| {
        if is_command(line) {
            return example(line, width);
        }
        let wrapped = width.wrap(line, &" ".repeat(hanging(line, width)));
        match is_heading(line) {
            true => paint(HEADING, &wrapped),
            false => wrapped,
        }
    });
    StyledStr::from(lines.collect::<Vec<_>>().join("\n"))
}

/// How far the note on a command is indented.
const NOTE: usize = 6;

fn is_heading(line: &str) -> bool {
    !line.starts_with(' ') && line.ends_with(':') && line.len() <= 50
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// Whether a line goes on with the prose, or the note, of the line above.
fn continues(last: &str, line: &str) -> bool {
    let is_text = !last.is_empty() && !line.is_empty() && !is_heading(last);
    is_text && indent(last) == indent(line) && [0, NOTE].contains(&indent(line))
}

fn is_command(line: &str) -> bool {
    line.trim_start().starts_with("industrydata ")
}

/// The column at which a line goes on: that of its second item, where items are two spaces apart.
fn hanging(line: &str, width: Width) -> usize {
    let indent = indent(line);
    if [0, NOTE].contains(&indent) {
        return indent;
    }
    let second = line.trim_start().split_once("  ").map(|(_, second)| second);
    let column = second.map(|second| line.len() - second.trim_start().len());
    let most = width.0.unwrap_or(usize::MAX) / 2;
    column
        .filter(|column| *column <= most)
        .unwrap_or(indent + 2)
}

/// A command in its style, and the note after it: below it, if the two do not fit in a line.
fn example(line: &str, width: Width) -> String {
    let command_style = |text: &str| {
        let (space, command) = text.split_at(indent(text));
        format!("{space}{}", paint(COMMAND, command))
    };
    let start = indent(line);
    let (command, note) = match line.trim_start().split_once("  ") {
        Some((command, note)) => (command.len() + start, Some(note)),
        None => (line.len(), None),
    };
    let (command, rest) = line.split_at(command);
    if width.fits(columns(line)) {
        return format!("{}{rest}", command_style(command));
    }
    let wrapped = width.wrap(command, &" ".repeat(start + 2));
    let mut lines: Vec<_> = wrapped.lines().map(command_style).collect();
    if let Some(note) = note {
        let indent = " ".repeat(NOTE);
        lines.push(width.wrap(&format!("{indent}{}", note.trim_start()), &indent));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taken_options::{LEDGER, SERVICE};

    fn shown(width: usize) -> Command {
        let env = |name: &str| (name == "HOME").then(|| "/home/user".into());
        let mut command = command(Environment(&env), Colour::Never).term_width(width);
        command = laid_out(command, width);
        command.build();
        command
    }

    /// The help of each command, by the words that call it.
    fn pages(command: &mut Command, path: &str, pages: &mut Vec<(String, String, String)>) {
        let (short, long) = (command.render_help(), command.render_long_help());
        pages.push((path.to_owned(), short.to_string(), long.to_string()));
        let names: Vec<_> = command
            .get_subcommands()
            .map(|it| it.get_name().to_owned())
            .collect();
        for name in names {
            if let Some(inner) = command.find_subcommand_mut(&name) {
                self::pages(inner, &format!("{path} {name}"), pages);
            }
        }
    }

    fn all(width: usize) -> Vec<(String, String, String)> {
        let mut found = Vec::new();
        pages(&mut shown(width), "industrydata", &mut found);
        found
    }

    #[test]
    fn the_definition_is_valid() {
        shown(80).debug_assert();
        plain().debug_assert();
        completed().debug_assert();
    }

    #[test]
    fn help_fits_80_and_40_columns() {
        for width in [80, 40] {
            for (path, short, long) in all(width) {
                for line in short.lines().chain(long.lines()) {
                    // A word is never broken, so that it can be copied.
                    let is_word = !line.trim().contains(' ') || line.starts_with("Usage: ");
                    assert!(columns(line) <= width || is_word, "{path}: {line:?}");
                }
            }
        }
    }

    #[test]
    fn each_command_shows_the_options_that_it_takes() {
        let has = |path: &str, option: &str| {
            let pages = all(80);
            let (_, short, _) = pages.iter().find(|it| it.0 == path).unwrap();
            short.contains(option)
        };
        for (path, service, ledger) in [
            ("industrydata", true, true),
            ("industrydata start", true, true),
            ("industrydata doctor", true, true),
            ("industrydata quota", true, true),
            ("industrydata wait", true, false),
            ("industrydata validate", true, false),
            ("industrydata flows reset", true, false),
            ("industrydata runs list", true, false),
            ("industrydata runs follow", true, false),
            ("industrydata operations show", true, false),
            ("industrydata ledger reset", false, true),
            ("industrydata emulator", false, false),
            ("industrydata demo", false, false),
            ("industrydata completions", false, false),
        ] {
            assert_eq!(has(path, "--base-url"), service, "{path}");
            assert_eq!(has(path, "--token-command"), service, "{path}");
            let credential = service || path == "industrydata emulator";
            assert_eq!(has(path, "--credential"), credential, "{path}");
            assert_eq!(has(path, "--ledger <"), ledger, "{path}");
            assert!(has(path, "--output"), "{path}");
        }
    }

    #[test]
    fn what_is_completed_is_what_help_shows() {
        fn options(command: &Command, path: &str, found: &mut Vec<String>) {
            let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
            let shown = shown.filter_map(|arg| {
                arg.get_long()
                    .or(arg.get_value_names()?.first().map(|it| it.as_str()))
            });
            found.extend(shown.map(|name| format!("{path} {name}")));
            for inner in command
                .get_subcommands()
                .filter(|it| it.get_name() != "help")
            {
                options(inner, &format!("{path} {}", inner.get_name()), found);
            }
        }
        let all = |mut command: Command| {
            command.build();
            let mut found = Vec::new();
            options(&command, "industrydata", &mut found);
            found.sort_unstable();
            found
        };
        let completed = all(completed());
        assert_eq!(completed, all(plain()));
        assert!(completed.contains(&"industrydata runs list tenant".to_owned()));
        assert!(!completed.contains(&"industrydata runs list ledger".to_owned()));
    }

    #[test]
    fn the_command_is_read_from_arguments_that_do_not_parse() {
        let mut command = plain();
        command.build();
        for (line, expected) in [
            (&[][..], "industrydata"),
            (&["--nonsense"], "industrydata"),
            (&["nonsense", "start"], "industrydata"),
            (&["start", "--nonsense"], "industrydata start"),
            (&["--ledger", "start", "runs"], "industrydata runs"),
            (
                &["--ledger=start", "runs", "-v", "list", "x"],
                "industrydata runs list",
            ),
            (&["runs", "lsit"], "industrydata runs"),
            (&["--", "start"], "industrydata"),
            (&["help", "strat"], "industrydata"),
            (&["wait", "start"], "industrydata wait"),
        ] {
            let line: Vec<_> = ["x"].iter().chain(line).map(OsString::from).collect();
            assert_eq!(called(&command, &line), expected, "{line:?}");
        }
    }

    #[test]
    fn only_a_start_learns_its_interval() {
        for (path, _, long) in all(80) {
            let learns = long.contains("Once the ledger knows");
            assert_eq!(learns, path == "industrydata start", "{path}");
        }
    }

    #[test]
    fn every_global_option_has_its_kind() {
        let command = Cli::command();
        for arg in command.get_arguments().filter(|arg| arg.is_global_set()) {
            let id = arg.get_id().as_str();
            let kinds = [&SERVICE[..], &LEDGER, &OUTPUT];
            assert!(kinds.iter().any(|kind| kind.contains(&id)), "{id}");
        }
    }

    #[test]
    fn help_names_the_ledger_of_the_user_and_a_page_does_not() {
        let path = if cfg!(target_os = "linux") {
            "[default: /home/user/.local/state/industrydata/ledger.sqlite]"
        } else {
            "ledger.sqlite]"
        };
        assert!(shown(80).render_long_help().to_string().contains(path));
        assert!(
            !plain()
                .render_long_help()
                .to_string()
                .contains("[default: /")
        );
    }
}
