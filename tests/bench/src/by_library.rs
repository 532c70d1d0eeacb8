//! The same operations by this library. The ledger is empty each time, so that the cost of a store is not measured.

use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::Store;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::lro::Settings;
use industrydata_core::policy::PollingPolicy;

use crate::{Failure, by_hand::PAUSE};

/// A store that is always empty and keeps nothing.
pub(crate) struct Nothing;

impl Store for Nothing {
    fn transact(&self, change: &Change) -> Result<StoreReply, StoreError> {
        Ok(change.apply(None, Timestamp::now())?.reply)
    }
}

fn settings(url: &str) -> Result<Settings, Failure> {
    let settings = Settings::default().base(url.parse()?);
    Ok(settings.polling(PollingPolicy::every(PAUSE)))
}

pub(crate) fn blocking(count: u32, url: &str, token: &str) -> Result<(), Failure> {
    let tokens = industrydata_blocking::FixedToken::new(AccessToken::new(token)?);
    let client = industrydata_blocking::Client::builder(tokens, Nothing)
        .settings(settings(url)?)
        .build()?;
    let tenant = client.tenant("contoso")?;
    for _ in 0..count {
        tenant.start()?.until_done()?;
    }
    Ok(())
}

pub(crate) fn asynchronous(count: u32, url: &str, token: &str) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let tokens = industrydata_async::FixedToken::new(AccessToken::new(token)?);
    let client = industrydata_async::Client::with_async_store(tokens, Ready)
        .settings(settings(url)?)
        .build()?;
    let tenant = client.tenant("contoso")?;
    runtime.block_on(async {
        for _ in 0..count {
            tenant.start().await?.until_done().await?;
        }
        Ok(())
    })
}

/// The same store for the asynchronous client, without a thread.
struct Ready;

impl industrydata_async::AsyncStore for Ready {
    fn transact(&self, change: std::sync::Arc<Change>) -> industrydata_async::StoreFuture {
        Box::pin(async move { Nothing.transact(&change) })
    }
}
