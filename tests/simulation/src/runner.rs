//! Plays thousands of histories in parallel. The result does not depend on the number of threads.

use std::{
    panic::{self, AssertUnwindSafe},
    rc::Rc,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use crate::{
    laws::{LAWS, TOTAL},
    planted::Planted,
    script::Script,
    sim::{Common, Sim},
    tally::Tally,
    transitions,
};

/// How many violations are reported: those with the lowest seeds.
const KEPT: usize = 5;
/// How many seeds a thread takes at a time.
const CHUNK: u64 = 64;

/// Which histories to play.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// The first seed.
    pub from: u64,
    /// The number of seeds.
    pub seeds: u64,
    /// The number of threads.
    pub threads: usize,
    /// The planted fault.
    pub planted: Planted,
}

/// A law that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The name of the law.
    pub law: String,
    /// How the law was broken.
    pub detail: String,
}

/// A history that broke a law.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The seed of its script.
    pub seed: u64,
    /// The first law that the history broke.
    pub violation: Violation,
}

impl Violation {
    pub(crate) fn new(law: &str, detail: String) -> Self {
        let law = law.to_owned();
        Self { law, detail }
    }

    /// The sentence of the law.
    #[must_use]
    pub fn sentence(&self) -> &'static str {
        let law = LAWS.iter().find(|law| law.name == self.law);
        law.map_or(TOTAL.1, |law| law.sentence)
    }
}

/// Plays histories. Returns their sum and the histories that broke a law, ordered by seed.
#[must_use]
pub fn run(plan: Plan) -> (Tally, Vec<Found>) {
    let next = AtomicU64::new(0);
    let mut whole = (Tally::default(), Vec::new());
    thread::scope(|scope| {
        let work = || worker(plan, &next);
        let threads: Vec<_> = (0..plan.threads.max(1))
            .map(|_| scope.spawn(work))
            .collect();
        for thread in threads {
            let (tally, found) = thread.join().unwrap();
            whole.0.add(&tally);
            whole.1.extend(found);
        }
    });
    whole.1.sort_by_key(|found| found.seed);
    whole.1.truncate(KEPT);
    whole
}

/// Plays one script. Returns its figures and the first law that it broke.
#[must_use]
pub fn play(script: &Script, planted: Planted) -> (Tally, Option<Violation>) {
    let common = COMMON.with(Clone::clone);
    let script = Rc::new(script.clone());
    let judged = panic::catch_unwind(AssertUnwindSafe(|| {
        let sim = Sim::new(common, script, planted);
        sim.play();
        sim.close();
        let world = sim.world();
        let broken = LAWS.iter().find_map(|law| {
            let detail = (law.broken)(&world)?;
            Some(Violation::new(law.name, detail))
        });
        (Tally::of(&world), broken)
    }));
    judged.unwrap_or_else(|panicked| {
        let text = panicked.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panicked.downcast_ref::<&str>().map(|it| (*it).to_owned()));
        let detail = text.unwrap_or_else(|| "a panic without a message".to_owned());
        let tally = Tally {
            histories: 1,
            ..Tally::default()
        };
        (tally, Some(Violation::new(TOTAL.0, detail)))
    })
}

fn worker(plan: Plan, next: &AtomicU64) -> (Tally, Vec<Found>) {
    let (mut tally, mut found) = (Tally::default(), Vec::new());
    loop {
        let begin = next.fetch_add(CHUNK, Ordering::Relaxed);
        if begin >= plan.seeds {
            return (tally, found);
        }
        for nth in begin..(begin + CHUNK).min(plan.seeds) {
            let seed = plan.from.wrapping_add(nth);
            let (own, violation) = play(&transitions::script(seed), plan.planted);
            tally.add(&own);
            // Seeds come in rising order, so the violations that are kept have this thread's lowest seeds.
            if let Some(violation) = violation
                && found.len() < KEPT
            {
                found.push(Found { seed, violation });
            }
        }
    }
}

thread_local! {
    static COMMON: Common = Common::new();
}
