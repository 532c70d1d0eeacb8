//! Matches entries of the ledger with listed operations and runs.

use std::time::Duration;

use jiff::Timestamp;

use crate::policy::{LATEST_RUN_START, MARGIN, MAX_RECONCILED, MIN_KEPT};
use crate::reconcile::{
    lists::{Match, ServiceLists},
    matching::matching,
    quarantine::Reach,
};
use crate::{
    endpoint::link::run_id,
    ledger::{
        entry::{Entry, EntryState, millis},
        evidence::{Evidence, same_id},
        quota::Quota,
        resolve::Resolution,
        schedule::Schedule,
    },
    model::operation::Operation,
    wire::base_url::BaseUrl,
};

/// A span of time in Unix milliseconds, both ends included.
#[derive(Clone, Copy)]
pub(super) struct Span(i64, i64);

impl Span {
    pub(super) fn has(self, at: Timestamp) -> bool {
        (self.0..=self.1).contains(&at.as_millisecond())
    }
}

/// A listed operation of a start.
struct Op<'a> {
    id: &'a str,
    created: Timestamp,
    run: Option<String>,
}

impl Op<'_> {
    fn has_run(&self, id: &str) -> bool {
        self.run.as_deref().is_some_and(|run| same_id(run, id))
    }
}

/// The ledger and the lists.
pub(super) struct Search<'a> {
    entries: &'a [Entry],
    now: Timestamp,
    /// How far back a start may count for any caller, without the margin.
    window: Duration,
    schedule: Option<Schedule>,
    ops: Vec<Op<'a>>,
    runs: Vec<(&'a str, Timestamp)>,
    /// Whether both lists were read whole, all items have dates, the service's clock agrees with the ledger's, and no
    /// item is missing that the service named before.
    is_whole: bool,
    reach: Reach,
}

impl<'a> Search<'a> {
    /// Prepares the lists. A list that lacks an item which an entry names is incomplete, because the service itself
    /// named the item.
    pub(super) fn new(base: &BaseUrl, quota: &'a Quota, listed: ServiceLists<'a>) -> Self {
        let starts: Vec<&Operation> = listed
            .operations
            .unwrap_or_default()
            .iter()
            .filter(|it| !is_validation(it))
            .collect();
        let runs = listed.runs.unwrap_or_default();
        let ops: Vec<Op<'_>> = starts
            .iter()
            .filter_map(|it| {
                Some(Op {
                    id: it.id()?,
                    created: it.created()?,
                    run: it.resource_location().and_then(|at| run_id(base, at)),
                })
            })
            .collect();
        let quota_entries = quota.entries();
        let is_named = |id: &str| {
            starts
                .iter()
                .filter_map(|it| it.id())
                .any(|it| same_id(it, id))
        };
        let is_complete = quota_entries.iter().all(|entry| {
            entry.operation().is_none_or(is_named)
                && match entry.evidence() {
                    Some(Evidence::Run(id)) => runs.iter().any(|run| same_id(run.id(), &id)),
                    Some(_) | None => true,
                }
        });
        let placed: Vec<_> = runs
            .iter()
            .filter_map(|run| Some((run.id(), run.started()?)))
            .collect();
        let reach = Reach {
            oldest_operation: ops.iter().map(|op| op.created).min(),
            oldest_run: placed.iter().map(|run| run.1).min(),
        };
        // The ledger is shared with callers that have a longer window.
        let window = quota.throttle().window.max(MIN_KEPT);
        let keep = window.saturating_add(MARGIN);
        let since = quota.as_of().as_millisecond();
        let since = since.saturating_sub(millis(keep.saturating_mul(2)));
        let is_placed = ops.len() == starts.len() && placed.len() == runs.len();
        // Nothing older than twice the window matters to an entry.
        let near = |at: Timestamp| at.as_millisecond() > since;
        let mut ops: Vec<Op<'_>> = ops.into_iter().filter(|op| near(op.created)).collect();
        let mut placed: Vec<_> = placed.into_iter().filter(|run| near(run.1)).collect();
        let is_sane = ops.len() <= MAX_RECONCILED && placed.len() <= MAX_RECONCILED;
        // Paging can return an item twice.
        ops.sort_by_cached_key(|op| (op.created, op.id.to_ascii_lowercase()));
        ops.dedup_by(|op, other| op.created == other.created && same_id(op.id, other.id));
        placed.sort_by_cached_key(|run| (run.1, run.0.to_ascii_lowercase()));
        placed.dedup_by(|run, other| run.1 == other.1 && same_id(run.0, other.0));
        ops.truncate(MAX_RECONCILED);
        placed.truncate(MAX_RECONCILED);
        let agrees =
            |service: Timestamp| quota.as_of().duration_since(service).unsigned_abs() <= MARGIN;
        Self {
            is_whole: listed.service_clock.is_some_and(agrees)
                && listed.operations.is_some()
                && listed.runs.is_some()
                && is_complete
                && is_placed
                && is_sane,
            entries: quota_entries,
            now: quota.as_of(),
            window,
            schedule: listed.schedule,
            ops,
            runs: placed,
            reach,
        }
    }

