//! The quota at one moment.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::ledger::entry::{Entry, EntryState, timestamp};
use crate::{
    ledger::{
        quarantine::Quarantine,
        schedule::{Forecast, Schedule},
    },
    model::run::IndustryDataRun,
    policy::Throttle,
};

/// The quota of a tenant, by its ledger.
///
/// A ledger knows the starts that were made with it. The portal, other programs and ledgers on other machines use the
/// same quota, so the service may accept fewer starts than `available`.
///
/// ```
/// use industrydata_core::{
///     Timestamp,
///     ledger::{Change, LedgerKey},
///     policy::Throttle,
///     wire::BaseUrl,
/// };
///
/// // What `quota` of a client returns for a ledger without starts.
/// let key = LedgerKey::new(&BaseUrl::graph(), &"contoso".parse()?);
/// let applied = Change::read(key, Throttle::default()).apply(None, Timestamp::UNIX_EPOCH)?;
/// let quota = applied.reply.quota();
/// assert_eq!((quota.available(), quota.used(), quota.in_doubt()), (5, 0, 0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quota {
    pub(super) throttle: Throttle,
    pub(super) as_of: Timestamp,
    /// Shared, since a reply, a machine and its outcome each have the quota.
    pub(super) entries: Arc<Vec<Entry>>,
    pub(super) next_slot: Option<Timestamp>,
    pub(super) not_before: Option<Timestamp>,
    pub(super) quarantine: Option<Quarantine>,
    pub(super) schedule: Option<Schedule>,
    /// How far the ledger's clock is ahead of the service's, in milliseconds.
    pub(super) ahead: i64,
}

impl Quota {
    pub(super) fn new(
        throttle: Throttle,
        as_of: Timestamp,
        mut entries: Vec<Entry>,
        next_slot: Option<Timestamp>,
        not_before: Option<Timestamp>,
        quarantine: Option<Quarantine>,
    ) -> Self {
        // They usually are in order.
        if !entries.is_sorted_by_key(Entry::counts_from) {
            // Entries are large to move.
            entries.sort_by_cached_key(Entry::counts_from);
        }
        Self {
            throttle,
            as_of,
            entries: Arc::new(entries),
            next_slot,
            not_before,
            quarantine,
            schedule: None,
            ahead: 0,
        }
    }

    pub(super) const fn with_ahead(mut self, ahead: i64) -> Self {
        self.ahead = ahead;
        self
    }

    /// Sets the schedule of the tenant's runs, which [`forecast`](Self::forecast) uses.
    #[must_use]
    pub const fn with_schedule(mut self, schedule: Option<Schedule>) -> Self {
        self.schedule = schedule;
        self
    }

    /// The schedule of the tenant's runs, if it was set. No API reports it, and the ledger does not store it.
    #[must_use]
    pub const fn schedule(&self) -> Option<&Schedule> {
        self.schedule.as_ref()
    }

