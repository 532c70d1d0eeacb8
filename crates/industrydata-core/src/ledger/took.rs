//! How long the operations of a ledger took.

use std::time::Duration;

use jiff::Timestamp;

use crate::ledger::{entry::millis, value::Value};
use crate::policy::{Limits, MARGIN, PastDurations};

/// How far two times of one acceptance lie apart at most: a resume token has whole seconds.
const ROUNDING_MS: u64 = 1000;

/// How long an operation took, from the acceptance to the first answer that showed its end, whether it succeeded or failed:
/// who polls waits for either.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Took {
    /// The operation's id.
    pub(crate) operation: String,
    /// When it was accepted, as far as the poller knows.
    pub(crate) accepted: Timestamp,
    pub(crate) duration: Duration,
    /// Whether the ledger must have the start, accepted at about that time. A resume token names no tenant, so its operation
    /// may be another's, and the time of a token that was made of an id may be that of its first poll.
    pub(crate) needs_start: bool,
}

impl Took {
    /// Keeps the duration with the last others, once for each acceptance. The entry of the start has the same time for all
    /// that poll its operation; a resume token rounds it.
    pub(super) fn keep_in(&self, value: &mut Value, clock: Timestamp) {
        let accepted = self.accepted.as_millisecond();
        let entries = value.entries.iter().chain(&value.past);
        let mut entries = entries.filter(|entry| entry.names(&self.operation));
        let date = entries.find_map(|entry| entry.kept().date);
        let is_of_start =
            date.is_some_and(|it| it.abs_diff(accepted) <= millis(MARGIN).unsigned_abs());
        let accepted = date.unwrap_or(accepted);
        let is_late = accepted > clock.as_millisecond().saturating_add(millis(MARGIN));
        let is_known = (value.took.iter()).any(|(at, _)| at.abs_diff(accepted) < ROUNDING_MS);
        let is_plausible =
            (PastDurations::SHORTEST..=Limits::LONGEST_TOTAL).contains(&self.duration);
        if is_late || is_known || !is_plausible || (self.needs_start && !is_of_start) {
            return;
        }
        let seconds = i64::try_from(self.duration.as_secs()).unwrap_or(i64::MAX);
        let at = value.took.partition_point(|(at, _)| *at < accepted);
        value.took.insert(at, (accepted, seconds));
        let over = value.took.len().saturating_sub(PastDurations::MOST);
        value.took.drain(..over);
    }
}