    /// How far back a start may count for any caller, without the margin.
    pub(super) const fn window(&self) -> Duration {
        self.window
    }

    /// How far back the lists reach, if they were read whole.
    pub(super) fn reach(&self) -> Option<Reach> {
        self.is_whole.then_some(self.reach)
    }

    /// The matches, each with the id of its entry.
    pub(super) fn matches(&self) -> Vec<(Option<[u8; 16]>, Match)> {
        let mut found = Vec::new();
        let (now, entries) = (self.now, self.entries);
        let is_in_doubt = |it: &&Entry| it.state(now) == EntryState::InDoubt;
        let mut in_doubt: Vec<&Entry> = entries.iter().filter(is_in_doubt).collect();
        in_doubt.sort_by_cached_key(|it| it.reserved_at().as_millisecond());
        // A list whose oldest operation is younger than the oldest start in doubt may have been cut. The rest of it
        // could confirm one start in place of another.
        let first = in_doubt.first().map(|it| it.reserved_at());
        let reaches = self.reach.oldest_operation.zip(first);
        let reaches = reaches.is_some_and(|(oldest, first)| oldest <= first);

        // First the operations, without those that an entry names. An entry that names none, or names one that is not
        // listed (the list may show it under another id), may own any operation near it.
        let mut free: Vec<&Op<'_>> = self.ops.iter().filter(|op| !self.is_claimed(op)).collect();
        let nameless: Vec<&Entry> = entries
            .iter()
            .filter(|it| !is_in_doubt(it) && !self.is_listed(it))
            .collect();
        let held = take(&nameless, &mut free, |it, op| {
            self.op_span(it).has(op.created)
        });
        let held: Vec<&Op<'_>> = held.into_iter().map(|(_, op)| op).collect();
        let confirmed = take(&in_doubt, &mut free, |it, op| {
            self.op_span(it).has(op.created)
        });
        for (entry, op) in &confirmed {
            let evidence = Evidence::Operation(op.id.to_owned());
            found.push(resolved(entry, Resolution::Started, evidence));
        }
        in_doubt.retain(|it| !confirmed.iter().any(|(entry, _)| entry.id() == it.id()));

        // Then the runs, without those that have a known owner. A start that names no run may own any run near it.
        let mut loose: Vec<&(&str, Timestamp)> = self
            .runs
            .iter()
            .filter(|run| !self.is_owned(run.0))
            .collect();
        let unowned: Vec<&(&str, Timestamp)> = loose.clone();
        let holders = self.holders(&in_doubt);
        let owners: Vec<&Span> = holders.iter().collect();
        drop(take(&owners, &mut loose, |span, run| span.has(run.1)));
        let by_run = take(&in_doubt, &mut loose, |it, run| run_span(it).has(run.1));
        for (entry, run) in &by_run {
            let evidence = Evidence::Run(run.0.to_owned());
            found.push(resolved(entry, Resolution::Started, evidence));
        }
        in_doubt.retain(|it| !by_run.iter().any(|(entry, _)| entry.id() == it.id()));

        // The other starts in doubt are released only if no item of either list could be theirs.
        for entry in in_doubt {
            let is_late =
                millis_after(entry.lease_ends(), LATEST_RUN_START) <= now.as_millisecond();
            let may_be = unowned.iter().any(|run| run_span(entry).has(run.1))
                || held.iter().any(|op| self.op_span(entry).has(op.created))
                || (entry.key().is_some() && self.may_have_been_given_away(entry));
            // The dates of an entry that another difference between the clocks gave say nothing about the lists.
            let is_placed = entry.agrees_with_service();
            if self.is_whole && reaches && is_late && is_placed && !may_be {
                found.push(resolved(entry, Resolution::NotStarted, Evidence::NotListed));
            }
        }

        let keep = self.window.saturating_add(MARGIN);
        let counts = |at: Timestamp| millis_after(at, keep) > now.as_millisecond();
        for op in free.into_iter().filter(|op| counts(op.created)) {
            let evidence = Evidence::Operation(op.id.to_owned());
            let started = op.created;
            found.push((None, Match::External { evidence, started }));
        }
        let scheduled = |at: Timestamp| self.schedule.is_some_and(|it| it.fits(at));
        for (id, started) in loose {
            if counts(*started) && !scheduled(*started) {
                let evidence = Evidence::Run((*id).to_owned());
                let started = *started;
                found.push((None, Match::External { evidence, started }));
            }
        }
        found
    }