    /// The forecast of the schedule, if the schedule is known: the next scheduled run, whether a start causes it to be
    /// skipped, and when the one after it is due.
    ///
    /// ```
    /// use industrydata_core::{ledger::{LedgerKey, Change, Schedule, Skip}, policy::Throttle, wire::BaseUrl, Timestamp};
    ///
    /// let read = Change::read(LedgerKey::new(&BaseUrl::graph(), &"contoso".parse()?), Throttle::default());
    /// let now: Timestamp = "2026-03-10T20:00:00Z".parse()?;
    /// let quota = read.apply(None, now)?.reply.quota().clone();
    ///
    /// // Scheduled runs are due at 06:00 and 18:00 UTC.
    /// let schedule = Schedule::given("2026-03-01T06:00:00Z".parse()?);
    /// let forecast = quota.with_schedule(Some(schedule)).forecast().unwrap();
    /// assert_eq!(forecast.next_scheduled().to_string(), "2026-03-11T06:00:00Z");
    /// assert_eq!(forecast.start_now_skips(), Skip::Yes);
    /// assert_eq!(forecast.following().to_string(), "2026-03-11T18:00:00Z");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn forecast(&self) -> Option<Forecast> {
        self.schedule.as_ref().map(|it| self.forecast_for(it))
    }

    /// The limit and the window.
    #[must_use]
    pub const fn throttle(&self) -> Throttle {
        self.throttle
    }

    /// The store's clock when the ledger was read.
    #[must_use]
    pub const fn as_of(&self) -> Timestamp {
        self.as_of
    }

    /// The starts that count, the earliest first.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The number of starts that count: confirmed, external, in flight and in doubt.
    #[must_use]
    pub fn used(&self) -> u32 {
        u32::try_from(self.entries.len()).unwrap_or(u32::MAX)
    }

    /// The number of starts that the service accepted.
    #[must_use]
    pub fn confirmed(&self) -> u32 {
        self.count(|state| state == EntryState::Confirmed)
    }

    /// The number of external starts.
    #[must_use]
    pub fn external(&self) -> u32 {
        self.count(|state| state == EntryState::External)
    }

    /// The number of starts that are being made now.
    #[must_use]
    pub fn in_flight(&self) -> u32 {
        self.count(|state| state == EntryState::Reserved)
    }

    /// The number of starts in doubt.
    #[must_use]
    pub fn in_doubt(&self) -> u32 {
        self.count(|state| matches!(state, EntryState::InDoubt | EntryState::Other(_)))
    }

    /// The number of starts that may be made now. It is 0 during a quarantine and before
    /// [`not_before`](Self::not_before).
    #[must_use]
    pub fn available(&self) -> u32 {
        if self.not_before.is_some() || self.quarantine.is_some() {
            return 0;
        }
        self.throttle.limit.saturating_sub(self.used())
    }

    /// When the next start may be made; `None` while one may be made now.
    #[must_use]
    pub fn next_slot_at(&self) -> Option<Timestamp> {
        let quarantine = self.quarantine.map(|it| it.until());
        self.next_slot.max(self.not_before).max(quarantine)
    }

    /// The quarantine after a reset, while it lasts. The ledger lacks the starts made before the reset.
    #[must_use]
    pub const fn quarantine(&self) -> Option<Quarantine> {
        self.quarantine
    }

    /// The moment before which the service accepts no start, as its last 429 said, if it is still ahead.
    #[must_use]
    pub const fn not_before(&self) -> Option<Timestamp> {
        self.not_before
    }

    /// How far the service's clock is ahead of the ledger's (negative: behind), if the `Date` of the last answer differed
    /// by more than two minutes. A slot is then free only once its window has passed by both clocks.
    #[must_use]
    pub fn clock_skew(&self) -> Option<SignedDuration> {
        (self.ahead != 0).then(|| SignedDuration::from_millis(self.ahead.saturating_neg()))
    }

    /// A time of the ledger, such as [`next_slot_at`](Self::next_slot_at), by the service's clock as far as it is known.
    #[must_use]
    pub fn by_service_clock(&self, time: Timestamp) -> Timestamp {
        match self.ahead {
            0 => time,
            ahead => timestamp(time.as_millisecond().saturating_sub(ahead)),
        }
    }

    /// Whether an entry is dated ahead of the store's clock. A clock was or is wrong then.
    #[must_use]
    pub fn is_clock_suspect(&self) -> bool {
        self.entries
            .iter()
            .any(|entry| entry.kept().ahead_since.is_some())
    }

    /// The earliest and the latest moment at which each start that counts may have been accepted, by the service's clock
    /// as far as it is known.
    #[must_use]
    pub fn starts(&self) -> Vec<Timestamp> {
        self.entries.iter().flat_map(Entry::service_times).collect()
    }

    /// The forecast of this schedule.
    #[must_use]
    pub fn forecast_for(&self, schedule: &Schedule) -> Forecast {
        schedule.forecast(&self.starts(), self.by_service_clock(self.as_of))
    }

    /// The schedule that fits the runs which no start of this ledger explains, if there is one.
    #[must_use]
    pub fn infer_schedule(&self, runs: &[IndustryDataRun]) -> Option<Schedule> {
        Schedule::inferred(runs, &self.starts())
    }

    fn count(&self, is_it: impl Fn(EntryState) -> bool) -> u32 {
        let count = self
            .entries
            .iter()
            .filter(|entry| is_it(entry.state(self.as_of)))
            .count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}
