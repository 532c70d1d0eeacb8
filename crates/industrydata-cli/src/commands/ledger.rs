//! `ledger reset`: moves the ledger aside and begins a new one in quarantine. Nothing is sent.

use std::{fmt::Write as _, time::Duration};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Reset;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::escape_controls;
use industrydata_ledger::Ledger;
use serde::Serialize;

use crate::{
    args::{Global, ResetArgs},
    commands::{
        answer::Answer,
        context::{self, Context},
    },
    error_report,
    report::{Document, Kind, Outcome},
    settings,
    terminal::{self, times},
};

/// How long another holder of the ledger is waited for.
const LOCK_WAIT: Duration = Duration::from_secs(5);

#[derive(Serialize)]
struct Report {
    ledger: String,
    /// Where the old ledger is now; `null` if it was empty and stayed.
    moved_to: Option<String>,
    /// `null` if it could not be read after the reset.
    quarantined_until: Option<String>,
}

pub(super) fn reset(
    global: &Global,
    args: &ResetArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let place = settings::ledger_place(global, context.env)?;
    let Some(place) = place else {
        let message =
            "a ledger that ends with this process cannot be reset: set --ledger to a path or a URL";
        return Err(Document::usage(message).into());
    };
    let ledger = settings::ledger(global, context.env, LOCK_WAIT)?;
    if !args.yes {
        confirm(&place)?;
    }
    let moved_to = match ledger.reset() {
        Ok(Reset::MovedAside(name)) => Some(name),
        Ok(Reset::Sql(sql)) => return Ok(to_run(&sql)),
        Ok(Reset::Marked | _) => None,
        Err(error) => return Err(error_report::ledger(&error).into()),
    };
    let until = quarantined_until(&ledger);
    if let Err(error) = &until {
        terminal::warn(format!(
            "the ledger was reset, but the end of its quarantine could not be read: {error}"
        ));
    }
    Ok(done(&place, moved_to, until.ok().flatten()))
}

/// What the reset did. It is done even if the end of the quarantine could not be read.
fn done(place: &str, moved_to: Option<String>, until: Option<Timestamp>) -> Answer {
    let shown = escape_controls(place);
    let mut text = match &moved_to {
        Some(name) => format!("{shown} was moved to {}\n", escape_controls(name)),
        None => format!("{shown} was empty and stays where it is\n"),
    };
    if let Some(until) = until {
        let _ = writeln!(
            text,
            "the ledger is in quarantine until {}: no tenant has a slot before\n\
             to end it sooner for a tenant, run `industrydata quota --reconcile`\n\
             half an hour from now or later",
            times::at(until)
        );
    }
    let report = Report {
        ledger: place.to_owned(),
        moved_to,
        quarantined_until: until.map(|until| until.to_string()),
    };
    Answer::value(&report, text)
}

/// The end of the quarantine, which is one for all tenants now.
fn quarantined_until(ledger: &Ledger) -> Result<Option<Timestamp>, StoreError> {
    let Ok(tenant) = "default".parse() else {
        return Ok(None);
    };
    let key = LedgerKey::new(&BaseUrl::graph(), &tenant);
    let reply = ledger.transact(&Change::read(key, Throttle::default()))?;
    Ok(reply.quota().quarantine().map(|it| it.until()))
}

/// Nothing was changed: the owner of the schema has to run this SQL, which is the result on standard output.
fn to_run(sql: &str) -> Answer {
    let message = "nothing was changed: the ledger is in use or damaged, and the owner of its schema must run the SQL given";
    let document = Document::error(Outcome::Ledger, Kind::Ledger, message).advise(sql);
    let mut answer = Answer::with_text(&document, sql.to_owned());
    if let Answer::Result { error, .. } = &mut answer {
        *error = format!("error: {message}\n");
    }
    answer
}

fn confirm(place: &str) -> Result<(), Box<Document>> {
    let question = format!(
        "the ledger {} will be moved aside, and no tenant will have a slot for 12 hours",
        escape_controls(place)
    );
    context::confirm(&question)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_is_reported_even_if_its_end_could_not_be_read() {
        let at: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        for until in [None, Some(at)] {
            let answer = done("ledger", Some("aside".to_owned()), until);
            let Answer::Result {
                json,
                text,
                exit_code,
                ..
            } = answer
            else {
                panic!("nothing to print");
            };
            let report: serde_json::Value = serde_json::from_str(&json).unwrap();
            assert_eq!((exit_code, &report["moved_to"]), (0, &"aside".into()));
            let shown = until.map(|until| until.to_string());
            assert_eq!(report["quarantined_until"], serde_json::json!(shown));
            assert!(text.starts_with("ledger was moved to aside\n"), "{text}");
            assert_eq!(text.contains("in quarantine until"), until.is_some());
        }
    }
}
