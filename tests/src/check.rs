//! Plays a scenario and compares its results with what the scenario expects.

use std::{
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    thread,
    time::Duration,
};

use crate::{
    flavour::Flavour,
    laws::{decoded, laws},
    played::{Played, Quotas},
    scenario::{Address, End, Scenario},
    stage::Stage,
};

/// The result of a scenario that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// Every expectation and every law held.
    Held {
        /// The time that all steps took.
        took: Duration,
    },
    /// Only the other flavour can play this scenario.
    NotForThisFlavour,
    /// This operating system cannot provide the scenario's sockets.
    NotOnThisSystem,
}

/// How many scenarios run in parallel. They mostly wait, so this may exceed the number of cores.
const AT_A_TIME: usize = 6;

/// Plays a scenario with one flavour and checks the results.
///
/// # Errors
///
/// One line for each expectation and law that did not hold.
pub fn check(scenario: &Scenario, flavour: Flavour) -> Result<Checked, String> {
    if flavour == Flavour::Blocking && scenario.is_async_only() {
        return Ok(Checked::NotForThisFlavour);
    }
    let Some(stage) = Stage::new(scenario) else {
        println!(
            "{}: not played, this system lacks the sockets for it",
            scenario.name
        );
        return Ok(Checked::NotOnThisSystem);
    };
    let stage = Arc::new(stage);
    let Ok(played) = catch_unwind(AssertUnwindSafe(|| flavour.play(scenario, &stage))) else {
        return Err("the scenario panicked".to_owned());
    };
    if let Some(limit) = scenario.bound()
        && scenario.ends.is_empty()
    {
        // The figures for how far a time limit is exceeded.
        println!(
            "limit {limit:?}, took {:?}: {}, {flavour:?}",
            played.took, scenario.name
        );
    }
    let mut broken = played.violations.clone();
    expected(scenario, &played, &stage, &mut broken);
    laws(&played, &stage, &mut broken);
    if broken.is_empty() {
        return Ok(Checked::Held {
            took: played.took.iter().sum(),
        });
    }
    let mut report = broken.join("\n");
    _ = write!(
        report,
        "\nends {:?}, ledger {:?}, took {:?}",
        played.ends, played.quota, played.took
    );
    for request in stage.server.seen().requests {
        _ = write!(report, "\n{} {}", request.method, request.target);
    }
    for text in played.texts.iter().rev().take(4) {
        _ = write!(report, "\n  {text}");
    }
    Err(report)
}

/// Plays scenarios in parallel with one flavour, and panics with a report on those that failed.
pub fn check_all(scenarios: &[Scenario], flavour: Flavour) {
    let (_, failures) = check_each(scenarios, flavour, AT_A_TIME);
    assert!(
        failures.is_empty(),
        "{} of {} scenarios failed:\n\n{}",
        failures.len(),
        scenarios.len(),
        failures.join("\n\n")
    );
}

/// Plays scenarios with one flavour, `at_a_time` in parallel. Returns the results of those that held and the reports on
/// those that failed.
#[must_use]
pub fn check_each(
    scenarios: &[Scenario],
    flavour: Flavour,
    at_a_time: usize,
) -> (Vec<Checked>, Vec<String>) {
    let next = Mutex::new(scenarios.iter());
    let results = Mutex::new((Vec::new(), Vec::new()));
    thread::scope(|scope| {
        for _ in 0..at_a_time.min(scenarios.len()) {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = next.lock().unwrap().next() else {
                        return;
                    };
                    let checked = check(scenario, flavour);
                    let mut results = results.lock().unwrap();
                    let (name, covers) = (scenario.name(), scenario.covers());
                    match checked {
                        Ok(checked) => results.0.push(checked),
                        Err(broken) => results
                            .1
                            .push(format!("{name} ({covers}), {flavour:?}:\n{broken}")),
                    }
                }
            });
        }
    });
    results.into_inner().unwrap()
}

