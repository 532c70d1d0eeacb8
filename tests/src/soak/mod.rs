//! Processes that are killed while they start runs, and what the service accepted held against the books.
//!
//! In each round several children start runs for one fresh tenant, against one emulated service that would take any
//! number, over faults that lose requests and answers. Each child is killed by SIGKILL at a random time; after that this
//! process takes the slots that are left. Then the service's history is held against the books:
//!
//! - **I2**: every POST is the one of one reservation, and no reservation has two;
//! - **I3**: no window of the history holds more than five, and whatever was accepted counts in the books;
//! - nothing is stuck: in the end five slots are taken, no fewer.
//!
//! What is counted in the books and was never accepted is a slot wasted: the price of the doubt.

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

/// The children of one round.
const CHILDREN: usize = 5;
/// Within how many milliseconds the children of a round are killed; one of these.
const SPREADS: [u64; 4] = [30, 60, 120, 240];
/// How many faults are scripted for the starts of a round.
const FAULTS: usize = 10;
/// How often this process tries for the slots that are left.
const TRIES: usize = 40;
/// The most violations that are told in full.
const TOLD: usize = 20;

/// What to soak, and for how long.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The program `starter`.
    pub starter: PathBuf,
    /// The books.
    pub place: Place,
    /// When to begin no further round.
    pub time: Duration,
    /// How many kills are enough.
    pub kills: u64,
    /// Where all that is random comes from, but for the scheduler.
    pub seed: u64,
}

/// What a soak came to.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Where the books were.
    pub name: &'static str,
    /// Rounds played.
    pub rounds: u64,
    /// Children that were killed.
    pub kills: u64,
    /// Starts accepted by the service.
    pub accepted: usize,
    /// Of the entries that count: confirmed.
    pub confirmed: usize,
    /// Of the entries that count: left by a process killed between its reservation and its outcome.
    pub in_flight: usize,
    /// Of the entries that count: in doubt.
    pub in_doubt: usize,
    /// Entries that count although nothing was accepted for them.
    pub wasted: usize,
    /// What must not be, told in full up to a number.
    pub violations: Vec<String>,
    /// How long it took.
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

/// A round that was played and is still to be judged.
struct Played {
    emulator: Emulator,
    client: TenantClient,
    round: u64,
}

/// Soaks.
///
/// # Errors
///
/// If a child or an emulator cannot be started, or the books not be read. What must not be is in the report.
pub fn soak(plan: &Plan) -> Result<Report, Failure> {
    let began = Instant::now();
    let mut dice = Dice(plan.seed);
    let mut report = Report {
        name: plan.place.name(),
        ..Report::default()
    };
    let mut last: Option<Played> = None;
    while began.elapsed() < plan.time && report.kills < plan.kills && report.violations.len() < TOLD
    {
        let played = play(plan, &mut dice, &mut report)?;
        // A round later: what the killed had sent was read by then.
        if let Some(last) = last.replace(played) {
            enter(&last, &mut report)?;
        }
    }
    if let Some(last) = last {
        thread::sleep(Duration::from_millis(300));
        enter(&last, &mut report)?;
    }
    if let Err(fault) = plan.place.check() {
        report.violations.push(format!("the store: {fault}"));
    }
    report.took = began.elapsed();
    Ok(report)
}

fn play(plan: &Plan, dice: &mut Dice, report: &mut Report) -> Result<Played, Failure> {
    let round = report.rounds;
    report.rounds += 1;
    let config = Config {
        schedule: None,
        // Only the books hold the five.
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
                "round {round}: a starter ended by itself: {status}"
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

/// Starts until the books have no slot left: the killed have left nothing stuck.
fn take_the_rest(client: &TenantClient, round: u64, report: &mut Report) -> Result<(), Failure> {
    for _ in 0..TRIES {
        if client.quota()?.available() == 0 {
            return Ok(());
        }
        // Doubt takes a slot too.
        let _ = client.start();
    }
    let left = client.quota()?;
    report
        .violations
        .push(format!("round {round}: slots cannot be taken: {left:?}"));
    Ok(())
}

fn enter(played: &Played, report: &mut Report) -> Result<(), Failure> {
    let finding = judge(&played.emulator, &played.client)?;
    report.accepted += finding.accepted;
    report.confirmed += finding.confirmed;
    report.in_flight += finding.in_flight;
    report.in_doubt += finding.in_doubt;
    report.wasted += finding.wasted;
    let round = played.round;
    let told = finding.violations.into_iter();
    report
        .violations
        .extend(told.map(|violation| format!("round {round}: {violation}")));
    Ok(())
}

/// What happens to a start: mostly a delay to be killed in.
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

/// The program `starter` beside this one.
///
/// # Errors
///
/// If it is not there.
pub fn starter_beside(program: &Path) -> Result<PathBuf, Failure> {
    let starter = program.with_file_name(format!("starter{}", std::env::consts::EXE_SUFFIX));
    if starter.is_file() {
        Ok(starter)
    } else {
        Err(format!("{} is not built", starter.display()).into())
    }
}

/// SplitMix64: the same seed gives the same soak, but for the scheduler.
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
