//! The command line and its help. `help` wraps and styles it.

#![allow(
    rustdoc::bare_urls,
    reason = "the help is printed, where a URL in brackets reads badly"
)]

use std::{
    ffi::{OsStr, OsString},
    fmt,
    path::PathBuf,
    time::Duration,
};

use clap::{Args, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use industrydata_core::Timestamp;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Resolution;
use industrydata_core::ledger::StartKey;
use industrydata_core::policy::PollingPolicy;

use crate::terminal::colour::Colour;

/// The longest duration accepted: the clocks of some systems reach no further.
const LONGEST: Duration = Duration::from_secs(3650 * 24 * 60 * 60);

/// Stands for the id of an entry in `--resolve` and names the quarantine.
pub(crate) const QUARANTINE: &str = "quarantine";

/// The longest time limit of one request.
const LONGEST_REQUEST: Duration = Duration::from_secs(60 * 60);

const ABOUT: &str = "\
Starts a Microsoft Graph industryData run (School Data Sync) and waits for it.

The service accepts five starts in twelve hours. A ledger counts them, so that a
sixth start is refused here, before anything is sent. If the answer is lost, the
start is in doubt and still counts.";

const MORE_HELP: &str = "Run with --help for token sources, examples and exit codes.";

const DETAILS: &str = "\
Access token, from the first source that is set, or from --credential KIND:
  token-file       --token-file PATH
  token-command    --token-command CMD
  token            INDUSTRYDATA_TOKEN
  secret           AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET
  certificate      AZURE_TENANT_ID, AZURE_CLIENT_ID,
                   AZURE_CLIENT_CERTIFICATE_PATH (PEM with key and certificate)
  workload         AZURE_TENANT_ID, AZURE_CLIENT_ID,
                   AZURE_FEDERATED_TOKEN_FILE (workload identity of AKS)
  managed-identity IDENTITY_ENDPOINT, IDENTITY_HEADER (App Service, Functions,
                   Container Apps); by name only, a virtual machine's;
                   AZURE_CLIENT_ID chooses a user-assigned identity

By name only:
  github           AZURE_TENANT_ID, AZURE_CLIENT_ID, and a job of GitHub
                   Actions with the permission id-token: write
  managed-identity-federation
                   AZURE_TENANT_ID, AZURE_CLIENT_ID of the application;
                   AZURE_MANAGED_IDENTITY_CLIENT_ID of the identity

AZURE_AUTHORITY_HOST names another authority, and
AZURE_POD_IDENTITY_AUTHORITY_HOST another metadata service of a virtual machine.
A token is never passed as an argument. A token command does not inherit
AZURE_CLIENT_SECRET, INDUSTRYDATA_TOKEN, INDUSTRYDATA_LEDGER and PGPASSWORD.

Examples:
  industrydata start --wait --token-command \"az account get-access-token \\
    --resource https://graph.microsoft.com --output json\"
      after az login --service-principal or --identity, since a user's token
      lacks the permissions
  industrydata start --wait --credential managed-identity
  industrydata start --wait-for-slot --timeout 14h --tenant contoso
  industrydata start --follow       wait for the run too, show its statistics
  industrydata start --key nightly-2026-03-10     start once, retry safely
  industrydata wait idr1:AGnb...    resume an interrupted wait
  industrydata validate ID --wait   check uploaded files before a start
  industrydata doctor               check what a start would meet
  industrydata quota --output json
  industrydata quota --reconcile    compare the ledger with the service
  industrydata runs list
  industrydata emulator             serve an emulated service to try this with
  industrydata demo

Exit codes:
    0  started, or succeeded
    1  the operation or the run failed
    2  invalid command line or setting
    3  throttled
    4  not authorised
    5  unexpected answer
    6  service not reached, nothing was started
    7  time limit passed, the operation continues
    8  in doubt: a run may have started, or a validation been accepted
    9  the ledger is unusable
   10  the data has errors
   74  the result could not be written
  130  interrupted";

const START: &str = "\
Examples:
  industrydata start
      start a run, and print how to wait for the operation
  industrydata start --wait --timeout 2h
      start a run, and wait until the operation succeeds or fails
  industrydata start --key nightly-2026-03-10 --follow
      start at most one run of this name, however often this is repeated
  industrydata start --schedule 2026-03-10T06:00:00Z
      report also which scheduled run the start causes to be skipped
  industrydata start --wait-for-slot
      wait if all starts of the window are used";

const WAIT: &str = "\
Examples:
  industrydata wait idr1:AGnb...
  industrydata wait 171bf0b4-14e9-408f-71dd-08dcd2a15d23
  industrydata wait https://graph.microsoft.com/beta/external/...
  industrydata wait --follow idr1:AGnb...
      wait for the operation, then for its run";

const VALIDATE: &str = "\
A validation ends the upload session of the connector. It uses no slot. It is
sent once: if its answer is lost, look at `operations list` before you repeat
it.

Examples:
  industrydata validate 8c010e87-c28b-4350-bdc1-65ec29258b93 --wait
      validate the uploaded files, and list errors by file (exit code 10)";

const DOCTOR: &str = "\
The exit code is 0 if a start is possible now, else the one that a start would
end with. A warning does not change it.

Examples:
  industrydata doctor
      check with the settings and the environment of this shell
  industrydata doctor --output json
      the same as a document with an array of checks
  industrydata doctor --credential managed-identity
      check another credential";

const FLOW_RESET: &str = "\
A reset uses no slot. It is sent once: if its answer is lost, look at the flow
before you repeat it. If the service names an operation, the command waits for
it; otherwise it reports that the reset was accepted.";

const RESET: &str = "\
A new ledger does not know the starts of the last twelve hours. So it begins
in quarantine: no tenant has a slot for 12 hours and 2 minutes. To end the
quarantine of a tenant sooner, use one of these:
  industrydata quota --reconcile
      half an hour after the reset or later, if the lists of the service show
      every start that may still count
  industrydata quota --tenant ID --resolve quarantine=not-started
      by hand, if no start was made that the ledger does not have

The old file stays beside the new one as LEDGER.reset-TIME. An empty ledger
stays and enters quarantine: do this with a new PostgreSQL ledger before you
move to it. For a PostgreSQL ledger in use, the command prints the SQL to run
and ends with exit code 9.";

const EMULATOR: &str = "\
Control:
  POST /_emulator/advance   {\"by\": \"12h\"} advances the clock
  POST /_emulator/faults    scripts faults
  POST /_emulator/revoke    revokes every token
  POST /_emulator/rotate    replaces the secret of IDENTITY_HEADER
  GET /_emulator/state      shows the clock, the throttle and the requests

The variables of another kind of credential are printed with --credential KIND:
secret, certificate, workload, managed-identity, github,
managed-identity-federation, token-file, token-command or token. The emulator
plays the endpoints of all kinds.

To validate and to reset:
  data connectors   clean, with-warnings, with-errors, failing
  flows             flow, flow-with-location (in the flow set flow-set)

Examples:
  industrydata emulator --speed 20
      an operation takes 6 s instead of 120 s
  industrydata emulator --speed 600
      a run takes 11 s instead of 110 min, for start --follow
  industrydata emulator --credential managed-identity --token-lifetime 10s
      a wait renews its token several times
  curl --json '{\"on\": \"start\", \"lose\": \"answer\"}' \\
    http://127.0.0.1:8085/_emulator/faults";

const COMPLETIONS: &str = "\
Examples:
  industrydata completions bash > ~/.local/share/bash-completion/completions/industrydata
  industrydata completions zsh > ~/.zfunc/_industrydata
  industrydata completions fish > ~/.config/fish/completions/industrydata.fish
  industrydata completions powershell >> $PROFILE";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "industrydata",
    version,
    about = "Starts a Microsoft Graph industryData run and waits for it"
)]
#[command(long_about = ABOUT, after_help = MORE_HELP, after_long_help = DETAILS)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command, before or after its name.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// Base URL of the service
    ///
    /// The default is https://graph.microsoft.com/beta.
    ///
    /// [env: INDUSTRYDATA_BASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// HTTP client, ureq or reqwest
    ///
    /// The blocking client is ureq, the async client is reqwest. Both do the
    /// same.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "blocking|async",
        hide_possible_values = true
    )]
    pub(crate) http: Http,
    /// Form of the output
    ///
    /// With json, standard output is exactly one JSON document.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "human|json",
        hide_possible_values = true
    )]
    pub(crate) output: Output,
    /// Ledger of starts: a file, a database or none
    ///
    /// A path of a SQLite file; the default is a file in your state folder.
    /// For several machines, postgres://user@host/database or "host=...
    /// dbname=... user=...", with the password in PGPASSWORD or ~/.pgpass.
    /// With none, the ledger is not stored. What begins with / or ./ is
    /// always a file. Other text is refused if it looks like another URL,
    /// like settings or like a misspelt none, and else names a file too.
    ///
    /// [env: INDUSTRYDATA_LEDGER]
    #[arg(long, global = true, value_name = "LEDGER")]
    pub(crate) ledger: Option<PathBuf>,
    /// Tenant whose starts are counted
    ///
    /// Preferably the directory id. The default is the tenant that the token
    /// names, or "default" if it names none. Where quota has no token, it is
    /// the only tenant of the ledger.
    ///
    /// [env: INDUSTRYDATA_TENANT, AZURE_TENANT_ID]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) tenant: Option<String>,
    /// File with the access token
    ///
    /// It holds the token alone, or the JSON that az prints. It is read again
    /// when a fresh token is needed. It may be absent or half written for
    /// two seconds. A file that every user can write is refused.
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) token_file: Option<PathBuf>,
    /// Command that prints the access token
    ///
    /// It prints the token alone, or the JSON that az prints. `sh -c` runs it
    /// (on Windows `cmd /C`), for at most 90 s.
    #[arg(long, global = true, value_name = "CMD")]
    pub(crate) token_command: Option<String>,
    /// Kind of credential to use
    ///
    /// The default is auto, the first that is set. One of auto, token-file,
    /// token-command, token, secret, certificate, workload, managed-identity,
    /// github, managed-identity-federation.
    ///
    /// [env: INDUSTRYDATA_CREDENTIAL]
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "KIND",
        hide_possible_values = true
    )]
    pub(crate) credential: Option<CredentialChoice>,
    /// When output is coloured
    ///
    /// With auto: on a terminal, unless NO_COLOR or CLICOLOR=0 is set.
    #[arg(
        long,
        global = true,
        value_enum,
        default_value_t,
        value_name = "auto|always|never",
        hide_possible_values = true
    )]
    pub(crate) color: Colour,
    /// Show each request with its ids, each poll, and the credential, tenant and ledger used
    #[arg(long, short, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Show warnings and errors, and no progress
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
}

