//! Starts a run with the managed identity of an Azure virtual machine, App Service or Functions app, by the Azure SDK, and
//! polls its operation to the end.
//!
//! Run it there with the tenant in `AZURE_TENANT_ID`:
//! `cargo run -p industrydata-async --example azure_identity -F azure-identity`.

use std::error::Error;

use azure_identity::ManagedIdentityCredential;
use industrydata_async::{AzureIdentityToken, Client};
use industrydata_ledger::Ledger;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let tenant = std::env::var("AZURE_TENANT_ID")?;
    let tokens = AzureIdentityToken::new(ManagedIdentityCredential::new(None)?);
    let ledger = Ledger::sqlite("industrydata-ledger.sqlite")?;
    let client = Client::builder(tokens, ledger).build()?;
    let mut poller = client.tenant(tenant)?.start().await?;
    println!("to resume: {}", poller.resume_token());
    while let Some(progress) = poller.progress().await? {
        let next = progress.next_poll_in();
        println!("{}, next poll in {next:?}", progress.reason());
    }
    println!("{}", poller.until_done().await?.status());
    Ok(())
}