impl Value {
    /// The durations, the oldest first. Numbers that are none are left out.
    pub(super) fn past_durations(&self) -> PastDurations {
        let seconds = self.took.iter().map(|(_, seconds)| *seconds);
        PastDurations::new(seconds.filter_map(|it| u64::try_from(it).ok().map(Duration::from_secs)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::{
        ledger::{
            change::Change,
            codec,
            key::{Caller, LedgerKey},
            reply::StoreReply,
            settle::Outcome,
            stored::Stored,
        },
        policy::Throttle,
        wire::base_url::BaseUrl,
    };

    fn key() -> LedgerKey {
        LedgerKey::new(&BaseUrl::graph(), &"contoso".parse().unwrap())
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_773_136_800 + seconds).unwrap()
    }

    fn took(operation: &str, accepted: Timestamp, seconds: u64) -> Change {
        let took = Took {
            operation: operation.to_owned(),
            accepted,
            duration: Duration::from_secs(seconds),
            needs_start: false,
        };
        Change::ended(key(), Throttle::default(), None, Some(took))
    }

    #[test]
    fn what_a_resumed_poll_shows_is_kept_where_the_start_is() {
        let mut ledger = Ledger::default();
        ledger.start(1, 0);
        for (operation, accepted, kept) in [
            ("op-of-another-tenant", 0, 0),
            ("op-1", 600, 0),
            ("OP-1", 1, 1),
        ] {
            let took = Took {
                operation: operation.to_owned(),
                accepted: at(accepted),
                duration: Duration::from_secs(60),
                needs_start: true,
            };
            let change = Change::ended(key(), Throttle::default(), None, Some(took));
            ledger.apply(&change, 1000);
            assert_eq!(ledger.took().len(), kept, "{operation}");
        }
    }

    #[derive(Default)]
    struct Ledger(Option<Vec<u8>>);

    impl Ledger {
        fn apply(&mut self, change: &Change, seconds: i64) -> StoreReply {
            let applied = change.apply(self.0.as_deref(), at(seconds)).unwrap();
            self.0 = applied.write.or_else(|| self.0.take());
            applied.reply
        }

        fn reserve(&mut self, id: u8, seconds: i64) -> StoreReply {
            let (lease, caller) = (Duration::from_secs(150), Caller::default());
            let reserve = Change::reserve(key(), Throttle::default(), [id; 16], lease, caller);
            self.apply(&reserve, seconds)
        }

        fn start(&mut self, id: u8, seconds: i64) {
            drop(self.reserve(id, seconds));
            let outcome = Outcome::Confirmed {
                date: at(seconds),
                operation: Some(format!("op-{id}")),
            };
            let settle = Change::settle(key(), Throttle::default(), [id; 16], outcome);
            drop(self.apply(&settle, seconds));
        }

        /// What is stored: seconds after the first moment, and the duration.
        fn took(&self) -> Vec<(i64, i64)> {
            let value = codec::decode(&key(), self.0.as_deref().unwrap()).unwrap();
            let since = |ms: i64| ms.saturating_sub(at(0).as_millisecond()) / 1000;
            value.took.iter().map(|it| (since(it.0), it.1)).collect()
        }
    }

    #[test]
    fn a_ledger_is_not_made_for_a_duration() {
        let change = took("op-1", at(0), 1800);
        assert_eq!(change.apply(None, at(1800)).unwrap().write, None);
        let mark = crate::ledger::reset_mark(at(0));
        let reset = Stored {
            value: None,
            reset: Some(&mark),
        };
        assert_eq!(change.apply(reset, at(1800)).unwrap().write, None);
        let other_id = Some(([1; 16], "op-2".to_owned()));
        let change = Change::ended(key(), Throttle::default(), other_id, None);
        assert_eq!(change.apply(None, at(1800)).unwrap().write, None);
    }

    #[test]
    fn the_last_eight_are_kept_in_the_order_of_their_starts() {
        let mut ledger = Ledger::default();
        ledger.start(1, 0);
        let order = [3, 1, 4, 10, 5, 9, 2, 6, 8, 7];
        for day in order {
            let accepted = at(-86_400 * day);
            ledger.apply(&took("elsewhere", accepted, 1000 + day as u64), 10);
        }
        let kept: Vec<_> = (1..=8)
            .rev()
            .map(|day| (-86_400 * day, 1000 + day))
            .collect();
        assert_eq!(ledger.took(), kept);
        // An older one than all of them changes nothing.
        let before = ledger.0.clone();
        ledger.apply(&took("elsewhere", at(-86_400 * 20), 60), 20);
        assert_eq!(ledger.0, before);
        let seconds = kept.iter().map(|it| Duration::from_secs(it.1 as u64));
        let past = PastDurations::new(seconds);
        assert_eq!(ledger.reserve(2, 30).past_durations(), &past);
        // A start that finds no slot, or another one with its key, learns them too.
        let read = Change::read(key(), Throttle::default());
        assert!(!ledger.apply(&read, 40).past_durations().is_enough());
    }

    /// A commit that is applied again, and two pollers, one of which resumed by a token, which has whole seconds.
    #[test]
    fn an_operation_counts_once() {
        let mut ledger = Ledger::default();
        ledger.start(1, 100);
        let late = |ms: u64| at(100) + Duration::from_millis(ms);
        for change in [
            took("op-1", late(734), 1800),
            took("op-1", late(734), 1800),
            took("OP-1", late(0), 1840),
            // By the clock of another machine, for the entry has the time of both.
            took("op-1", late(70_000), 1900),
        ] {
            ledger.apply(&change, 2000);
            assert_eq!(ledger.took(), [(100, 1800)], "{change:?}");
        }
        // Of two pollers whose entry is gone, the times lie less than a second apart.
        ledger.apply(&took("gone", at(7) + Duration::from_millis(734), 60), 2000);
        ledger.apply(&took("gone", at(7), 61), 2000);
        assert_eq!(ledger.took(), [(7, 60), (100, 1800)]);
        ledger.apply(&took("other", at(9), 61), 2000);
        assert_eq!(ledger.took().len(), 3);
    }

    #[test]
    fn what_cannot_be_is_not_kept() {
        let mut ledger = Ledger::default();
        ledger.start(1, 0);
        let before = ledger.0.clone();
        let most = Limits::LONGEST_TOTAL.as_secs();
        for change in [
            took("a", at(0), 0),
            took("a", at(0), 4),
            took("a", at(0), most + 1),
            took("a", at(0), u64::MAX),
            took("a", at(221), 60),
        ] {
            ledger.apply(&change, 100);
            assert_eq!(ledger.0, before, "{change:?}");
        }
        ledger.apply(&took("a", at(219), 5), 100);
        assert_eq!(ledger.took(), [(219, 5)]);
    }

    /// Whatever the bytes say: numbers that are no durations are left out and harm no start.
    #[test]
    fn stored_numbers_that_are_no_durations_are_left_out() {
        let mut ledger = Ledger::default();
        ledger.start(1, 0);
        let mut value = codec::decode(&key(), ledger.0.as_deref().unwrap()).unwrap();
        value.took = vec![(i64::MIN, i64::MIN), (0, -1), (1, 3), (i64::MAX, i64::MAX)];
        assert!(!value.past_durations().is_enough());
        value.took.extend([(2, 60), (3, 60), (4, 60)]);
        assert!(value.past_durations().is_enough());
        ledger.0 = Some(codec::encode(&key(), &value));
        assert!(ledger.reserve(2, 10).past_durations().is_enough());
        ledger.apply(&took("a", at(5), 60), 100);
        assert!(ledger.took().len() <= PastDurations::MOST);
    }
}
