//! The command line: what can be asked for, and how it is explained.

use std::{ffi::OsString, path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use industrydata_core::Timestamp;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Resolution;

/// The longest duration taken: clocks of some systems reach no further.
const LONGEST: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// What stands for an entry's id where the quarantine is meant.
pub(crate) const QUARANTINE: &str = "quarantine";

/// The longest time one request is given.
const LONGEST_REQUEST: Duration = Duration::from_secs(60 * 60);

const ABOUT: &str = "\
Starts a Microsoft Graph industryData run (School Data Sync) and sees it through.

The service takes five starts in twelve hours. Starts are counted in a ledger, so that one too many is refused here, \
before anything is sent; a start whose answer was lost counts too.";

const TOKENS: &str = "\
Access token, the first found of:
  --token-file PATH, --token-command CMD
  INDUSTRYDATA_TOKEN
  AZURE_TENANT_ID with AZURE_CLIENT_ID and AZURE_CLIENT_SECRET (at AZURE_AUTHORITY_HOST)
A token is never an argument.

Examples:
  industrydata start --wait --token-command 'az account get-access-token --resource https://graph.microsoft.com'
  industrydata start --wait-for-slot --timeout 14h --tenant contoso
  industrydata wait idr1:AGnb...        take up a wait that was interrupted
  industrydata start --follow           to the run's own end, with its statistics
  industrydata quota --output json
  industrydata quota --reconcile        compare the books with what the service lists
  industrydata runs list
  industrydata emulator                 a service to try all of it with
  industrydata demo

Exit codes:
  0 started or succeeded     1 the operation failed       2 usage
  3 throttled                4 not authorised             5 an unexpected answer
  6 not reached, not started 7 time limit, it goes on     8 in doubt: it may have started
  9 the ledger is unusable   130 interrupted";

const START: &str = "\
Examples:
  industrydata start                            start, and print how to wait for the operation
  industrydata start --wait --timeout 2h        start, and wait until it has succeeded or failed
  industrydata start --schedule 2026-03-10T06:00:00Z
                                                and say which scheduled run it makes be skipped
  industrydata start --wait-for-slot            if all starts of the window are used, wait for one";

const WAIT: &str = "\
Examples:
  industrydata wait idr1:AGnb...
  industrydata wait 171bf0b4-14e9-408f-71dd-08dcd2a15d23
  industrydata wait https://graph.microsoft.com/beta/external/industryData/operations/171bf0b4-...";

const RESET: &str = "\
A new ledger does not know the starts of the last twelve hours, so no tenant has a slot for 12 hours and 2 minutes. \
Half an hour after the reset or later, `industrydata quota --reconcile` ends the quarantine of a tenant if the \
service's lists show every start that may still count; `industrydata quota --resolve quarantine=not-started` ends it by hand.

The old file stays beside the new one as LEDGER.reset-TIME. An empty ledger stays where it is and enters quarantine: \
run this on a new PostgreSQL ledger before you move to it. For a PostgreSQL ledger in use, the SQL to run is printed \
(exit code 9).";

const EMULATOR: &str = "\
Control paths: POST /_emulator/advance {\"by\": \"12h\"} moves its clock, POST /_emulator/faults scripts faults.

Examples:
  industrydata emulator --speed 20              an operation takes 6 s in place of 120 s
  industrydata emulator --speed 600             a run takes 11 s in place of 110 min, for start --follow
  curl -d '{\"on\": \"start\", \"lose\": \"answer\"}' http://127.0.0.1:8085/_emulator/faults";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "industrydata",
    version,
    about = "Starts a Microsoft Graph industryData run and sees it through"
)]
#[command(long_about = ABOUT, after_long_help = TOKENS, after_help = "--help tells more: tokens, examples, exit codes")]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every command takes, before or after its name.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The service [env: INDUSTRYDATA_BASE_URL] [default: Graph's own, graph.microsoft.com/beta]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Which of the two clients to use: ureq (blocking) or reqwest (async)
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "FLAVOUR"
    )]
    pub(crate) http: Http,
    /// For people, or exactly one JSON document on standard output
    #[arg(long, global = true, value_enum, default_value_t, value_name = "FORM")]
    pub(crate) output: Output,
    /// The file of the books of starts, `postgres://user@host/database` for many machines (its password best in
    /// PGPASSWORD or ~/.pgpass), or `none` for books that end with this process [env: INDUSTRYDATA_LEDGER]
    #[arg(long, global = true, value_name = "PATH|URL|none")]
    pub(crate) ledger: Option<PathBuf>,
    /// Whose books: best the directory id [env: INDUSTRYDATA_TENANT, AZURE_TENANT_ID] [default: default]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// A file with the access token, bare or as az prints it; read again when a fresh one is needed
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
    /// A command that prints the access token, bare or as az prints it; run by `sh -c`, 60 s at most
    #[arg(long, global = true, value_name = "CMD")]
    pub(crate) token_command: Option<String>,
}

