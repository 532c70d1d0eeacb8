//! Which of many polls is due next.

use std::{cmp::Reverse, collections::BinaryHeap, fmt, time::Duration};

/// The key of an operation in a set: unique within the set, and never used again there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationKey(u64);

/// Polls that wait for their time, with a limit of how many may be out at a time.
///
/// Each poll is due at a steady time of its clock, and clocks are numbered from 0. Of those of a clock that are due, the one
/// that has waited longest comes first, and the clocks take turns. So none starves, however many there are and whatever
/// their clocks show. Each is handed out by [`next`](Self::next), and stays out until it is put [back](Self::put_back) or has
/// [ended](Self::ended). So none is out twice at a time.
///
/// Some polls send nothing, and do not wait for those that do: as many again may be out. These are polls that wait for their
/// turn at their deadline, two tenths of a second later at most. And a clock may be stopped, and has no time then, so that all of
/// its polls are due.
///
/// ```
/// use std::time::Duration;
/// use industrydata_core::lro::{Next, PollQueue};
///
/// let (mut queue, at) = (PollQueue::new(1), Duration::from_secs);
/// let first = queue.push(0, at(5), at(60), "a");
/// let second = queue.push(0, at(3), at(90), "b");
/// assert!(matches!(queue.next(|_| Some(at(0))), Next::Wait));
/// assert_eq!(queue.next_time(0, at(0)), Some(at(3)));
/// assert!(matches!(queue.next(|_| Some(at(6))), Next::Due { key, item: "b", .. } if key == second));
/// // One may be out at a time, until the deadline of another one.
/// assert!(matches!(queue.next(|_| Some(at(6))), Next::Busy));
/// assert_eq!(queue.next_time(0, at(6)), Some(at(60)));
/// queue.put_back(second, 0, at(9), at(90), "b");
/// assert!(matches!(queue.next(|_| Some(at(9))), Next::Due { key, item: "a", .. } if key == first));
/// ```
pub struct PollQueue<T> {
    /// Those that wait, by clock.
    clocks: Vec<OfClock<T>>,
    /// The clock that comes first next time.
    turn: usize,
    most: usize,
    out: usize,
    keys: u64,
}

/// What to do next.
#[derive(Debug)]
pub enum Next<T> {
    /// Poll this one.
    Due {
        /// Its key.
        key: OperationKey,
        /// The number of its clock.
        clock: usize,
        /// What was pushed.
        item: T,
    },
    /// None is due: wait until one is out no more, or until the [next time](PollQueue::next_time) of any clock.
    Wait,
    /// The same, while as many as possible are out or there are no others.
    Busy,
    /// There is nothing to poll, and nothing is out.
    Empty,
}

/// The polls of a clock that wait.
struct OfClock<T> {
    waiting: BinaryHeap<Reverse<Waiting<T>>>,
    /// Those that were found to be past their deadline.
    expired: Vec<Waiting<T>>,
    /// When to look for those whose deadline has passed: at the first deadline, and a tenth of a second after the last look
    /// at the earliest, since a look goes through all that wait.
    first_deadline: Duration,
}

/// How exactly deadlines are kept, and how often they are looked through.
const TENTH: Duration = Duration::from_millis(100);

/// In 24 bytes and the item: there may be very many.
struct Waiting<T> {
    due_seconds: u64,
    due_nanoseconds: u32,
    /// The tenths of a second from then to the deadline, rounded up. `u32::MAX` if there are more.
    lasts: u32,
    key: OperationKey,
    item: T,
}

impl<T> Waiting<T> {
    fn new(key: OperationKey, due: Duration, deadline: Duration, item: T) -> Self {
        let lasts = deadline
            .saturating_sub(due)
            .as_nanos()
            .div_ceil(TENTH.as_nanos());
        Self {
            due_seconds: due.as_secs(),
            due_nanoseconds: due.subsec_nanos(),
            lasts: u32::try_from(lasts).unwrap_or(u32::MAX),
            key,
            item,
        }
    }

