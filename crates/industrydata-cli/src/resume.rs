//! The command that goes on with a wait.

use clap::ValueEnum;
use industrydata_ledger::LedgerPlace;
use serde::{Serialize, Serializer};

use crate::{
    args::{Global, Http, Scheduled, StartArgs},
    ledger_place::shown,
    taken_options::takes_option,
};

/// The command that goes on exactly where a wait ended. As JSON it is an array of arguments, which starts with the
/// subcommand and has no global options and no limits of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Resume {
    arguments: Vec<String>,
    /// The global options that were given, each with its value, for people.
    globals: Vec<[String; 2]>,
}

impl Serialize for Resume {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.arguments.serialize(serializer)
    }
}

impl Resume {
    /// The whole command as a line for a shell.
    pub(crate) fn command(&self) -> String {
        self.line(&self.globals)
    }

    /// The same command with the default HTTP client, since either may wait for what the other has begun.
    pub(crate) fn command_in_any_flavour(&self) -> String {
        let kept = self.globals.iter().filter(|[name, _]| name != "--http");
        self.line(&kept.cloned().collect::<Vec<_>>())
    }

    fn line(&self, globals: &[[String; 2]]) -> String {
        let at = self.arguments.iter().position(|word| word == "--");
        let end = at.unwrap_or(self.arguments.len());
        let (before, after) = self.arguments.split_at(end);
        let quoted = |word: &String| shell_quoted(word);
        let globals = globals
            .iter()
            .map(|[name, value]| option_quoted(name, value));
        let words = before.iter().map(quoted).chain(globals);
        let words: Vec<_> = words.chain(after.iter().map(quoted)).collect();
        format!("industrydata {}", words.join(" "))
    }
}

/// How to go on with the waits of one command.
#[derive(Clone, Debug)]
pub(crate) struct ResumePlan {
    /// The global options that were given, each with its value.
    globals: Vec<[String; 2]>,
    /// Whether another process finds the ledger.
    pub(crate) has_ledger: bool,
    /// Whether the command waits for the run too.
    pub(crate) follow: bool,
    /// Whether a run that dropped records is an error.
    pub(crate) strict: bool,
    /// For a start: whether it goes on with an earlier one that has its key.
    pub(crate) attached: Option<bool>,
}

impl Default for ResumePlan {
    fn default() -> Self {
        Self {
            globals: Vec::new(),
            has_ledger: true,
            follow: false,
            strict: false,
            attached: None,
        }
    }
}

impl ResumePlan {
    pub(crate) fn new(global: &Global) -> Self {
        let mut globals = Vec::new();
        let mut add = |name: &str, value: Option<String>| {
            globals.extend(value.map(|value| [name.to_owned(), value]));
        };
        add("--base-url", global.base_url.clone());
        let is_async = global.http == Http::Async;
        add("--http", is_async.then(|| "async".to_owned()));
        let ledger = global.ledger.as_ref();
        let ledger = ledger.and_then(|given| LedgerPlace::parse(given).ok());
        add("--ledger", ledger.as_ref().map(shown));
        add("--tenant", global.tenant.clone());
        let file = global.token_file.as_ref();
        add("--token-file", file.map(|path| path.display().to_string()));
        add("--token-command", global.token_command.clone());
        let kind = global.credential.and_then(|kind| kind.to_possible_value());
        add("--credential", kind.map(|kind| kind.get_name().to_owned()));
        Self {
            globals,
            ..Self::default()
        }
    }

    pub(crate) fn follow(mut self, follow: bool) -> Self {
        self.follow = follow;
        self
    }

    pub(crate) fn ledger(mut self, has_ledger: bool) -> Self {
        self.has_ledger = has_ledger;
        self
    }

    pub(crate) fn strict(mut self, strict: bool) -> Self {
        self.strict = strict;
        self
    }

    pub(crate) fn attached(mut self, attached: bool) -> Self {
        self.attached = Some(attached);
        self
    }

