//! Starts a second that a store takes, beside the two bare transactions of a start (reserve and settle) with the same
//! durability and the same locks.
//!
//! `bench stores [NAME …]` runs all comparisons, or those whose names begin with one of the words. The PostgreSQL
//! server is the one of the tests (`cargo xtask stores COMMAND` starts one). Both sides of a comparison take turns of a
//! fraction of a second, since the speed of a disk changes by the minute. The figure is the median of the ratios of all
//! turns.

mod bare;
mod ours;

use std::{
    env,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use crate::Failure;

use self::{bare::Bare, ours::Ours};

/// The address of a PostgreSQL server, as for the tests.
const SERVER: &str = "INDUSTRYDATA_TEST_POSTGRES";
/// The most turns of each side of a comparison, and the fewest, whose median has a middle.
const TURNS: [usize; 2] = [41, 5];
const TURN: Duration = Duration::from_millis(120);
/// No turn begins after this time, so that a slow disk costs turns and not minutes.
const COMPARISON: Duration = Duration::from_secs(10);
/// The threads of a comparison with several.
const THREADS: usize = 16;

/// Makes the starts of one thread: reserves and settles a start of the tenant of this number.
type Worker<'a> = Box<dyn FnMut(usize) -> Result<(), Failure> + Send + 'a>;

/// One side of a comparison.
trait Side {
    /// The number of tenants in the store.
    fn tenants(&self) -> usize;

    /// A worker, with a separate connection if each thread of this side has one.
    fn worker(&self) -> Result<Worker<'_>, Failure>;
}

/// What was measured, and what is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Figure {
    pub(crate) name: &'static str,
    /// Starts a second.
    pub(crate) ours: f64,
    /// Starts a second of the side it is compared with.
    pub(crate) beside: f64,
    /// The median of the ratios of the turns.
    pub(crate) ratio: f64,
    /// The least ratio that is asked for.
    pub(crate) aim: f64,
}

impl Figure {
    pub(crate) fn is_reached(&self) -> bool {
        self.ratio >= self.aim
    }
}

/// The comparisons by name, with the least ratio.
const SQLITE: [(&str, Case, f64); 4] = [
    ("sqlite, 1 thread", Case::Bare(1, 1000), 1.0),
    (
        "sqlite, 16 threads, 1,000 tenants",
        Case::Bare(THREADS, 1000),
        0.85,
    ),
    ("sqlite, 16 threads, 1 tenant", Case::Bare(THREADS, 1), 0.85),
    ("sqlite, 100,000 tenants beside 10", Case::Sizes, 0.95),
];
const POSTGRES: [(&str, Case, f64); 4] = [
    ("postgres, 1 thread", Case::Bare(1, 1000), 0.85),
    (
        "postgres, 16 threads, 1,000 tenants",
        Case::Bare(THREADS, 1000),
        0.85,
    ),
    (
        "postgres, 16 threads, 1 tenant",
        Case::Bare(THREADS, 1),
        0.85,
    ),
    ("postgres, 100,000 tenants beside 10", Case::Sizes, 0.95),
];

#[derive(Clone, Copy)]
enum Case {
    /// Beside bare transactions, with so many threads and tenants.
    Bare(usize, usize),
    /// A store with many tenants beside one with few, on one thread.
    Sizes,
}

/// Prints the figures of the comparisons that are chosen, or of all.
pub(crate) fn run(chosen: &[&str]) -> Result<(), Failure> {
    println!("starts a second, each a reservation and its outcome:");
    println!(
        "{:38}{:>10}{:>10}{:>9}{:>8}",
        "", "ours", "beside", "ratio", "aim"
    );
    let figures = figures(chosen, |it| {
        println!(
            "{:38}{:10.0}{:10.0}{:9.3}{:8.2}",
            it.name, it.ours, it.beside, it.ratio, it.aim
        );
    })?;
    let short = figures.iter().filter(|it| !it.is_reached()).count();
    if short > 0 {
        return Err(format!("{short} of {} ratios are below their aim", figures.len()).into());
    }
    Ok(())
}