/// Where the token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CredentialChoice {
    /// The first that is set.
    Auto,
    /// `--token-file`.
    TokenFile,
    /// `--token-command`.
    TokenCommand,
    /// `INDUSTRYDATA_TOKEN`.
    Token,
    Secret,
    Certificate,
    Workload,
    ManagedIdentity,
    #[value(name = "github")]
    GitHub,
    ManagedIdentityFederation,
}

/// The HTTP client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Http {
    #[default]
    Blocking,
    Async,
}

impl fmt::Display for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Blocking => "blocking (ureq)",
            Self::Async => "async (reqwest)",
        })
    }
}

/// The form of the output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Output {
    #[default]
    Human,
    Json,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start a run
    #[command(after_help = START)]
    Start(StartArgs),
    /// Wait for the operation of an earlier start
    #[command(after_help = WAIT)]
    Wait(WaitArgs),
    /// Validate the uploaded files of a data connector
    #[command(after_help = VALIDATE)]
    Validate(ValidateArgs),
    /// Check what a start would meet
    ///
    /// Credential, token and permissions, ledger and quota, network, service
    /// and clock. Nothing is started, and no slot is reserved.
    #[command(after_help = DOCTOR)]
    Doctor(ReadArgs),
    /// Show the quota from the ledger
    ///
    /// This sends nothing and needs no token, except with --reconcile and
    /// --schedule infer.
    Quota(QuotaArgs),
    /// Maintain the ledger of starts
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Change provisioning flows
    #[command(subcommand)]
    Flows(FlowsCommand),
    /// Read the runs of the service, scheduled runs included
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Read the operations of the service
    #[command(subcommand)]
    Operations(OperationsCommand),
    /// Serve an emulated service on loopback until interrupted
    #[command(after_help = EMULATOR)]
    Emulator(EmulatorArgs),
    /// Run an end-to-end demo against a built-in emulator
    Demo,
    /// Print a script with which a shell completes commands and options
    #[command(after_help = COMPLETIONS)]
    Completions(CompletionsArgs),
    /// Write a man page for each command
    Man(ManArgs),
}

