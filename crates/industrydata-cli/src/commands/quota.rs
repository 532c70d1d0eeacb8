//! `quota`: reads the ledger. It calls the service, and needs a token, only to reconcile or to infer the schedule.

use std::{cell::RefCell, fmt::Write as _, time::Duration};

use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::Entry;
use industrydata_core::ledger::EntryState;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::Resolution;
use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreReply;
use industrydata_core::ledger::Unresolved;
use industrydata_core::policy::Throttle;
use industrydata_core::reconcile::Match;
use industrydata_core::reconcile::Reconciliation;
use industrydata_core::wire::BaseUrl;
use industrydata_ledger::Ledger;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    args::{Global, Output, QUARANTINE, QuotaArgs, Scheduled},
    commands::{answer::Answer, context::Context, operation, reads, watch},
    error_report, human,
    report::{Document, QuotaReport},
    resume::option_quoted,
    settings,
    tenancy::{self, Counted, NamedBy},
    terminal::{self, times},
    tokens::Deadline,
};

/// How long to wait for a lock of the ledger.
const LEDGER_WAIT: Duration = Duration::from_secs(5);

/// The quota, with the extra keys of the options given.
#[derive(Serialize)]
struct Report {
    tenant: String,
    tenant_named_by: NamedBy,
    base_url: String,
    /// Where the ledger is, without a password.
    ledger: String,
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
    if args.watch && context.output == Output::Json {
        let message = "--watch shows a picture, and with --output json there is one document: leave out one of them";
        return Err(Document::usage(message).into());
    }
    let (base, given) = settings::service(global, env)?;
    let open = || {
        let place = settings::open_ledger(global, env, LEDGER_WAIT)?;
        let ledger = place.ledger();
        operation::warn_if_not_stored(&ledger);
        Ok::<_, Box<Document>>((place, ledger))
    };
    let scheduled = settings::scheduled(args.schedule, env)?;
    let is_inferred = scheduled == Some(Scheduled::Infer);
    let mut schedule = match scheduled {
        Some(Scheduled::At(time)) => Some(Schedule::given(time)),
        Some(Scheduled::Infer) | None => None,
    };
    let mut opened = None;
    let mut client = None;
    let mut of_token = None;
    if args.reconcile || is_inferred {
        let open = || Ok(opened.insert(open()?).1.clone());
        let (with_token, tenant) = reads::client_with_ledger(global, &args.limits, context, open)?;
        client = Some(match schedule {
            Some(schedule) => with_token.schedule(schedule),
            None => with_token,
        });
        let named_by = match &given {
            Some(_) => NamedBy::Setting,
            None => NamedBy::of_token(&tenant),
        };
        of_token = Some(Counted { tenant, named_by });
    }
    let (place, ledger) = match opened {
        Some(opened) => opened,
        None => open()?,
    };
    let look_up = || {
        let deadline = Deadline::new(LEDGER_WAIT, context.interrupt);
        let used = |tenant: &Tenant| {
            let change = Change::read(LedgerKey::new(&base, tenant), Throttle::default());
            Some(ledger.transact(&change).ok()?.quota().used())
        };
        let names = || place.tenants(&base);
        tenancy::without_request(global, env, given.clone(), &base, names, used, &deadline)
    };
    let counted = of_token.map_or_else(look_up, Ok)?;
    if context.output == Output::Json {
        note(&counted, &base);
    }
    if counted.named_by == NamedBy::Nothing && !args.resolve.is_empty() {
        return Err(Document::usage(nothing_counted(&base))
            .advise("name the tenant with --tenant, by its directory id")
            .into());
    }
    // An entry's id is of one tenant. Each has a quarantine of this name.
    let ends_quarantine = args.resolve.iter().any(|(id, _)| id == QUARANTINE);
    if counted.named_by == NamedBy::Ledger && ends_quarantine {
        let option = option_quoted("--tenant", counted.tenant.as_str());
        return Err(
            Document::usage("the quarantine of which tenant is to end? none is named")
                .advise(&format!("for the only one in this ledger, add {option}"))
                .into(),
        );
    }
    let key = || LedgerKey::new(&base, &counted.tenant);
    for (id, resolution) in &args.resolve {
        resolve(&ledger, key(), id, *resolution)?;
    }
    let mut reconciliation = None;
    if let Some(client) = client {
        if args.reconcile {
            reconciliation = Some(client.reconcile().map_err(|error| {
                error_report::reconcile(&error, context.interrupt.is_interrupted())
            })?);
        }
        let inferred = || operation::inferred_schedule(&*client, is_inferred);
        schedule = schedule.or_else(inferred);
    }
    if let Some(error) = reconciliation.as_ref().and_then(Reconciliation::unread) {
        terminal::warn(format!(
            "one of the lists could not be read, so no slot was freed: {}",
            error_report::message(error)
        ));
    }
    let shown_place = settings::ledger_place(global, env)?;
    let shown_place = shown_place.unwrap_or_else(|| "not stored".to_owned());
    let heading = |counted: &Counted| {
        let tenant = &counted.tenant;
        // What is watched may have more tenants later.
        let note = match args.watch {
            true => "",
            false => counted.named_by.note(),
        };
        let whose = match counted.named_by == NamedBy::Nothing {
            true => nothing_counted(&base),
            false => format!("tenant {tenant}{note} at {base}"),
        };
        format!("{whose}\nledger: {shown_place}")
    };
    let read = |counted: &Counted| {
        let key = LedgerKey::new(&base, &counted.tenant);
        let reply = transact(&ledger, &Change::entries(key, Throttle::default()))?;
        let quota = reply.quota().clone().with_schedule(schedule);
        Ok::<_, Box<Document>>((quota, reply))
    };
    let text = |counted: &Counted, quota: &Quota, entries: &[Entry]| {
        let mut text = human::timeline(quota, &heading(counted));
        if let Some(reconciliation) = &reconciliation {
            text.push_str(&reconciliation_text(reconciliation));
        }
        if args.entries {
            text.push_str(&entries_text(entries, quota));
        }
        text
    };
    if args.watch {
        // The first start of the ledger names the tenant.
        let watched = RefCell::new(counted);
        return watch::run(context, || {
            if watched.borrow().named_by == NamedBy::Nothing {
                let now = look_up()?;
                *watched.borrow_mut() = now;
            }
            let counted = watched.borrow();
            let (quota, reply) = read(&counted)?;
            let text = text(&counted, &quota, reply.entries());
            Ok((quota, text))
        });
    }
    let (quota, reply) = read(&counted)?;
    let now = quota.as_of();
    let entry_json = |entry| entry_json(entry, now);
    let entries = || reply.entries().iter().map(entry_json).collect();
    let report = Report {
        tenant: counted.tenant.to_string(),
        tenant_named_by: counted.named_by,
        base_url: base.to_string(),
        ledger: settings::ledger_shown(global, env)?,
        quota: QuotaReport::from(&quota),
        entries: args.entries.then(entries),
        reconciliation: reconciliation.as_ref().map(reconciliation_json),
    };
    Ok(Answer::value(
        &report,
        text(&counted, &quota, reply.entries()),
    ))
}

