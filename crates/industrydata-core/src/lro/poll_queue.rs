//! Which of many polls is due next.

use std::{cmp::Reverse, collections::BinaryHeap, fmt, time::Duration};

/// The key of an operation in a set: unique within the set, and never used again there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperationKey(u64);

/// Polls that wait for their time, with a limit of how many may be out at a time.
///
/// Each poll is due at a steady time of its clock, and clocks are numbered from 0. Of those that are due, the one that has
/// waited longest comes first, so that none starves however many there are. Each is handed out by [`next`](Self::next), and
/// stays out until it is put [back](Self::put_back) or has [ended](Self::ended). So none is out twice at a time.
///
/// ```
/// use std::time::Duration;
/// use industrydata_core::lro::{Next, PollQueue};
///
/// let (mut queue, at) = (PollQueue::new(1), Duration::from_secs);
/// let first = queue.push(0, at(5), "a");
/// let second = queue.push(0, at(3), "b");
/// assert!(matches!(queue.next(|_| at(0)), Next::Wait { clock: 0, until } if until == at(3)));
/// assert!(matches!(queue.next(|_| at(6)), Next::Due { key, item: "b", .. } if key == second));
/// // One may be out at a time.
/// assert!(matches!(queue.next(|_| at(6)), Next::Busy));
/// queue.put_back(second, 0, at(9), "b");
/// assert!(matches!(queue.next(|_| at(9)), Next::Due { key, item: "a", .. } if key == first));
/// ```
pub struct PollQueue<T> {
    /// Those that wait, by clock.
    waiting: Vec<BinaryHeap<Reverse<Waiting<T>>>>,
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
    /// None is due: wait until one is out no more, or until this time.
    Wait {
        /// The number of the clock.
        clock: usize,
        /// The steady time of that clock.
        until: Duration,
    },
    /// Wait until one is out no more.
    Busy,
    /// There is nothing to poll, and nothing is out.
    Empty,
}

struct Waiting<T> {
    /// In nanoseconds of the steady time, which are enough for centuries.
    due: u64,
    key: OperationKey,
    item: T,
}

impl<T> PollQueue<T> {
    /// An empty queue, of which at most `most` polls are out at a time, and at least one may be.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            waiting: Vec::new(),
            most: most.max(1),
            out: 0,
            keys: 0,
        }
    }

    /// The number of polls, those that are out included.
    #[must_use]
    pub fn len(&self) -> usize {
        let waiting: usize = self.waiting.iter().map(BinaryHeap::len).sum();
        waiting + self.out
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The polls that wait, in no order.
    pub fn waiting(&self) -> impl Iterator<Item = (OperationKey, &T)> {
        let waiting = self.waiting.iter().flatten();
        waiting.map(|Reverse(waiting)| (waiting.key, &waiting.item))
    }

    /// Adds a poll that is due at this time of this clock.
    pub fn push(&mut self, clock: usize, due: Duration, item: T) -> OperationKey {
        let key = OperationKey(self.keys);
        self.keys += 1;
        self.wait(key, clock, due, item);
        key
    }

    /// Puts a poll that was out back: it is due again at this time.
    pub fn put_back(&mut self, key: OperationKey, clock: usize, due: Duration, item: T) {
        self.ended();
        self.wait(key, clock, due, item);
    }

    /// A poll that was out has ended.
    pub const fn ended(&mut self) {
        self.out = self.out.saturating_sub(1);
    }

    /// Makes all polls of a clock due, such as when they are stopped.
    pub fn hasten(&mut self, clock: usize) {
        let Some(waiting) = self.waiting.get_mut(clock) else {
            return;
        };
        let all = std::mem::take(waiting).into_iter();
        *waiting = all
            .map(|Reverse(it)| Reverse(Waiting { due: 0, ..it }))
            .collect();
    }

    /// The poll that is due and has waited longest by its clock, if there is one and it may be out. `now` reads the steady
    /// time of a clock.
    pub fn next(&mut self, mut now: impl FnMut(usize) -> Duration) -> Next<T> {
        if self.out >= self.most {
            return Next::Busy;
        }
        // By how much the first of each clock is late, or else early.
        let heads = self.waiting.iter().enumerate().filter_map(|(clock, all)| {
            let Reverse(head) = all.peek()?;
            let (now, due) = (now(clock), Duration::from_nanos(head.due));
            let (late, early) = (now.saturating_sub(due), due.saturating_sub(now));
            Some((early, Reverse(late), clock, due))
        });
        let Some((early, _, clock, until)) = heads.min() else {
            return if self.out == 0 {
                Next::Empty
            } else {
                Next::Busy
            };
        };
        if early.is_zero()
            && let Some(Reverse(Waiting { key, item, .. })) =
                self.waiting.get_mut(clock).and_then(BinaryHeap::pop)
        {
            self.out += 1;
            return Next::Due { key, clock, item };
        }
        Next::Wait { clock, until }
    }

    fn wait(&mut self, key: OperationKey, clock: usize, due: Duration, item: T) {
        if self.waiting.len() <= clock {
            self.waiting.resize_with(clock + 1, BinaryHeap::new);
        }
        let due = u64::try_from(due.as_nanos()).unwrap_or(u64::MAX);
        if let Some(waiting) = self.waiting.get_mut(clock) {
            waiting.push(Reverse(Waiting { due, key, item }));
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
        (self.due, self.key).cmp(&(other.due, other.key))
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
