//! Drops reads, reconciliations and run polls: nothing is started, no slot is freed, and the next call succeeds.

use std::time::Duration;

use industrydata_async::{Client, FixedToken, TenantClient};
use industrydata_core::ledger::Resolution;
use industrydata_core::lro::Settings;
use industrydata_core::policy::PollingPolicy;
use industrydata_emulator::{Config, Emulator, Fault, Grant, Lose, On};
use industrydata_ledger::Ledger;

use super::drops::{Budget, Call, Dropped, on_a_runtime};
use crate::CANARY;

macro_rules! calls {
    ($($name:literal: |$tenant:ident, $id:ident| $call:expr;)*) => {
        pub(super) fn calls() -> Vec<Call> {
            let mut calls = vec![$(Call::new($name, |polls| {
                let world = World::new()?;
                on_a_runtime(async {
                    let ($tenant, $id) = world.started(1).await?;
                    let first = Budget::new(polls).within(async { $call.await.map(drop) }).await;
                    let is_done = is_done(first)?;
                    let next = $call.await.map(drop);
                    next.map_err(|error| format!("the next call failed: {error:?}"))?;
                    world.holds(&$tenant, 1, 0, 1).await?;
                    Ok(is_done)
                })
            }, &[])),*];
            calls.extend([
                Call::new("reconcile", reconciled, &[]),
                Call::new("resolve", resolved, &[]),
                Call::new("poll a run until it ends", run_polled, &[]),
            ]);
            calls
        }
    };
}

calls! {
    "quota": |tenant, _id| tenant.quota();
    "entries": |tenant, _id| tenant.entries();
    "forecast": |tenant, _id| tenant.forecast(None);
    "preflight": |tenant, _id| tenant.preflight();
    "operations": |tenant, _id| tenant.operations();
    "operation": |tenant, id| tenant.operation(&id.operation);
    "runs": |tenant, _id| tenant.runs();
    "run": |tenant, id| tenant.run_by_id(&id.run);
    "statistics": |tenant, id| tenant.statistics(&id.run);
    "activities": |tenant, id| tenant.activities(&id.run);
}

/// An emulated service.
struct World(Emulator);

/// The ids that the service gave to what a start created.
struct Ids {
    operation: String,
    run: String,
}

