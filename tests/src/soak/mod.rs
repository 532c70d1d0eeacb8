//! Kills processes while they start runs, and compares what the service accepted with the ledger.
//!
//! In each round several child processes start runs for a fresh tenant. The emulated service does not limit the number
//! of starts, and scripted faults lose requests and responses. Each child is killed by SIGKILL at a random time. Then
//! this process takes the slots that are left, and compares the service's history with the ledger:
//!
//! - **I2**: every POST belongs to a reservation, and no reservation has two POSTs;
//! - **I3**: no window of the history holds more than five starts, and every accepted start counts in the ledger;
//! - no slot is stuck: after the round, all five slots are taken.
//!
//! An entry that counts although its start was never accepted is a wasted slot. Such entries are the cost of starts in
//! doubt, not a violation.

mod judge;
mod place;
mod starter;

use std::{
    fmt,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use industrydata_blocking::TenantClient;
use industrydata_emulator::{Config, Emulator, Fault, Lose, On, Throttle};

use self::judge::judge;
pub use self::{place::Place, starter::start_until_killed};
use crate::Failure;

/// The number of child processes in a round.
const CHILDREN: usize = 5;
/// The children of a round are killed within one of these times, in milliseconds.
const SPREADS: [u64; 4] = [30, 60, 120, 240];
/// The number of faults scripted for the starts of a round.
const FAULTS: usize = 10;
/// How often this process tries to take the slots that are left.
const TRIES: usize = 40;
/// The soak ends after this many violations.
const MOST_VIOLATIONS: usize = 20;

/// The parameters of a soak.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The path of the program `starter`.
    pub starter: PathBuf,
    /// Where the ledger is stored.
    pub place: Place,
    /// Begin no further round after this time.
    pub time: Duration,
    /// Begin no further round after this many kills.
    pub kills: u64,
    /// The seed of all random choices. The scheduler stays random.
    pub seed: u64,
}

/// The result of a soak.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The name of the store.
    pub name: &'static str,
    /// Rounds played.
    pub rounds: u64,
    /// Children that were killed.
    pub kills: u64,
    /// Starts accepted by the service.
    pub accepted: usize,
    /// Entries that count and are confirmed.
    pub confirmed: usize,
    /// Entries that count and have no outcome, because their process was killed before it wrote one.
    pub in_flight: usize,
    /// Entries that count and are in doubt.
    pub in_doubt: usize,
    /// Entries that count although the service accepted no start for them.
    pub wasted: usize,
    /// Broken invariants.
    pub violations: Vec<String>,
    /// How long the soak took.
    pub took: Duration,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} rounds, {} kills, {} accepted ({} confirmed, {} left in flight, {} in doubt), {} slots wasted, {} \
             violations, {:.1} s",
            self.name,
            self.rounds,
            self.kills,
            self.accepted,
            self.confirmed,
            self.in_flight,
            self.in_doubt,
            self.wasted,
            self.violations.len(),
            self.took.as_secs_f64()
        )
    }
}

/// A round that was played and has not been judged yet.
struct Played {
    emulator: Emulator,
    client: TenantClient,
    round: u64,
}

/// Plays rounds until the plan's time or number of kills is reached.
///
/// # Errors
///
/// If a child process or an emulator cannot be started, or the ledger cannot be read. Violations are in the report.
pub fn soak(plan: &Plan) -> Result<Report, Failure> {
    let began = Instant::now();
    let mut dice = Dice(plan.seed);
    let mut report = Report {
        name: plan.place.name(),
        ..Report::default()
    };
    let mut last: Option<Played> = None;
    while began.elapsed() < plan.time
        && report.kills < plan.kills
        && report.violations.len() < MOST_VIOLATIONS
    {
        let played = play(plan, &mut dice, &mut report)?;
        // Judged a round later: by then the service has read everything that the killed processes sent.
        if let Some(last) = last.replace(played) {
            add(&last, &mut report)?;
        }
    }
    if let Some(last) = last {
        thread::sleep(Duration::from_millis(300));
        add(&last, &mut report)?;
    }
    if let Err(error) = plan.place.check() {
        report.violations.push(format!("the store: {error}"));
    }
    report.took = began.elapsed();
    Ok(report)
}

