//! The scheduled runs: when the next one is due, and which ones a start caused to be skipped.

use jiff::Timestamp;

use crate::{
    config::Schedule,
    time::{earlier, later, since},
};

/// The most runs that begin in one step of the clock, and the most skipped times that are kept. It bounds the cost of a
/// step of a century.
const KEPT: usize = 64;

/// The state of the schedule.
#[derive(Clone, Debug)]
pub(crate) struct Timetable {
    schedule: Option<Schedule>,
    /// The next scheduled time, skipped or not.
    due: Option<Timestamp>,
    skip_due: bool,
    skipped: Vec<Timestamp>,
}

impl Timetable {
    /// The schedule at this time, and the times of its past runs, oldest first.
    pub(crate) fn new(schedule: Option<Schedule>, now: Timestamp) -> (Self, Vec<Timestamp>) {
        let schedule = schedule.filter(|schedule| !schedule.every.is_zero());
        let due = schedule.as_ref().and_then(|schedule| after(schedule, now));
        let mut past = Vec::new();
        if let Some((schedule, due)) = schedule.as_ref().zip(due) {
            let mut at = due;
            for _ in 0..schedule.past_runs.min(KEPT) {
                at = earlier(at, schedule.every);
                past.push(at);
            }
        }
        past.reverse();
        (
            Self {
                schedule,
                due,
                skip_due: false,
                skipped: Vec::new(),
            },
            past,
        )
    }

    /// Moves the schedule to this time and returns the times of the runs that began meanwhile, oldest first.
    pub(crate) fn advance_to(&mut self, now: Timestamp) -> Vec<Timestamp> {
        let mut began = Vec::new();
        let Some((schedule, due)) = self.schedule.as_ref().zip(self.due) else {
            return began;
        };
        if now < due {
            return began;
        }
        let following = after(schedule, now);
        let mut at = due;
        if self.skip_due {
            self.skip_due = false;
            if self.skipped.len() >= KEPT {
                self.skipped.remove(0);
            }
            self.skipped.push(due);
            at = later(due, schedule.every);
        }
        let kept = schedule
            .every
            .saturating_mul(u32::try_from(KEPT).unwrap_or(u32::MAX));
        if let Some(following) = following {
            at = at.max(earlier(following, kept));
        }
        while at <= now && began.len() < KEPT {
            began.push(at);
            at = later(at, schedule.every);
        }
        self.due = following;
        began
    }

    /// Records an accepted start, which causes the next scheduled run to be skipped if it is near.
    pub(crate) fn start_accepted(&mut self, now: Timestamp) {
        if let Some((schedule, due)) = self.schedule.as_ref().zip(self.due) {
            self.skip_due |= since(now, due) <= schedule.skip_within;
        }
    }

    /// The time of the next run that will not be skipped.
    pub(crate) fn next_run(&self) -> Option<Timestamp> {
        let (schedule, due) = self.schedule.as_ref().zip(self.due)?;
        Some(if self.skip_due {
            later(due, schedule.every)
        } else {
            due
        })
    }

    /// The time of the next run, if it will be skipped.
    pub(crate) fn next_skip(&self) -> Option<Timestamp> {
        self.due.filter(|_| self.skip_due)
    }

    pub(crate) fn skipped(&self) -> &[Timestamp] {
        &self.skipped
    }
}

/// The first scheduled time after `now`; `None` beyond the last representable timestamp.
fn after(schedule: &Schedule, now: Timestamp) -> Option<Timestamp> {
    let every = i128::try_from(schedule.every.as_nanos()).ok()?;
    let phase = i128::try_from(schedule.phase.as_nanos()).ok()?;
    let passed = now
        .as_nanosecond()
        .checked_sub(phase)?
        .checked_div_euclid(every)?;
    let due = passed
        .checked_add(1)?
        .checked_mul(every)?
        .checked_add(phase)?;
    Timestamp::from_nanosecond(due).ok()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const HOUR: i64 = 3600;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * HOUR).unwrap()
    }

    fn every_twelve() -> Option<Schedule> {
        Some(Schedule {
            phase: Duration::ZERO,
            ..Schedule::default()
        })
    }

    #[test]
    fn runs_begin_when_they_are_due() {
        let (mut table, past) = Timetable::new(every_twelve(), at(0));
        assert!(past.is_empty());
        assert_eq!(table.next_run(), Some(at(12)));
        assert!(table.advance_to(at(11)).is_empty());
        assert_eq!(table.advance_to(at(12)), [at(12)]);
        assert!(table.advance_to(at(12)).is_empty());
        assert_eq!(table.advance_to(at(37)), [at(24), at(36)]);
    }

    #[test]
    fn a_start_skips_the_next_run_only_if_it_is_near() {
        for (start, next, skips) in [
            (Timestamp::from_second(2 * HOUR - 1).unwrap(), 12, false),
            (at(2), 24, true),
        ] {
            let (mut table, _) = Timetable::new(every_twelve(), at(0));
            table.start_accepted(start);
            table.start_accepted(start);
            assert_eq!(table.next_run(), Some(at(next)));
            assert_eq!(table.next_skip(), skips.then(|| at(12)));
            assert_eq!(table.advance_to(at(24)).len(), if skips { 1 } else { 2 });
            assert_eq!(table.skipped(), if skips { vec![at(12)] } else { vec![] });
            assert_eq!(table.next_run(), Some(at(36)), "one start skips one run");
        }
    }

    #[test]
    fn a_long_step_is_bounded_and_ends_on_the_schedule() {
        let (mut table, _) = Timetable::new(every_twelve(), at(0));
        table.start_accepted(at(3));
        let began = table.advance_to(at(24 * 365 * 100));
        assert_eq!(began.len(), KEPT);
        assert_eq!(began.last(), Some(&at(24 * 365 * 100)));
        assert_eq!(table.next_run(), Some(at(24 * 365 * 100 + 12)));
        assert_eq!(table.skipped(), [at(12)]);
        table.advance_to(Timestamp::MAX);
        assert_eq!(table.next_run(), None);
    }

    #[test]
    fn past_runs_and_no_schedule() {
        let past = Timetable::new(
            Some(Schedule {
                past_runs: 2,
                phase: Duration::ZERO,
                ..Schedule::default()
            }),
            at(5),
        )
        .1;
        assert_eq!(past, [at(-12), at(0)]);
        let (mut none, _) = Timetable::new(
            Some(Schedule {
                every: Duration::ZERO,
                ..Schedule::default()
            }),
            at(0),
        );
        none.start_accepted(at(1));
        assert!(none.advance_to(Timestamp::MAX).is_empty());
    }
}
