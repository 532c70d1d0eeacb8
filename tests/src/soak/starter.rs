//! The child of a soak: starts runs, one after the other, until it is killed.

use std::{
    env,
    io::{Read, stdin},
    process::{self, Child, Command, Stdio},
    thread,
    time::Duration,
};

use industrydata_blocking::{Client, FixedToken, TenantClient};
use industrydata_core::auth::AccessToken;
use industrydata_core::ledger::Caller;
use industrydata_core::lro::Settings;
use industrydata_emulator::Emulator;
use industrydata_ledger::Ledger;

use super::place::{BOOKS, Place};
use crate::Failure;

const BASE: &str = "INDUSTRYDATA_SOAK_BASE";
const TENANT: &str = "INDUSTRYDATA_SOAK_TENANT";
/// The token of the emulator, unless it is told another.
const TOKEN: &str = "emulator-token";
/// Between a start and the next.
const REST: Duration = Duration::from_millis(1);

/// Starts a child from the program `starter`.
pub(super) fn spawn(
    program: &std::path::Path,
    emulator: &Emulator,
    place: &Place,
    tenant: &str,
) -> std::io::Result<Child> {
    Command::new(program)
        .env(BASE, emulator.base_url())
        .env(TENANT, tenant)
        .env(BOOKS, place.tell())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
}

/// A client of the emulator for one tenant.
pub(super) fn client(base: &str, tenant: &str, books: Ledger) -> Result<TenantClient, Failure> {
    let who = Caller {
        process: Some(process::id()),
        ..Caller::default()
    };
    let client = Client::builder(FixedToken::new(AccessToken::new(TOKEN)?), books)
        .settings(
            Settings::default()
                .base(base.parse()?)
                .request_limit(Duration::from_secs(5))
                .caller(who),
        )
        .build()?;
    Ok(client.tenant(tenant)?)
}

/// What the program `starter` does: it starts runs until it is killed, whatever comes of them, and ends by itself only
/// when whoever started it is gone.
///
/// # Errors
///
/// If it was not told what to start, or there are no books.
pub fn start_until_killed() -> Result<(), Failure> {
    let place = Place::told().ok_or("this program is run by the soak, not by hand")?;
    thread::spawn(|| {
        // Ends when the parent does; whatever this gives, there is nobody left to start runs for.
        let _ = stdin().read(&mut [0]);
        process::exit(0);
    });
    let client = client(&env::var(BASE)?, &env::var(TENANT)?, place.open()?)?;
    loop {
        // Refusals and doubts are what is to be expected; whether they were right is told from outside.
        let _ = client.start();
        thread::sleep(REST);
    }
}
