//! `soak SECONDS STORE KILLS SEED`: the program behind `cargo xtask soak`, which starts the PostgreSQL server first.

use std::{
    env,
    process::ExitCode,
    time::{Duration, Instant},
};

use conformance::{
    Failure,
    soak::{Place, Plan, soak, starter_beside},
};

fn main() -> Result<ExitCode, Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [seconds, store, kills, seed] = arguments.as_slice() else {
        return Err("usage: soak SECONDS STORE KILLS SEED".into());
    };
    let folder = tempfile::tempdir()?;
    let mut places = Vec::new();
    if store != "postgres" {
        places.push(Place::Sqlite(folder.path().join("ledger.sqlite3")));
    }
    if store != "sqlite" {
        places.push(Place::Postgres(env::var("INDUSTRYDATA_TEST_POSTGRES")?));
    }
    let seed = seed.parse()?;
    println!("seed {seed}");
    let whole = Duration::from_secs_f64(seconds.parse()?);
    let (began, count) = (Instant::now(), places.len());
    let mut violations = 0;
    for (at, place) in places.into_iter().enumerate() {
        let left = whole.saturating_sub(began.elapsed());
        let report = soak(&Plan {
            starter: starter_beside(&env::current_exe()?)?,
            place,
            time: left / (count - at) as u32,
            kills: kills.parse()?,
            seed,
        })?;
        println!("{report}");
        report
            .violations
            .iter()
            .for_each(|violation| println!("  {violation}"));
        violations += report.violations.len();
    }
    Ok(if violations == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