fn expected(scenario: &Scenario, played: &Played, stage: &Stage, broken: &mut Vec<String>) {
    for ((does, end), actual) in scenario.steps.iter().zip(&played.ends) {
        if !end.is_empty() && !end.split('|').any(|end| end == actual) {
            broken.push(format!("{does:?} ended with '{actual}', not with '{end}'"));
        }
    }
    let seen = stage.server.seen();
    if let Some(wire) = &scenario.wire
        && !is_wire(&seen.order, wire)
    {
        broken.push(format!("the base received '{}', not '{wire}'", seen.order));
    }
    if seen.strays > 0 && scenario.address != Address::Https {
        broken.push(format!(
            "{} requests were unexpected or unreadable",
            seen.strays
        ));
    }
    let quota = played.quota.unwrap_or_default();
    if let Some((confirmed, in_doubt)) = scenario.ledger {
        let left = if scenario.throttled {
            0
        } else {
            5_u32.saturating_sub(confirmed + in_doubt)
        };
        let expected = Quotas {
            confirmed,
            in_doubt,
            in_flight: 0,
            available: left,
            throttled: scenario.throttled,
        };
        if quota != expected {
            broken.push(format!("the ledger is not {expected:?}"));
        }
    }
    let last = played.ends.last().map_or("", String::as_str);
    let is_this = |end: &End| {
        end.step == last
            && end.ledger == (quota.confirmed, quota.in_doubt)
            && end.wire.as_ref().is_none_or(|wire| *wire == seen.order)
            && quota.in_flight == 0
    };
    if !scenario.ends.is_empty() && !scenario.ends.iter().any(is_this) {
        broken.push(format!(
            "the base received '{}', and the outcome is none of {:?}",
            seen.order, scenario.ends
        ));
    }
    if let Some(asked) = &scenario.asked
        && *asked != stage.tokens.asked()
    {
        broken.push(format!(
            "tokens were requested with {:?}",
            stage.tokens.asked()
        ));
    }
    if let Some(statuses) = &scenario.statuses
        && *statuses != played.statuses.join(" ")
    {
        broken.push(format!("the statuses reported were {:?}", played.statuses));
    }
    if let Some(target) = &scenario.target {
        let gets = seen
            .requests
            .iter()
            .filter(|request| request.method == "GET");
        for request in gets.filter(|request| decoded(&request.target) != decoded(target)) {
            broken.push(format!("polled {}, not {target}", request.target));
        }
    }
    for text in &scenario.says {
        if !played.texts.iter().any(|shown| shown.contains(text)) {
            broken.push(format!("no text contains '{text}'"));
        }
    }
    for (after, gap) in &scenario.gaps {
        match (seen.requests.get(*after), seen.requests.get(after + 1)) {
            (Some(one), Some(next)) if next.at - one.at >= *gap => {}
            (one, next) => broken.push(format!(
                "less than {gap:?} after request {after}: {:?}",
                one.zip(next).map(|(one, next)| next.at - one.at)
            )),
        }
    }
    if scenario.warns != played.ledger_warning {
        broken.push(format!(
            "a ledger warning was given: {}",
            played.ledger_warning
        ));
    }
    let took: Duration = played.took.iter().sum();
    if took > scenario.within {
        broken.push(format!(
            "the scenario took {took:?}, more than {:?}",
            scenario.within
        ));
    }
}

fn is_wire(actual: &str, wire: &str) -> bool {
    match wire.strip_suffix('*') {
        Some(fixed) => {
            let last = &fixed[fixed.len() - 1..];
            actual
                .strip_prefix(fixed)
                .is_some_and(|rest| rest.replace(last, "").is_empty())
        }
        None => actual == wire,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Do, accepted, answer, status};

    #[test]
    fn each_unmet_expectation_is_reported() {
        let run = || {
            Scenario::new("a", "b")
                .turn(accepted())
                .turn(status("succeeded"))
        };
        for (scenario, report) in [
            (run().step(Do::Run, "poll Failed"), "ended with 'succeeded'"),
            (
                run().step(Do::Run, "succeeded").wire("PGG"),
                "received 'PG', not 'PGG'",
            ),
            (
                run().step(Do::Run, "succeeded").ledger(0, 1),
                "the ledger is not",
            ),
            (
                run().step(Do::Run, "succeeded").says("not in any text"),
                "no text contains",
            ),
            (
                run().step(Do::Run, "succeeded").gap(0, 60_000),
                "less than 60s",
            ),
            (
                run().step(Do::Run, "succeeded").target("/beta/x"),
                "not /beta/x",
            ),
            (
                run().step(Do::Run, "succeeded").step(Do::Start, ""),
                "1 requests were unexpected",
            ),
            (
                run().step(Do::Run, "succeeded").asked(&[]),
                "tokens were requested",
            ),
            (
                Scenario::new("a", "b")
                    .turn(answer(500, &[], ""))
                    .step(Do::Start, "")
                    .warns(),
                "a ledger warning was given: false",
            ),
        ] {
            for flavour in Flavour::ALL {
                let broken = check(&scenario, flavour).unwrap_err();
                assert!(broken.contains(report), "{report}: {broken}");
            }
        }
    }
}