    const fn due(&self) -> Duration {
        Duration::new(self.due_seconds, self.due_nanoseconds)
    }

    /// The deadline, or up to a tenth of a second later.
    fn deadline(&self) -> Duration {
        match self.lasts {
            u32::MAX => Duration::MAX,
            lasts => self.due().saturating_add(TENTH * lasts),
        }
    }
}

impl<T> OfClock<T> {
    fn new() -> Self {
        Self {
            waiting: BinaryHeap::new(),
            expired: Vec::new(),
            first_deadline: Duration::MAX,
        }
    }

    fn len(&self) -> usize {
        self.waiting.len() + self.expired.len()
    }

    fn first_due(&self) -> Option<Duration> {
        self.waiting.peek().map(|Reverse(first)| first.due())
    }

    /// Takes the next poll that may be out. `now` is `None` if the clock is stopped, `is_free` says whether one may be out that
    /// sends a request.
    fn take(&mut self, now: Option<Duration>, is_free: bool) -> Option<Waiting<T>> {
        if let Some(expired) = self.expired.pop() {
            return Some(expired);
        }
        if let Some(now) = now {
            if self.first_due().is_none_or(|due| due > now) {
                return None;
            }
            if !is_free {
                if self.first_deadline <= now {
                    self.expire(now);
                }
                return self.expired.pop();
            }
        }
        self.waiting.pop().map(|Reverse(first)| first)
    }

    /// Sets those apart that are past their deadline.
    fn expire(&mut self, now: Duration) {
        let all = std::mem::take(&mut self.waiting).into_vec();
        let (expired, waiting): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|Reverse(it)| it.deadline() <= now);
        self.expired
            .extend(expired.into_iter().map(|Reverse(it)| it));
        let deadlines = waiting.iter().map(|Reverse(it)| it.deadline());
        let first = deadlines.min().unwrap_or(Duration::MAX);
        self.first_deadline = first.max(now.saturating_add(TENTH));
        self.waiting = waiting.into();
    }
}

impl<T> PollQueue<T> {
    /// An empty queue, of which at most `most` polls are out at a time, and at least one may be.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            clocks: Vec::new(),
            turn: 0,
            most: most.max(1),
            out: 0,
            keys: 0,
        }
    }

    /// The number of polls, those that are out included.
    #[must_use]
    pub fn len(&self) -> usize {
        let waiting: usize = self.clocks.iter().map(OfClock::len).sum();
        waiting + self.out
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The polls that wait, in no order.
    pub fn waiting(&self) -> impl Iterator<Item = (OperationKey, &T)> {
        let waiting = self.clocks.iter().flat_map(|clock| {
            let waiting = clock.waiting.iter().map(|Reverse(waiting)| waiting);
            waiting.chain(&clock.expired)
        });
        waiting.map(|waiting| (waiting.key, &waiting.item))
    }

    /// Adds a poll that is due at this time of this clock, and sends nothing after its deadline.
    pub fn push(
        &mut self,
        clock: usize,
        due: Duration,
        deadline: Duration,
        item: T,
    ) -> OperationKey {
        let key = OperationKey(self.keys);
        self.keys += 1;
        self.wait(clock, Waiting::new(key, due, deadline, item));
        key
    }

    /// Puts a poll that was out back: it is due again at this time.
    pub fn put_back(
        &mut self,
        key: OperationKey,
        clock: usize,
        due: Duration,
        deadline: Duration,
        item: T,
    ) {
        self.ended();
        self.wait(clock, Waiting::new(key, due, deadline, item));
    }

    /// A poll that was out has ended.
    pub const fn ended(&mut self) {
        self.out = self.out.saturating_sub(1);
    }

    /// The next steady time of a clock at which a poll of it is due, if any waits. If as many as possible are out and a poll is
    /// due `now`, this is the time at which one that is due reaches its deadline.
    #[must_use]
    pub fn next_time(&self, clock: usize, now: Duration) -> Option<Duration> {
        let clock = self.clocks.get(clock)?;
        if self.has_room() && !clock.expired.is_empty() {
            return Some(now);
        }
        let first_due = clock.first_due()?;
        if self.out < self.most || first_due > now {
            return Some(first_due);
        }
        self.has_room().then_some(clock.first_deadline)
    }

    /// Whether one may be out that sends nothing.
    const fn has_room(&self) -> bool {
        self.out < self.most.saturating_mul(2)
    }

    /// The next poll that is due, if there is one and it may be out. `now` reads the steady time of a clock, or `None` if it is
    /// stopped.
    pub fn next(&mut self, mut now: impl FnMut(usize) -> Option<Duration>) -> Next<T> {
        let is_free = self.out < self.most;
        if self.has_room() {
            for clock in (self.turn..self.clocks.len()).chain(0..self.turn) {
                let Some(polls) = self.clocks.get_mut(clock).filter(|it| it.len() > 0) else {
                    continue;
                };
                if let Some(Waiting { key, item, .. }) = polls.take(now(clock), is_free) {
                    self.out += 1;
                    self.turn = clock + 1;
                    return Next::Due { key, clock, item };
                }
            }
        }
        if self.is_empty() {
            Next::Empty
        } else if !is_free || self.len() == self.out {
            Next::Busy
        } else {
            Next::Wait
        }
    }

    fn wait(&mut self, clock: usize, waiting: Waiting<T>) {
        if self.clocks.len() <= clock {
            self.clocks.resize_with(clock + 1, OfClock::new);
        }
        if let Some(polls) = self.clocks.get_mut(clock) {
            polls.first_deadline = polls.first_deadline.min(waiting.deadline());
            polls.waiting.push(Reverse(waiting));
        }
    }
}

