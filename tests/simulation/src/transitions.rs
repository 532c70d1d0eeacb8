//! Makes a script from a seed: the clients, what they do, and the faults.

use crate::{
    dice::Dice,
    fates::{lists, outage, poll, post, store, token},
    script::{Act, Clock, Event, LedgerClock, On, Order, Script, World},
};

const HOUR: u64 = 3_600_000;
/// The script for a seed.
#[must_use]
pub fn script(seed: u64) -> Script {
    let mut dice = Dice::new(seed);
    let is_calm = dice.chance(150);
    let world = world(&mut dice, seed, is_calm);
    let mut events = Vec::new();
    let starts = if dice.chance(60) {
        24
    } else {
        3 + dice.below(8)
    };
    let mut at = 0;
    for _ in 0..starts {
        at = next(&mut dice, at, world.heals);
        let client = dice.below(world.clients.len() as u64) as usize;
        if !is_calm {
            for _ in 0..dice.below(3) {
                events.push(Event {
                    at,
                    act: around(&mut dice, client),
                });
            }
        }
        let act = Act::Start(order(&mut dice, client, is_calm));
        events.push(Event { at: at + 1, act });
    }
    if !is_calm {
        for _ in 0..dice.below(6) {
            let act = anytime(&mut dice, &world);
            let at = dice.below(world.heals);
            if let Act::Lists { seconds, .. } = act {
                // Lists matter to a reconciliation alone.
                let client = dice.below(world.clients.len() as u64) as usize;
                let at = at + dice.below(seconds * 1000);
                let act = Act::Reconcile { client };
                events.push(Event { at, act });
            }
            events.push(Event { at, act });
        }
    }
    events.sort_by_key(|event| event.at);
    Script { world, events }
}

fn world(dice: &mut Dice, seed: u64, is_calm: bool) -> World {
    let clients = 1 + dice.below(4);
    let is_machine = dice.chance(400);
    let ledger = match (is_machine, is_calm) {
        (true, _) => LedgerClock::Machine,
        (false, true) => LedgerClock::Own(0),
        (false, false) if dice.chance(200) => {
            LedgerClock::Own(*dice.pick(&[-31_536_000, -46_800, -3600, 3600, 46_800, 31_536_000]))
        }
        (false, false) => LedgerClock::Own(dice.within(-60, 60)),
    };
    let clock = |dice: &mut Dice| match dice.below(4) {
        _ if is_calm => Clock::default(),
        0 => Clock {
            offset: *dice.pick(&[-40_000_000, -50_000, -600, 600, 50_000, 40_000_000]),
            drift: 0,
        },
        _ => Clock {
            offset: dice.within(-5, 5),
            drift: dice.within(-100, 100),
        },
    };
    World {
        seed,
        clients: (0..clients).map(|_| clock(dice)).collect(),
        ledger,
        latency: *dice.pick(&[50, 400, 400, 3000, 12_000]),
        operation: *dice.pick(&[20, 60, 120, 120, 120, 300, 900, 5400]),
        schedule: dice.chance(500),
        schedule_counts: !is_calm && dice.chance(100),
        retry_after: dice.chance(700),
        heals: (13 + dice.below(48)) * HOUR,
    }
}

/// The time of the next start: at once, within hours, or about a window later.
fn next(dice: &mut Dice, at: u64, heals: u64) -> u64 {
    let gap = match dice.below(10) {
        0..=3 => dice.below(2000),
        4..=6 => dice.below(20 * 60_000),
        7..=8 => dice.below(4 * HOUR),
        _ => 12 * HOUR - 60_000 + dice.below(300_000),
    };
    (at + gap) % heals
}

fn order(dice: &mut Dice, client: usize, is_calm: bool) -> Order {
    let wait = !is_calm && dice.chance(150);
    Order {
        client,
        wait,
        limit: match dice.below(6) {
            _ if is_calm => 86_400,
            _ if wait => 900,
            0 => 1 + dice.below(200),
            1 => 3600,
            _ => 86_400,
        },
        again: dice.chance(300),
        every: (!is_calm && dice.chance(100)).then(|| 1000 + dice.below(60_000)),
    }
}

/// An event near a start.
fn around(dice: &mut Dice, client: usize) -> Act {
    match dice.below(20) {
        0..=6 => Act::Fate {
            client,
            on: On::Post,
            fate: post(dice),
        },
        7..=10 => Act::Fate {
            client,
            on: On::Poll,
            fate: poll(dice),
        },
        11..=12 => Act::Store {
            client,
            fault: store(dice),
        },
        13..=15 => Act::Crash {
            client,
            steps: 1 + dice.below(14) as u32,
            down: 1 + dice.below(7200),
        },
        16..=17 => Act::Drop {
            client,
            steps: 1 + dice.below(14) as u32,
        },
        18 => Act::Token {
            client,
            fate: token(dice),
        },
        _ => Act::Revoke {
            claims: dice.chance(500),
        },
    }
}

/// An event at any time.
fn anytime(dice: &mut Dice, world: &World) -> Act {
    let client = dice.below(world.clients.len() as u64) as usize;
    match dice.below(23) {
        0 => Act::Crash {
            client,
            steps: 0,
            down: 1 + dice.below(20_000),
        },
        1 => Act::Drop { client, steps: 0 },
        2 => Act::Stop { client },
        3..=4 => Act::Outage {
            client: dice.chance(500).then_some(client),
            seconds: 1 + long(dice),
            fate: outage(dice),
        },
        5 => Act::StoreOutage {
            seconds: 1 + dice.below(3600),
            fault: store(dice),
        },
        6..=7 => Act::Revoke {
            claims: dice.chance(500),
        },
        8..=9 => Act::Jump {
            client,
            seconds: jump(dice, world.ledger),
        },
        10..=12 => Act::Portal,
        13..=14 => Act::Window {
            fixed: dice.chance(600),
        },
        15 => Act::Fate {
            client,
            on: On::List,
            fate: poll(dice),
        },
        16..=17 => Act::Reconcile { client },
        18..=19 => Act::JumpStore {
            seconds: jump(dice, LedgerClock::Own(0)),
        },
        _ => Act::Lists {
            seconds: 1 + dice.below(12 * 3600),
            lists: lists(dice),
        },
    }
}

/// The duration of an outage in s: minutes or hours.
fn long(dice: &mut Dice) -> u64 {
    let most = if dice.chance(800) { 900 } else { 9000 };
    dice.below(most)
}

/// A jump of a client's clock, in either direction if the store has its own clock. Otherwise the machine's clock mostly
/// jumps back: if it is set forward, I3 is not promised (T46), and only the warning is checked.
fn jump(dice: &mut Dice, ledger: LedgerClock) -> i64 {
    let by = *dice.pick(&[1, 30, 3600, 43_200, 86_400, 31_536_000, 315_360_000]);
    match ledger {
        LedgerClock::Own(_) if dice.chance(500) => by,
        LedgerClock::Machine if dice.chance(250) => by,
        LedgerClock::Own(_) | LedgerClock::Machine => -by,
    }
}
