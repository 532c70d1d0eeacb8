//! The forecast of the schedule. Now is by the service's clock, as the forecast is.

use industrydata_core::Timestamp;
use industrydata_core::ledger::Basis;
use industrydata_core::ledger::Forecast;
use industrydata_core::ledger::Skip;

use crate::terminal::times::{self, duration};

/// The next scheduled run, and what a start now does to it.
pub(super) fn outlook(forecast: &Forecast, now: Timestamp) -> String {
    let effect = match (forecast.is_skipped_already(), forecast.start_now_skips()) {
        (Skip::Yes, _) => "skipped because of an earlier start",
        (Skip::Uncertain, _) => "possibly skipped because of an earlier start",
        (Skip::No, Skip::Yes) => "a start now causes it to be skipped",
        (Skip::No, Skip::Uncertain) => "a start now may cause it to be skipped",
        (Skip::No, Skip::No) => "a start now does not affect it",
    };
    format!(
        "next scheduled run: {}; {effect}; the one after: {}",
        next(forecast, now),
        times::at(forecast.following())
    )
}

/// What the start did to the next scheduled run, given the forecast it was made under.
pub(super) fn effect_of_start(forecast: &Forecast, now: Timestamp) -> String {
    let (next, following) = (next(forecast, now), times::at(forecast.following()));
    match (forecast.is_skipped_already(), forecast.start_now_skips()) {
        (Skip::Yes, _) => format!(
            "the scheduled run at {next} is skipped because of an earlier start; the one after: {following}"
        ),
        (Skip::No | Skip::Uncertain, Skip::Yes) => format!(
            "this start causes the scheduled run at {next} to be skipped; the one after: {following}"
        ),
        (Skip::No | Skip::Uncertain, Skip::Uncertain) => format!(
            "this start may cause the scheduled run at {next} to be skipped; the one after: {following}"
        ),
        (Skip::No | Skip::Uncertain, Skip::No) => {
            format!("this start does not affect the scheduled run at {next}")
        }
    }
}

fn next(forecast: &Forecast, now: Timestamp) -> String {
    let next = times::at_and_in(forecast.next_scheduled(), now);
    match forecast.basis() {
        Basis::Inferred { runs } => {
            let margin = duration(forecast.uncertainty());
            format!("{next} (± {margin}, inferred from {runs} runs)")
        }
        Basis::Given | _ => next,
    }
}
