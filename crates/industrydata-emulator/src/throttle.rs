//! The throttle on starts: which accepted ones count now, and when the next slot opens.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    config::{Throttle, Window},
    time::{later, since},
};

/// How many accepted starts are kept at least; a limit above it is kept whole.
const KEPT: usize = 4096;

/// The accepted starts, oldest first.
#[derive(Clone, Debug)]
pub(crate) struct Starts {
    rule: Throttle,
    accepted: Vec<Timestamp>,
}

impl Starts {
    pub(crate) fn new(rule: Throttle) -> Self {
        Self {
            rule,
            accepted: Vec::new(),
        }
    }

    pub(crate) fn accepted(&self) -> &[Timestamp] {
        &self.accepted
    }

    pub(crate) fn rule(&self) -> &Throttle {
        &self.rule
    }

    /// How many starts count at this time.
    pub(crate) fn counted(&self, now: Timestamp) -> usize {
        self.accepted
            .iter()
            .rev()
            .take_while(|start| self.counts(**start, now))
            .count()
    }

    /// How long a start must still wait; `None` if it would be accepted.
    pub(crate) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let counted = self.counted(now);
        let above = counted.checked_sub(self.rule.limit)?;
        let first = self.accepted.len() - counted;
        let in_the_way = self.accepted.get(first + above).copied().unwrap_or(now);
        Some(since(now, self.ends(in_the_way)))
    }

    pub(crate) fn accept(&mut self, now: Timestamp) {
        if self.accepted.len() >= KEPT.max(self.rule.limit).saturating_mul(2) {
            self.accepted.drain(..self.accepted.len() / 2);
        }
        self.accepted.push(now);
    }

    fn counts(&self, start: Timestamp, now: Timestamp) -> bool {
        now < self.ends(start)
    }

    /// When a start stops counting.
    fn ends(&self, start: Timestamp) -> Timestamp {
        match self.rule.kind {
            Window::Sliding => later(start, self.rule.window),
            Window::Fixed => {
                let window = i128::try_from(self.rule.window.as_nanos())
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

    /// Starts at these seconds with a limit of 2 in 100 s; what a start at `now` has to wait.
    fn wait(kind: Window, starts: &[i64], now: i64) -> Option<u64> {
        let at = |second| Timestamp::from_second(second).unwrap();
        let rule = Throttle {
            limit: 2,
            window: Duration::from_secs(100),
            kind,
            retry_after: true,
        };
        let mut books = Starts::new(rule);
        for start in starts {
            books.accept(at(*start));
        }
        books.wait(at(now)).map(|wait| wait.as_secs())
    }

    #[test]
    fn sliding() {
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
    fn fixed() {
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
    fn a_limit_of_nothing_accepts_nothing() {
        let books = Starts::new(Throttle {
            limit: 0,
            ..Throttle::default()
        });
        assert_eq!(
            books.wait(Timestamp::UNIX_EPOCH),
            Some(Duration::from_secs(12 * 3600))
        );
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut books = Starts::new(Throttle::default());
        for second in 0..100_000 {
            books.accept(Timestamp::from_second(second).unwrap());
        }
        assert!(books.accepted().len() <= 2 * KEPT);
    }
}