/// Notes a tenant that was not named by a setting.
fn note(counted: &Counted, base: &BaseUrl) {
    let (tenant, note) = (&counted.tenant, counted.named_by.note());
    if counted.named_by == NamedBy::Nothing {
        terminal::note(nothing_counted(base));
    } else if !note.is_empty() {
        terminal::note(format!("tenant: {tenant}{note}"));
    }
}

fn nothing_counted(base: &BaseUrl) -> String {
    format!("no tenant is named, and the ledger counts no starts at {base} yet")
}

fn transact(ledger: &Ledger, change: &Change) -> Result<StoreReply, Box<Document>> {
    ledger
        .transact(change)
        .map_err(|error| error_report::ledger(&error).into())
}

fn resolve(
    ledger: &Ledger,
    key: LedgerKey,
    id: &str,
    resolution: Resolution,
) -> Result<(), Box<Document>> {
    let unresolved = |reason: Unresolved| {
        Document::usage(format!("entry {id} was not changed: {reason}"))
            .advise("run `industrydata quota --entries` to see the entries and their states")
    };
    let throttle = Throttle::default();
    let change = if id == QUARANTINE {
        let reply = transact(ledger, &Change::read(key.clone(), throttle))?;
        let Some(quarantine) = reply.quota().quarantine() else {
            return Err(Document::usage("the ledger is not in quarantine").into());
        };
        Change::end_quarantine(key, throttle, quarantine)
    } else {
        Change::resolve_by_hand(key, throttle, id, resolution, "").map_err(unresolved)?
    };
    match transact(ledger, &change)?.unresolved() {
        Some(reason) => Err(unresolved(reason).into()),
        None => Ok(()),
    }
}

