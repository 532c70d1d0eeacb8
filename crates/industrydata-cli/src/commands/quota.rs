//! `quota`: what the books say. Nobody is asked, and no token is needed, unless the books are to be reconciled.

use std::{fmt::Write as _, time::Duration};

use industrydata_core::Timestamp;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::Entry;
use industrydata_core::ledger::EntryState;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Resolution;
use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreReply;
use industrydata_core::policy::Throttle;
use industrydata_core::reconcile::Match;
use industrydata_core::reconcile::Reconciliation;
use industrydata_core::wire::escape_controls;
use industrydata_ledger::Ledger;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    args::{Global, QUARANTINE, QuotaArgs, Scheduled},
    commands::{Answer, Context, follow, reads},
    human,
    report::{Document, QuotaReport},
    settings, verdict,
};

/// How long another holder of the books may be waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// The quota object, and beside its keys what was asked for.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    quota: QuotaReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    entries: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reconciliation: Option<Value>,
}

pub(super) fn run(
    global: &Global,
    args: &QuotaArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let env = context.env;
    let base = settings::base(global, env)?;
    let tenant = settings::tenant(global, env)?;
    settings::token_options(global)?;
    settings::ledger_is_path(global, env)?;
    let mut opened = None;
    let mut open = || {
        let books = settings::books(global, env, PATIENCE)?;
        follow::warn_if_forgetful(&books);
        opened = Some(books.clone());
        Ok::<_, Box<Document>>(books)
    };
    let scheduled = settings::scheduled(args.schedule, env)?;
    let client = match args.reconcile || scheduled == Some(Scheduled::Infer) {
        true => Some(reads::client_with(global, &args.limits, context, &mut open)?.0),
        false => None,
    };
    let books = match client {
        Some(_) => None,
        None => Some(open()?),
    };
    let Some(books) = books.or(opened) else {
        return Err(Document::usage("there are no books").into());
    };
    let key = || LedgerKey::new(&base, &tenant);
    for (id, resolution) in &args.resolve {
        resolve(&books, key(), id, *resolution)?;
    }
    let mut notes = String::new();
    let mut reconciliation = None;
    let mut schedule = match scheduled {
        Some(Scheduled::At(time)) => Some(Schedule::given(time)),
        Some(Scheduled::Infer) | None => None,
    };
    if let Some(client) = client {
        let client = match schedule {
            Some(schedule) => client.scheduled(schedule),
            None => client,
        };
        if args.reconcile {
            let failed = |error| verdict::reconcile_error(&error, context.interrupt.is_given());
            let found = client.reconcile().map_err(failed)?;
            if let Some(error) = found.unread() {
                let told = verdict::told(error);
                human::tell(format!(
                    "warning: one of the lists could not be read, so nothing was freed: {}",
                    escape_controls(&told)
                ));
            }
            notes.push_str(&findings_text(&found));
            reconciliation = Some(findings_json(&found));
        }
        schedule = schedule.or_else(|| {
            let is_asked_for = scheduled == Some(Scheduled::Infer);
            follow::inferred(&*client, is_asked_for)
        });
    }
    let verdict = book(&books, &Change::entries(key(), Throttle::default()))?;
    let quota = &verdict.quota().clone().with_schedule(schedule);
    let mut text = human::quota(quota, &format!("tenant {tenant} at {base}"));
    text.push_str(&notes);
    let now = quota.as_of();
    if args.entries {
        text.push_str(&entries_text(verdict.entries(), now));
    }
    let report = Report {
        quota: QuotaReport::from(quota),
        entries: args.entries.then(|| {
            verdict
                .entries()
                .iter()
                .map(|it| entry_json(it, now))
                .collect()
        }),
        reconciliation,
    };
    Ok(Answer::of(&report, text))
}

fn book(books: &Ledger, change: &Change) -> Result<StoreReply, Box<Document>> {
    books
        .transact(change)
        .map_err(|fault| verdict::books(&fault).into())
}

