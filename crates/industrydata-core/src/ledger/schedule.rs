//! A forecast of the service's schedule, which no API reports.
//!
//! The service runs every twelve hours, and a start on demand causes the next scheduled run to be skipped if that run
//! is due within the next ten hours ([industryDataRun:
//! start](https://learn.microsoft.com/graph/api/industrydata-industrydatarun-start)). Microsoft does not document
//! whether the tenth hour is included; this module includes it. The assumption that the schedule keeps its phase after
//! a skip is an inference.

use std::time::Duration;

use jiff::Timestamp;

use crate::model::run::IndustryDataRun;
use crate::policy::{
    LATEST_RUN_START, MARGIN, MIN_SCHEDULE_UNCERTAINTY_SECONDS, SCHEDULE_PERIOD_SECONDS,
    SCHEDULE_SPREAD_SECONDS, SKIP_WITHIN,
};

/// The schedule of a tenant's runs: given by the caller, or inferred from the runs.
///
/// ```
/// use std::time::Duration;
/// use industrydata_core::{Timestamp, ledger::{Schedule, Skip}};
///
/// let due: Timestamp = "2026-03-10T06:00:00Z".parse()?;
/// let schedule = Schedule::given(due);
/// let forecast = schedule.forecast(&[], due - Duration::from_secs(3600));
/// assert_eq!(forecast.next_scheduled(), due);
/// // A start now causes the run in an hour to be skipped.
/// assert_eq!(forecast.start_now_skips(), Skip::Yes);
/// # Ok::<(), jiff::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Schedule {
    /// A time at which a scheduled run is due.
    anchor: Timestamp,
    #[cfg_attr(
        feature = "serde",
        serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")
    )]
    uncertainty: Duration,
    basis: Basis,
}

/// The source of a schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Basis {
    /// The caller gave it.
    Given,
    /// It was inferred from the start times of runs.
    Inferred {
        /// The number of runs that it was inferred from.
        runs: usize,
    },
}

/// Whether a start causes a scheduled run to be skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Skip {
    /// Yes: the run is due within ten hours.
    Yes,
    /// No: the run is due later.
    No,
    /// Not certain: the run is due in about ten hours, given the uncertainty of the schedule.
    Uncertain,
}

/// The forecast of the schedule at one moment.
///
/// ```
/// use industrydata_core::ledger::{Forecast, Skip};
///
/// fn warn(forecast: &Forecast) -> Option<String> {
///     (forecast.start_now_skips() == Skip::Yes).then(|| format!("the run at {} is skipped", forecast.next_scheduled()))
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Forecast {
    as_of: Timestamp,
    #[cfg_attr(feature = "serde", serde(rename = "next_scheduled"))]
    next: Timestamp,
    #[cfg_attr(
        feature = "serde",
        serde(with = "jiff::fmt::serde::unsigned_duration::friendly::compact::required")
    )]
    uncertainty: Duration,
    basis: Basis,
    #[cfg_attr(feature = "serde", serde(rename = "is_skipped_already"))]
    already: Skip,
}

impl Schedule {
    /// The schedule with a run due at `time`, past or future, and every twelve hours before and after it.
    #[must_use]
    pub const fn given(time: Timestamp) -> Self {
        Self {
            anchor: time,
            uncertainty: Duration::ZERO,
            basis: Basis::Given,
        }
    }

    /// The schedule that fits runs in the most periods of twelve hours. Runs near a start on demand are left out;
    /// `on_demand` are the times when such starts were accepted. `None` unless runs of two periods fit, because several
    /// runs within one period are starts on demand.
    #[must_use]
    pub fn inferred(runs: &[IndustryDataRun], on_demand: &[Timestamp]) -> Option<Self> {
        let starts = runs.iter().filter_map(IndustryDataRun::started);
        let starts = starts.filter(|at| !on_demand.iter().any(|start| may_belong_to(*at, *start)));
        Self::of_starts(starts.collect())
    }

    fn of_starts(mut starts: Vec<Timestamp>) -> Option<Self> {
        starts.sort_unstable();
        starts.dedup();
        let of = |anchor: Timestamp| {
            let near = starts.iter().filter_map(move |at| {
                let off = offset(*at, anchor);
                (off.abs() <= SCHEDULE_SPREAD_SECONDS).then_some(off)
            });
            near.collect::<Vec<i64>>()
        };
        let periods = |anchor: Timestamp| {
            let near = starts
                .iter()
                .filter(|at| offset(**at, anchor).abs() <= SCHEDULE_SPREAD_SECONDS);
            let mut periods: Vec<i64> = near.map(|at| period(*at, anchor)).collect();
            periods.dedup();
            periods.len()
        };
        // On ties, pick the latest: a schedule may have been moved.
        let anchor = *starts.iter().max_by_key(|at| (periods(**at), **at))?;
        if periods(anchor) < 2 {
            return None;
        }
        let mut offsets = of(anchor);
        offsets.sort_unstable();
        let (first, last) = (*offsets.first()?, *offsets.last()?);
        let middle = first + (last - first) / 2;
        let uncertainty = ((last - first + 1) / 2).max(MIN_SCHEDULE_UNCERTAINTY_SECONDS);
        Some(Self {
            anchor: Timestamp::from_second(anchor.as_second().saturating_add(middle)).ok()?,
            uncertainty: Duration::from_secs(uncertainty.unsigned_abs()),
            basis: Basis::Inferred {
                runs: offsets.len(),
            },
        })
    }