impl Command {
    /// The words that call the command.
    pub(crate) const fn called(&self) -> &'static str {
        match self {
            Self::Start(_) => "industrydata start",
            Self::Wait(_) => "industrydata wait",
            Self::Validate(_) => "industrydata validate",
            Self::Doctor(_) => "industrydata doctor",
            Self::Quota(_) => "industrydata quota",
            Self::Ledger(LedgerCommand::Reset(_)) => "industrydata ledger reset",
            Self::Flows(FlowsCommand::Reset(_)) => "industrydata flows reset",
            Self::Runs(RunsCommand::List(_)) => "industrydata runs list",
            Self::Runs(RunsCommand::Show(_)) => "industrydata runs show",
            Self::Runs(RunsCommand::Follow(_)) => "industrydata runs follow",
            Self::Runs(RunsCommand::Statistics(_)) => "industrydata runs statistics",
            Self::Runs(RunsCommand::Activities(_)) => "industrydata runs activities",
            Self::Operations(OperationsCommand::List(_)) => "industrydata operations list",
            Self::Operations(OperationsCommand::Show(_)) => "industrydata operations show",
            Self::Emulator(_) => "industrydata emulator",
            Self::Demo => "industrydata demo",
            Self::Completions(_) => "industrydata completions",
            Self::Man(_) => "industrydata man",
        }
    }
}