impl World {
    fn new() -> Result<Self, String> {
        let config = Config {
            tokens: vec![Grant::all(CANARY)],
            schedule: None,
            operation_takes: Duration::from_millis(1),
            run_takes: Duration::from_millis(400),
            // Lists of more than one page.
            page_size: 1,
            ..Config::default()
        };
        Emulator::start(config)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    fn client(&self) -> Result<TenantClient, String> {
        let token = FixedToken::new(CANARY).map_err(|error| error.to_string())?;
        let base = self.0.base_url().parse();
        let client = Client::builder(token, Ledger::memory())
            .settings(
                Settings::default()
                    .base(base.map_err(|error| format!("{error:?}"))?)
                    .polling(PollingPolicy::every(Duration::from_millis(60))),
            )
            .config(reqwest::ClientBuilder::new().tls_certs_only([]))
            .build();
        let client = client.map_err(|error| error.to_string())?;
        client.tenant("contoso").map_err(|error| error.to_string())
    }

    /// A client that has made this many starts.
    async fn started(&self, starts: usize) -> Result<(TenantClient, Ids), String> {
        let tenant = self.client()?;
        for _ in 0..starts {
            let run = tenant.start().await;
            drop(run.map_err(|error| format!("the start failed: {error:?}"))?);
        }
        let ids = self.0.with_service(|service| {
            let operation = service.operations().first()?.id().to_owned();
            let run = service.runs().first()?.id().to_owned();
            Some(Ids { operation, run })
        });
        Ok((tenant, ids.ok_or("the service has no run")?))
    }

    /// Checks that the ledger counts these starts and that the service received this many POSTs.
    async fn holds(
        &self,
        tenant: &TenantClient,
        confirmed: u32,
        in_doubt: u32,
        posts: usize,
    ) -> Result<(), String> {
        let quota = tenant.quota().await.map_err(|fault| fault.to_string())?;
        if (quota.confirmed(), quota.in_doubt(), quota.in_flight()) != (confirmed, in_doubt, 0) {
            return Err(format!(
                "{confirmed} confirmed and {in_doubt} in doubt expected, not {quota:?}"
            ));
        }
        let sent = self.0.with_service(|service| {
            let posts = |request: &&industrydata_emulator::Logged| request.method == "POST";
            service.requests().iter().filter(posts).count()
        });
        if sent == posts {
            Ok(())
        } else {
            Err(format!("{posts} POSTs expected, not {sent}"))
        }
    }
}

fn is_done<E: std::fmt::Debug>(first: Option<Result<(), E>>) -> Result<Dropped, String> {
    match first {
        None => Ok(Dropped::Held("repeated")),
        Some(Ok(())) => Ok(Dropped::Done),
        Some(Err(error)) => Err(format!("the call failed: {error:?}")),
    }
}

/// A client with one start in doubt, which the service accepted.
async fn in_doubt(world: &World) -> Result<TenantClient, String> {
    world.0.script(Fault::on(On::Start).lose(Lose::Answer));
    let tenant = world.client()?;
    match tenant.start().await {
        Ok(run) => Err(format!(
            "a start with a lost response returned a run: {run:?}"
        )),
        Err(_) => Ok(tenant),
    }
}

fn reconciled(polls: usize) -> Result<Dropped, String> {
    let world = World::new()?;
    on_a_runtime(async {
        let tenant = in_doubt(&world).await?;
        let first = async { tenant.reconcile().await.map(drop) };
        let is_done = is_done(Budget::new(polls).within(first).await)?;
        let quota = tenant.quota().await.map_err(|fault| fault.to_string())?;
        if quota.used() != 1 {
            return Err(format!("one start counts {} times", quota.used()));
        }
        let next = tenant.reconcile().await;
        drop(next.map_err(|error| format!("the next call failed: {error:?}"))?);
        world.holds(&tenant, 1, 0, 1).await?;
        Ok(is_done)
    })
}

fn resolved(polls: usize) -> Result<Dropped, String> {
    let world = World::new()?;
    on_a_runtime(async {
        let tenant = in_doubt(&world).await?;
        let entries = tenant.entries().await.map_err(|fault| fault.to_string())?;
        let id = entries
            .first()
            .ok_or("the ledger has no entry")?
            .id()
            .to_owned();
        let resolve = || tenant.resolve(&id, Resolution::NotStarted, "by a test");
        let is_done = is_done(Budget::new(polls).within(resolve()).await)?;
        // The dropped change may have been written, or may still be on its way.
        let next = resolve().await;
        next.map_err(|error| format!("the next call failed: {error:?}"))?;
        world.holds(&tenant, 0, 0, 1).await?;
        Ok(is_done)
    })
}

/// Finds a run, polls it until it ends and reads its statistics; one of these futures is dropped.
fn run_polled(polls: usize) -> Result<Dropped, String> {
    let world = World::new()?;
    on_a_runtime(async {
        let tenant = world.client()?;
        let mut run = tenant.start().await.map_err(|error| format!("{error:?}"))?;
        let done = run.until_done().await;
        done.map_err(|error| format!("the operation poll failed: {error:?}"))?;
        let mut budget = Budget::new(polls);
        let mut is_done = Dropped::Done;
        let found = match budget.within(run.follow()).await {
            Some(found) => found,
            None => {
                is_done = Dropped::Held("while finding the run");
                run.follow().await
            }
        };
        let found = found.map_err(|error| format!("finding the run failed: {error:?}"))?;
        let mut follow = found.ok_or("the run was not found")?;
        let mut ended = None;
        if matches!(is_done, Dropped::Done) {
            ended = budget.within(follow.until_done()).await;
            if ended.is_none() {
                is_done = Dropped::Held("while polling the run");
            }
        }
        let ended = match ended {
            Some(ended) => ended,
            None => follow.until_done().await,
        };
        let ended = ended.map_err(|error| format!("the run poll failed: {error:?}"))?;
        if !ended.status().is_terminal() {
            return Err(format!(
                "the run poll ended with a run that is still active: {ended:?}"
            ));
        }
        if matches!(is_done, Dropped::Done) && budget.within(follow.statistics()).await.is_none() {
            is_done = Dropped::Held("while reading statistics");
        }
        let statistics = follow.statistics().await;
        statistics.map_err(|error| format!("reading statistics failed: {error:?}"))?;
        world.holds(&tenant, 1, 0, 1).await?;
        Ok(is_done)
    })
}
