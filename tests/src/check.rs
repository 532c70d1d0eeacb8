//! The one entry of every scenario.

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

/// What came of a scenario that did not break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checked {
    /// It was as it must be; its steps took so long.
    Held {
        /// The time of all steps.
        took: Duration,
    },
    /// Only the other flavour can play it.
    NotForThisFlavour,
    /// This system cannot give its stage.
    NotOnThisSystem,
}

/// How many scenarios are played at a time: they wait more than they work.
const AT_A_TIME: usize = 6;
/// Plays a scenario with one flavour and says what was not as it must be.
///
/// # Errors
///
/// Each broken expectation and law, a line each.
pub fn check(scenario: &Scenario, flavour: Flavour) -> Result<Checked, String> {
    if flavour == Flavour::Blocking && scenario.is_async_only() {
        return Ok(Checked::NotForThisFlavour);
    }
    let Some(stage) = Stage::new(scenario) else {
        println!("{}: this system cannot give its stage", scenario.name);
        return Ok(Checked::NotOnThisSystem);
    };
    let stage = Arc::new(stage);
    let Ok(played) = catch_unwind(AssertUnwindSafe(|| flavour.play(scenario, &stage))) else {
        return Err("it panicked".to_owned());
    };
    if let Some(limit) = scenario.bound()
        && scenario.ends.is_empty()
    {
        // For the report: how far a limit was overrun.
        println!(
            "limit {limit:?}, took {:?}: {}, {flavour:?}",
            played.took, scenario.name
        );
    }
    let mut broken = played.faults.clone();
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
        "\nends {:?}, books {:?}, took {:?}",
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

/// Plays all of these with one flavour, some at a time, and panics with the names of those that broke.
pub fn check_all(scenarios: &[Scenario], flavour: Flavour) {
    let (_, failures) = check_each(scenarios, flavour, AT_A_TIME);
    assert!(
        failures.is_empty(),
        "{} of {} scenarios broke:\n\n{}",
        failures.len(),
        scenarios.len(),
        failures.join("\n\n")
    );
}

/// Plays all of these with one flavour, so many at a time; what came of those that held, and the reports of the others.
#[must_use]
pub fn check_each(
    scenarios: &[Scenario],
    flavour: Flavour,
    at_a_time: usize,
) -> (Vec<Checked>, Vec<String>) {
    let next = Mutex::new(scenarios.iter());
    let came = Mutex::new((Vec::new(), Vec::new()));
    thread::scope(|scope| {
        for _ in 0..at_a_time.min(scenarios.len()) {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = next.lock().unwrap().next() else {
                        return;
                    };
                    let checked = check(scenario, flavour);
                    let mut came = came.lock().unwrap();
                    let (name, covers) = (scenario.name(), scenario.covers());
                    match checked {
                        Ok(checked) => came.0.push(checked),
                        Err(broken) => came
                            .1
                            .push(format!("{name} ({covers}), {flavour:?}:\n{broken}")),
                    }
                }
            });
        }
    });
    came.into_inner().unwrap()
}

fn expected(scenario: &Scenario, played: &Played, stage: &Stage, broken: &mut Vec<String>) {
    for ((does, end), came) in scenario.steps.iter().zip(&played.ends) {
        if !end.is_empty() && !end.split('|').any(|end| end == came) {
            broken.push(format!("{does:?} ended in '{came}', not in '{end}'"));
        }
    }
    let seen = stage.server.seen();
    if let Some(wire) = &scenario.wire
        && !is_wire(&seen.order, wire)
    {
        broken.push(format!("the base did not get '{wire}'"));
    }
    if seen.strays > 0 && scenario.address != Address::Https {
        broken.push(format!("{} requests too many, or unreadable", seen.strays));
    }
    let quota = played.quota.unwrap_or_default();
    if let Some((confirmed, in_doubt)) = scenario.books {
        let left = if scenario.closed {
            0
        } else {
            5_u32.saturating_sub(confirmed + in_doubt)
        };
        let must = Quotas {
            confirmed,
            in_doubt,
            in_flight: 0,
            available: left,
            closed: scenario.closed,
        };
        if quota != must {
            broken.push(format!("the books are not {must:?}"));
        }
    }
    let last = played.ends.last().map_or("", String::as_str);
    let is_this = |end: &End| {
        end.step == last
            && end.books == (quota.confirmed, quota.in_doubt)
            && end.wire.as_ref().is_none_or(|wire| *wire == seen.order)
            && quota.in_flight == 0
    };
    if !scenario.ends.is_empty() && !scenario.ends.iter().any(is_this) {
        broken.push(format!(
            "the base got '{}', and the whole came to none of {:?}",
            seen.order, scenario.ends
        ));
    }
    if let Some(asked) = &scenario.asked
        && *asked != stage.tokens.asked()
    {
        broken.push(format!(
            "tokens were asked for with {:?}",
            stage.tokens.asked()
        ));
    }
    if let Some(statuses) = &scenario.statuses
        && *statuses != played.statuses.join(" ")
    {
        broken.push(format!("the statuses told were {:?}", played.statuses));
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
            broken.push(format!("nothing said '{text}'"));
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
        broken.push(format!("a ledger warning: {}", played.ledger_warning));
    }
    let took: Duration = played.took.iter().sum();
    if took > scenario.within {
        broken.push(format!("took {took:?}, more than {:?}", scenario.within));
    }
}

fn is_wire(came: &str, wire: &str) -> bool {
    match wire.strip_suffix('*') {
        Some(fixed) => {
            let last = &fixed[fixed.len() - 1..];
            came.strip_prefix(fixed)
                .is_some_and(|rest| rest.replace(last, "").is_empty())
        }
        None => came == wire,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Do, accepted, answer, status};

    #[test]
    fn what_is_not_as_expected_is_told() {
        let run = || {
            Scenario::new("a", "b")
                .turn(accepted())
                .turn(status("succeeded"))
        };
        for (scenario, told) in [
            (run().step(Do::Run, "wait Failed"), "ended in 'succeeded'"),
            (
                run().step(Do::Run, "succeeded").wire("PGG"),
                "did not get 'PGG'",
            ),
            (
                run().step(Do::Run, "succeeded").books(0, 1),
                "the books are not",
            ),
            (
                run().step(Do::Run, "succeeded").says("nothing of the kind"),
                "nothing said",
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
                "1 requests too many",
            ),
            (
                run().step(Do::Run, "succeeded").asked(&[]),
                "tokens were asked for",
            ),
            (
                Scenario::new("a", "b")
                    .turn(answer(500, &[], ""))
                    .step(Do::Start, "")
                    .warns(),
                "a ledger warning",
            ),
        ] {
            for flavour in Flavour::ALL {
                let broken = check(&scenario, flavour).unwrap_err();
                assert!(broken.contains(told), "{told}: {broken}");
            }
        }
    }
}