/// Maintenance of the ledger.
#[derive(Debug, Subcommand)]
pub(crate) enum LedgerCommand {
    /// Move the ledger aside and begin a new one in quarantine
    #[command(after_help = RESET)]
    Reset(ResetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ResetArgs {
    /// Do not ask for confirmation; needed without a terminal
    #[arg(long)]
    pub(crate) yes: bool,
}

/// Changes of provisioning flows.
#[derive(Debug, Subcommand)]
pub(crate) enum FlowsCommand {
    /// Reset a provisioning flow
    #[command(after_help = FLOW_RESET)]
    Reset(FlowResetArgs),
}

#[derive(Debug, Args)]
pub(crate) struct FlowResetArgs {
    /// The id of the outbound provisioning flow set
    #[arg(value_name = "FLOW-SET-ID")]
    pub(crate) flow_set: String,
    /// The id of the provisioning flow
    #[arg(value_name = "FLOW-ID")]
    pub(crate) flow: String,
    /// Do not ask for confirmation
    ///
    /// This is needed without a terminal.
    #[arg(long)]
    pub(crate) yes: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ValidateArgs {
    /// The id of the data connector
    #[arg(value_name = "CONNECTOR-ID")]
    pub(crate) connector: String,
    /// Wait until the validation has ended
    #[arg(long)]
    pub(crate) wait: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Reads of runs, and the wait for one.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// List the runs that the service returns
    List(ListArgs),
    /// Show one run
    Show(ReadOneArgs),
    /// Wait until a run has ended, and show its statistics
    Follow(FollowArgs),
    /// Show the statistics of a run, complete once it has ended
    Statistics(ReadOneArgs),
    /// List the activities of a run
    ///
    /// This call is known only from the metadata of the service.
    Activities(ReadOneArgs),
}

/// Reads of operations.
#[derive(Debug, Subcommand)]
pub(crate) enum OperationsCommand {
    /// List the operations that the service returns
    List(ListArgs),
    /// Show one operation
    Show(ReadOneArgs),
}

#[derive(Debug, Args)]
pub(crate) struct ListArgs {
    /// List only the newest
    ///
    /// Without this, all are listed.
    #[arg(long, value_name = "NUMBER", value_parser = limit)]
    pub(crate) limit: Option<usize>,
    #[command(flatten)]
    pub(crate) limits: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct ReadArgs {
    /// Time limit of the whole command
    ///
    /// Write a time as 50ms, 2s, 5m or 1h.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Time limit of each request
    ///
    /// At most 1h.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = request_duration)]
    pub(crate) request_timeout: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct ReadOneArgs {
    /// The id, as list prints it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) limits: ReadArgs,
}

/// The source of the tenant's schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scheduled {
    /// A scheduled run is or was due at this time.
    At(Timestamp),
    /// The start times of the runs.
    Infer,
}

#[derive(Debug, Args)]
pub(crate) struct QuotaArgs {
    /// Show the quota until interrupted
    ///
    /// On a terminal, the picture is drawn again as time passes and the ledger
    /// changes. Elsewhere, each change is written.
    #[arg(long, short)]
    pub(crate) watch: bool,
    /// List the entries of the ledger
    #[arg(long)]
    pub(crate) entries: bool,
    /// Resolve a start in doubt by hand
    ///
    /// OUTCOME is started or not-started. --entries shows the ids. The option
    /// can be repeated. quarantine=not-started ends the quarantine after a
    /// reset: use it if no start was made that the ledger does not have.
    #[arg(long, value_name = "ID=OUTCOME", value_parser = resolution)]
    pub(crate) resolve: Vec<(String, Resolution)>,
    /// Compare the ledger with the service first
    ///
    /// What the service lists resolves starts in doubt, and adds starts that
    /// were made elsewhere. This needs a token.
    #[arg(long)]
    pub(crate) reconcile: bool,
    /// Show the next scheduled run as well
    ///
    /// TIME is when a scheduled run is or was due, such as
    /// 2026-03-10T06:00:00Z; the others are 12 hours apart. With infer, the
    /// start times of the runs give the schedule, which needs a token.
    ///
    /// [env: INDUSTRYDATA_SCHEDULE]
    #[arg(long, value_name = "TIME|infer", value_parser = scheduled)]
    pub(crate) schedule: Option<Scheduled>,
    #[command(flatten)]
    pub(crate) limits: ReadArgs,
}

#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Wait until the operation succeeds or fails
    #[arg(long)]
    pub(crate) wait: bool,
    /// Wait until the run itself has ended
    ///
    /// After the operation this finds the run, polls it until it has ended
    /// and shows its statistics.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Exit with 10 if the run dropped records
    ///
    /// Only --follow reads the run, so this needs it.
    #[arg(long)]
    pub(crate) strict: bool,
    /// Check first that the token may poll
    ///
    /// Polling needs the permission IndustryData.ReadBasic.All. Without it
    /// nothing is started, and no slot is used.
    #[arg(long)]
    pub(crate) preflight: bool,
    /// Wait for a slot if there is none
    ///
    /// The ledger or the service may have no slot left. The time limit covers
    /// this wait too.
    #[arg(long)]
    pub(crate) wait_for_slot: bool,
    /// Report which scheduled run is skipped
    ///
    /// TIME is when a scheduled run is or was due, such as
    /// 2026-03-10T06:00:00Z; the others are 12 hours apart. With infer, the
    /// start times of the runs give the schedule; they are listed before the
    /// start.
    ///
    /// [env: INDUSTRYDATA_SCHEDULE]
    #[arg(long, value_name = "TIME|infer", value_parser = scheduled)]
    pub(crate) schedule: Option<Scheduled>,
    /// Label of the start in the ledger
    ///
    /// `quota --entries` shows it. It has 1 to 255 characters, and no control
    /// characters.
    #[arg(long, value_name = "TEXT", value_parser = label)]
    pub(crate) label: Option<String>,
    /// Start at most one run with this key
    ///
    /// A key of 1 to 128 bytes names one occasion. If a start of the last
    /// 12 hours has it, nothing is started: the command continues that start
    /// and ends as it ends. So a retry is harmless. Put a date into the key,
    /// such as nightly-2026-03-10: with the same key, the next night would
    /// continue the start of this night. A key needs a stored ledger, so it
    /// cannot be used with --ledger none.
    #[arg(long, value_name = "KEY", value_parser = start_key, verbatim_doc_comment)]
    pub(crate) key: Option<StartKey>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct WaitArgs {
    /// The URL or id of the operation, or a resume token
    #[arg(value_name = "OPERATION")]
    pub(crate) operation: String,
    /// Wait until its run has ended too
    ///
    /// After the operation this finds the run, polls it until it has ended
    /// and shows its statistics.
    #[arg(long)]
    pub(crate) follow: bool,
    /// Exit with 10 if the run dropped records
    ///
    /// Only --follow reads the run, so this needs it.
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

#[derive(Debug, Args)]
pub(crate) struct FollowArgs {
    /// The id of the run, as list prints it
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Exit with 10 if the run dropped records
    #[arg(long)]
    pub(crate) strict: bool,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

/// Time limits, written as `50ms`, `2s`, `5m` or `1h`.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// Time limit of the whole command
    ///
    /// Write a time as 50ms, 2s, 5m or 1h.
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = duration)]
    pub(crate) timeout: Duration,
    /// Fixed interval between polls
    ///
    /// By default it grows from 5 s to 45 s. A longer Retry-After takes
    /// precedence.
    #[arg(long, value_name = "TIME", value_parser = duration)]
    pub(crate) poll_interval: Option<Duration>,
    /// Time limit of each request
    ///
    /// At most 1h.
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = request_duration)]
    pub(crate) request_timeout: Duration,
}

impl LimitArgs {
    pub(crate) fn polling(&self) -> PollingPolicy {
        self.poll_interval
            .map_or_else(PollingPolicy::default, PollingPolicy::every)
    }
}

#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Folder for the pages; it is created if needed
    #[arg(value_name = "DIR")]
    pub(crate) dir: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct EmulatorArgs {
    /// Port on 127.0.0.1; 0 for any free port
    #[arg(long, value_name = "PORT", default_value_t = 8085)]
    pub(crate) port: u16,
    /// Divides how long operations and runs take
    ///
    /// At 1, an operation takes 120 s and its run 110 min. The clock, the
    /// window and the schedule stay as they are.
    #[arg(
        long,
        value_name = "FACTOR",
        default_value = "1",
        value_parser = speed
    )]
    pub(crate) speed: f64,
    /// How long tokens and assertions are valid, at least 1s
    ///
    /// The default is 3599 s for tokens, and 5 min for the assertions of
    /// jobs and token files, which never live longer. A file is renewed
    /// when half of that is over.
    #[arg(long, value_name = "DURATION", value_parser = token_lifetime)]
    pub(crate) token_lifetime: Option<Duration>,
}