/// The client to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Http {
    #[default]
    Blocking,
    Async,
}

/// The form of what is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    #[default]
    Human,
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a run
    #[command(after_help = START)]
    Start(StartArgs),
    /// Wait for the operation of a start, perhaps another process's
    #[command(after_help = WAIT)]
    Wait(WaitArgs),
    /// Show the quota as the books have it; asks nobody unless told to reconcile
    Quota(QuotaArgs),
    /// Look after the ledger of starts
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Read the service's runs, scheduled ones too
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Read the service's operations
    #[command(subcommand)]
    Operations(OperationsCommand),
    /// Serve an emulated industryData service on loopback until interrupted
    #[command(after_help = EMULATOR)]
    Emulator(EmulatorArgs),
    /// Show the whole of it, against an emulated service in this process
    Demo,
}

/// What to do with the ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Move the ledger aside, damaged or not, and begin a new one in quarantine
    #[command(after_help = RESET)]
    Reset(ResetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// Do not ask for confirmation; needed without a terminal
    #[arg(long)]
    pub(crate) yes: bool,
}

/// What to read of runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// All that the service still has
    List(ReadArgs),
    /// One run, as it is now
    Show(ReadOneArgs),
    /// What a run counted; complete at its end
    Statistics(ReadOneArgs),
    /// What a run does with each flow; the call is known from the service's metadata only
    Activities(ReadOneArgs),
}

/// What to read of operations.
#[derive(Debug, Subcommand)]
pub(crate) enum OperationsCommand {
    /// All that the service still has
    List(ReadArgs),
    /// One operation, as it is now
    Show(ReadOneArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// The time the whole command may take
    #[arg(long, value_name = "D", default_value = "5m", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// The time one request may take with its body, 1h at most
    #[arg(long, value_name = "D", default_value = "30s", value_parser = request_duration)]
    pub(crate) request_timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct ReadOneArgs {
    /// Its id
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) limits: ReadArgs,
}

/// Where the schedule of the tenant's runs is known from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheduled {
    /// A scheduled run is or was due then.
    At(Timestamp),
    /// The runs' start times show it.
    Infer,
}

#[derive(Debug, Args)]
pub(crate) struct QuotaArgs {
    /// List all entries of the books: id, date, state, evidence and who
    #[arg(long)]
    pub(crate) entries: bool,
    /// Say by hand what became of a start in doubt, by its entry's id; may be given again.
    /// `quarantine=not-started` ends the quarantine after a reset: no start was made that the ledger does not have
    #[arg(long, value_name = "ID=started|not-started", value_parser = resolution)]
    pub(crate) resolve: Vec<(String, Resolution)>,
    /// Compare the books with what the service lists: doubt is resolved by evidence, starts by others are entered
    #[arg(long)]
    pub(crate) reconcile: bool,
    /// When a scheduled run of the tenant's is or was due (RFC 3339; then every 12 h), or `infer` to read it from the runs'
    /// start times: the timeline shows the next one, and whether a start now makes it be skipped [env: INDUSTRYDATA_SCHEDULE]
    #[arg(long, value_name = "TIME|infer", value_parser = scheduled)]
    pub(crate) schedule: Option<Scheduled>,
    #[command(flatten)]
    pub(crate) limits: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Wait until the operation has succeeded or failed
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait, find the run, follow it to its own end and show its statistics
    #[arg(long)]
    pub(crate) follow: bool,
    /// Look first whether the token may watch what it starts (IndustryData.ReadBasic.All), before a slot is spent
    #[arg(long)]
    pub(crate) preflight: bool,
    /// Wait, within the time limit, when the books or the service have no slot
    #[arg(long)]
    pub(crate) wait_for_slot: bool,
    /// When a scheduled run of the tenant's is or was due (RFC 3339; then every 12 h), or `infer` to read it from the runs'
    /// start times: the result says which scheduled run the start makes be
    /// skipped. With `infer` the runs are listed before the start [env: INDUSTRYDATA_SCHEDULE]
    #[arg(long, value_name = "TIME|infer", value_parser = scheduled)]
    pub(crate) schedule: Option<Scheduled>,
    /// A label for the start in the books, shown by `quota --entries`: 1 to 255 characters without controls
    #[arg(long, value_name = "TEXT", value_parser = label)]
    pub(crate) label: Option<String>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The operation: its URL, its id, or a resume token
    #[arg(value_name = "LOCATION|ID|RESUME-TOKEN")]
    pub(crate) operation: String,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Limits of time, written as `50ms`, `2s`, `5m`, `1h`.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// The time the whole command may take
    #[arg(long, value_name = "D", default_value = "24h", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// A fixed pause between polls, which a Retry-After only lengthens [default: grows from 5 s to 60 s]
    #[arg(long, value_name = "D", value_parser = duration)]
    pub(crate) poll_interval: Option<Duration>,
    /// The time one request may take with its body, 1h at most
    #[arg(long, value_name = "D", default_value = "30s", value_parser = request_duration)]
    pub(crate) request_timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct EmulatorArgs {
    /// The port on 127.0.0.1; 0 lets the system choose
    #[arg(long, value_name = "N", default_value_t = 8085)]
    pub(crate) port: u16,
    /// Divides the time an operation takes (120 s), its run's (110 min) with it, and nothing else: not the clock, not the
    /// window, not the schedule
    #[arg(long, value_name = "X", default_value = "1", value_parser = speed)]
    pub(crate) speed: f64,
}

/// Looks for `--output json` in arguments that may not parse.
pub(crate) fn output_of(arguments: &[OsString]) -> Output {
    let options: Vec<_> = arguments
        .iter()
        .skip(1)
        .take_while(|arg| *arg != "--")
        .collect();
    let asked = options.iter().any(|arg| *arg == "--output=json")
        || options
            .windows(2)
            .any(|pair| matches!(pair, [a, b] if *a == "--output" && *b == "json"));
    if asked { Output::Json } else { Output::Human }
}

fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(format!("a duration needs a unit, as in {text}s or {text}m"));
    }
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}: write it as 50ms, 2s, 5m or 1h"))?;
    if duration.is_zero() {
        return Err("a duration of zero leaves no time for anything".to_owned());
    }
    if duration > LONGEST {
        return Err("a duration of more than ten years is not taken".to_owned());
    }
    Ok(duration)
}

