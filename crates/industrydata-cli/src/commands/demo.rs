//! `demo`: all of it in a few seconds, against an emulated service in this process, with books that are thrown away.

use std::time::Duration;

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
    args::{Http, Output},
    commands::{Answer, Context, follow},
    flavour::{self, Client, Setup},
    human,
    report::{Document, Kind, Outcome, QuotaReport},
    tokens::Tokens,
    verdict,
};

/// An operation takes 120 s divided by this.
const SPEED: f64 = 60.0;
const POLL: Duration = Duration::from_millis(700);
const TIMEOUT: Duration = Duration::from_secs(20);
/// More starts than any quota of ours lets through.
const MOST: u32 = 10;

/// The stage all of it plays on.
struct Stage {
    base: BaseUrl,
    tenant: Tenant,
    tokens: Tokens,
    books: Ledger,
}

pub(super) fn run(context: Context<'_>) -> Result<Answer, Box<Document>> {
    let folder = tempfile::tempdir().map_err(|error| broken(&error))?;
    let config = Config {
        speed: SPEED,
        ..Config::default()
    };
    let emulator = Emulator::start(config).map_err(|error| broken(&error))?;
    let stage = Stage {
        base: BaseUrl::parse(&emulator.base_url()).map_err(|error| broken(&error))?,
        tenant: "demo".parse().map_err(|error| broken(&error))?,
        tokens: AccessToken::new(emulator.token())
            .map(Tokens::Fixed)
            .map_err(|error| broken(&error))?,
        books: SqliteStore::open(folder.path().join("ledger.sqlite"))
            .map(Ledger::from)
            .map_err(|fault| verdict::ledger(&fault))?,
    };
    context.progress(format!(
        "an emulated service listens at {}, and its clock runs as usual;",
        stage.base
    ));
    context.progress(
        "its operations take 2 s in place of 2 min; the books are thrown away at the end",
    );

    let mut last = None;
    for (name, http) in [("blocking", Http::Blocking), ("async", Http::Async)] {
        context.progress(format!(
            "\n-- a start through the {name} client, followed to its end"
        ));
        let document = start_and_follow(&*stage.client(http, context)?, context)?;
        if document.outcome != Outcome::Succeeded {
            return Ok(Answer::Document(document));
        }
        context.progress(human::result(&document).trim_end());
        last = document.operation;
    }
    context.progress("\n-- more starts, until the books have no slot left");
    let client = stage.client(Http::Blocking, context)?;
    for _ in 0..MOST {
        match client.start(false, Box::new(|_, _| {})) {
            Ok(run) => context.progress(format!("started: operation {}", run.url().operation_id())),
            Err(error) if matches!(error.kind(), StartErrorKind::NoSlot(_)) => {
                context.progress(format!("refused by the books, nothing was sent: {error}"));
                break;
            }
            Err(error) => {
                return Err(verdict::start_error(&error, context.interrupt.is_given()).into());
            }
        }
    }
    let quota = stage.quota()?;
    context.progress("\n-- the quota, as `industrydata quota` shows it");
    let text = match context.output {
        Output::Human => human::quota(
            &quota,
            &format!("tenant {} at {}", stage.tenant, stage.base),
        ),
        Output::Json => String::new(),
    };
    let document = Document {
        outcome: Outcome::Succeeded,
        operation: last,
        quota: Some(QuotaReport::from(&quota)),
        error: None,
        followed: None,
    };
    emulator.stop();
    Ok(Answer::Text(document, text))
}

fn start_and_follow(client: &dyn Client, context: Context<'_>) -> Result<Document, Box<Document>> {
    let until = follow::until(TIMEOUT);
    context
        .interrupt
        .last_word(Document::cut_off(MayHaveStarted::Unknown, None));
    let mut run = client
        .start(false, Box::new(|_, _| {}))
        .map_err(|error| verdict::start_error(&error, context.interrupt.is_given()))?;
    context.progress(format!(
        "started: operation {}, {}",
        run.url().operation_id(),
        run.url()
    ));
    Ok(follow::follow(&mut *run, until, false, context))
}

impl Stage {
    fn client(&self, http: Http, context: Context<'_>) -> Result<Box<dyn Client>, Box<Document>> {
        flavour::client(
            http,
            Setup {
                base: self.base.clone(),
                tenant: self.tenant.clone(),
                tokens: self.tokens.clone(),
                books: self.books.clone(),
                polling: PollingPolicy::every(POLL),
                timeout: TIMEOUT,
                request_timeout: TIMEOUT,
                who: Caller::default(),
                interrupt: context.interrupt.clone(),
            },
        )
    }

    fn quota(&self) -> Result<Quota, Box<Document>> {
        let change = Change::read(
            LedgerKey::new(&self.base, &self.tenant),
            Throttle::default(),
        );
        let verdict = self
            .books
            .transact(&change)
            .map_err(|fault| verdict::ledger(&fault))?;
        Ok(verdict.quota().clone())
    }
}

fn broken(error: &dyn std::error::Error) -> Document {
    Document::refusal(
        Outcome::Unexpected,
        Kind::Unexpected,
        format!("the demo cannot be set up: {error}"),
    )
    .advise("look whether a temporary folder can be made and a loopback port be had")
}