/// Parses arguments with one command, the first of these that they name. The definition of all commands takes longer than
/// the work of most.
///
/// `None` if the arguments need the whole definition: for another command, for help, or for a message.
pub(crate) fn quick(arguments: &[OsString]) -> Option<Cli> {
    let alone = |name: &OsString| alone(name.to_str()?);
    let command = arguments.iter().skip(1).find_map(alone)?;
    let whole = clap::Command::new("industrydata").subcommand_required(true);
    let whole = Global::augment_args(whole).subcommand(command);
    let mut matches = whole.try_get_matches_from(arguments).ok()?;
    Cli::from_arg_matches_mut(&mut matches).ok()
}

/// A command without its help, if it is one that programs call often.
fn alone(name: &str) -> Option<clap::Command> {
    let augment = match name {
        "quota" => QuotaArgs::augment_args,
        "start" => StartArgs::augment_args,
        "wait" => WaitArgs::augment_args,
        _ => return None,
    };
    Some(augment(clap::Command::new(name.to_owned())))
}

/// The output form in arguments that may not parse.
pub(crate) fn requested_output(arguments: &[OsString]) -> Output {
    match requested(arguments, "--output") {
        Some(form) if form == "json" => Output::Json,
        _ => Output::Human,
    }
}

/// The colours in arguments that may not parse.
pub(crate) fn requested_colour(arguments: &[OsString]) -> Colour {
    Colour::of(requested(arguments, "--color"))
}