fn play(plan: &Plan, dice: &mut Dice, report: &mut Report) -> Result<Played, Failure> {
    let round = report.rounds;
    report.rounds += 1;
    let config = Config {
        schedule: None,
        // Only the ledger enforces the limit of five.
        throttle: Throttle {
            limit: 1000,
            ..Throttle::default()
        },
        ..Config::default()
    };
    let emulator = Emulator::start(config)?;
    for _ in 0..FAULTS {
        emulator.script(fault(dice));
    }
    let tenant = format!("soak {} {:x} {round}", std::process::id(), plan.seed);
    let client = starter::client(&emulator.base_url(), &tenant, plan.place.open()?)?;

    let spread = SPREADS
        .get(dice.below(SPREADS.len() as u64) as usize)
        .map_or(100, |spread| spread * 1000);
    let mut children = Vec::new();
    let begun = Instant::now();
    for _ in 0..CHILDREN {
        let child = starter::spawn(&plan.starter, &emulator, &plan.place, &tenant)?;
        let at = Duration::from_micros(dice.below(spread));
        children.push((at, child));
    }
    children.sort_by_key(|(at, _)| *at);
    for (at, mut child) in children {
        thread::sleep(at.saturating_sub(begun.elapsed()));
        match child.try_wait()? {
            None => {
                child.kill()?;
                child.wait()?;
                report.kills += 1;
            }
            Some(status) => report.violations.push(format!(
                "round {round}: a starter exited before it was killed: {status}"
            )),
        }
    }
    take_the_rest(&client, round, report)?;
    Ok(Played {
        emulator,
        client,
        round,
    })
}

/// Starts runs until no slot is left, to show that the killed processes left no slot stuck.
fn take_the_rest(client: &TenantClient, round: u64, report: &mut Report) -> Result<(), Failure> {
    for _ in 0..TRIES {
        if client.quota()?.available() == 0 {
            return Ok(());
        }
        // A start in doubt takes a slot too.
        let _ = client.start();
    }
    let left = client.quota()?;
    report.violations.push(format!(
        "round {round}: some slots cannot be taken: {left:?}"
    ));
    Ok(())
}

/// Judges a round and adds its result to the report.
fn add(played: &Played, report: &mut Report) -> Result<(), Failure> {
    let judgement = judge(&played.emulator, &played.client)?;
    report.accepted += judgement.accepted;
    report.confirmed += judgement.confirmed;
    report.in_flight += judgement.in_flight;
    report.in_doubt += judgement.in_doubt;
    report.wasted += judgement.wasted;
    let round = played.round;
    let violations = judgement.violations.into_iter();
    report
        .violations
        .extend(violations.map(|violation| format!("round {round}: {violation}")));
    Ok(())
}

/// A random fault for a start: mostly a delay, during which the process may be killed.
fn fault(dice: &mut Dice) -> Fault {
    let fault = Fault::on(On::Start);
    match dice.below(10) {
        0 => fault.lose(Lose::Answer),
        1 => fault.lose(Lose::Request),
        2 => fault.status(503),
        3 => fault.status(504).act(true),
        4..=7 => fault.delay(Duration::from_micros(dice.below(30_000))),
        _ => fault,
    }
}

/// The path of the program `starter` in the folder of this program.
///
/// # Errors
///
/// If the program is not there.
pub fn starter_beside(program: &Path) -> Result<PathBuf, Failure> {
    let starter = program.with_file_name(format!("starter{}", std::env::consts::EXE_SUFFIX));
    if starter.is_file() {
        Ok(starter)
    } else {
        Err(format!("{} has not been built", starter.display()).into())
    }
}

/// A random number generator (SplitMix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }
}
