//! `demo`: an end-to-end run in a few seconds, against an emulator in this process, with a temporary ledger.

use std::{fmt::Display, time::Duration};

use industrydata_core::Tenant;
use industrydata_core::auth::AccessToken;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::Store;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::StartErrorKind;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use industrydata_emulator::{Config, Emulator};
use industrydata_ledger::{Ledger, SqliteStore};

use crate::{
    args::Http,
    commands::{answer::Answer, context::Context, operation},
    error_report,
    flavour::{self, Client, Setup},
    human,
    report::{Document, Kind, Outcome, QuotaReport},
    resume::ResumePlan,
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

    let mut last = None;
    for (name, http) in [("blocking", Http::Blocking), ("async", Http::Async)] {
        context.progress(format!("\n-- start with the {name} client, and wait"));
        let document = start_and_wait(&*fixture.client(http, context)?, context)?;
        if document.outcome != Outcome::Succeeded {
            return Ok(Answer::from(&document));
        }
        context.progress(human::result(&document).trim_end());
        last = document.operation;
    }
    context.progress("\n-- start until the ledger has no slot left");
    let client = fixture.client(Http::Blocking, context)?;
    for _ in 0..MOST_STARTS {
        match client.start(false, Box::new(|_, _| {})) {
            Ok(poller) => context.progress(format!(
                "started: operation {}",
                poller.url().operation_id()
            )),
            Err(error) if matches!(error.kind(), StartErrorKind::NoSlot(_)) => {
                context.progress(format!("refused by the ledger, nothing was sent: {error}"));
                break;
            }
            Err(error) => {
                let interrupted = context.interrupt.is_interrupted();
                return Err(error_report::start(&error, interrupted).into());
            }
        }
    }
    context.progress("\n-- show the quota, as `industrydata quota` does");
    let quota = fixture.quota()?;
    let heading = format!("tenant {} at {}", fixture.tenant, fixture.base);
    let document = Document {
        outcome: Outcome::Succeeded,
        operation: last,
        quota: Some(QuotaReport::from(&quota)),
        error: None,
        followed: None,
        next: None,
    };
    emulator.stop();
    Ok(Answer::with_text(
        &document,
        human::timeline(&quota, &heading),
    ))
}

fn start_and_wait(client: &dyn Client, context: Context<'_>) -> Result<Document, Box<Document>> {
    let deadline = Deadline::new(TIMEOUT, context.interrupt);
    context
        .interrupt
        .set_fallback(Document::interrupted(MayHaveStarted::Unknown, None));
    let mut poller = client
        .start(false, Box::new(|_, _| {}))
        .map_err(|error| error_report::start(&error, context.interrupt.is_interrupted()))?;
    context.progress(format!(
        "started: operation {}",
        poller.url().operation_id()
    ));
    Ok(operation::poll_to_end(
        &mut *poller,
        &deadline,
        &ResumePlan::default(),
        context,
    ))
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