/// The last value of an option in arguments that may not parse.
fn requested<'a>(arguments: &'a [OsString], name: &str) -> Option<&'a OsStr> {
    let options: Vec<_> = arguments
        .iter()
        .skip(1)
        .take_while(|arg| *arg != "--")
        .collect();
    let joined = |arg: &'a OsString| {
        let (option, value) = arg.to_str()?.split_once('=')?;
        (option == name).then(|| OsStr::new(value))
    };
    let at = |index: usize| {
        let argument = options.get(index)?;
        match *argument == name {
            true => options.get(index + 1).map(|value| value.as_os_str()),
            false => joined(argument),
        }
    };
    (0..options.len()).rev().find_map(at)
}

fn duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(format!(
            "a duration needs a unit, such as {text}s or {text}m"
        ));
    }
    let duration = humantime::parse_duration(text)
        .map_err(|error| format!("{error}: write a duration such as 50ms, 2s, 5m or 1h"))?;
    if duration.is_zero() {
        return Err("the duration must be longer than zero".to_owned());
    }
    if duration > LONGEST {
        return Err("the duration must be at most ten years".to_owned());
    }
    Ok(duration)
}

fn request_duration(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    if duration > LONGEST_REQUEST {
        return Err("the time limit of one request is at most 1h".to_owned());
    }
    Ok(duration)
}