fn request_duration(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration > LONGEST_REQUEST {
        return Err("one request is given 1h at most".to_owned());
    }
    Ok(duration)
}

fn resolution(text: &str) -> Result<(String, Resolution), String> {
    let resolution = match text.split_once('=') {
        Some((id, "started")) => (id, Resolution::Started),
        Some((id, "not-started")) => (id, Resolution::NotStarted),
        _ => return Err("write it as ID=started or ID=not-started".to_owned()),
    };
    let (id, resolution) = resolution;
    if id == QUARANTINE {
        return match resolution {
            Resolution::NotStarted => Ok((id.to_owned(), resolution)),
            Resolution::Started => Err("write it as quarantine=not-started".to_owned()),
        };
    }
    if id.len() != 32 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err("an entry's id is 32 hexadecimal digits: see quota --entries".to_owned());
    }
    Ok((id.to_owned(), resolution))
}

pub(crate) fn scheduled(text: &str) -> Result<Scheduled, String> {
    if text == "infer" {
        return Ok(Scheduled::Infer);
    }
    text.parse().map(Scheduled::At).map_err(|_| {
        "write it as a time of RFC 3339, such as 2026-03-10T06:00:00Z, or as infer".to_owned()
    })
}

fn label(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().count() > Caller::LONGEST {
        return Err("a label has 1 to 255 characters".to_owned());
    }
    if text.contains(char::is_control) {
        return Err("a label has no control characters, such as a line break".to_owned());
    }
    Ok(text.to_owned())
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed: &f64| speed.is_finite() && *speed > 0.0)
        .ok_or_else(|| "a speed is a number above zero, such as 20 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_have_units_and_some_length() {
        assert_eq!(duration("50ms"), Ok(Duration::from_millis(50)));
        assert_eq!(duration("1h 5m"), Ok(Duration::from_secs(3900)));
        for bad in [
            "",
            "5",
            "0.5",
            "0s",
            "-1s",
            "1x",
            "20years",
            "99999999999999999999s",
        ] {
            assert!(duration(bad).is_err(), "{bad:?}");
        }
        assert!(duration("30").unwrap_err().contains("30s"));
        assert_eq!(request_duration("1h"), Ok(Duration::from_secs(3600)));
        assert!(
            request_duration("3601s")
                .unwrap_err()
                .contains("1h at most")
        );
    }

    #[test]
    fn labels_are_bounded_and_plain() {
        assert_eq!(
            label("nightly import, é"),
            Ok("nightly import, é".to_owned())
        );
        assert!(label(&"é".repeat(255)).is_ok());
        for bad in ["", "  ", "a\nb", "\u{1b}[31m", "\u{85}", &"x".repeat(256)] {
            assert!(label(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn speeds_are_above_zero() {
        assert_eq!(speed("2.5"), Ok(2.5));
        for bad in ["0", "-1", "NaN", "inf", "fast"] {
            assert!(speed(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_output_is_found_in_arguments_that_do_not_parse() {
        let of = |args: &[&str]| {
            let args: Vec<_> = std::iter::once(&"industrydata")
                .chain(args)
                .map(OsString::from)
                .collect();
            output_of(&args)
        };
        assert_eq!(of(&["--output", "json"]), Output::Json);
        assert_eq!(of(&["nonsense", "--output=json", "--x"]), Output::Json);
        assert_eq!(of(&["wait", "--", "--output", "json"]), Output::Human);
        assert_eq!(of(&["--output"]), Output::Human);
        assert_eq!(of(&["--output", "xml", "json"]), Output::Human);
    }
}
