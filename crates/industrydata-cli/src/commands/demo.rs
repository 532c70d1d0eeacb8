//! `demo`: what a ledger of starts is for, in half a minute. The service is an emulator in this process, and the ledger
//! is temporary.

use std::{fmt::Display, time::Duration};

use industrydata_core::Tenant;
use industrydata_core::auth::AccessToken;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::Store;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
use industrydata_ledger::{Ledger, SqliteStore};

use crate::{
    args::Http,
    commands::{answer::Answer, context::Context, operation, quota},
    error_report,
    flavour::{self, Client, OperationPoller, Setup},
    human::{self, WaitSpan},
    report::{Document, Kind, Outcome, QuotaReport},
    resume::ResumePlan,
    settings::Target,
    terminal::{
        self, StatusLine,
        colour::{CAUTION, COMMAND, GOOD, HEADING, paint},
        times,
        width::Width,
    },
    tokens::{Deadline, Tokens},
};

/// An emulated operation takes 120 s divided by this.
const SPEED: f64 = 60.0;
const POLL_INTERVAL: Duration = Duration::from_millis(700);
const TIMEOUT: Duration = Duration::from_secs(20);
/// More starts than the quota allows.
const MOST_STARTS: u32 = 10;

/// What every client of the demo uses.
struct Fixture {
    base: BaseUrl,
    tenant: Tenant,
    tokens: Tokens,
    ledger: Ledger,
}

pub(super) fn run(context: Context<'_>) -> Result<Answer, Box<Document>> {
    let folder = tempfile::tempdir().map_err(setup_error)?;
    let config = Config {
        speed: SPEED,
        ..Config::default()
    };
    let emulator = Emulator::start(config).map_err(setup_error)?;
    let fixture = Fixture {
        base: BaseUrl::parse(&emulator.base_url()).map_err(setup_error)?,
        tenant: "demo".parse().map_err(setup_error)?,
        tokens: AccessToken::new(emulator.token())
            .map(Tokens::Fixed)
            .map_err(setup_error)?,
        ledger: SqliteStore::open(folder.path().join("ledger.sqlite"))
            .map(Ledger::from)
            .map_err(|error| error_report::ledger(&error))?,
    };
    context.progress(format!(
        "emulated service at {}: operations take 2 s instead of 2 min",
        fixture.base
    ));
    context.progress("the ledger is temporary: it is deleted at the end");

    let story = Story {
        blocking: fixture.client(Http::Blocking, context)?,
        asynchronous: fixture.client(Http::Async, context)?,
        emulator: &emulator,
        context,
    };
    let seen_through = story.see_a_start_through()?;
    if seen_through.outcome != Outcome::Succeeded {
        return Ok(Answer::from(&seen_through));
    }
    story.lose_an_answer(&fixture)?;
    let resumed = story.stop_and_resume()?;
    if resumed.outcome != Outcome::Succeeded {
        return Ok(Answer::from(&resumed));
    }
    story.use_all_slots()?;

    story.chapter("the quota, as `industrydata quota` shows it");
    let quota = fixture.quota()?;
    let heading = format!("tenant {} at {}", fixture.tenant, fixture.base);
    let document = Document {
        outcome: Outcome::Succeeded,
        operation: resumed.operation,
        quota: Some(QuotaReport::from(&quota)),
        error: None,
        followed: None,
        attached: None,
        attached_to: None,
        next: None,
        inquiry: None,
    };
    emulator.stop();
    let picture = human::timeline(&quota, &heading);
    Ok(Answer::with_text(&document, format!("{picture}{}", next())))
}

/// What to try after the demo.
fn next() -> String {
    let heading = paint(HEADING, "try next, in three shells:");
    let commands = [
        ("industrydata emulator --speed 600", "prints what to set"),
        ("industrydata quota --watch", "shows each start"),
        ("industrydata start --follow", "waits for the run too"),
    ];
    let width = Width::stdout();
    let widest = commands
        .iter()
        .map(|(command, note)| command.len().max(33) + note.len() + 4);
    let is_wide = width.fits(widest.max().unwrap_or_default());
    let lines = commands.map(|(command, note)| {
        let space = match is_wide {
            true => " ".repeat(35 - command.len()),
            false => "\n    ".to_owned(),
        };
        format!("  {}{space}{note}\n", paint(COMMAND, command))
    });
    format!("\n{heading}\n{}", lines.concat())
}

/// The chapters of the demo, each with what it tells.
struct Story<'s> {
    blocking: Box<dyn Client>,
    asynchronous: Box<dyn Client>,
    emulator: &'s Emulator,
    context: Context<'s>,
}

