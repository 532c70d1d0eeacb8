//! A script that breaks a law, made as short as it will go.

use crate::{
    Planted, Violation, play,
    script::{BooksClock, Clock, Script},
};

/// How often a script is played while it is made shorter.
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
    let Some(mut told) = search.breaks(&best) else {
        let detail = "it does not break the law again".to_owned();
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
                Some(violation) => (best, told) = (shorter, violation),
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
            (best, told) = (candidate, violation);
        }
    }
    (best, told)
}

/// A way to make a script plainer.
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

/// Ways to make the world plainer, to be tried one after the other.
fn simplifications(script: &Script) -> Vec<Way> {
    let mut ways: Vec<Way> = vec![
        Box::new(|it| it.world.clients.truncate(1)),
        Box::new(|it| it.world.clients.truncate(2)),
        Box::new(|it| it.world.clients.fill(Clock::default())),
        Box::new(|it| it.world.books = BooksClock::Own(0)),
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
