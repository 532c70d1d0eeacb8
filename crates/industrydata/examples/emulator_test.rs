//! How to test a tool of yours against the emulated service: every ending of a start, without a tenant and without a
//! wait. The tool here is [`import`]; its tests are below it. `cargo test -p industrydata --example emulator_test -F
//! blocking,emulator` runs them, and `cargo run` in place of `cargo test` prints the endings.

use std::error::Error;

use industrydata::{
    blocking::{Client, FixedToken, TenantClient},
    emulator::{Config, Emulator, Fault, Lose, On},
    lro::MayHaveStarted,
    prelude::*,
};

/// How an import ended, in the words of this tool.
#[derive(Debug, PartialEq, Eq)]
enum Import {
    Done,
    Failed(Option<String>),
    Later,
    AskAPerson,
}

/// The tool under test: starts a run and waits for its operation.
fn import(tenant: &TenantClient) -> Import {
    let mut poller = match tenant.start() {
        Ok(poller) => poller,
        Err(error) if error.may_have_started() == MayHaveStarted::No => return Import::Later,
        Err(_) => return Import::AskAPerson,
    };
    match poller.until_done() {
        Ok(_) => Import::Done,
        Err(error) if error.resume_token().is_some() => Import::Later,
        Err(error) => {
            let detail = error.operation().and_then(Operation::status_detail);
            Import::Failed(detail.map(str::to_owned))
        }
    }
}

/// A client of the emulated service, with a ledger in memory. Give your own tool the base URL and the token in the same
/// way, or set `INDUSTRYDATA_BASE_URL` and `INDUSTRYDATA_TOKEN` for a program that calls the command line.
fn tenant(emulator: &Emulator) -> Result<TenantClient, Box<dyn Error>> {
    let tokens = FixedToken::new(emulator.token())?;
    let ledger = Ledger::memory_with_clock(emulator.clock());
    let client = Client::builder(tokens, ledger)
        .base(emulator.base_url())
        .clock(emulator.clock())
        .build()?;
    Ok(client.tenant("contoso")?)
}

/// Its clock is that of the client and of the ledger, so the two minutes of an operation pass at once.
fn emulator() -> std::io::Result<Emulator> {
    Emulator::start(Config::default())
}

fn main() -> Result<(), Box<dyn Error>> {
    let faults = [
        ("no fault", None),
        (
            "the operation fails",
            Some(Fault::on(On::Start).fail_operation("no file")),
        ),
        (
            "the answer is lost",
            Some(Fault::on(On::Start).lose(Lose::Answer)),
        ),
        (
            "the service is closed for an hour",
            Some(Fault::on(On::Start).status(429).retry_after(3600)),
        ),
    ];
    for (what, fault) in faults {
        let emulator = emulator()?;
        if let Some(fault) = fault {
            emulator.script(fault);
        }
        println!("{what}: {:?}", import(&tenant(&emulator)?));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn accepted(emulator: &Emulator) -> usize {
        emulator.with_service(|service| service.accepted_starts().len())
    }

    #[test]
    fn an_import_succeeds() -> Result<(), Box<dyn Error>> {
        let emulator = emulator()?;
        assert_eq!(import(&tenant(&emulator)?), Import::Done);
        assert_eq!(accepted(&emulator), 1);
        Ok(())
    }

    #[test]
    fn a_failed_operation_is_shown_with_its_detail() -> Result<(), Box<dyn Error>> {
        let emulator = emulator()?;
        emulator.script(Fault::on(On::Start).fail_operation("no file was uploaded"));
        let failed = Import::Failed(Some("no file was uploaded".to_owned()));
        assert_eq!(import(&tenant(&emulator)?), failed);
        Ok(())
    }

    #[test]
    fn a_lost_answer_is_a_matter_for_a_person() -> Result<(), Box<dyn Error>> {
        let emulator = emulator()?;
        emulator.script(Fault::on(On::Start).lose(Lose::Answer));
        let tenant = tenant(&emulator)?;
        assert_eq!(import(&tenant), Import::AskAPerson);
        // The service accepted it, and the ledger counts it.
        assert_eq!((accepted(&emulator), tenant.quota()?.in_doubt()), (1, 1));
        Ok(())
    }

    #[test]
    fn a_sixth_import_is_not_sent() -> Result<(), Box<dyn Error>> {
        let emulator = emulator()?;
        let tenant = tenant(&emulator)?;
        for _ in 0..5 {
            assert_eq!(import(&tenant), Import::Done);
        }
        assert_eq!(import(&tenant), Import::Later);
        let requests = emulator.with_service(|service| service.accepted_starts().len());
        assert_eq!(requests, 5);
        Ok(())
    }

    #[test]
    fn a_sixth_import_is_made_twelve_hours_later() -> Result<(), Box<dyn Error>> {
        let began = std::time::Instant::now();
        let emulator = emulator()?;
        let tenant = tenant(&emulator)?;
        for _ in 0..5 {
            assert_eq!(import(&tenant), Import::Done);
        }
        assert_eq!(import(&tenant), Import::Later);
        emulator.advance(Duration::from_secs(12 * 60 * 60));
        assert_eq!(import(&tenant), Import::Done);
        assert!(began.elapsed() < Duration::from_secs(10));
        Ok(())
    }

    #[test]
    fn the_service_frees_slots_after_twelve_hours() -> Result<(), Box<dyn Error>> {
        let emulator = emulator()?;
        // Five starts by programs with another ledger.
        for _ in 0..5 {
            assert_eq!(import(&tenant(&emulator)?), Import::Done);
        }
        assert_eq!(import(&tenant(&emulator)?), Import::Later);
        emulator.advance(Duration::from_secs(12 * 60 * 60));
        assert_eq!(import(&tenant(&emulator)?), Import::Done);
        Ok(())
    }
}