impl<T> fmt::Debug for PollQueue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollQueue")
            .field("len", &self.len())
            .field("out", &self.out)
            .finish_non_exhaustive()
    }
}

// Those that are due first come first, and of these the one that was pushed first.
impl<T> Ord for Waiting<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.due(), self.key).cmp(&(other.due(), other.key))
    }
}

impl<T> PartialOrd for Waiting<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> PartialEq for Waiting<T> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl<T> Eq for Waiting<T> {}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const NEVER: Duration = Duration::MAX;

    const fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    /// One operation of a history: when it is due first, and for each poll how long the request takes and the pause after it.
    type Operation = (u64, Vec<(u64, u64)>);

    fn operations() -> impl Strategy<Value = Vec<Operation>> {
        let polls = prop::collection::vec((0u64..40, 0u64..200), 1..6);
        prop::collection::vec((0u64..100, polls), 1..40)
    }

    /// Plays a history in virtual time, and checks each poll against the laws. Returns when each poll began, by operation.
    fn play(operations: &[Operation], most: usize) -> Vec<Vec<u64>> {
        let mut queue = PollQueue::new(most);
        let mut due: BTreeMap<OperationKey, u64> = BTreeMap::new();
        for (number, (first, _)) in operations.iter().enumerate() {
            due.insert(queue.push(0, ms(*first), NEVER, number), *first);
        }
        let mut began = vec![Vec::new(); operations.len()];
        // Those that are out, by the end of their request.
        let mut out: Vec<(u64, OperationKey, usize)> = Vec::new();
        let mut now = 0;
        loop {
            assert_eq!(queue.len(), due.len() + out.len());
            match queue.next(|_| Some(ms(now))) {
                Next::Due { key, item, .. } => {
                    let its = due.remove(&key).expect("it was not out");
                    assert!(its <= now, "polled too early");
                    assert!(
                        due.values().all(|it| *it >= its),
                        "another has waited longer"
                    );
                    assert!(out.len() < most, "too many are out");
                    let (takes, _) = operations[item].1[began[item].len()];
                    began[item].push(now);
                    out.push((now + takes, key, item));
                    continue;
                }
                Next::Empty => {
                    assert!(due.is_empty() && out.is_empty());
                    return began;
                }
                Next::Busy => assert!(out.len() == most || due.is_empty(), "one is idle"),
                Next::Wait => {
                    let first = due.values().min().unwrap();
                    assert_eq!(queue.next_time(0, ms(now)), Some(ms(*first)));
                    assert!(*first > now, "one is due");
                }
            }
            // The next moment: an answer, or the time of the next poll.
            let first = due.values().min().filter(|_| out.len() < most);
            now = *out.iter().map(|(end, ..)| end).chain(first).min().unwrap();
            while let Some(at) = out.iter().position(|(end, ..)| *end <= now) {
                let (_, key, item) = out.swap_remove(at);
                match operations[item].1.get(began[item].len() - 1) {
                    Some((_, pause)) if began[item].len() < operations[item].1.len() => {
                        due.insert(key, now + pause);
                        queue.put_back(key, 0, ms(now + pause), NEVER, item);
                    }
                    _ => queue.ended(),
                }
            }
        }
    }

    proptest! {
        #[test]
        fn each_is_polled_when_it_is_due_and_none_starves(
            operations in operations(),
            most in 1usize..6,
        ) {
            let began = play(&operations, most);
            for ((first, polls), began) in operations.iter().zip(&began) {
                // Each poll was made.
                prop_assert_eq!(polls.len(), began.len());
                if most >= operations.len() {
                    // With room for all of them, each at its own time.
                    let mut at = *first;
                    for ((takes, pause), began) in polls.iter().zip(began) {
                        prop_assert_eq!(*began, at);
                        at = began + takes + pause;
                    }
                }
            }
        }
    }

    #[test]
    fn clocks_take_turns_however_late_one_is() {
        let mut queue = PollQueue::new(9);
        for (clock, due) in [(0, 10), (0, 20), (0, 30), (1, 5_000), (2, 300)] {
            queue.push(clock, ms(due), NEVER, due);
        }
        let now = |clock: usize| Some(ms([110, 5_000, 200][clock]));
        for due in [10, 5_000, 20, 30] {
            assert!(matches!(queue.next(now), Next::Due { item, .. } if item == due));
        }
        assert!(matches!(queue.next(now), Next::Wait));
        // Each clock has a first poll, however they compare.
        queue.push(0, ms(150), NEVER, 150);
        assert!(matches!(queue.next(now), Next::Wait));
        let first = [0, 1, 2, 9].map(|clock| queue.next_time(clock, ms(0)));
        assert_eq!(first, [Some(ms(150)), None, Some(ms(300)), None]);
    }

    #[test]
    fn those_of_a_stopped_clock_wait_neither_for_their_time_nor_for_others() {
        let mut queue = PollQueue::new(2);
        for number in 0..4 {
            queue.push(1, ms(0), NEVER, number);
        }
        let running = |_| Some(ms(1));
        for _ in 0..2 {
            assert!(matches!(queue.next(running), Next::Due { clock: 1, .. }));
        }
        assert!(matches!(queue.next(running), Next::Busy));
        let keys = [900, 800, 700].map(|due| queue.push(0, ms(due), NEVER, 0));
        let stopped = |clock| (clock != 0).then_some(ms(1));
        for key in [keys[2], keys[1]] {
            assert!(matches!(queue.next(stopped), Next::Due { key: it, .. } if it == key));
        }
        assert!(matches!(queue.next(stopped), Next::Busy));
        queue.ended();
        assert!(matches!(queue.next(stopped), Next::Due { key, .. } if key == keys[0]));
        queue.ended();
        assert!(matches!(queue.next(stopped), Next::Busy));
        assert_eq!((queue.len(), queue.waiting().count()), (5, 2));
    }

    #[test]
    fn those_past_their_deadline_wait_for_no_other() {
        let mut queue = PollQueue::new(2);
        for _ in 0..2 {
            queue.push(0, ms(0), NEVER, 0);
            assert!(matches!(queue.next(|_| Some(ms(0))), Next::Due { .. }));
        }
        // In the order in which they are due.
        for (due, deadline) in [(0, 900_000), (10, 500), (20, 300), (30, 40), (700, 800)] {
            queue.push(0, ms(due), ms(deadline), deadline);
        }
        let at = |now| move |_: usize| Some(ms(now));
        // A tenth of a second later at most.
        assert_eq!(queue.next_time(0, ms(0)), Some(ms(130)));
        assert!(matches!(queue.next(at(129)), Next::Busy));
        assert!(matches!(queue.next(at(130)), Next::Due { item: 40, .. }));
        assert_eq!(queue.next_time(0, ms(130)), Some(ms(320)));
        assert!(matches!(queue.next(at(200)), Next::Busy));
        queue.ended();
        // Two at once, of which there is room for one.
        assert!(matches!(queue.next(at(600)), Next::Due { .. }));
        assert_eq!(queue.next_time(0, ms(600)), Some(ms(600)));
        assert_eq!((queue.len(), queue.waiting().count()), (6, 3));
        assert!(matches!(queue.next(at(600)), Next::Due { .. }));
        assert!(matches!(queue.next(at(600)), Next::Busy));
        assert_eq!(queue.next_time(0, ms(600)), None, "twice as many are out");
        queue.ended();
        assert_eq!(queue.next_time(0, ms(600)), Some(ms(800)));
        assert!(matches!(queue.next(at(799)), Next::Busy));
        assert!(matches!(queue.next(at(800)), Next::Due { item: 800, .. }));
        for _ in 0..3 {
            queue.ended();
        }
        // With room for a request, the first comes when it is due.
        assert_eq!(queue.next_time(0, ms(800)), Some(ms(0)));
        assert!(matches!(queue.next(at(1)), Next::Due { item: 900_000, .. }));
    }

    #[test]
    fn a_deadline_is_kept_in_few_bytes() {
        assert_eq!(size_of::<Waiting<Box<()>>>(), 32);
        let key = OperationKey(0);
        for (due, deadline, kept) in [
            (ms(5), ms(5), ms(5)),
            (ms(5), ms(6), ms(105)),
            (ms(5), ms(105), ms(105)),
            (ms(5), ms(105) + Duration::from_nanos(1), ms(205)),
            (ms(5), ms(0), ms(5)),
            (ms(5), ms(430_000_000_000), NEVER),
            (NEVER, NEVER, NEVER),
        ] {
            assert_eq!(Waiting::new(key, due, deadline, ()).deadline(), kept);
        }
    }

    #[test]
    fn no_time_is_too_late_for_a_clock() {
        let centuries = Duration::from_secs(600 * 366 * 24 * 60 * 60);
        for now in [centuries, Duration::MAX - ms(20)] {
            let mut queue = PollQueue::new(1);
            queue.push(0, now + ms(20), NEVER, ());
            assert!(matches!(queue.next(|_| Some(now)), Next::Wait));
            assert_eq!(queue.next_time(0, now), Some(now + ms(20)));
            assert!(matches!(
                queue.next(|_| Some(now + ms(20))),
                Next::Due { .. }
            ));
        }
    }

    #[test]
    fn at_least_one_may_be_out() {
        let mut queue = PollQueue::new(0);
        assert!(matches!(queue.next(|_| Some(ms(0))), Next::Empty));
        let key = queue.push(0, Duration::MAX, NEVER, ());
        assert!(
            matches!(queue.next(|_| Some(Duration::MAX)), Next::Due { key: it, .. } if it == key)
        );
        assert!(matches!(queue.next(|_| Some(ms(0))), Next::Busy));
        queue.ended();
        assert!(matches!(queue.next(|_| Some(ms(0))), Next::Empty) && queue.is_empty());
    }
}
