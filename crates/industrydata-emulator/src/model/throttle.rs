//! The throttle on starts: how many accepted starts count, and when the next slot opens.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    config::{Throttle, Window},
    model::bounded::push_bounded,
    time::{later, since},
};

/// How many accepted starts are kept at least, or as many as the limit if that is higher.
const KEPT: usize = 4096;

/// The accepted starts and the throttle that they count towards.
#[derive(Clone, Debug)]
pub(crate) struct AcceptedStarts {
    throttle: Throttle,
    /// Oldest first.
    accepted: Vec<Timestamp>,
}

impl AcceptedStarts {
    pub(crate) fn new(throttle: Throttle) -> Self {
        Self {
            throttle,
            accepted: Vec::new(),
        }
    }

    pub(crate) fn accepted(&self) -> &[Timestamp] {
        &self.accepted
    }

    pub(crate) fn throttle(&self) -> &Throttle {
        &self.throttle
    }

    /// The number of starts that count at this time.
    pub(crate) fn counted(&self, now: Timestamp) -> usize {
        self.slots(now).count()
    }

    /// The starts that count at this time, newest first: when each was accepted, and when it stops counting.
    pub(crate) fn slots(&self, now: Timestamp) -> impl Iterator<Item = (Timestamp, Timestamp)> {
        let starts = self.accepted.iter().rev();
        starts
            .map(|start| (*start, self.ends(*start)))
            .take_while(move |(_, ends)| now < *ends)
    }

    /// How long until a start is accepted; `None` if one is accepted at this time.
    pub(crate) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let counted = self.counted(now);
        let excess = counted.checked_sub(self.throttle.limit)?;
        let first = self.accepted.len() - counted;
        let blocking = self.accepted.get(first + excess).copied().unwrap_or(now);
        Some(since(now, self.ends(blocking)))
    }

    pub(crate) fn accept(&mut self, now: Timestamp) {
        push_bounded(&mut self.accepted, now, KEPT.max(self.throttle.limit));
    }

    /// When a start stops counting.
    fn ends(&self, start: Timestamp) -> Timestamp {
        match self.throttle.kind {
            Window::Sliding => later(start, self.throttle.window),
            Window::Fixed => {
                let window = i128::try_from(self.throttle.window.as_nanos())
                    .unwrap_or(i128::MAX)
                    .max(1);
                let end = start
                    .as_nanosecond()
                    .div_euclid(window)
                    .saturating_add(1)
                    .saturating_mul(window);
                Timestamp::from_nanosecond(end).unwrap_or(Timestamp::MAX)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wait for a slot at `now` after starts at these seconds, with a limit of 2 in 100 s.
    fn wait(kind: Window, starts: &[i64], now: i64) -> Option<u64> {
        let at = |second| Timestamp::from_second(second).unwrap();
        let throttle = Throttle {
            limit: 2,
            window: Duration::from_secs(100),
            kind,
            retry_after: true,
        };
        let mut accepted = AcceptedStarts::new(throttle);
        for start in starts {
            accepted.accept(at(*start));
        }
        accepted.wait(at(now)).map(|wait| wait.as_secs())
    }

    #[test]
    fn a_start_counts_for_one_sliding_window() {
        for (starts, now, expected) in [
            (&[][..], 0, None),
            (&[0], 1, None),
            (&[0, 10], 10, Some(90)),
            (&[0, 10], 99, Some(1)),
            (&[0, 10], 100, None),
            (&[0, 10, 100], 100, Some(10)),
            (&[0, 10, 100], 110, None),
        ] {
            assert_eq!(
                wait(Window::Sliding, starts, now),
                expected,
                "{starts:?} at {now}"
            );
        }
    }

    #[test]
    fn starts_count_until_the_fixed_window_ends() {
        for (starts, now, expected) in [
            (&[][..], 0, None),
            (&[90, 95], 99, Some(1)),
            (&[90, 95], 100, None),
            (&[90, 95, 100, 101], 102, Some(98)),
            (&[0, 10], 50, Some(50)),
        ] {
            assert_eq!(
                wait(Window::Fixed, starts, now),
                expected,
                "{starts:?} at {now}"
            );
        }
    }

    #[test]
    fn a_limit_of_zero_accepts_no_start() {
        let accepted = AcceptedStarts::new(Throttle {
            limit: 0,
            ..Throttle::default()
        });
        assert_eq!(
            accepted.wait(Timestamp::UNIX_EPOCH),
            Some(Duration::from_secs(12 * 3600))
        );
    }

    #[test]
    fn the_list_is_bounded() {
        let mut accepted = AcceptedStarts::new(Throttle::default());
        for second in 0..100_000 {
            accepted.accept(Timestamp::from_second(second).unwrap());
        }
        assert!(accepted.accepted().len() <= 2 * KEPT);
    }
}
