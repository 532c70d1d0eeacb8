//! How long the last operations of a tenant took, and the poll interval that follows from that.

use std::{sync::Arc, time::Duration};

/// How long the last operations of a tenant took, from the acceptance to the first answer that showed the end.
///
/// The ledger keeps them ([`StoreReply::past_durations`](crate::ledger::StoreReply::past_durations)), and
/// [`PollingPolicy::learned`](crate::policy::PollingPolicy::learned) uses them. Fewer than four are as good as none.
///
/// ```
/// use std::time::Duration;
/// use industrydata_core::policy::{PastDurations, PollingPolicy};
///
/// let (policy, minute) = (PollingPolicy::learned(), Duration::from_secs(60));
/// let past = PastDurations::new([29, 31, 30, 34].map(|minutes| minutes * minute));
/// assert_eq!(policy.interval_with(&past, minute), minute);
/// assert!(policy.interval_with(&past, 30 * minute) < minute / 2);
/// // Too few to learn from.
/// let past = PastDurations::new([29 * minute]);
/// assert_eq!(policy.interval_with(&past, minute), policy.interval(minute));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PastDurations(Option<Arc<[u32; Self::MOST]>>);

impl PastDurations {
    /// The most durations that are kept. Older ones say little about the next run.
    pub const MOST: usize = 8;
    /// The fewest durations that are used. Three do not show how far apart a tenant's runs are.
    pub const FEWEST: usize = 4;
    /// The shortest duration that is used. A shorter operation has ended by its first poll, and teaches nothing.
    pub const SHORTEST: Duration = Duration::from_secs(5);

    /// The shortest learned interval, in seconds: the service asks for no less.
    const FLOOR: u32 = 5;
    /// The longest learned interval, in seconds. It bounds how late an end is seen if runs are suddenly longer or shorter.
    const CEILING: u32 = 60;
    /// How many seconds later an end may be seen if that saves one request. At this price the learned interval takes fewer
    /// requests than Google's rule and sees ends earlier, on runs of a few minutes, of half an hour and of six hours.
    const LATE_PER_REQUEST: f64 = 0.3;
    /// The share of the tenant's own durations in what is expected of the next. The rest is the population's.
    const OWN: f64 = 0.9;
    /// The median of the population, in seconds: half an hour.
    const POPULATION: f64 = 1800.0;

    /// The last eight of these durations, the oldest first, in whole seconds. Those shorter than
    /// [`SHORTEST`](Self::SHORTEST) are left out.
    #[must_use]
    pub fn new(durations: impl IntoIterator<Item = Duration>) -> Self {
        let mut last = [0; Self::MOST];
        let mut count: usize = 0;
        for duration in durations {
            if duration >= Self::SHORTEST {
                last.rotate_left(1);
                if let Some(newest) = last.last_mut() {
                    *newest = u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
                }
                count = count.saturating_add(1);
            }
        }
        Self((count >= Self::FEWEST).then(|| Arc::new(last)))
    }

    /// Whether there are enough to learn from.
    #[must_use]
    pub const fn is_enough(&self) -> bool {
        self.0.is_some()
    }

    /// The interval after an answer that came `since_start` after the acceptance; `None` if there are too few durations.
    ///
    /// If operations end at the rate *h*, polls every *p* seconds cost *λ*/*p* requests and *h*·*p*/2 seconds of lateness
    /// in each second, and the sum is least at *p*² · *h* = 2*λ*. The rate changes during the pause, so *h*·*p* is what
    /// the expected end says about the whole pause: ln(S(*t*) / S(*t* + *p*)), where S is the share that is still running.
    /// The left side grows with *p*, so the interval is found by halving.
    pub(super) fn interval(&self, since_start: Duration) -> Option<Duration> {
        let durations = self.0.as_deref()?;
        let from = since_start.as_secs_f64();
        let running = Self::running(durations, from);
        let (mut least, mut most) = (Self::FLOOR, Self::CEILING);
        while least < most {
            let middle = u32::midpoint(least, most);
            let pause = f64::from(middle);
            let ends = (running / Self::running(durations, from + pause)).ln();
            if pause * ends > 2.0 * Self::LATE_PER_REQUEST {
                most = middle;
            } else {
                least = middle + 1;
            }
        }
        Some(Duration::from_secs(least.into()))
    }