fn resolve(
    books: &Ledger,
    key: LedgerKey,
    id: &str,
    resolution: Resolution,
) -> Result<(), Box<Document>> {
    let refused = |why: industrydata_core::ledger::Unresolved| {
        Document::usage(format!("entry {id} is left as it is: {why}"))
            .advise("see `industrydata quota --entries` for the entries and their states")
    };
    let throttle = Throttle::default();
    let change = if id == QUARANTINE {
        let reply = book(books, &Change::read(key.clone(), throttle))?;
        let Some(quarantine) = reply.quota().quarantine() else {
            return Err(Document::usage("the ledger is not in quarantine").into());
        };
        Change::end_quarantine(key, throttle, quarantine)
    } else {
        Change::resolve_by_hand(key, throttle, id, resolution, "").map_err(refused)?
    };
    match book(books, &change)?.unresolved() {
        Some(why) => Err(refused(why).into()),
        None => Ok(()),
    }
}

fn who(who: &Caller) -> String {
    let process = who.process.map(|id| format!("process {id}"));
    let parts = [who.host.clone(), process, who.label.clone()];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn entries_text(entries: &[Entry], now: Timestamp) -> String {
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let evidence = entry.evidence().map(|evidence| evidence.to_string());
            [
                entry.id().to_owned(),
                format!("{:.0}", entry.date()),
                entry.state(now).to_string(),
                evidence
                    .or_else(|| entry.why().map(str::to_owned))
                    .unwrap_or_default(),
                who(entry.caller()),
            ]
        })
        .collect();
    human::table(["ID", "DATE", "STATE", "EVIDENCE", "WHO"], &rows)
}

fn entry_json(entry: &Entry, now: Timestamp) -> Value {
    json!({
        "id": entry.id(),
        "date": entry.date().to_string(),
        "state": state_name(&entry.state(now)),
        "operation": entry.operation(),
        "evidence": entry.evidence().map(|evidence| evidence.to_string()),
        "why": entry.why(),
        "who": {
            "host": entry.caller().host,
            "process": entry.caller().process,
            "label": entry.caller().label,
        },
    })
}

/// The state's name in the JSON output, which scripts rely on.
fn state_name(state: &EntryState) -> &'static str {
    match state {
        EntryState::Reserved => "in_flight",
        EntryState::Confirmed => "confirmed",
        EntryState::Released => "released",
        EntryState::InDoubt => "in_doubt",
        EntryState::External => "seen",
        // A state of a newer release.
        EntryState::Other(_) | _ => "held",
    }
}

fn name(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Started => "started",
        Resolution::NotStarted => "not-started",
    }
}

fn findings_text(found: &Reconciliation) -> String {
    let mut text = String::new();
    for finding in found.findings() {
        let _ = match finding {
            Match::Resolved {
                entry,
                resolution,
                evidence,
            } => writeln!(text, "entry {entry}: {}, by {evidence}", name(*resolution)),
            Match::External { evidence, started } => {
                writeln!(text, "a start by others at {started:.0}, by {evidence}")
            }
            _ => Ok(()),
        };
    }
    if found.ends_quarantine() {
        text.push_str("the quarantine after the reset has ended: the lists show every start that may still count\n");
    }
    let _ = writeln!(
        text,
        "reconciled: {} found, {} starts by others the books did not have, {} left in doubt",
        found.findings().len(),
        found.drift(),
        found.left_in_doubt()
    );
    text
}

fn findings_json(found: &Reconciliation) -> Value {
    let findings = found.findings().iter().filter_map(|finding| match finding {
        Match::Resolved {
            entry,
            resolution,
            evidence,
        } => Some(json!({
            "entry": entry,
            "resolution": name(*resolution),
            "evidence": evidence.to_string(),
            "started": null,
        })),
        Match::External { evidence, started } => Some(json!({
            "entry": null,
            "resolution": "seen",
            "evidence": evidence.to_string(),
            "started": started.to_string(),
        })),
        _ => None,
    });
    json!({
        "findings": findings.collect::<Vec<_>>(),
        "drift": found.drift(),
        "left_in_doubt": found.left_in_doubt(),
        "unread": found.unread().map(|error| verdict::told(error)),
    })
}
