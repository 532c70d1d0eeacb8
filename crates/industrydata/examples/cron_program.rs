//! A program for cron, a systemd timer or the Windows Task Scheduler. It starts one run and polls its operation until it
//! ends. If an earlier call did not see the end of its run, this call goes on with that one and starts none.
//!
//! `cargo run -p industrydata --example cron_program -F blocking,sqlite,emulator` runs it. Without arguments it calls an emulated service in this process. With `--real` it calls Microsoft Graph, with the
//! token of `az account get-access-token` and the tenant `AZURE_TENANT_ID`.
//!
//! Exit codes, as those of the command `industrydata`: 0 succeeded; 1 the operation failed; 3 no slot; 7 the operation
//! continues, and the next call polls it; 8 in doubt, look at the tenant's runs; 9 anything else, nothing was started.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use industrydata::{
    blocking::{Client, CommandToken, FixedToken, OperationPoller, TenantClient},
    emulator::{Config, Emulator},
    lro::{MayHaveStarted, StartErrorKind},
    prelude::*,
};

/// Less than the time between two calls, so that no two calls poll at once.
const TIME_LIMIT: Duration = Duration::from_secs(50 * 60);

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let code = if std::env::args().any(|argument| argument == "--real") {
        let az = "az account get-access-token --resource https://graph.microsoft.com --output json";
        let ledger = Ledger::sqlite("industrydata-ledger.sqlite")?;
        let client = Client::builder(CommandToken::shell(az), ledger)
            .with(|settings| settings.time_limit(TIME_LIMIT))
            .build()?;
        let tenant = client.tenant(std::env::var("AZURE_TENANT_ID")?)?;
        job(&tenant, Path::new("industrydata-pending"))?
    } else {
        let emulator = Emulator::start(Config {
            speed: 100.0,
            ..Config::default()
        })?;
        let folder = tempfile::tempdir()?;
        let tenant = emulated(&emulator, TIME_LIMIT)?;
        job(&tenant, &folder.path().join("pending"))?
    };
    Ok(ExitCode::from(code))
}

fn emulated(emulator: &Emulator, limit: Duration) -> Result<TenantClient, Box<dyn Error>> {
    let tokens = FixedToken::new(emulator.token())?;
    let client = Client::builder(tokens, Ledger::memory())
        .base(emulator.base_url())
        .with(|settings| {
            settings
                .polling(Duration::from_millis(50))
                .time_limit(limit)
        })
        .build()?;
    Ok(client.tenant("contoso")?)
}

/// One call of the job. `pending` is the file with the resume token of a run whose end was not seen.
fn job(tenant: &TenantClient, pending: &Path) -> Result<u8, Box<dyn Error>> {
    let mut poller = match resumed(tenant, pending)? {
        Some(poller) => poller,
        None => match tenant.clone().with(|it| it.label("nightly")).start() {
            Ok(poller) => poller,
            Err(error) => {
                eprintln!("{error}: {}", error.advice());
                return Ok(code_of(&error));
            }
        },
    };
    // Before the first poll: from here on a killed process loses nothing.
    keep(pending, &poller.resume_token())?;
    match poller.until_done() {
        Ok(operation) => {
            println!("{}", operation.status());
            fs::remove_file(pending)?;
            Ok(0)
        }
        // Without a resume token there is nothing left to poll.
        Err(error) if error.resume_token().is_none() => {
            eprintln!("{error}: {}", error.advice());
            fs::remove_file(pending)?;
            Ok(1)
        }
        Err(error) => {
            eprintln!("{error}; the next call goes on");
            Ok(7)
        }
    }
}

fn resumed(
    tenant: &TenantClient,
    pending: &Path,
) -> Result<Option<OperationPoller>, Box<dyn Error>> {
    match fs::read_to_string(pending) {
        Ok(token) => Ok(Some(tenant.resume(token.trim())?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Writes the file whole or not at all.
fn keep(pending: &Path, token: &ResumeToken) -> io::Result<()> {
    let mut beside = PathBuf::from(pending);
    beside.set_extension("new");
    fs::write(&beside, token.to_string())?;
    fs::rename(beside, pending)
}

fn code_of(error: &StartError) -> u8 {
    match (error.kind(), error.may_have_started()) {
        (_, MayHaveStarted::Unknown) => 8,
        (_, MayHaveStarted::Yes) => 5,
        (StartErrorKind::NoSlot(_) | StartErrorKind::Throttled { .. }, MayHaveStarted::No) => 3,
        (_, MayHaveStarted::No) => 9,
    }
}

#[cfg(test)]
mod tests {
    use industrydata::emulator::{Fault, Lose, On};

    use super::*;

    fn starts(emulator: &Emulator) -> usize {
        emulator.with_service(|service| service.accepted_starts().len())
    }

    #[test]
    fn a_second_call_goes_on_with_the_first_run() -> Result<(), Box<dyn Error>> {
        let emulator = Emulator::start(Config {
            operation_takes: Duration::from_secs(2),
            ..Config::default()
        })?;
        let folder = tempfile::tempdir()?;
        let pending = folder.path().join("pending");
        let impatient = emulated(&emulator, Duration::from_millis(500))?;
        assert_eq!(job(&impatient, &pending)?, 7);
        assert!(pending.exists());
        let patient = emulated(&emulator, Duration::from_secs(60))?;
        assert_eq!(job(&patient, &pending)?, 0);
        assert!(!pending.exists());
        assert_eq!(starts(&emulator), 1);
        Ok(())
    }

    #[test]
    fn a_lost_answer_is_8_and_no_second_start() -> Result<(), Box<dyn Error>> {
        let emulator = Emulator::start(Config::default())?;
        emulator.script(Fault::on(On::Start).lose(Lose::Answer));
        let folder = tempfile::tempdir()?;
        let pending = folder.path().join("pending");
        let tenant = emulated(&emulator, Duration::from_secs(60))?;
        assert_eq!(job(&tenant, &pending)?, 8);
        assert!(!pending.exists());
        assert_eq!(starts(&emulator), 1);
        Ok(())
    }

    #[test]
    fn a_failed_operation_is_1() -> Result<(), Box<dyn Error>> {
        let emulator = Emulator::start(Config {
            speed: 1000.0,
            ..Config::default()
        })?;
        emulator.script(Fault::on(On::Start).fail_operation("no file was uploaded"));
        let folder = tempfile::tempdir()?;
        let pending = folder.path().join("pending");
        let tenant = emulated(&emulator, Duration::from_secs(60))?;
        assert_eq!(job(&tenant, &pending)?, 1);
        assert!(!pending.exists());
        Ok(())
    }
}