    /// The share of operations that take longer than `seconds`: log-logistic about each of the tenant's durations with the
    /// exponent 8 (a spread of 23 %), and about the population's median with the exponent 2 (a factor of 2.5). Unlike a
    /// log-normal it takes no function but products, so that all machines agree on it.
    fn running(durations: &[u32; Self::MOST], seconds: f64) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for duration in durations.iter().filter(|duration| **duration > 0) {
            let ratio = seconds / f64::from(*duration);
            let square = ratio * ratio;
            let fourth = square * square;
            sum += 1.0 / (1.0 + fourth * fourth);
            count += 1.0;
        }
        let ratio = seconds / Self::POPULATION;
        Self::OWN * sum / count + (1.0 - Self::OWN) / (1.0 + ratio * ratio)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    fn past(seconds: &[u64]) -> PastDurations {
        PastDurations::new(seconds.iter().copied().map(Duration::from_secs))
    }

    fn at(past: &PastDurations, seconds: u64) -> u64 {
        past.interval(Duration::from_secs(seconds))
            .unwrap()
            .as_secs()
    }

    #[test]
    fn polls_are_frequent_when_the_end_is_expected() {
        let half_hours = past(&[1700, 1800, 1900, 1750]);
        let times = [0, 600, 1000, 1400, 1800, 2400, 3600, 7200];
        let intervals = times.map(|seconds| at(&half_hours, seconds));
        assert_eq!(intervals, [60, 60, 60, 29, 17, 17, 30, 48]);
        let minutes = past(&[60, 70, 80, 75, 60, 65, 70, 80]);
        let intervals = [0, 30, 60, 120].map(|seconds| at(&minutes, seconds));
        assert_eq!(intervals, [40, 16, 5, 10]);
        let hours = past(&[21_000, 22_000, 23_000, 20_000]);
        assert!((0..16_000).step_by(60).all(|t| at(&hours, t) == 60));
    }

    #[test]
    fn fewer_than_four_are_none_and_the_last_eight_count() {
        assert!(!past(&[]).is_enough());
        assert!(!past(&[60, 60, 60]).is_enough());
        assert!(!past(&[60, 60, 60, 4, 0]).is_enough());
        assert!(past(&[60, 60, 60, 5]).is_enough());
        let last = [60, 61, 62, 63, 64, 65, 66, 67];
        assert_eq!(past(&[&[9999; 5], &last[..]].concat()), past(&last));
        assert_ne!(past(&[&last[..], &[9999]].concat()), past(&last));
        assert_eq!(
            std::mem::size_of::<PastDurations>(),
            std::mem::size_of::<usize>()
        );
    }

    proptest! {
        /// Whatever the ledger has and however late it is.
        #[test]
        fn an_interval_is_of_5_to_60_seconds(
            durations in vec(any::<u64>().prop_map(|it| it >> (it % 64)), 0..12),
            since in prop_oneof![any::<u64>(), 0..100_000_u64],
            nanos in 0..1_000_000_000_u32,
        ) {
            let past = past(&durations);
            let interval = past.interval(Duration::new(since, nanos));
            prop_assert_eq!(interval.is_some(), past.is_enough());
            if let Some(interval) = interval {
                prop_assert!((5..=60).contains(&interval.as_secs()) && interval.subsec_nanos() == 0);
            }
        }

        /// The first poll never comes earlier because operations took longer.
        #[test]
        fn longer_operations_never_shorten_the_first_interval(
            durations in vec((5..4_000_u64, 0..4_000_u64), 4..9),
        ) {
            let shorter: Vec<u64> = durations.iter().map(|it| it.0).collect();
            let longer: Vec<u64> = durations.iter().map(|it| it.0 + it.1).collect();
            prop_assert!(at(&past(&shorter), 0) <= at(&past(&longer), 0));
        }

        /// Until the shortest duration, the end becomes more probable with each second.
        #[test]
        fn intervals_shrink_until_half_the_shortest_duration(
            duration in 60..40_000_u64, more in vec(0..10_000_u64, 4..9), share in 0.0..0.5_f64,
        ) {
            let durations: Vec<u64> = more.iter().map(|more| duration + more).collect();
            let past = past(&durations);
            let (early, late) = (duration as f64 * share * 0.8, duration as f64 * share);
            prop_assert!(at(&past, late as u64) <= at(&past, early as u64));
        }

        /// Long after all that took place before, only the population is left, whose ends become rare.
        #[test]
        fn the_interval_is_a_minute_in_the_end(
            durations in vec(5..3_600_u64, 4..9), since in 86_400..10_000_000_u64,
        ) {
            prop_assert_eq!(at(&past(&durations), since), 60);
        }

        #[test]
        fn the_order_of_equal_histories_does_not_matter(
            mut durations in vec(5..100_000_u64, 4..9), since in 0..100_000_u64,
        ) {
            let forth = at(&past(&durations), since);
            durations.reverse();
            prop_assert!(at(&past(&durations), since).abs_diff(forth) <= 1);
        }
    }
}