fn caller(caller: Caller) -> String {
    let process = caller.process.map(|id| format!("process {id}"));
    let parts = [caller.host, process, caller.label];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

fn entries_text(entries: &[Entry], quota: &Quota) -> String {
    let at = |time| times::at(quota.by_service_clock(time));
    let rows: Vec<_> = entries
        .iter()
        .map(|entry| {
            let evidence = entry.evidence().map(|evidence| evidence.to_string());
            [
                entry.id().to_owned(),
                at(entry.reserved_at()),
                entry.state(quota.as_of()).to_string(),
                at(entry.date()),
                evidence
                    .or_else(|| entry.why().map(str::to_owned))
                    .unwrap_or_default(),
                caller(entry.caller()),
                entry.key().unwrap_or_default().to_owned(),
            ]
        })
        .collect();
    let heads = [
        "ID",
        "STARTED",
        "STATE",
        "COUNTS FROM",
        "EVIDENCE",
        "CALLER",
        "KEY",
    ];
    human::table(heads, &rows)
}

fn entry_json(entry: &Entry, now: Timestamp) -> Value {
    let caller = entry.caller();
    json!({
        "id": entry.id(),
        "started": entry.reserved_at().to_string(),
        "date": entry.date().to_string(),
        "state": state_name(&entry.state(now)),
        "operation": entry.operation(),
        "evidence": entry.evidence().map(|evidence| evidence.to_string()),
        "why": entry.why(),
        "who": {
            "host": caller.host,
            "process": caller.process,
            "label": caller.label,
        },
        "key": entry.key(),
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

fn resolution_name(resolution: Resolution) -> &'static str {
    match resolution {
        Resolution::Started => "started",
        Resolution::NotStarted => "not-started",
    }
}

/// What a reconciliation changed.
pub(super) fn reconciliation_text(reconciliation: &Reconciliation) -> String {
    let mut text = String::new();
    for it in reconciliation.matches() {
        let _ = match it {
            Match::Resolved {
                entry,
                resolution,
                evidence,
            } => writeln!(
                text,
                "entry {entry}: resolved as {}, evidence: {evidence}",
                resolution_name(*resolution)
            ),
            Match::External { evidence, started } => {
                let started = times::at(*started);
                writeln!(text, "external start at {started}, evidence: {evidence}")
            }
            _ => Ok(()),
        };
    }
    if reconciliation.ends_quarantine() {
        text.push_str("the quarantine after the reset has ended: the lists show every start that may still count\n");
    }
    let _ = writeln!(
        text,
        "reconciled: entries resolved {}, external starts added {}, still in doubt {}",
        reconciliation.matches().len() - reconciliation.drift(),
        reconciliation.drift(),
        reconciliation.left_in_doubt()
    );
    text
}

fn reconciliation_json(reconciliation: &Reconciliation) -> Value {
    let findings = reconciliation.matches().iter().filter_map(|it| match it {
        Match::Resolved {
            entry,
            resolution,
            evidence,
        } => Some(json!({
            "entry": entry,
            "resolution": resolution_name(*resolution),
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
        "drift": reconciliation.drift(),
        "left_in_doubt": reconciliation.left_in_doubt(),
        "unread": reconciliation.unread().map(|error| error_report::message(error)),
    })
}