    /// Goes on with the wait for an operation. Only one that waits for the run too has a use for `--strict`.
    pub(crate) fn operation(&self, resume_token: &str) -> Resume {
        let mut arguments = vec!["wait".to_owned()];
        if self.follow {
            arguments.push("--follow".to_owned());
        }
        self.strict_then(self.follow && self.strict, arguments, resume_token)
    }

    /// Goes on with the wait for a run.
    pub(crate) fn run(&self, id: &str) -> Resume {
        let arguments = vec!["runs".to_owned(), "follow".to_owned()];
        self.strict_then(self.strict, arguments, id)
    }

    /// Compares the ledger with what the service lists.
    pub(crate) fn reconcile(&self) -> Resume {
        self.with(vec!["quota".to_owned(), "--reconcile".to_owned()])
    }

    /// Shows a run.
    pub(crate) fn show_run(&self, id: &str) -> Resume {
        self.strict_then(false, vec!["runs".to_owned(), "show".to_owned()], id)
    }

    /// Lists the `runs` or the `operations` of the service.
    pub(crate) fn list(&self, what: &str) -> Resume {
        self.with(vec![what.to_owned(), "list".to_owned()])
    }

    /// Goes on with the wait for a slot or for another start with the key, with a start that was not made yet.
    pub(crate) fn start(&self, args: &StartArgs) -> Resume {
        let flags = [
            ("--wait", args.wait),
            ("--follow", args.follow),
            ("--strict", args.strict),
            ("--preflight", args.preflight),
            ("--wait-for-slot", args.wait_for_slot),
        ];
        let mut arguments = vec!["start".to_owned()];
        let given = flags.iter().filter(|(_, is_given)| *is_given);
        arguments.extend(given.map(|(name, _)| (*name).to_owned()));
        let schedule = args.schedule.map(|schedule| match schedule {
            Scheduled::At(time) => time.to_string(),
            Scheduled::Infer => "infer".to_owned(),
        });
        let label = args.label.clone();
        let key = args.key.as_ref().map(ToString::to_string);
        for (name, value) in [("--schedule", schedule), ("--label", label), ("--key", key)] {
            arguments.extend(value.map(|value| format!("{name}={value}")));
        }
        self.with(arguments)
    }

    fn strict_then(&self, strict: bool, mut arguments: Vec<String>, target: &str) -> Resume {
        if strict {
            arguments.push("--strict".to_owned());
        }
        // What begins with a hyphen would be read as an option.
        if target.starts_with('-') {
            arguments.push("--".to_owned());
        }
        arguments.push(target.to_owned());
        self.with(arguments)
    }

    /// The command with those of the global options that it takes.
    fn with(&self, arguments: Vec<String>) -> Resume {
        let command = arguments.first().map(String::as_str).unwrap_or_default();
        let takes = |[name, _]: &&[String; 2]| takes_option(command, name);
        Resume {
            globals: self.globals.iter().filter(takes).cloned().collect(),
            arguments,
        }
    }
}

/// An option with its value, as words of a shell.
pub(crate) fn option_quoted(name: &str, value: &str) -> String {
    // A value that looks like an option is one unless it is part of the word.
    let between = if value.starts_with('-') { '=' } else { ' ' };
    format!("{name}{between}{}", shell_quoted(value))
}

