//! The ledger's clock compared with the service's.
//!
//! A slot is free once its window has passed by both clocks. The ledger reads only its own, so it keeps how far that
//! clock was ahead of the service's by the `Date` of the last answer. It keeps nothing while the clocks agree.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Map;

use crate::{
    ledger::entry::{Hold, millis},
    policy::MARGIN,
};

/// What the `Date` of one answer shows about a clock: the ledger's, or this machine's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockReading {
    /// The `Date`, Unix milliseconds.
    date: i64,
    comparison: Comparison,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    /// The clocks differ by no more than the margin.
    Agrees,
    /// The ledger's clock is ahead by this many milliseconds at most; behind, if negative.
    Off(i64),
    /// The exchange took so long that the clocks may agree or not.
    Unclear,
}

impl ClockReading {
    /// Compares the `Date` of an answer with the clock, which read `sent` at the earliest and `received` at the latest when
    /// the service wrote the `Date`.
    ///
    /// ```
    /// use industrydata_core::{ledger::ClockReading, SignedDuration, Timestamp};
    ///
    /// let date: Timestamp = "2026-03-10T12:00:00Z".parse()?;
    /// let ahead = date + SignedDuration::from_mins(10);
    /// assert_eq!(ClockReading::new(date, ahead, ahead).skew(), Some(SignedDuration::from_mins(-10)));
    /// assert_eq!(ClockReading::new(date, date, date).skew(), None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn new(date: Timestamp, sent: Timestamp, received: Timestamp) -> Self {
        let date = date.as_millisecond();
        // A `Date` has whole seconds, and may be up to one second earlier than its moment.
        let least = sent
            .as_millisecond()
            .saturating_sub(date.saturating_add(999));
        let most = received.as_millisecond().saturating_sub(date);
        let margin = millis(MARGIN);
        let comparison = if least > margin || most < -margin {
            // The later limit keeps slots for longer.
            Comparison::Off(most)
        } else if least >= -margin && most <= margin {
            Comparison::Agrees
        } else {
            Comparison::Unclear
        };
        Self { date, comparison }
    }

    /// How far the service's clock is ahead of this one (negative: behind). `None` if they differ by two minutes at most, or
    /// if the exchange took too long to tell.
    #[must_use]
    pub fn skew(&self) -> Option<SignedDuration> {
        match self.comparison {
            Comparison::Off(ahead) => Some(SignedDuration::from_millis(ahead.saturating_neg())),
            Comparison::Agrees | Comparison::Unclear => None,
        }
    }

    /// The `Date`, Unix milliseconds.
    pub(super) const fn date(&self) -> i64 {
        self.date
    }

    /// How far the ledger's clock is ahead, zero if the clocks agree; `None` if that is unclear.
    pub(super) const fn ahead(&self) -> Option<i64> {
        match self.comparison {
            Comparison::Agrees => Some(0),
            Comparison::Off(ahead) => Some(ahead),
            Comparison::Unclear => None,
        }
    }
}

/// How far the ledger's clock is ahead of the service's, as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ClockDifference {
    /// Milliseconds ahead; behind, if negative. Zero once the clocks agree again, while an entry remembers a difference.
    pub(super) ahead: i64,
    /// The `Date` of the answer that showed it, Unix milliseconds. An answer of an earlier date changes nothing.
    date: i64,
    /// The ledger's clock when the difference last changed by more than the margin, Unix milliseconds.
    pub(super) since: i64,
    /// Members of a newer release, kept as they are.
    #[serde(flatten)]
    rest: Map<String, serde_json::Value>,
}

impl ClockDifference {
    /// The difference after `reading`, which was recorded at `clock`. `None` if the reading changes nothing.
    pub(super) fn after(
        last: Option<&Self>,
        reading: &ClockReading,
        clock: Timestamp,
    ) -> Option<Self> {
        let ahead = reading.ahead()?;
        if last.is_some_and(|last| last.date > reading.date()) {
            return None;
        }
        let before = last.map_or(0, |last| last.ahead);
        let is_same = ahead.abs_diff(before) <= millis(MARGIN).unsigned_abs();
        let now = clock.as_millisecond();
        Some(Self {
            ahead,
            date: reading.date(),
            since: last.filter(|_| is_same).map_or(now, |last| last.since),
            rest: last.map(|last| last.rest.clone()).unwrap_or_default(),
        })
    }

    pub(super) const fn hold(&self) -> Hold {
        Hold {
            ahead: self.ahead,
            since: self.since,
        }
    }

    /// Limits the time of the last change to `clock`: the clock was set back since. Whether it changed.
    pub(super) fn limit(&mut self, clock: Timestamp) -> bool {
        let now = clock.as_millisecond();
        let is_ahead = self.since > now.saturating_add(millis(MARGIN));
        if is_ahead {
            self.since = now;
        }
        is_ahead
    }
}
