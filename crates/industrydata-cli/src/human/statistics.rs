//! The statistics of a run.

use industrydata_core::wire::escape_controls;

use crate::{human::text::table, report::StatisticsReport};

/// The totals, and a line for each activity.
pub(crate) fn statistics(report: &StatisticsReport) -> String {
    let statistics = &report.read;
    let number = |count: Option<i64>| count.map(|count| count.to_string()).unwrap_or_default();
    let mut text = format!(
        "statistics of run {}: {}\n",
        escape_controls(report.run_id()),
        escape_controls(statistics.status().as_str())
    );
    let Some(totals) = statistics.inbound_totals() else {
        text.push_str("no totals yet\n");
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
    for (label, roles) in [
        ("matched", &totals.matched_people_by_role),
        ("unmatched", &totals.unmatched_people_by_role),
    ] {
        rows.extend(roles.iter().map(|role| {
            let name = role.role.as_deref().unwrap_or("without a role");
            [format!("{label} {name}"), number(role.count)]
        }));
    }
    text.push_str(&table(["INBOUND", "COUNT"], &rows));
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
        text.push_str(&table(["ACTIVITY", "STATUS", "ERRORS", "WARNINGS"], &rows));
    }
    text
}