/// Quotes text as one word of a shell, if it needs quotes.
pub(crate) fn shell_quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%=~".contains(c);
    if !text.is_empty() && !text.starts_with('~') && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn plan(options: &[&str]) -> ResumePlan {
        let line = [&["industrydata"], options, &["demo"]].concat();
        ResumePlan::new(&Cli::parse_from(line).global)
    }

    fn json(resume: &Resume) -> String {
        serde_json::to_string(resume).unwrap()
    }

    #[test]
    fn a_wait_goes_on_with_its_own_flags() {
        let token = "idr1:abc";
        for (follow, strict, expected) in [
            (false, false, r#"["wait","idr1:abc"]"#),
            (true, false, r#"["wait","--follow","idr1:abc"]"#),
            (true, true, r#"["wait","--follow","--strict","idr1:abc"]"#),
            // It would have no effect.
            (false, true, r#"["wait","idr1:abc"]"#),
        ] {
            let plan = plan(&["--tenant", "t"]).follow(follow).strict(strict);
            assert_eq!(json(&plan.operation(token)), expected);
        }
        let run = plan(&[]).strict(true).run("r-1");
        assert_eq!(json(&run), r#"["runs","follow","--strict","r-1"]"#);
    }

    #[test]
    fn a_value_that_looks_like_an_option_stays_one_word() {
        let command = plan(&["--token-command=-x y"])
            .operation("idr1:abc")
            .command();
        assert_eq!(command, "industrydata wait idr1:abc --token-command='-x y'");
    }

    #[test]
    fn the_line_for_people_has_the_global_options_that_were_given() {
        let given = [
            "--base-url",
            "http://127.0.0.1:1/beta",
            "--http",
            "async",
            "--output",
            "json",
            "--ledger",
            "postgres://me:secret@host/db?password=other&sslmode=require",
            "--token-command",
            "print 'it'",
            "--credential",
            "token-command",
        ];
        let resume = plan(&given).operation("idr1:abc");
        assert_eq!(
            resume.command(),
            "industrydata wait idr1:abc --base-url http://127.0.0.1:1/beta --http async \
             --token-command 'print '\\''it'\\''' --credential token-command"
        );
        // Only a command that takes a ledger has one.
        assert_eq!(
            plan(&given).reconcile().command(),
            "industrydata quota --reconcile --base-url http://127.0.0.1:1/beta --http async \
             --ledger 'postgres://me@host/db?sslmode=require' --token-command 'print '\\''it'\\''' \
             --credential token-command"
        );
        let list = plan(&["--ledger", "l", "--tenant", "t"]).list("runs");
        assert_eq!(list.command(), "industrydata runs list --tenant t");
        assert_eq!(plan(&[]).run("r").command(), "industrydata runs follow r");
    }

    #[test]
    fn an_id_that_looks_like_an_option_is_none() {
        let resume = plan(&["--tenant", "t"]).run("-x 'y'");
        assert_eq!(json(&resume), r#"["runs","follow","--","-x 'y'"]"#);
        let line = resume.command();
        assert_eq!(
            line,
            r"industrydata runs follow --tenant t -- '-x '\''y'\'''"
        );
    }

    /// What is printed parses as the same command.
    #[test]
    fn the_arguments_parse_again() {
        for (arguments, id) in [
            (plan(&[]).run("-r").arguments, "-r"),
            (plan(&[]).strict(true).run("r 1").arguments, "r 1"),
        ] {
            let line = [vec!["industrydata".to_owned()], arguments].concat();
            let Command::Runs(crate::args::RunsCommand::Follow(args)) =
                Cli::parse_from(line).command
            else {
                panic!("another command")
            };
            assert_eq!(args.id, id);
        }
        let line = [
            "industrydata",
            "start",
            "--wait-for-slot",
            "--follow",
            "--strict",
            "--label=-a b",
            "--schedule",
            "2026-03-10T06:00:00Z",
            "--timeout",
            "1s",
        ];
        let Command::Start(args) = Cli::parse_from(line).command else {
            panic!("another command")
        };
        let arguments = plan(&[]).start(&args).arguments;
        assert_eq!(
            arguments,
            [
                "start",
                "--follow",
                "--strict",
                "--wait-for-slot",
                "--schedule=2026-03-10T06:00:00Z",
                "--label=-a b"
            ]
        );
        let line = [vec!["industrydata".to_owned()], arguments.clone()].concat();
        let Command::Start(args) = Cli::parse_from(line).command else {
            panic!("another command")
        };
        assert_eq!(plan(&[]).start(&args).arguments, arguments);
    }
}
