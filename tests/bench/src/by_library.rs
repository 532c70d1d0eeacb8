//! The same operations by this library, over a ledger that has the same starts each time.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use industrydata_core::{
    Timestamp,
    ledger::{Caller, Change, LedgerKey, Outcome, Store, StoreError, StoreReply},
    lro::Settings,
    policy::{PollingPolicy, Throttle},
    wire::BaseUrl,
};

use crate::{Failure, by_hand::PAUSE, serve};

/// The tenant of all benches.
pub(crate) const TENANT: &str = "contoso";

/// A ledger with the same confirmed starts for every operation. It keeps a reservation until its outcome, and no longer.
pub(crate) struct Same {
    before: Option<Vec<u8>>,
    reserved: Mutex<Option<Vec<u8>>>,
}

impl Same {
    /// A ledger with `count` confirmed starts of the tenant that all benches use.
    pub(crate) fn with(count: u8, base: &BaseUrl) -> Result<Self, Failure> {
        let tenant = TENANT.parse()?;
        let key = || LedgerKey::new(base, &tenant);
        let (now, throttle) = (Timestamp::now(), Throttle::default());
        let mut before = None;
        for id in 0..count {
            let caller = Caller {
                host: Some("sync-worker-3".to_owned()),
                process: Some(4711),
                label: None,
            };
            let lease = Duration::from_secs(150);
            let reserve = Change::reserve(key(), throttle, [id; 16], lease, caller);
            let confirmed = Outcome::Confirmed {
                date: now,
                operation: Some(serve::id(u32::from(id))),
            };
            for change in [
                reserve,
                Change::settle(key(), throttle, [id; 16], confirmed),
            ] {
                before = change.apply(before.as_deref(), now)?.write;
            }
        }
        Ok(Self {
            before,
            reserved: Mutex::default(),
        })
    }
}

impl Store for Same {
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        let mut reserved = self.reserved.lock().map_err(|_| StoreError::Busy)?;
        let stored = reserved.take();
        let is_reservation = stored.is_none();
        let stored = stored.as_deref().or(self.before.as_deref());
        let applied = change.apply(stored, Timestamp::now())?;
        *reserved = applied.write.filter(|_| is_reservation);
        Ok(applied.reply)
    }
}

fn settings(url: &str) -> Result<Settings, Failure> {
    let settings = Settings::default().base(url.parse()?);
    Ok(settings.polling(PollingPolicy::every(PAUSE)))
}

pub(crate) fn blocking(count: u32, url: &str, token: &str, ledger: Same) -> Result<(), Failure> {
    let tokens = industrydata_blocking::FixedToken::new(token)?;
    let client = industrydata_blocking::Client::builder(tokens, ledger)
        .settings(settings(url)?)
        .build()?;
    let tenant = client.tenant(TENANT)?;
    for _ in 0..count {
        tenant.start()?.until_done()?;
    }
    Ok(())
}

pub(crate) fn asynchronous(
    count: u32,
    url: &str,
    token: &str,
    ledger: Same,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tokens = industrydata_async::FixedToken::new(token)?;
    let client = industrydata_async::Client::with_async_store(tokens, Ready(Arc::new(ledger)))
        .settings(settings(url)?)
        .build()?;
    let tenant = client.tenant(TENANT)?;
    runtime.block_on(async {
        for _ in 0..count {
            tenant.start().await?.until_done().await?;
        }
        Ok(())
    })
}

/// The same ledger for the asynchronous client, without a thread.
struct Ready(Arc<Same>);

impl industrydata_async::AsyncStore for Ready {
    fn transact(&self, change: Arc<Change>) -> industrydata_async::StoreFuture {
        let ledger = Arc::clone(&self.0);
        Box::pin(async move { ledger.transact(&change) })
    }
}