fn start_key(text: &str) -> Result<StartKey, String> {
    text.parse::<StartKey>().map_err(|error| error.to_string())
}

fn resolution(text: &str) -> Result<(String, Resolution), String> {
    let resolution = match text.split_once('=') {
        Some((id, "started")) => (id, Resolution::Started),
        Some((id, "not-started")) => (id, Resolution::NotStarted),
        _ => return Err("write ID=started or ID=not-started".to_owned()),
    };
    let (id, resolution) = resolution;
    if id == QUARANTINE {
        return match resolution {
            Resolution::NotStarted => Ok((id.to_owned(), resolution)),
            Resolution::Started => Err("write it as quarantine=not-started".to_owned()),
        };
    }
    if id.len() != 32 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err("the id of an entry is 32 hexadecimal digits: see quota --entries".to_owned());
    }
    Ok((id.to_owned(), resolution))
}

pub(crate) fn scheduled(text: &str) -> Result<Scheduled, String> {
    if text == "infer" {
        return Ok(Scheduled::Infer);
    }
    text.parse()
        .map(Scheduled::At)
        .map_err(|_| "write an RFC 3339 time such as 2026-03-10T06:00:00Z, or infer".to_owned())
}

fn label(text: &str) -> Result<String, String> {
    if text.trim().is_empty() || text.chars().count() > Caller::LONGEST {
        return Err("a label must have 1 to 255 characters".to_owned());
    }
    if text.contains(char::is_control) {
        return Err("a label must have no control characters, such as line breaks".to_owned());
    }
    Ok(text.to_owned())
}

fn limit(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|limit| *limit > 0)
        .ok_or_else(|| "a limit must be a whole number above zero, such as 10".to_owned())
}

