//! Shortens a script that breaks a law.

use crate::{
    Planted, Violation, play,
    script::{Clock, LedgerClock, Script},
};

/// How often scripts are played while searching for a shorter one.
const MOST: u32 = 4000;

/// The shortest script found that breaks the same law.
#[must_use]
pub fn shrink(script: &Script, law: &str, planted: Planted) -> (Script, Violation) {
    let mut search = Search {
        law,
        planted,
        left: MOST,
    };
    let mut best = script.clone();
    let Some(mut broken) = search.breaks(&best) else {
        let detail = "the script does not break the law again".to_owned();
        return (best, Violation::new(law, detail));
    };
    let mut size = best.events.len();
    while size > 0 {
        let mut at = 0;
        while at < best.events.len() {
            let mut shorter = best.clone();
            let end = (at + size).min(shorter.events.len());
            shorter.events.drain(at..end);
            match search.breaks(&shorter) {
                Some(violation) => (best, broken) = (shorter, violation),
                None => at += size,
            }
        }
        size /= 2;
    }
    for simpler in simplifications(&best) {
        let mut candidate = best.clone();
        simpler(&mut candidate);
        if candidate != best
            && let Some(violation) = search.breaks(&candidate)
        {
            (best, broken) = (candidate, violation);
        }
    }
    (best, broken)
}

/// A way to simplify a script.
type Way = Box<dyn Fn(&mut Script)>;

struct Search<'l> {
    law: &'l str,
    planted: Planted,
    left: u32,
}

impl Search<'_> {
    fn breaks(&mut self, script: &Script) -> Option<Violation> {
        self.left = self.left.checked_sub(1)?;
        let (_, violation) = play(script, self.planted);
        violation.filter(|it| it.law == self.law)
    }
}

/// Ways to simplify the world, which are tried one after the other.
fn simplifications(script: &Script) -> Vec<Way> {
    let mut ways: Vec<Way> = vec![
        Box::new(|it| it.world.clients.truncate(1)),
        Box::new(|it| it.world.clients.truncate(2)),
        Box::new(|it| it.world.clients.fill(Clock::default())),
        Box::new(|it| it.world.ledger = LedgerClock::Own(0)),
        Box::new(|it| it.world.schedule = false),
        Box::new(|it| it.world.schedule_counts = false),
        Box::new(|it| it.world.latency = 50),
        Box::new(|it| it.world.operation = 60),
        Box::new(|it| it.world.heals = it.events.last().map_or(0, |last| last.at) + 3_600_000),
    ];
    for nth in 0..script.world.clients.len() {
        ways.push(Box::new(move |it| {
            if let Some(clock) = it.world.clients.get_mut(nth) {
                *clock = Clock::default();
            }
        }));
    }
    ways
}
