//! `runs` and `operations`: what the service has. No books are opened for it.

use industrydata_core::lro::ReadError;
use industrydata_core::model::AggregatedInboundStatistics;
use industrydata_core::model::EntityCount;
use industrydata_core::model::Operation;
use industrydata_core::model::RoleCount;
use industrydata_core::model::RunActivity;
use industrydata_core::model::RunStatistics;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::wire::BaseUrl;
use industrydata_ledger::Ledger;
use serde::Serialize;
use serde_json::json;

use crate::{
    args::{Global, OperationsCommand, ReadArgs, RunsCommand},
    commands::{Answer, Context},
    flavour::{self, Client, Setup},
    human,
    report::{BlockingErrorReport, Document, OperationReport, Outcome, RunReport},
    settings,
    tokens::Patience,
    verdict,
};

pub(super) fn runs(
    global: &Global,
    command: &RunsCommand,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let failed = |error: ReadError| refused(&error, context);
    match command {
        RunsCommand::List(args) => {
            let (client, _) = client(global, args, context)?;
            let runs = client.runs().map_err(failed)?;
            let runs: Vec<_> = runs.iter().map(RunReport::from).collect();
            Ok(Answer::of(&json_of("runs", &runs), run_table(&runs)))
        }
        RunsCommand::Show(args) => {
            let (client, _) = client(global, &args.limits, context)?;
            let run = RunReport::from(&client.run(&args.id).map_err(failed)?);
            let text = run_table(std::slice::from_ref(&run));
            Ok(Answer::of(&json_of("run", &run), text))
        }
        RunsCommand::Statistics(args) => {
            let (client, _) = client(global, &args.limits, context)?;
            let statistics = client.statistics(&args.id).map_err(failed)?;
            let report = StatisticsReport::new(&args.id, &statistics);
            Ok(Answer::of(
                &json_of("statistics", &report),
                statistics_text(&args.id, &statistics),
            ))
        }
        RunsCommand::Activities(args) => {
            let (client, _) = client(global, &args.limits, context)?;
            let activities = client.activities(&args.id).map_err(failed)?;
            let reports: Vec<_> = activities.iter().map(ActivityReport::from).collect();
            Ok(Answer::of(
                &json_of("activities", &reports),
                activity_table(&activities),
            ))
        }
    }
}

pub(super) fn operations(
    global: &Global,
    command: &OperationsCommand,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let failed = |error: ReadError| refused(&error, context);
    match command {
        OperationsCommand::List(args) => {
            let (client, base) = client(global, args, context)?;
            let seen = client.operations().map_err(failed)?;
            let reports: Vec<_> = seen.iter().map(|it| reported(&base, it)).collect();
            Ok(Answer::of(
                &json_of("operations", &reports),
                operation_table(&reports),
            ))
        }
        OperationsCommand::Show(args) => {
            let (client, base) = client(global, &args.limits, context)?;
            let mut report = reported(&base, &client.operation(&args.id).map_err(failed)?);
            if report.id.is_empty() {
                args.id.clone_into(&mut report.id);
            }
            let text = operation_table(std::slice::from_ref(&report));
            Ok(Answer::of(&json_of("operation", &report), text))
        }
    }
}

/// A client for reads, and the base it reads of.
fn client(
    global: &Global,
    args: &ReadArgs,
    context: Context<'_>,
) -> Result<(Box<dyn Client>, BaseUrl), Box<Document>> {
    client_with(global, args, context, || Ok(Ledger::memory()))
}