/// Answers have whole seconds.
fn token_lifetime(text: &str) -> Result<Duration, String> {
    let lifetime = duration(text)?;
    if lifetime < Duration::from_secs(1) {
        return Err("a token must be valid for at least 1s".to_owned());
    }
    Ok(lifetime)
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed: &f64| speed.is_finite() && *speed > 0.0)
        .ok_or_else(|| "a speed must be a number above zero, such as 20 or 0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_limits() {
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
                .contains("at most 1h")
        );
    }

    #[test]
    fn labels_are_short_and_printable() {
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
    fn a_token_lives_for_a_second_at_least() {
        assert_eq!(token_lifetime("1s"), Ok(Duration::from_secs(1)));
        for bad in ["999ms", "0s", "1", "20years"] {
            assert!(token_lifetime(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_parsed_quickly_is_what_the_whole_command_line_parses() {
        let with = |words: &[&str]| -> Vec<OsString> {
            let words = words.iter().map(OsString::from);
            std::iter::once("industrydata".into())
                .chain(words)
                .collect()
        };
        let whole = |words: &[&str]| Cli::try_parse_from(with(words));
        for words in [
            &["quota"][..],
            &["quota", "--output", "json", "--entries"],
            &["--output=json", "-v", "quota", "--tenant", "start", "-w"],
            &["start", "--label", "wait", "--timeout", "5m", "--follow"],
            &["start", "--color=never", "--http", "async"],
            &["wait", "idr1:A", "--strict", "--poll-interval", "2s"],
            &["wait", "--quiet", "--", "start"],
            &["wait", "quota", "--request-timeout", "1m"],
        ] {
            let quick = format!("{:?}", quick(&with(words)).unwrap());
            assert_eq!(quick, format!("{:?}", whole(words).unwrap()));
        }
        // The value of an option that is the name of a command, and another command, are left to the whole command line.
        for words in [
            &["--tenant", "quota", "start", "--key", "a"][..],
            &["--ledger", "start", "quota", "--ledger", "none"],
            &["runs", "list", "--tenant", "quota"],
            &["demo"],
        ] {
            assert!(quick(&with(words)).is_none(), "{words:?}");
            assert!(whole(words).is_ok(), "{words:?}");
        }
        for words in [
            &[][..],
            &["--help"],
            &["quota", "--help"],
            &["help", "quota"],
            &["quota", "--version"],
            &["--version", "start"],
            &["quota", "--entires"],
            &["quota", "start"],
            &["start", "--timeout", "0s"],
            &["start", "-q", "-v"],
            &["wait"],
            &["--tenant", "quota"],
            &["--", "quota"],
        ] {
            assert!(quick(&with(words)).is_none(), "{words:?}");
            assert!(whole(words).is_err(), "{words:?}");
        }
    }

    #[test]
    fn a_command_alone_has_all_its_options() {
        use clap::CommandFactory as _;
        let whole = Cli::command();
        let ids = |command: &clap::Command| -> Vec<String> {
            let all = command.get_arguments();
            all.map(|arg| arg.get_id().to_string()).collect()
        };
        for name in ["quota", "start", "wait"] {
            let of_all = whole.find_subcommand(name).unwrap();
            assert_eq!(ids(&alone(name).unwrap()), ids(of_all));
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
    fn the_output_form_is_read_from_arguments_that_do_not_parse() {
        let of = |args: &[&str]| {
            let args: Vec<_> = std::iter::once(&"industrydata")
                .chain(args)
                .map(OsString::from)
                .collect();
            requested_output(&args)
        };
        assert_eq!(of(&["--output", "json"]), Output::Json);
        assert_eq!(of(&["nonsense", "--output=json", "--x"]), Output::Json);
        assert_eq!(of(&["wait", "--", "--output", "json"]), Output::Human);
        assert_eq!(of(&["--output"]), Output::Human);
        assert_eq!(of(&["--output", "xml", "json"]), Output::Human);
        assert_eq!(
            of(&["--output", "human", "x", "--output=json"]),
            Output::Json
        );
    }
}
