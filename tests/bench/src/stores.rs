//! Starts a second that a store takes, beside the two bare transactions of a start (reserve and settle) with the same
//! durability, which lock their row.
//!
//! The PostgreSQL server is the one of the tests. Both sides of a comparison take turns of a
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

use crate::{
    Failure,
    figure::{Aim, Argued, Figure, Part},
};

use self::{
    bare::Bare,
    ours::{KEPT, Ours},
};

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

/// By a disk that makes 400 starts a second. A slower one hides the difference.
const PAGES: Argued = Argued {
    limit: 0.65,
    why: "few tenants share a page, many have one each, and bare transactions lose up to a fifth by it; see \
          docs/performance.md",
};

/// The comparisons by name, with the least ratio.
const SQLITE: [(&str, Case, f64); 4] = [
    ("1 thread", Case::Bare(1, 1000), 1.0),
    ("16 threads, 1,000 tenants", Case::Bare(THREADS, 1000), 0.85),
    ("16 threads, 1 tenant", Case::Bare(THREADS, 1), 0.85),
    ("100,000 tenants, beside 10", Case::Sizes, 0.95),
];
const POSTGRES: [(&str, Case, f64); 4] = [
    ("1 thread", Case::Bare(1, 1000), 0.85),
    ("16 threads, 1,000 tenants", Case::Bare(THREADS, 1000), 0.85),
    ("16 threads, 1 tenant", Case::Bare(THREADS, 1), 0.85),
    ("100,000 tenants, beside 10", Case::Sizes, 0.95),
];

#[derive(Clone, Copy)]
enum Case {
    /// Beside bare transactions, with so many threads and tenants.
    Bare(usize, usize),
    /// A store with many tenants beside one with few, on one thread.
    Sizes,
}

/// The figures of SQLite, and of PostgreSQL where there is a server.
pub(crate) fn sqlite() -> Result<Part, Failure> {
    let mut figures = Vec::new();
    for (name, case, aim) in SQLITE {
        match case {
            Case::Bare(threads, tenants) => {
                let (ours, bare) = (Ours::sqlite(tenants, 0)?, Bare::sqlite(tenants)?);
                figures.extend(compare(name, aim, &ours, &bare, threads)?);
            }
            Case::Sizes => {
                let (many, few) = (Ours::sqlite(100_000, KEPT)?, Ours::sqlite(10, KEPT)?);
                let compared = compare(name, aim, &many, &few, 1)?;
                figures.extend(compared.map(|it| it.argued(Some(PAGES))));
            }
        }
    }
    Ok(Part::Figures(figures))
}

pub(crate) fn postgres() -> Result<Part, Failure> {
    let Ok(url) = env::var(SERVER) else {
        return Ok(Part::NotRun(format!("{SERVER} names no server")));
    };
    let url = format!("{url}?sslmode=disable");
    let mut figures = Vec::new();
    for (name, case, aim) in POSTGRES {
        match case {
            Case::Bare(threads, tenants) => {
                let ours = Ours::postgres(&url, tenants, 0)?;
                let bare = Bare::postgres(&url, tenants)?;
                figures.extend(compare(name, aim, &ours, &bare, threads)?);
            }
            Case::Sizes => {
                let many = Ours::postgres(&url, 100_000, KEPT)?;
                let few = Ours::postgres(&url, 10, KEPT)?;
                let compared = compare(name, aim, &many, &few, 1)?;
                figures.extend(compared.map(|it| it.argued(Some(PAGES))));
            }
        }
    }
    Ok(Part::Figures(figures))
}

/// Lets both sides take turns.
fn compare(
    name: &'static str,
    aim: f64,
    ours: &dyn Side,
    beside: &dyn Side,
    threads: usize,
) -> Result<[Figure; 2], Failure> {
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
    let bare = median(turns.iter().map(|it| it.1));
    Ok([
        Figure::new("  beside", bare, "/s"),
        Figure {
            // Of the same turn, since the speed of a disk changes by the minute.
            ratio: Some(median(turns.iter().map(|it| it.2))),
            ..Figure::new(name, median(turns.iter().map(|it| it.0)), "/s")
        }
        .aim(Aim::RatioOfAtLeast(aim)),
    ])
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