/// A client with these books, which are opened when all else stands.
pub(super) fn client_with(
    global: &Global,
    args: &ReadArgs,
    context: Context<'_>,
    books: impl FnOnce() -> Result<Ledger, Box<Document>>,
) -> Result<(Box<dyn Client>, BaseUrl), Box<Document>> {
    let env = context.env;
    let patience = Patience::new(args.timeout, context.interrupt);
    let base = settings::base(global, env)?;
    let tenant = settings::tenant(global, env)?;
    settings::token_options(global)?;
    settings::ledger_is_path(global, env)?;
    let tokens = settings::tokens(global, env, &tenant, &patience).map_err(|mut document| {
        if document.outcome == Outcome::Unreachable {
            document.outcome = Outcome::TimedOut;
        }
        document
    })?;
    let client = flavour::client(
        global.http,
        Setup {
            base: base.clone(),
            tenant,
            tokens,
            books: books()?,
            polling: PollingPolicy::default(),
            timeout: patience.left(),
            request_timeout: args.request_timeout,
            who: settings::who(env),
            interrupt: context.interrupt.clone(),
        },
    )?;
    Ok((client, base))
}

fn refused(error: &ReadError, context: Context<'_>) -> Box<Document> {
    verdict::read_error(error, context.interrupt.is_given()).into()
}

fn reported(base: &BaseUrl, seen: &Operation) -> OperationReport {
    OperationReport::listed(base, seen)
}

/// `{"key": value}`.
fn json_of<'v, T: Serialize>(
    key: &'static str,
    value: &'v T,
) -> std::collections::BTreeMap<&'static str, &'v T> {
    std::collections::BTreeMap::from([(key, value)])
}

#[derive(Serialize)]
struct StatisticsReport {
    run_id: String,
    status: String,
    inbound_totals: Option<TotalsReport>,
    activities: Vec<serde_json::Value>,
}

#[derive(Serialize)]
struct TotalsReport {
    errors: Option<i64>,
    groups: Option<i64>,
    memberships: Option<i64>,
    organizations: Option<i64>,
    people: Option<i64>,
    warnings: Option<i64>,
    matched_people_by_role: Vec<serde_json::Value>,
    unmatched_people_by_role: Vec<serde_json::Value>,
}

impl StatisticsReport {
    fn new(asked: &str, statistics: &RunStatistics) -> Self {
        let activities = statistics.activities().iter().map(|activity| {
            json!({
                "activity_id": activity.activity_id,
                "display_name": activity.display_name,
                "status": activity.status.as_str(),
                "errors": activity.errors,
                "warnings": activity.warnings,
                "groups": activity.groups.map(entities),
                "memberships": activity.memberships.map(entities),
                "organizations": activity.organizations.map(entities),
                "people": activity.people.map(entities),
                "matched_people_by_role": roles(&activity.matched_people_by_role),
                "unmatched_people_by_role": roles(&activity.unmatched_people_by_role),
            })
        });
        Self {
            run_id: statistics.run_id().unwrap_or(asked).to_owned(),
            status: statistics.status().as_str().to_owned(),
            inbound_totals: statistics.inbound_totals().map(TotalsReport::from),
            activities: activities.collect(),
        }
    }
}

impl From<&AggregatedInboundStatistics> for TotalsReport {
    fn from(totals: &AggregatedInboundStatistics) -> Self {
        Self {
            errors: totals.errors,
            groups: totals.groups,
            memberships: totals.memberships,
            organizations: totals.organizations,
            people: totals.people,
            warnings: totals.warnings,
            matched_people_by_role: roles(&totals.matched_people_by_role),
            unmatched_people_by_role: roles(&totals.unmatched_people_by_role),
        }
    }
}

#[derive(Serialize)]
struct ActivityReport {
    id: Option<String>,
    #[serde(rename = "type")]
    odata_type: Option<String>,
    display_name: Option<String>,
    status: String,
    blocking_error: Option<BlockingErrorReport>,
}

impl From<&RunActivity> for ActivityReport {
    fn from(activity: &RunActivity) -> Self {
        Self {
            id: activity.id().map(str::to_owned),
            odata_type: activity.odata_type().map(str::to_owned),
            display_name: activity.display_name().map(str::to_owned),
            status: activity.status().as_str().to_owned(),
            blocking_error: activity.blocking_error().map(BlockingErrorReport::from),
        }
    }
}

