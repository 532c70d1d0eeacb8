//! The child process of a soak: starts runs, one after the other, until it is killed.

use std::{
    env,
    io::{Read, stdin},
    process::{self, Child, Command, Stdio},
    thread,
    time::Duration,
};

use industrydata_blocking::{Client, FixedToken, TenantClient};
use industrydata_core::ledger::Caller;
use industrydata_core::lro::Settings;
use industrydata_emulator::Emulator;
use industrydata_ledger::Ledger;

use super::place::{LEDGER, Place};
use crate::Failure;

const BASE: &str = "INDUSTRYDATA_SOAK_BASE";
const TENANT: &str = "INDUSTRYDATA_SOAK_TENANT";
/// The token that the emulator accepts by default.
const TOKEN: &str = "emulator-token";
/// The time between one start and the next.
const REST: Duration = Duration::from_millis(1);

/// Starts the program `starter` as a child process.
pub(super) fn spawn(
    program: &std::path::Path,
    emulator: &Emulator,
    place: &Place,
    tenant: &str,
) -> std::io::Result<Child> {
    Command::new(program)
        .env(BASE, emulator.base_url())
        .env(TENANT, tenant)
        .env(LEDGER, place.to_variable())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
}

/// A client of the emulator for one tenant.
pub(super) fn client(base: &str, tenant: &str, ledger: Ledger) -> Result<TenantClient, Failure> {
    let caller = Caller {
        process: Some(process::id()),
        ..Caller::default()
    };
    let client = Client::builder(FixedToken::new(TOKEN)?, ledger)
        .settings(
            Settings::default()
                .base(base.parse()?)
                .request_limit(Duration::from_secs(5))
                .caller(caller),
        )
        .build()?;
    Ok(client.tenant(tenant)?)
}

/// The main function of the program `starter`: starts runs until the process is killed, and ignores the results. The
/// process also exits when its parent does.
///
/// # Errors
///
/// If an environment variable is missing, or the ledger cannot be opened.
pub fn start_until_killed() -> Result<(), Failure> {
    let place =
        Place::from_variable().ok_or("only the soak runs this program, use `cargo xtask soak`")?;
    thread::spawn(|| {
        // Returns when the parent process ends, with or without an error.
        let _ = stdin().read(&mut [0]);
        process::exit(0);
    });
    let client = client(&env::var(BASE)?, &env::var(TENANT)?, place.open()?)?;
    loop {
        // Refusals and starts in doubt are expected. The parent process judges whether they were right.
        let _ = client.start();
        thread::sleep(REST);
    }
}