impl Story<'_> {
    fn chapter(&self, heading: &str) {
        let heading = Width::stderr().wrap(&format!("-- {heading}"), "   ");
        terminal::progress(format!("\n{}", paint(HEADING, &heading)));
    }

    fn see_a_start_through(&self) -> Result<Document, Box<Document>> {
        self.chapter("a start, and the wait for it, with the blocking client");
        let mut poller = self.start()?;
        let document = self.poll_to_end(&mut *poller);
        if document.outcome == Outcome::Succeeded {
            let result = human::result(&document);
            terminal::progress(result.trim_end());
        }
        Ok(document)
    }

    /// The service accepts the start, and its answer is lost.
    fn lose_an_answer(&self, fixture: &Fixture) -> Result<(), Box<Document>> {
        self.chapter("an answer is lost: the start is in doubt, and is not repeated");
        self.emulator
            .script(Fault::on(On::Start).lose(Lose::Answer));
        let Err(document) = self.start() else {
            return Err(setup_error("the answer was not lost").into());
        };
        if document.outcome != Outcome::InDoubt {
            return Err(document);
        }
        terminal::progress(human::error(&document).trim_end());
        self.chapter("reconcile: the service lists the operation, so the start counts");
        let reconciliation = self.asynchronous.reconcile().map_err(|error| {
            error_report::reconcile(&error, self.context.interrupt.is_interrupted())
        })?;
        self.context
            .progress(quota::reconciliation_text(&reconciliation).trim_end());
        let left = fixture.quota()?;
        self.context.progress(format!(
            "in doubt now: {}, used: {} of {}",
            left.in_doubt(),
            left.used(),
            left.throttle().limit
        ));
        Ok(())
    }

    /// Another process, with another client, could do the second half.
    fn stop_and_resume(&self) -> Result<Document, Box<Document>> {
        self.chapter("a wait stops after two polls, and the async client resumes it");
        let mut poller = self.start()?;
        let token = poller.resume_token();
        let wait = WaitSpan::new(TIMEOUT).since(token.accepted());
        let line = StatusLine::new();
        for _ in 0..2 {
            let progress = poller.progress().map_err(|error| {
                let operation = operation::operation(&*poller);
                let interrupted = self.context.interrupt.is_interrupted();
                error_report::operation_poll(&error, operation, None, interrupted)
            })?;
            if let Some(progress) = progress {
                line.set(human::operation_progress(&progress, wait));
            }
        }
        drop((line, poller));
        let command = paint(COMMAND, &format!("industrydata wait {token}"));
        terminal::progress(format!("stopped; to resume in another process: {command}"));
        let mut poller = self.asynchronous.poll(Target::Resume(token))?;
        let document = self.poll_to_end(&mut *poller);
        if document.outcome == Outcome::Succeeded {
            let result = human::result(&document);
            terminal::progress(result.lines().next().unwrap_or_default());
        }
        Ok(document)
    }

    fn use_all_slots(&self) -> Result<(), Box<Document>> {
        self.chapter("starts until no slot is left: the ledger refuses the sixth");
        for _ in 0..MOST_STARTS {
            match self.start() {
                Ok(_) => {}
                Err(document) if document.outcome == Outcome::Throttled => {
                    let message = document.error.map(|error| error.message);
                    let message = times::in_text(&message.unwrap_or_default());
                    let label = paint(CAUTION, "refused by the ledger, nothing was sent:");
                    self.context.progress(format!("{label} {message}"));
                    return Ok(());
                }
                Err(document) => return Err(document),
            }
        }
        Err(setup_error("the ledger refused no start").into())
    }

    fn start(&self) -> Result<Box<dyn OperationPoller>, Box<Document>> {
        let context = self.context;
        context
            .interrupt
            .set_fallback(Document::interrupted(MayHaveStarted::Unknown, None));
        let started = self.blocking.start(false, Box::new(|_, _| {}));
        // Without the command that resolves a doubt: pasted, it would ask the real service.
        let poller = started
            .map_err(|error| error_report::start(&error, context.interrupt.is_interrupted()))?;
        let id = poller.url().operation_id();
        context.progress(format!("{} operation {id}", paint(GOOD, "started:")));
        Ok(poller)
    }

    fn poll_to_end(&self, poller: &mut dyn OperationPoller) -> Document {
        let deadline = Deadline::new(TIMEOUT, self.context.interrupt);
        operation::poll_to_end(poller, &deadline, &ResumePlan::default(), self.context)
    }
}

impl Fixture {
    fn client(&self, http: Http, context: Context<'_>) -> Result<Box<dyn Client>, Box<Document>> {
        flavour::client(
            http,
            Setup {
                base: self.base.clone(),
                tenant: self.tenant.clone(),
                first: None,
                tokens: self.tokens.clone(),
                ledger: self.ledger.clone(),
                polling: PollingPolicy::every(POLL_INTERVAL),
                timeout: TIMEOUT,
                request_timeout: TIMEOUT,
                caller: Caller::default(),
                interrupt: context.interrupt.clone(),
            },
        )
    }

    fn quota(&self) -> Result<Quota, Box<Document>> {
        let key = LedgerKey::new(&self.base, &self.tenant);
        let change = Change::read(key, Throttle::default());
        let reply = self
            .ledger
            .transact(&change)
            .map_err(|error| error_report::ledger(&error))?;
        Ok(reply.quota().clone())
    }
}

fn setup_error(error: impl Display) -> Document {
    Document::error(
        Outcome::Unexpected,
        Kind::Unexpected,
        format!("cannot set up the demo: {error}"),
    )
    .advise("check that the temporary folder is writable and that a loopback port is free")
}