fn entities(count: EntityCount) -> serde_json::Value {
    json!({ "active": count.active, "inactive": count.inactive, "total": count.total })
}

fn roles(roles: &[RoleCount]) -> Vec<serde_json::Value> {
    let of = |role: &RoleCount| json!({ "role": role.role, "count": role.count });
    roles.iter().map(of).collect()
}

fn run_table(runs: &[RunReport]) -> String {
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            let why = run.blocking_error.as_ref().map(|error| {
                let parts = [&error.code, &error.message, &error.target];
                let parts: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
                parts.join(": ")
            });
            [
                run.id.clone(),
                run.status.clone().unwrap_or_default(),
                run.started.clone().unwrap_or_default(),
                run.ended.clone().unwrap_or_default(),
                run.display_name.clone().unwrap_or_default(),
                why.unwrap_or_default(),
            ]
        })
        .collect();
    human::table(["ID", "STATUS", "STARTED", "ENDED", "NAME", "ERROR"], &rows)
}

fn operation_table(operations: &[OperationReport]) -> String {
    let rows: Vec<_> = operations
        .iter()
        .map(|operation| {
            [
                operation.id.clone(),
                operation.status.clone().unwrap_or_default(),
                operation.created.clone().unwrap_or_default(),
                operation.last_action.clone().unwrap_or_default(),
                operation.status_detail.clone().unwrap_or_default(),
            ]
        })
        .collect();
    human::table(["ID", "STATUS", "CREATED", "LAST ACTION", "DETAIL"], &rows)
}

fn activity_table(activities: &[RunActivity]) -> String {
    let rows: Vec<_> = activities
        .iter()
        .map(|activity| {
            let why = activity.blocking_error().map(ToString::to_string);
            [
                activity.id().unwrap_or_default().to_owned(),
                activity.status().as_str().to_owned(),
                activity.display_name().unwrap_or_default().to_owned(),
                why.unwrap_or_default(),
            ]
        })
        .collect();
    human::table(["ID", "STATUS", "NAME", "ERROR"], &rows)
}

/// The statistics for people.
pub(super) fn statistics_text(asked: &str, statistics: &RunStatistics) -> String {
    let number = |count: Option<i64>| count.map(|count| count.to_string()).unwrap_or_default();
    let mut text = format!(
        "statistics of run {}: {}\n",
        industrydata_core::wire::escape_controls(statistics.run_id().unwrap_or(asked)),
        industrydata_core::wire::escape_controls(statistics.status().as_str())
    );
    let Some(totals) = statistics.inbound_totals() else {
        text.push_str("the service has no totals yet\n");
        return text;
    };
    let mut rows: Vec<_> = [
        ("people", totals.people),
        ("groups", totals.groups),
        ("memberships", totals.memberships),
        ("organizations", totals.organizations),
        ("errors", totals.errors),
        ("warnings", totals.warnings),
    ]
    .into_iter()
    .map(|(name, count)| [name.to_owned(), number(count)])
    .collect();
    for (what, roles) in [
        ("matched", &totals.matched_people_by_role),
        ("unmatched", &totals.unmatched_people_by_role),
    ] {
        rows.extend(roles.iter().map(|role| {
            let name = role.role.as_deref().unwrap_or("no role");
            [format!("{what} {name}"), number(role.count)]
        }));
    }
    text.push_str(&human::table(["INBOUND", "COUNT"], &rows));
    let rows: Vec<_> = statistics
        .activities()
        .iter()
        .map(|activity| {
            [
                activity.display_name.clone().unwrap_or_default(),
                activity.status.as_str().to_owned(),
                number(activity.errors),
                number(activity.warnings),
            ]
        })
        .collect();
    if !rows.is_empty() {
        text.push_str(&human::table(
            ["ACTIVITY", "STATUS", "ERRORS", "WARNINGS"],
            &rows,
        ));
    }
    text
}