    /// Whether an operation or a run near the entry is another entry's by its time alone. For the number of free slots it
    /// does not matter which of the two has it. A key that was released in place of the other's would start a second run.
    fn may_have_been_given_away(&self, entry: &Entry) -> bool {
        let is_answered = |op: &Op<'_>| {
            let mut entries = self.entries.iter();
            entries.any(|it| it.evidence().is_none() && it.names(op.id))
        };
        let by_time = |op: &&Op<'_>| !is_answered(op);
        let is_answered_run = |id: &str| self.ops.iter().any(|op| op.has_run(id));
        self.ops
            .iter()
            .filter(by_time)
            .any(|op| self.op_span(entry).has(op.created))
            || self
                .runs
                .iter()
                .any(|run| !is_answered_run(run.0) && run_span(entry).has(run.1))
    }

    fn is_claimed(&self, op: &Op<'_>) -> bool {
        self.entries.iter().any(|entry| {
            entry.names(op.id)
                || match entry.evidence() {
                    Some(Evidence::Operation(id)) => same_id(&id, op.id),
                    Some(Evidence::Run(id)) => op.has_run(&id),
                    Some(Evidence::NotListed | Evidence::ByHand(_) | Evidence::Other(_)) | None => {
                        false
                    }
                }
        })
    }

    fn is_owned(&self, run: &str) -> bool {
        let rests_on_it = |entry: &Entry| matches!(entry.evidence(), Some(Evidence::Run(id)) if same_id(&id, run));
        self.ops.iter().any(|op| op.has_run(run)) || self.entries.iter().any(rests_on_it)
    }

    /// Whether the operation that an entry names is listed.
    fn is_listed(&self, entry: &Entry) -> bool {
        self.ops.iter().any(|op| entry.names(op.id))
    }

    /// The spans in which runs of the starts that are not in doubt and name no run may have started.
    fn holders(&self, in_doubt: &[&Entry]) -> Vec<Span> {
        let ops = self.ops.iter().filter(|op| op.run.is_none());
        let ops = ops.map(|op| {
            let at = op.created.as_millisecond();
            Span(
                at.saturating_sub(millis(MARGIN)),
                at.saturating_add(millis(LATEST_RUN_START)),
            )
        });
        let has_run = |it: &Entry| matches!(it.evidence(), Some(Evidence::Run(_)));
        let entries = self.entries.iter().filter(|it| {
            !self.is_listed(it)
                && !has_run(it)
                && !in_doubt.iter().any(|entry| entry.id() == it.id())
        });
        ops.chain(entries.map(run_span)).collect()
    }

    /// The span in which the operation of an entry may have been created.
    fn op_span(&self, entry: &Entry) -> Span {
        let by_run = matches!(entry.evidence(), Some(Evidence::Run(_)));
        let early = if by_run && entry.state(self.now) == EntryState::External {
            // The entry has the time of its run, which starts after the operation is created.
            LATEST_RUN_START
        } else {
            MARGIN
        };
        Span(
            entry.earliest().saturating_sub(millis(early)),
            latest(entry).saturating_add(millis(MARGIN)),
        )
    }
}

/// The span in which the run of an entry may have started.
pub(super) fn run_span(entry: &Entry) -> Span {
    Span(
        entry.earliest().saturating_sub(millis(MARGIN)),
        latest(entry).saturating_add(millis(LATEST_RUN_START)),
    )
}

fn latest(entry: &Entry) -> i64 {
    let kept = entry.kept();
    kept.until.max(kept.date.unwrap_or(kept.at))
}

fn millis_after(at: Timestamp, time: Duration) -> i64 {
    at.as_millisecond().saturating_add(millis(time))
}

/// Pairs as many items of `left` as possible with one item of `right` each, and removes these from `right`. Earlier
/// items of `left` take precedence.
fn take<'l, 'r, L, R>(
    left: &[&'l L],
    right: &mut Vec<&'r R>,
    fits: impl Fn(&L, &R) -> bool,
) -> Vec<(&'l L, &'r R)> {
    let fits = |l: usize, r: usize| match (left.get(l), right.get(r)) {
        (Some(left), Some(right)) => fits(left, right),
        (None, _) | (_, None) => false,
    };
    let pairs = matching(left.len(), right.len(), fits);
    let given = pairs
        .iter()
        .filter_map(|(l, r)| Some((*left.get(*l)?, *right.get(*r)?)))
        .collect();
    let mut place = 0;
    right.retain(|_| {
        place += 1;
        !pairs.iter().any(|(_, r)| *r == place - 1)
    });
    given
}

fn resolved(
    entry: &Entry,
    resolution: Resolution,
    evidence: Evidence,
) -> (Option<[u8; 16]>, Match) {
    let entry_id = u128::from_str_radix(entry.id(), 16).ok();
    let resolved = Match::Resolved {
        entry: entry.id().to_owned(),
        resolution,
        evidence,
    };
    (entry_id.map(u128::to_be_bytes), resolved)
}

/// Whether an operation belongs to the validation of an upload, which is not a start.
fn is_validation(operation: &Operation) -> bool {
    operation.odata_type().is_some_and(|kind| {
        let kind = kind.to_ascii_lowercase();
        kind.ends_with("validateoperation")
    })
}