    /// The source of the schedule.
    #[must_use]
    pub const fn basis(&self) -> Basis {
        self.basis
    }

    /// Whether a run that started then fits the schedule.
    #[must_use]
    pub fn fits(&self, started: Timestamp) -> bool {
        let tolerance =
            i64::try_from(self.uncertainty.as_secs()).unwrap_or(SCHEDULE_SPREAD_SECONDS);
        offset(started, self.anchor).abs() <= tolerance.max(SCHEDULE_SPREAD_SECONDS)
    }

    /// The forecast at `now`, given the starts on demand already made.
    #[must_use]
    pub fn forecast(&self, on_demand: &[Timestamp], now: Timestamp) -> Forecast {
        let ahead = self.anchor.as_second().saturating_sub(now.as_second());
        let ahead = match ahead.rem_euclid(SCHEDULE_PERIOD_SECONDS) {
            0 => SCHEDULE_PERIOD_SECONDS,
            ahead => ahead,
        };
        let next = now.as_second().saturating_add(ahead);
        let next = Timestamp::from_second(next).unwrap_or(Timestamp::MAX);
        let skips = on_demand
            .iter()
            .filter(|start| **start <= now)
            .map(|start| skip(*start, next, self.uncertainty));
        let already = skips.fold(Skip::No, |most, it| match (most, it) {
            (Skip::Yes, _) | (_, Skip::Yes) => Skip::Yes,
            (Skip::Uncertain, _) | (_, Skip::Uncertain) => Skip::Uncertain,
            (Skip::No, Skip::No) => Skip::No,
        });
        Forecast {
            as_of: now,
            next,
            uncertainty: self.uncertainty,
            basis: self.basis,
            already,
        }
    }
}

impl Forecast {
    /// When the forecast was made.
    #[must_use]
    pub const fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// The next time on the schedule, whether the run then takes place or is skipped.
    #[must_use]
    pub const fn next_scheduled(&self) -> Timestamp {
        self.next
    }

    /// How far that time may be off, either way. It is zero if the schedule was given.
    #[must_use]
    pub const fn uncertainty(&self) -> Duration {
        self.uncertainty
    }

    /// The source of the schedule.
    #[must_use]
    pub const fn basis(&self) -> Basis {
        self.basis
    }

    /// Whether the schedule was inferred, and so may be wrong.
    #[must_use]
    pub const fn is_inferred(&self) -> bool {
        matches!(self.basis, Basis::Inferred { .. })
    }

    /// Whether an earlier start causes the next scheduled run to be skipped.
    #[must_use]
    pub const fn is_skipped_already(&self) -> Skip {
        self.already
    }

    /// Whether a start now causes the next scheduled run to be skipped. It does if that run is due within ten hours.
    #[must_use]
    pub fn start_now_skips(&self) -> Skip {
        skip(self.as_of, self.next, self.uncertainty)
    }

    /// When the scheduled run after the next one is due, if the schedule keeps its phase. If a start now causes the
    /// next one to be skipped, this is the first that takes place.
    #[must_use]
    pub fn following(&self) -> Timestamp {
        let following = self
            .next
            .as_second()
            .saturating_add(SCHEDULE_PERIOD_SECONDS);
        Timestamp::from_second(following).unwrap_or(Timestamp::MAX)
    }
}

/// Whether a start at `start` causes the run due at `due` to be skipped, given the uncertainty.
fn skip(start: Timestamp, due: Timestamp, uncertainty: Duration) -> Skip {
    let Ok(ahead) = Duration::try_from(due.duration_since(start)) else {
        return Skip::No;
    };
    if ahead.saturating_add(uncertainty) <= SKIP_WITHIN {
        Skip::Yes
    } else if ahead > SKIP_WITHIN.saturating_add(uncertainty) {
        Skip::No
    } else {
        Skip::Uncertain
    }
}

/// The seconds from the nearest time of the cadence of `anchor` to `at` (negative: `at` is before it).
fn offset(at: Timestamp, anchor: Timestamp) -> i64 {
    let after = at.as_second().saturating_sub(anchor.as_second());
    (after.saturating_add(SCHEDULE_PERIOD_SECONDS / 2)).rem_euclid(SCHEDULE_PERIOD_SECONDS)
        - SCHEDULE_PERIOD_SECONDS / 2
}

/// The number of the period of the cadence of `anchor` that `at` is in.
fn period(at: Timestamp, anchor: Timestamp) -> i64 {
    let after = at.as_second().saturating_sub(anchor.as_second());
    (after.saturating_add(SCHEDULE_PERIOD_SECONDS / 2)).div_euclid(SCHEDULE_PERIOD_SECONDS)
}

/// Whether a run that started at `started` may belong to a start accepted at `accepted`.
pub(crate) fn may_belong_to(started: Timestamp, accepted: Timestamp) -> bool {
    match Duration::try_from(started.duration_since(accepted)) {
        Ok(after) => after <= LATEST_RUN_START,
        Err(_) => accepted.duration_since(started).unsigned_abs() <= MARGIN,
    }
}

#[cfg(test)]
mod tests;
