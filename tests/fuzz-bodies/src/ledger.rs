//! Sequences of changes to a ledger, compared with a simple model of the starts that the service may have accepted.
//!
//! The clocks of the store and the clients are at most a minute ahead of or behind true time. Any two of them therefore
//! differ by at most the two minutes that the ledger allows for.

use std::time::Duration;

use industrydata_core::Timestamp;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::EntryState;
use industrydata_core::ledger::Evidence;
use industrydata_core::ledger::Outcome;
use industrydata_core::ledger::RefusalReason;
use industrydata_core::ledger::Resolution;
use industrydata_core::ledger::StoreReply;
use industrydata_core::policy::Throttle;

use crate::{
    Target,
    draw::Draw,
    ledger_bytes::{clock, key},
};

pub(crate) const TARGET: Target = Target {
    name: "ledger",
    about: "after any sequence of changes, no window has more starts than the limit, and no slot is wasted",
    body,
    seeds,
    words: &[],
};

const LEASE: i64 = 150_000;
const MARGIN: i64 = 120_000;
const SKEWS: [i64; 5] = [0, 60_000, -60_000, 1, -31_000];
const HOUR: i64 = 3_600_000;
const JUMPS: [i64; 12] = [
    1,
    1000,
    60_000,
    119_999,
    149_999,
    150_000,
    HOUR,
    2 * HOUR + 24 * 60_000,
    11 * HOUR,
    12 * HOUR,
    12 * HOUR + MARGIN,
    13 * HOUR,
];

struct Made {
    id: [u8; 16],
    /// When it was reserved, in true time.
    at: i64,
    is_settled: bool,
    /// The latest moment at which the service may have accepted it; `None` if it did not.
    accepted: Option<i64>,
    /// The latest moment from which the ledger may count it.
    touched: i64,
    is_released: bool,
}

struct Reference {
    throttle: Throttle,
    stored: Option<Vec<u8>>,
    /// True time, Unix milliseconds.
    now: i64,
    skew: i64,
    made: Vec<Made>,
    seen: Vec<i64>,
    /// The latest time before which the service has refused further starts.
    not_before: i64,
    /// The same time, until the ledger's clock has reached it once. Setting the clock back does not restore it.
    held_until: i64,
}

fn body(input: &[u8]) {
    let mut draw = Draw::new(input);
    let throttle = Throttle {
        limit: draw.pick(&[5, 1, 2]),
        window: Duration::from_secs(12 * 60 * 60),
    };
    let now = clock().as_millisecond();
    let mut it = Reference {
        throttle,
        stored: None,
        now,
        skew: 0,
        made: Vec::new(),
        seen: Vec::new(),
        not_before: i64::MIN,
        held_until: i64::MIN,
    };
    for _ in 0..120 {
        if draw.is_empty() {
            break;
        }
        match draw.below(9) {
            0..=2 => it.reserve(),
            3 | 4 => it.settle(&mut draw),
            5 => it.now += draw.pick(&JUMPS),
            6 => it.skew = draw.pick(&SKEWS),
            7 => it.resolve(&mut draw),
            _ => it.see(&mut draw),
        }
    }
    it.assert_limit();
    it.assert_free_again();
}

impl Reference {
    fn clock(&self) -> i64 {
        self.now + self.skew
    }

    fn apply(&mut self, change: &Change) -> StoreReply {
        let (reply, again) = self.apply_twice(change);
        assert_eq!(
            again.quota(),
            reply.quota(),
            "the repeated change alters the quota: {change:?}"
        );
        reply
    }

    /// Applies a change, and applies it again to the result.
    fn apply_twice(&mut self, change: &Change) -> (StoreReply, StoreReply) {
        if self.clock() >= self.held_until {
            self.held_until = i64::MIN;
        }
        let clock = Timestamp::from_millisecond(self.clock()).expect("a time");
        let run = |stored: Option<&[u8]>| {
            change
                .apply(stored, clock)
                .expect("the core can read what it wrote")
        };
        let applied = run(self.stored.as_deref());
        self.stored = applied.write.or(self.stored.take());
        let again = run(self.stored.as_deref());
        (applied.reply, again.reply)
    }

    fn reserve(&mut self) {
        let id = (self.made.len() as u128 + 1).to_be_bytes();
        let lease = Duration::from_millis(LEASE.unsigned_abs());
        let reply = self.apply(&Change::reserve(
            key(),
            self.throttle,
            id,
            lease,
            Caller::default(),
        ));
        match reply.refusal() {
            None => {
                assert!(
                    self.clock() >= self.held_until,
                    "a start is granted before the time that the service set"
                );
                // If the start is never settled, the service may have accepted it as late as the end of the lease.
                let end = self.now + LEASE;
                let made = Made {
                    id,
                    at: self.now,
                    is_settled: false,
                    accepted: Some(end),
                    touched: end,
                    is_released: false,
                };
                self.made.push(made);
            }
            Some(refusal) if refusal.reason() == RefusalReason::Service => {
                assert!(
                    self.clock() < self.not_before,
                    "starts are held back for longer than the service asked"
                );
            }
            Some(_) => {
                let window = i64::try_from(self.throttle.window.as_millis()).expect("a window");
                // The margin, and twice the margin for differences between clocks.
                let may_count = |touched: i64| touched + window + 3 * MARGIN > self.now;
                let made = self
                    .made
                    .iter()
                    .filter(|made| !made.is_released && may_count(made.touched))
                    .count();
                let seen = self.seen.iter().filter(|at| may_count(**at)).count();
                assert!(
                    made + seen >= self.throttle.limit as usize,
                    "a start is refused although slots are left: {reply:?}"
                );
            }
        }
    }

