//! The library: one set for all operations, or a task each.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use industrydata_async::{
    AsyncStore, Client, ClientBuilder, FixedToken, OperationEvent, OperationSet, StoreFuture,
    TenantClient,
};
use industrydata_core::{
    Timestamp,
    ledger::{Change, StoreError},
    lro::ResumeToken,
    policy::PollingPolicy,
    wire::{BaseUrl, OperationUrl},
};
use industrydata_ledger::Ledger;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{BEFORE, CONNECTIONS, Failure, Since, service};

/// Between two polls, where time is measured and where memory is.
pub(crate) fn interval(rounds: u32) -> Duration {
    match rounds {
        0 => Duration::from_secs(3600),
        _ => Duration::from_millis(50),
    }
}

pub(crate) fn token() -> String {
    "t".repeat(1200)
}

fn client(builder: ClientBuilder, url: &str, rounds: u32) -> Result<Client, Failure> {
    let polling = PollingPolicy::every(interval(rounds));
    let builder = builder.base(url).connections(CONNECTIONS);
    Ok(builder.with(|it| it.polling(polling)).build()?)
}

fn over_memory(url: &str, rounds: u32) -> Result<Client, Failure> {
    let tokens = FixedToken::new(token())?;
    client(Client::builder(tokens, Ledger::memory()), url, rounds)
}

/// The token with which another process resumes operation number `number`.
fn resumed(url: &str, number: u32) -> Result<ResumeToken, Failure> {
    let base: BaseUrl = url.parse()?;
    let url = OperationUrl::from_id(&base, &service::id(number))?;
    Ok(ResumeToken::new(&base, &url, Timestamp::now()))
}

/// Polls until each of `count` operations was polled once, or all have ended.
async fn poll(set: &mut OperationSet, mut count: u32, rounds: u32) -> Result<(), Failure> {
    while count > 0 || rounds > 0 {
        match set.next().await {
            None if rounds > 0 => return Ok(()),
            None => return Err("an operation has ended".into()),
            Some((_, OperationEvent::Progress(_))) => count = count.saturating_sub(1),
            Some((_, OperationEvent::Ended { outcome, .. })) => drop(outcome?),
        }
    }
    Ok(())
}

/// Opens the connections.
async fn begin(client: &Client, url: &str, from: u32) -> Result<TenantClient, Failure> {
    let tenant = client.tenant("contoso")?;
    let mut set = OperationSet::new();
    for number in from..from + BEFORE {
        set.push(tenant.resume(resumed(url, number)?)?);
    }
    poll(&mut set, BEFORE, 0).await?;
    Ok(tenant)
}

/// Operations of resume tokens, watched by one task.
pub(crate) async fn set(count: u32, rounds: u32, url: &str) -> Result<f64, Failure> {
    let client = over_memory(url, rounds)?;
    let tenant = begin(&client, url, count * rounds.max(1)).await?;
    let since = Since::now(rounds);
    for round in 0..rounds.max(1) {
        let mut set = OperationSet::new();
        for number in 0..count {
            set.push(tenant.resume(resumed(url, round * count + number)?)?);
        }
        poll(&mut set, count, rounds).await?;
        if rounds == 0 {
            return Ok(since.each(count, rounds));
        }
    }
    Ok(since.each(count, rounds))
}

/// Operations of starts, watched by one task.
pub(crate) async fn starts(count: u32, url: &str) -> Result<f64, Failure> {
    let tokens = FixedToken::new(token())?;
    let client = client(Client::with_async_store(tokens, Last::default()), url, 0)?;
    let tenant = begin(&client, url, count).await?;
    drop(tenant.start().await?);
    let (mut set, since) = (OperationSet::new(), Since::now(0));
    for _ in 0..count {
        set.push(tenant.start().await?);
    }
    Ok(since.each(count, 0))
}

/// Operations of resume tokens, each with a task.
pub(crate) async fn tasks(count: u32, url: &str) -> Result<f64, Failure> {
    let client = over_memory(url, 0)?;
    let tenant = begin(&client, url, count).await?;
    let since = Since::now(0);
    for number in 0..count {
        let mut poller = tenant.resume(resumed(url, number)?)?;
        tokio::spawn(async move { poller.until_done().await });
    }
    service::until_polled(url, count + BEFORE).await?;
    Ok(since.each(count, 0))
}

/// Starts with a tenant each and a ledger in memory, watched by one task.
pub(crate) async fn tenants(count: u32, rounds: u32, url: &str) -> Result<f64, Failure> {
    let client = over_memory(url, rounds)?;
    drop(begin(&client, url, count * rounds).await?);
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let since = Since::now(rounds);
    for round in 0..rounds {
        let (mut set, mut starts) = (OperationSet::new(), JoinSet::new());
        for number in 0..count {
            let permit = Arc::clone(&permits).acquire_owned().await?;
            let tenant = client.tenant(format!("tenant-{round}-{number}"))?;
            starts.spawn(async move {
                let started = tenant.start().await;
                drop(permit);
                started
            });
            while let Some(started) = starts.try_join_next() {
                set.push(started??);
            }
        }
        while let Some(started) = starts.join_next().await {
            set.push(started??);
        }
        poll(&mut set, count, rounds).await?;
    }
    Ok(since.each(count, rounds))
}

/// A ledger that keeps one start: its memory is not measured.
#[derive(Default)]
struct Last(Mutex<Option<Vec<u8>>>);

impl AsyncStore for Last {
    fn transact(&self, change: Arc<Change>) -> StoreFuture {
        let reply = || {
            let mut stored = self.0.lock().map_err(|_| StoreError::Busy)?;
            let before = stored.take();
            let is_reservation = before.is_none();
            let applied = change.apply(before.as_deref(), Timestamp::now())?;
            *stored = applied.write.filter(|_| is_reservation);
            Ok(applied.reply)
        };
        Box::pin(std::future::ready(reply()))
    }
}
