//! When the service's lists end a quarantine.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    ledger::quarantine::Quarantine,
    policy::{LATEST_RUN_START, MARGIN},
};

/// How far back the lists reach.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    /// When the oldest listed operation of a start was created.
    pub(super) oldest_operation: Option<Timestamp>,
    /// When the oldest listed run started.
    pub(super) oldest_run: Option<Timestamp>,
}

/// Whether lists that were read whole show all starts that may still count. The quarantine can then end once these
/// starts are in the ledger.
///
/// - Half an hour has passed since the reset, so starts made with the old ledger are listed by now.
/// - Neither list is empty. A service that lists nothing may have removed its items.
/// - The operations reach back past the window, so the service has not removed one that still counts.
pub(super) fn can_end(
    quarantine: Quarantine,
    as_of: Timestamp,
    window: Duration,
    lists: Reach,
) -> bool {
    let (Some(oldest), Some(_)) = (lists.oldest_operation, lists.oldest_run) else {
        return false;
    };
    let is_older = |time: Timestamp, age: Duration| {
        Duration::try_from(as_of.duration_since(time)).is_ok_and(|passed| passed >= age)
    };
    is_older(quarantine.reset_at(), LATEST_RUN_START)
        && is_older(oldest, window.saturating_add(MARGIN))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        endpoint::{
            answer::Answer, contract::Endpoint, list_operations::ListOperations,
            list_runs::ListRuns,
        },
        ledger::{
            change::Change, key::LedgerKey, quarantine::reset_mark, quota::Quota, stored::Stored,
        },
        model::{operation::Operation, run::IndustryDataRun},
        policy::Throttle,
        reconcile::{lists::ServiceLists, reconciliation::Reconciliation},
        wire::base_url::BaseUrl,
    };

    const RESET: i64 = 1_800_000_000;
    const WINDOW: Duration = Duration::from_secs(12 * 3600);
    const MINUTE: i64 = 60;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(RESET + second).unwrap()
    }

    /// A ledger that was reset at the second 0.
    struct Ledger {
        value: Option<Vec<u8>>,
        mark: Vec<u8>,
    }

    impl Ledger {
        fn new() -> Self {
            Self {
                value: None,
                mark: reset_mark(at(0)),
            }
        }

        fn key() -> LedgerKey {
            LedgerKey::new(&BaseUrl::graph(), &"contoso".parse().unwrap())
        }

        fn apply(&mut self, change: &Change, now: i64) -> Quota {
            let stored = Stored {
                value: self.value.as_deref(),
                reset: Some(&self.mark),
            };
            let applied = change.apply(stored, at(now)).unwrap();
            self.value = applied.write.or_else(|| self.value.take());
            applied.reply.quota().clone()
        }

        fn quota(&mut self, now: i64) -> Quota {
            self.apply(&Change::read(Self::key(), Throttle::default()), now)
        }

        /// Compares the ledger with these lists, and whether the comparison ends the quarantine.
        fn reconcile(&mut self, now: i64, listed: ServiceLists<'_>) -> bool {
            let quota = self.quota(now);
            let tenant = "contoso".parse().unwrap();
            let found = Reconciliation::of(&BaseUrl::graph(), &tenant, &quota, listed);
            for change in found.changes() {
                self.apply(change, now);
            }
            found.ends_quarantine()
        }
    }

    fn operations(created: &[i64]) -> Vec<Operation> {
        let item = |time: &i64| {
            format!(
                r#"{{"id":"op{time}","status":"running","createdDateTime":"{}"}}"#,
                at(*time)
            )
        };
        let items: Vec<String> = created.iter().map(item).collect();
        let body = format!("{{\"value\":[{}]}}", items.join(","));
        let list = ListOperations.decode(&Answer::new(None, body.as_bytes()));
        list.unwrap().content
    }

    fn runs(started: &[i64]) -> Vec<IndustryDataRun> {
        let item = |time: &i64| {
            format!(
                r#"{{"id":"run{time}","status":"running","startDateTime":"{}"}}"#,
                at(*time)
            )
        };
        let items: Vec<String> = started.iter().map(item).collect();
        let body = format!("{{\"value\":[{}]}}", items.join(","));
        let list = ListRuns.decode(&Answer::new(None, body.as_bytes()));
        list.unwrap().content
    }

    #[test]
    fn whole_lists_enter_every_start_of_the_window_and_end_it() {
        let mut ledger = Ledger::new();
        let now = 45 * MINUTE;
        let (operations, runs) = (
            operations(&[-20 * 60 * MINUTE, -5 * 60 * MINUTE, -MINUTE]),
            runs(&[-20 * 60 * MINUTE, -5 * 60 * MINUTE, 0]),
        );
        let listed = ServiceLists {
            operations: Some(&operations),
            runs: Some(&runs),
            schedule: None,
            service_clock: Some(at(now)),
        };
        assert_eq!(ledger.quota(now).available(), 0);
        assert!(ledger.reconcile(now, listed));
        let quota = ledger.quota(now);
        assert_eq!(quota.quarantine(), None);
        assert_eq!((quota.external(), quota.available()), (2, 3));
        assert!(!ledger.reconcile(now, listed), "it has ended before");
        // The next reset begins another.
        ledger.mark = reset_mark(at(now));
        let quota = ledger.quota(now);
        assert_eq!(quota.quarantine().map(|it| it.reset_at()), Some(at(now)));
        assert_eq!(quota.available(), 0);
    }

    #[test]
    fn incomplete_empty_or_short_lists_end_nothing() {
        let now = 45 * MINUTE;
        let whole = operations(&[-20 * 60 * MINUTE, -MINUTE]);
        let short = operations(&[-11 * 60 * MINUTE, -MINUTE]);
        let listed_runs = runs(&[-20 * 60 * MINUTE]);
        let lists = ServiceLists {
            operations: Some(&whole),
            runs: Some(&listed_runs),
            schedule: None,
            service_clock: Some(at(now)),
        };
        let clock = |seconds| Some(at(now + seconds));
        for (why, listed) in [
            (
                "no operations",
                ServiceLists {
                    operations: None,
                    ..lists
                },
            ),
            (
                "no runs",
                ServiceLists {
                    runs: None,
                    ..lists
                },
            ),
            (
                "empty operations",
                ServiceLists {
                    operations: Some(&[]),
                    ..lists
                },
            ),
            (
                "empty runs",
                ServiceLists {
                    runs: Some(&[]),
                    ..lists
                },
            ),
            (
                "short operations",
                ServiceLists {
                    operations: Some(&short),
                    ..lists
                },
            ),
            (
                "no clock",
                ServiceLists {
                    service_clock: None,
                    ..lists
                },
            ),
            (
                "a clock that is ahead",
                ServiceLists {
                    service_clock: clock(121),
                    ..lists
                },
            ),
            (
                "a clock that is behind",
                ServiceLists {
                    service_clock: clock(-121),
                    ..lists
                },
            ),
        ] {
            let mut ledger = Ledger::new();
            assert!(!ledger.reconcile(now, listed), "{why}");
            let quota = ledger.quota(now);
            assert!(quota.quarantine().is_some(), "{why}");
            assert_eq!(quota.available(), 0, "{why}");
        }
        assert!(Ledger::new().reconcile(now, lists));
        assert!(!Ledger::new().reconcile(
            29 * MINUTE,
            ServiceLists {
                service_clock: Some(at(29 * MINUTE)),
                ..lists
            }
        ));
    }

    #[test]
    fn a_caller_with_a_short_window_enters_and_ends_as_one_with_the_whole() {
        let now = 45 * MINUTE;
        let hour = Throttle {
            window: Duration::from_secs(3600),
            ..Throttle::default()
        };
        let listed_runs = runs(&[-20 * 60 * MINUTE]);
        for (oldest, is_ended) in [(-5 * 60, false), (-11 * 60, false), (-20 * 60, true)] {
            let mut ledger = Ledger::new();
            let operations = operations(&[oldest * MINUTE, -4 * 60 * MINUTE]);
            let listed = ServiceLists {
                operations: Some(&operations),
                runs: Some(&listed_runs),
                schedule: None,
                service_clock: Some(at(now)),
            };
            let quota = ledger.apply(&Change::read(Ledger::key(), hour), now);
            assert!(quota.quarantine().is_some());
            let tenant = "contoso".parse().unwrap();
            let found = Reconciliation::of(&BaseUrl::graph(), &tenant, &quota, listed);
            assert_eq!(found.ends_quarantine(), is_ended, "{oldest}");
            for change in found.changes() {
                ledger.apply(change, now);
            }
            // The start of four hours ago counts for the others.
            let quota = ledger.quota(now);
            assert_eq!(quota.quarantine().is_none(), is_ended, "{oldest}");
            assert_eq!(quota.external(), if is_ended { 1 } else { 2 }, "{oldest}");
        }
    }

    fn ends(now: i64, operation: Option<i64>, run: Option<i64>) -> bool {
        let lists = Reach {
            oldest_operation: operation.map(at),
            oldest_run: run.map(at),
        };
        let quarantine = Ledger::new().quota(0).quarantine().unwrap();
        can_end(quarantine, at(now), WINDOW, lists)
    }

    #[test]
    fn lists_end_it_half_an_hour_after_the_reset() {
        let old = Some(-13 * 60 * MINUTE);
        assert!(ends(30 * MINUTE, old, old));
        assert!(!ends(30 * MINUTE - 1, old, old));
        assert!(!ends(-MINUTE, old, old), "the clock was set back");
    }

    #[test]
    fn an_empty_list_ends_nothing() {
        let old = Some(-13 * 60 * MINUTE);
        for (operation, run) in [(None, old), (old, None), (None, None)] {
            assert!(!ends(60 * MINUTE, operation, run));
        }
    }

    #[test]
    fn the_operations_must_reach_back_past_the_window() {
        let now = 60 * MINUTE;
        let edge = now - 12 * 60 * MINUTE - 2 * MINUTE;
        assert!(ends(now, Some(edge), Some(now)), "a run of now will do");
        assert!(!ends(now, Some(edge + 1), Some(edge)));
        assert!(!ends(now, Some(now + 1), Some(edge)));
    }

    proptest! {
        #[test]
        fn lists_that_end_it_hide_no_start_that_counts(
            now in -100_000_i64..100_000,
            operation in proptest::option::of(-200_000_i64..100_000),
            run in proptest::option::of(-200_000_i64..100_000),
        ) {
            if ends(now, operation, run) {
                prop_assert!(now >= 1800);
                prop_assert!(run.is_some());
                prop_assert!(operation.is_some_and(|at| at <= now - 12 * 3600 - 120));
            }
        }
    }
}
