//! `runs` and `operations`: reads of the service. They do not open the ledger.

use std::collections::BTreeSet;

use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::lro::ReadError;
use industrydata_core::model::RunActivity;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::wire::BaseUrl;
use industrydata_ledger::Ledger;
use serde::Serialize;

use crate::{
    args::{Global, OperationsCommand, ReadArgs, RunsCommand},
    commands::{answer::Answer, context::Context, follow_run},
    error_report,
    flavour::{self, Client, Setup},
    human,
    report::{ActivityReport, Document, OperationReport, Outcome, RunReport, StatisticsReport},
    settings,
    tenancy::{self, Named},
    terminal::{times, width::Width},
    tokens::Deadline,
};

pub(super) fn runs(
    global: &Global,
    command: &RunsCommand,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let failed = |error: ReadError| read_error(&error, context);
    match command {
        RunsCommand::List(args) => {
            let (client, _) = client(global, &args.limits, context)?;
            let runs = client.runs().map_err(failed)?;
            let runs = newest(runs, args.limit, |run| run.started());
            let runs: Vec<_> = runs.iter().map(RunReport::from).collect();
            Ok(Answer::value(&json_of("runs", &runs), run_table(&runs)))
        }
        RunsCommand::Show(args) => {
            let (client, _) = client(global, &args.limits, context)?;
            let run = RunReport::from(&client.run_by_id(&args.id).map_err(failed)?);
            let text = run_table(std::slice::from_ref(&run));
            Ok(Answer::value(&json_of("run", &run), text))
        }
        RunsCommand::Follow(args) => follow_run::run(global, args, context),
        RunsCommand::Statistics(args) => {
            let (client, _) = client(global, &args.limits, context)?;
            let statistics = client.statistics(&args.id).map_err(failed)?;
            let report = StatisticsReport::new(&args.id, statistics);
            Ok(Answer::value(
                &json_of("statistics", &report),
                human::statistics(&report),
            ))
        }
        RunsCommand::Activities(args) => {
            let (client, _) = client(global, &args.limits, context)?;
            let activities = client.activities(&args.id).map_err(failed)?;
            let reports: Vec<_> = activities.iter().map(ActivityReport::from).collect();
            Ok(Answer::value(
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
    let failed = |error: ReadError| read_error(&error, context);
    match command {
        OperationsCommand::List(args) => {
            let (client, base) = client(global, &args.limits, context)?;
            let operations = client.operations().map_err(failed)?;
            let operations = newest(operations, args.limit, |operation| operation.created());
            let report = |operation| OperationReport::listed(&base, operation);
            let reports: Vec<_> = operations.iter().map(report).collect();
            Ok(Answer::value(
                &json_of("operations", &reports),
                operation_table(&reports),
            ))
        }
        OperationsCommand::Show(args) => {
            let (client, base) = client(global, &args.limits, context)?;
            let operation = client.operation(&args.id).map_err(failed)?;
            let mut report = OperationReport::listed(&base, &operation);
            if report.id.is_empty() {
                args.id.clone_into(&mut report.id);
            }
            let mut text = operation_table(std::slice::from_ref(&report));
            text.push_str(&human::found_in_data(&report, Width::stdout()));
            Ok(Answer::value(&json_of("operation", &report), text))
        }
    }
}

/// The newest items, in the order in which the service lists them. One without a time counts as newer than the others: it
/// has not begun.
fn newest<T>(items: Vec<T>, limit: Option<usize>, at: impl Fn(&T) -> Option<Timestamp>) -> Vec<T> {
    let spare = items.len().saturating_sub(limit.unwrap_or(usize::MAX));
    let mut places: Vec<_> = items.iter().map(&at).enumerate().collect();
    places.sort_by_key(|(_, at)| at.unwrap_or(Timestamp::MAX));
    let older: BTreeSet<_> = places.iter().take(spare).map(|(place, _)| *place).collect();
    let kept = items.into_iter().enumerate();
    kept.filter(|(place, _)| !older.contains(place))
        .map(|(_, item)| item)
        .collect()
}

/// A client for reads, and its base.
fn client(
    global: &Global,
    args: &ReadArgs,
    context: Context<'_>,
) -> Result<(Box<dyn Client>, BaseUrl), Box<Document>> {
    let (client, base, _) = build(global, args, context, false, || Ok(Ledger::memory()))?;
    Ok((client, base))
}

/// The same with the ledger of a tenant, which is opened last: an unusable option or token is reported first.
pub(super) fn client_with_ledger(
    global: &Global,
    args: &ReadArgs,
    context: Context<'_>,
    open_ledger: impl FnOnce() -> Result<Ledger, Box<Document>>,
) -> Result<(Box<dyn Client>, Tenant), Box<Document>> {
    let (client, _, tenant) = build(global, args, context, true, open_ledger)?;
    Ok((client, tenant))
}

/// `uses_ledger`: the tenant must have a name, if only that of its token.
fn build(
    global: &Global,
    args: &ReadArgs,
    context: Context<'_>,
    uses_ledger: bool,
    open_ledger: impl FnOnce() -> Result<Ledger, Box<Document>>,
) -> Result<(Box<dyn Client>, BaseUrl, Tenant), Box<Document>> {
    let env = context.env;
    let deadline = Deadline::new(args.timeout, context.interrupt);
    let (base, mut given) = settings::service(global, env)?;
    let timed_out = |mut document: Box<Document>| {
        if document.outcome == Outcome::Unreachable {
            document.outcome = Outcome::TimedOut;
        }
        document
    };
    let tokens = settings::tokens(global, env, given.as_ref(), &deadline).map_err(timed_out)?;
    if !uses_ledger && given.is_none() {
        given = Some(settings::unnamed()?);
    }
    let (timeout, interrupt) = (args.request_timeout, context.interrupt);
    let Named { tenant, first } =
        tenancy::named(global, given, &tokens, timeout, &deadline, interrupt).map_err(timed_out)?;
    let client = flavour::client(
        global.http,
        Setup {
            base: base.clone(),
            tenant: tenant.clone(),
            first,
            tokens,
            ledger: open_ledger()?,
            polling: PollingPolicy::default(),
            timeout: deadline.remaining(),
            request_timeout: args.request_timeout,
            caller: settings::caller(env),
            interrupt: context.interrupt.clone(),
        },
    )?;
    Ok((client, base, tenant))
}

fn read_error(error: &ReadError, context: Context<'_>) -> Box<Document> {
    error_report::read(error, context.interrupt.is_interrupted()).into()
}

/// `{"key": value}`.
fn json_of<'v, T: Serialize>(
    key: &'static str,
    value: &'v T,
) -> std::collections::BTreeMap<&'static str, &'v T> {
    std::collections::BTreeMap::from([(key, value)])
}

fn time(text: &Option<String>) -> String {
    text.as_deref().map(times::of_text).unwrap_or_default()
}

fn run_table(runs: &[RunReport]) -> String {
    let rows: Vec<_> = runs
        .iter()
        .map(|run| {
            let error = run.blocking_error.as_ref().map(|error| {
                let parts = [&error.code, &error.message, &error.target];
                let parts: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
                parts.join(": ")
            });
            [
                run.id.clone(),
                run.status.clone().unwrap_or_default(),
                time(&run.started),
                time(&run.ended),
                run.display_name.clone().unwrap_or_default(),
                error.unwrap_or_default(),
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
                time(&operation.created),
                time(&operation.last_action),
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
            let error = activity.blocking_error().map(ToString::to_string);
            [
                activity.id().unwrap_or_default().to_owned(),
                activity.status().as_str().to_owned(),
                activity.display_name().unwrap_or_default().to_owned(),
                error.unwrap_or_default(),
            ]
        })
        .collect();
    human::table(["ID", "STATUS", "NAME", "ERROR"], &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_kept_in_the_order_of_the_service() {
        let at = |second: &i64| Timestamp::from_second(*second).ok().filter(|_| *second > 0);
        let items = vec![5, 9, 0, 7, 9];
        for (limit, kept) in [
            (None, vec![5, 9, 0, 7, 9]),
            (Some(9), vec![5, 9, 0, 7, 9]),
            (Some(3), vec![9, 0, 9]),
            (Some(1), vec![0]),
        ] {
            assert_eq!(newest(items.clone(), limit, at), kept);
        }
    }
}