    fn settle(&mut self, draw: &mut Draw<'_>) {
        let open: Vec<usize> = (0..self.made.len())
            .filter(|at| !self.made[*at].is_settled)
            .collect();
        if open.is_empty() {
            return;
        }
        let at = draw.pick(&open);
        let (now, clock, skew) = (self.now, self.clock(), draw.pick(&SKEWS));
        let made = &mut self.made[at];
        // The latest possible acceptance: now, or the end of the lease, after which no request is sent.
        let latest = now.min(made.at + LEASE);
        made.is_settled = true;
        made.touched = made.touched.max(now);
        let (id, reserved) = (made.id, made.at);
        let time = |ms: i64| Timestamp::from_millisecond(ms).expect("a time");
        let outcome = match draw.below(4) {
            0 => {
                made.accepted = Some(latest);
                let operation = draw.flag().then(|| format!("op-{}", draw.below(4)));
                Outcome::Confirmed {
                    date: time(now + skew),
                    operation,
                }
            }
            1 => {
                (made.accepted, made.is_released) = (None, true);
                let closed_for = draw
                    .flag()
                    .then(|| draw.pick(&[1000, 60_000, HOUR, 23 * HOUR]));
                let asked = closed_for.map_or(i64::MIN, |asked| clock + asked);
                self.not_before = self.not_before.max(asked);
                self.held_until = self.held_until.max(asked);
                Outcome::Released {
                    why: "refused".to_owned(),
                    closed_for: closed_for.map(|ms| Duration::from_millis(ms.unsigned_abs())),
                }
            }
            more => {
                made.accepted = (more == 2).then_some(latest);
                Outcome::InDoubt {
                    why: "lost".to_owned(),
                }
            }
        };
        let is_in_doubt = matches!(outcome, Outcome::InDoubt { .. });
        let change = Change::settle(key(), self.throttle, id, outcome);
        if is_in_doubt && now - reserved >= 11 * HOUR {
            // If the ledger has already dropped the reservation, the start in doubt gets a new, later date each time.
            let (reply, again) = self.apply_twice(&change);
            assert!(again.quota().used() >= reply.quota().used());
        } else {
            let _ = self.apply(&change);
        }
    }

    /// Resolves a start in doubt as what it truly is.
    fn resolve(&mut self, draw: &mut Draw<'_>) {
        if self.made.is_empty() {
            return;
        }
        let at = draw.below(self.made.len());
        let made = &self.made[at];
        let (id, touched) = (made.id, made.touched.max(self.now));
        let resolution = if made.accepted.is_some() {
            Resolution::Started
        } else {
            Resolution::NotStarted
        };
        let evidence = draw.pick(&[
            Evidence::ByHand("seen".to_owned()),
            Evidence::NotListed,
            Evidence::Run(format!("run-{at}")),
            Evidence::Operation(format!("op-{}", at % 4)),
        ]);
        let change = Change::resolve(key(), self.throttle, id, resolution, evidence);
        let reply = self.apply(&change);
        let made = &mut self.made[at];
        made.touched = touched;
        if reply.unresolved().is_none() && resolution == Resolution::NotStarted {
            made.is_released = true;
            let clock = Timestamp::from_millisecond(self.clock()).expect("a time");
            let counted = reply.quota().entries().iter().any(|entry| {
                entry.id() == format!("{:032x}", u128::from_be_bytes(id))
                    && entry.state(clock) != EntryState::Released
            });
            assert!(!counted, "a start resolved as not started still counts");
        }
    }

    fn see(&mut self, draw: &mut Draw<'_>) {
        let started = self.now - draw.pick(&[0, 1000, HOUR, 11 * HOUR]);
        let evidence = if draw.flag() {
            Evidence::Operation(format!("op-{}", draw.below(6)))
        } else {
            Evidence::Run(format!("other-{}", draw.below(6)))
        };
        let at = Timestamp::from_millisecond(started).expect("a time");
        let _ = self.apply(&Change::external(key(), self.throttle, evidence, at));
        self.seen.push(self.now);
    }

    /// However the clocks differ, the service never accepts more starts in a window than the limit.
    fn assert_limit(&self) {
        let mut accepted: Vec<i64> = self.made.iter().filter_map(|made| made.accepted).collect();
        accepted.sort_unstable();
        let window = i64::try_from(self.throttle.window.as_millis()).expect("a window");
        for (first, last) in accepted
            .iter()
            .zip(accepted.iter().skip(self.throttle.limit as usize))
        {
            assert!(
                last - first >= window,
                "more than {} within {} ms",
                self.throttle.limit,
                last - first
            );
        }
    }

    /// No entry counts for ever.
    fn assert_free_again(&mut self) {
        self.now += 72 * HOUR;
        self.reserve();
        let reply = self.apply(&Change::read(key(), self.throttle));
        assert_eq!(reply.quota().used(), 1, "{:?}", reply.quota());
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let five = [0, 3, 0, 0, 0].repeat(5);
    vec![
        [vec![0], five.clone(), vec![0]].concat(),
        [vec![0], five.clone(), vec![5, 9, 0, 5, 10, 0, 0]].concat(),
        [
            vec![0],
            [0, 3, 0, 0, 2].repeat(5),
            vec![5, 4, 0, 7, 0, 0, 0],
        ]
        .concat(),
        [
            vec![1, 6, 1, 0, 3, 0, 2, 0, 0, 0, 6, 2, 5, 9, 0, 5, 10, 0],
            five,
        ]
        .concat(),
        [
            vec![2],
            [0, 5, 5, 0, 8, 1, 2, 0, 1, 3, 0, 1, 0, 1, 1, 5, 6].repeat(3),
        ]
        .concat(),
        [0, 1, 2, 3, 4, 5, 6, 7, 8].repeat(12),
    ]
}
