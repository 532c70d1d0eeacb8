//! `ledger reset`: moves the ledger aside and begins a new one in quarantine. Nothing is sent.

use std::{
    fmt::Write as _,
    io::{self, BufRead, IsTerminal},
    time::Duration,
};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::Store;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::escape_controls;
use industrydata_ledger::Ledger;
use serde::Serialize;

use crate::{
    args::{Global, ResetArgs},
    commands::{Answer, Context},
    human,
    report::{Document, Kind, Outcome},
    settings, verdict,
};

/// How long another holder of the ledger is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Report {
    ledger: String,
    /// Where the old ledger is now; `null` if it was empty and stayed.
    moved_to: Option<String>,
    quarantined_until: Option<String>,
}

pub(super) fn reset(
    global: &Global,
    args: &ResetArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    settings::ledger_is_path(global, context.env)?;
    let place = settings::ledger_place(global, context.env)?;
    let Some(place) = place else {
        let message =
            "a ledger that ends with this process cannot be reset: name one with --ledger";
        return Err(Document::usage(message).into());
    };
    let ledger = settings::books(global, context.env, LOCK_WAIT)?;
    if !args.yes {
        confirm(&place)?;
    }
    let moved_to = match ledger.reset() {
        Ok(Reset::MovedAside(name)) => Some(name),
        Ok(Reset::Sql(sql)) => return Ok(to_run(&sql)),
        Ok(Reset::Marked | _) => None,
        Err(error) => return Err(verdict::books(&error).into()),
    };
    let until = quarantined_until(&ledger)?;
    let shown = escape_controls(&place);
    let mut text = match &moved_to {
        Some(name) => format!("{shown} was moved to {}\n", escape_controls(name)),
        None => format!("{shown} was empty and stays\n"),
    };
    if let Some(until) = until {
        let _ = writeln!(
            text,
            "the ledger is in quarantine until {until:.0}: no tenant has a slot before\n\
             to end the quarantine of a tenant sooner, run `industrydata quota --reconcile` half an hour from now or later"
        );
    }
    let report = Report {
        ledger: place.clone(),
        moved_to,
        quarantined_until: until.map(|until| until.to_string()),
    };
    Ok(Answer::of(&report, text))
}

/// The end of the quarantine, which is one for all tenants now.
fn quarantined_until(ledger: &Ledger) -> Result<Option<Timestamp>, Box<Document>> {
    let Ok(tenant) = "default".parse() else {
        return Ok(None);
    };
    let key = LedgerKey::new(&BaseUrl::graph(), &tenant);
    let reply = ledger
        .transact(&Change::read(key, Throttle::default()))
        .map_err(|error| verdict::books(&error))?;
    Ok(reply.quota().quarantine().map(|it| it.until()))
}

/// Nothing was changed: a database administrator has to run this SQL.
fn to_run(sql: &str) -> Answer {
    let message = "nothing was changed: the ledger is in use or damaged, and the owner of its schema must run the SQL given";
    human::tell(format!("error: {message}"));
    let document = Document::refusal(Outcome::Ledger, Kind::Ledger, message).advise(sql);
    Answer::Text(document, sql.to_owned())
}

fn confirm(place: &str) -> Result<(), Box<Document>> {
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        let message = "a reset without a terminal to ask at needs --yes";
        return Err(Document::usage(message).into());
    }
    human::tell(format!(
        "The ledger {} will be moved aside. No tenant in it has a slot for 12 hours then. Type yes to go on:",
        escape_controls(place)
    ));
    let mut answer = String::new();
    let read = stdin.lock().read_line(&mut answer);
    if read.is_err() || answer.trim() != "yes" {
        return Err(Document::usage("the reset was not confirmed, nothing was changed").into());
    }
    Ok(())
}
