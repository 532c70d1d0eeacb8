//! Reads, reviews of the books and follows dropped: nothing is started, nothing is freed, and the next call is whole.

use std::time::Duration;

use industrydata_async::{Client, FixedToken, TenantClient};
use industrydata_core::auth::AccessToken;
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
                    let ($tenant, $id) = world.begun(1).await?;
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
                Call::new("a run followed", followed, &[]),
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

/// A service with a run of its own.
struct World(Emulator);

/// What the service made at the start.
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
        let token = AccessToken::new(CANARY).map_err(|error| error.to_string())?;
        let base = self.0.base_url().parse();
        let client = Client::builder(FixedToken::new(token), Ledger::memory())
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

    /// A client with so many starts behind it.
    async fn begun(&self, starts: usize) -> Result<(TenantClient, Ids), String> {
        let tenant = self.client()?;
        for _ in 0..starts {
            let run = tenant.start().await;
            drop(run.map_err(|error| format!("no start: {error:?}"))?);
        }
        let ids = self.0.with_service(|service| {
            let operation = service.operations().first()?.id().to_owned();
            let run = service.runs().first()?.id().to_owned();
            Some(Ids { operation, run })
        });
        Ok((tenant, ids.ok_or("the service has no run")?))
    }

    /// Nothing but what was begun was started, and the books know it.
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
                "{confirmed} confirmed and {in_doubt} in doubt became {quota:?}"
            ));
        }
        let sent = self.0.with_service(|service| {
            let posts = |request: &&industrydata_emulator::Logged| request.method == "POST";
            service.requests().iter().filter(posts).count()
        });
        if sent == posts {
            Ok(())
        } else {
            Err(format!("{sent} POSTs, not {posts}"))
        }
    }
}

fn is_done<E: std::fmt::Debug>(first: Option<Result<(), E>>) -> Result<Dropped, String> {
    match first {
        None => Ok(Dropped::Held("made again")),
        Some(Ok(())) => Ok(Dropped::Done),
        Some(Err(error)) => Err(format!("it failed: {error:?}")),
    }
}

/// A start in doubt, which the service accepted.
async fn doubtful(world: &World) -> Result<TenantClient, String> {
    world.0.script(Fault::on(On::Start).lose(Lose::Answer));
    let tenant = world.client()?;
    match tenant.start().await {
        Ok(run) => Err(format!("a lost answer is a run: {run:?}")),
        Err(_) => Ok(tenant),
    }
}

fn reconciled(polls: usize) -> Result<Dropped, String> {
    let world = World::new()?;
    on_a_runtime(async {
        let tenant = doubtful(&world).await?;
        let first = async { tenant.reconcile().await.map(drop) };
        let is_done = is_done(Budget::new(polls).within(first).await)?;
        let quota = tenant.quota().await.map_err(|fault| fault.to_string())?;
        if quota.used() != 1 {
            return Err(format!("one start counts {} times", quota.used()));
        }
        let next = tenant.reconcile().await;
        drop(next.map_err(|error| format!("the next one failed: {error:?}"))?);
        world.holds(&tenant, 1, 0, 1).await?;
        Ok(is_done)
    })
}

fn resolved(polls: usize) -> Result<Dropped, String> {
    let world = World::new()?;
    on_a_runtime(async {
        let tenant = doubtful(&world).await?;
        let entries = tenant.entries().await.map_err(|fault| fault.to_string())?;
        let id = entries.first().ok_or("no entry")?.id().to_owned();
        let resolve = || tenant.resolve(&id, Resolution::NotStarted, "by a test");
        let is_done = is_done(Budget::new(polls).within(resolve()).await)?;
        // The dropped one may have been carried to its end, or be on its way.
        let next = resolve().await;
        next.map_err(|error| format!("the next one failed: {error:?}"))?;
        world.holds(&tenant, 0, 0, 1).await?;
        Ok(is_done)
    })
}

/// A run found, followed to its end and counted, dropped once in the midst.
fn followed(polls: usize) -> Result<Dropped, String> {
    let world = World::new()?;
    on_a_runtime(async {
        let tenant = world.client()?;
        let mut run = tenant.start().await.map_err(|error| format!("{error:?}"))?;
        let done = run.until_done().await;
        done.map_err(|error| format!("no operation: {error:?}"))?;
        let mut budget = Budget::new(polls);
        let mut is_done = Dropped::Done;
        let found = match budget.within(run.follow()).await {
            Some(found) => found,
            None => {
                is_done = Dropped::Held("while it was looked for");
                run.follow().await
            }
        };
        let found = found.map_err(|error| format!("no run: {error:?}"))?;
        let mut follow = found.ok_or("the run is not found")?;
        let mut ended = None;
        if matches!(is_done, Dropped::Done) {
            ended = budget.within(follow.until_done()).await;
            if ended.is_none() {
                is_done = Dropped::Held("while it was followed");
            }
        }
        let ended = match ended {
            Some(ended) => ended,
            None => follow.until_done().await,
        };
        let ended = ended.map_err(|error| format!("the run did not end well: {error:?}"))?;
        if !ended.status().is_terminal() {
            return Err(format!(
                "a run that goes on was taken for one that has ended: {ended:?}"
            ));
        }
        if matches!(is_done, Dropped::Done) && budget.within(follow.statistics()).await.is_none() {
            is_done = Dropped::Held("while it was counted");
        }
        let counted = follow.statistics().await;
        counted.map_err(|error| format!("no statistics: {error:?}"))?;
        world.holds(&tenant, 1, 0, 1).await?;
        Ok(is_done)
    })
}