/// Measures; `done` gets each figure as soon as it is there.
pub(crate) fn figures(
    chosen: &[&str],
    mut done: impl FnMut(&Figure),
) -> Result<Vec<Figure>, Failure> {
    let is_chosen =
        |name: &str| chosen.is_empty() || chosen.iter().any(|word| name.starts_with(word));
    let mut figures = Vec::new();
    let mut measure = |name, aim, ours: &dyn Side, beside: &dyn Side, threads| {
        let figure = compare(name, aim, ours, beside, threads)?;
        done(&figure);
        figures.push(figure);
        Ok::<_, Failure>(())
    };
    for (name, case, aim) in SQLITE {
        if !is_chosen(name) {
            continue;
        }
        match case {
            Case::Bare(threads, tenants) => {
                let (ours, bare) = (Ours::sqlite(tenants)?, Bare::sqlite(tenants)?);
                measure(name, aim, &ours, &bare, threads)?;
            }
            Case::Sizes => measure(name, aim, &Ours::sqlite(100_000)?, &Ours::sqlite(10)?, 1)?,
        }
    }
    let server = env::var(SERVER).map(|url| format!("{url}?sslmode=disable"));
    for (name, case, aim) in POSTGRES {
        if !is_chosen(name) {
            continue;
        }
        let Ok(url) = &server else {
            return Err(
                format!("{name}: {SERVER} names no server: run it by cargo xtask stores").into(),
            );
        };
        match case {
            Case::Bare(threads, tenants) => {
                let (ours, bare) = (Ours::postgres(url, tenants)?, Bare::postgres(url, tenants)?);
                measure(name, aim, &ours, &bare, threads)?;
            }
            Case::Sizes => measure(
                name,
                aim,
                &Ours::postgres(url, 100_000)?,
                &Ours::postgres(url, 10)?,
                1,
            )?,
        }
    }
    Ok(figures)
}

/// Lets both sides take turns.
fn compare(
    name: &'static str,
    aim: f64,
    ours: &dyn Side,
    beside: &dyn Side,
    threads: usize,
) -> Result<Figure, Failure> {
    let mut own = (0..threads)
        .map(|_| ours.worker())
        .collect::<Result<Vec<_>, _>>()?;
    let mut other = (0..threads)
        .map(|_| beside.worker())
        .collect::<Result<Vec<_>, _>>()?;
    let mut turns = Vec::new();
    let [most, fewest] = TURNS;
    let begun = Instant::now();
    for turn in 0..=most {
        if turns.len() >= fewest && begun.elapsed() > COMPARISON {
            break;
        }
        let done = turn * 7919;
        // The side that begins changes, and the first turn only warms up.
        let (a, b) = if turn % 2 == 0 {
            let a = starts_a_second(&mut own, ours.tenants(), done)?;
            (a, starts_a_second(&mut other, beside.tenants(), done)?)
        } else {
            let b = starts_a_second(&mut other, beside.tenants(), done)?;
            (starts_a_second(&mut own, ours.tenants(), done)?, b)
        };
        if turn > 0 {
            turns.push((a, b, a / b));
        }
    }
    Ok(Figure {
        name,
        ours: median(turns.iter().map(|it| it.0)),
        beside: median(turns.iter().map(|it| it.1)),
        ratio: median(turns.iter().map(|it| it.2)),
        aim,
    })
}

/// One turn: all workers make starts for as long as it lasts.
fn starts_a_second(
    workers: &mut [Worker<'_>],
    tenants: usize,
    first: usize,
) -> Result<f64, Failure> {
    let count = workers.len();
    let barrier = Barrier::new(count);
    let begun = Instant::now();
    let made = thread::scope(|scope| {
        let threads: Vec<_> = workers
            .iter_mut()
            .enumerate()
            .map(|(thread, worker)| {
                let barrier = &barrier;
                scope.spawn(move || {
                    barrier.wait();
                    let mut made = 0;
                    while begun.elapsed() < TURN {
                        // A prime visits the tenants in an order without neighbours.
                        worker((first + thread + made * count) * 7727 % tenants)?;
                        made += 1;
                    }
                    Ok::<_, Failure>(made)
                })
            })
            .collect();
        let mut sum = 0;
        for thread in threads {
            sum += thread.join().map_err(|_| "a worker panicked")??;
        }
        Ok::<_, Failure>(sum)
    })?;
    Ok(made as f64 / begun.elapsed().as_secs_f64())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// A folder for files, beside this program: the folder of the system may be in memory.
fn folder() -> Result<tempfile::TempDir, Failure> {
    let program = env::current_exe()?;
    let beside = program.parent().ok_or("this program has no folder")?;
    Ok(tempfile::tempdir_in(beside)?)
}
