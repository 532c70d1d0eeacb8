//! Starts a run and waits for it, printing each poll.
//!
//! Without arguments against an emulated service in this process; with `--real` against Microsoft Graph, with the token
//! of `az account get-access-token` and the tenant `AZURE_TENANT_ID`.

use std::{error::Error, time::Duration};

use industrydata_async::{Client, CommandToken, FixedToken};
use industrydata_emulator::{Config, Emulator};
use industrydata_ledger::Ledger;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|argument| argument == "--real") {
        let az = "az account get-access-token --resource https://graph.microsoft.com --output json";
        let ledger = Ledger::sqlite("industrydata-ledger.sqlite")?;
        let client = Client::builder(CommandToken::shell(az), ledger).build()?;
        return follow(&client, &std::env::var("AZURE_TENANT_ID")?).await;
    }
    let emulator = Emulator::start(Config {
        speed: 100.0,
        ..Config::default()
    })?;
    let token = FixedToken::new(emulator.token())?;
    let client = Client::builder(token, Ledger::memory())
        .base(emulator.base_url())
        .with(|settings| settings.polling(Duration::from_millis(300)))
        .build()?;
    follow(&client, "contoso").await
}

async fn follow(client: &Client, tenant: &str) -> Result<(), Box<dyn Error>> {
    let mut poller = client.tenant(tenant)?.start().await?;
    println!(
        "started {}; to resume: {}",
        poller.url(),
        poller.resume_token()
    );
    while let Some(progress) = poller.progress().await? {
        let status = progress
            .operation()
            .map(|operation| operation.status().to_string());
        println!(
            "{}: next poll in {:?}, since {}",
            status.as_deref().unwrap_or("not seen yet"),
            progress.next_poll_in(),
            progress.reason()
        );
    }
    let operation = poller.until_done().await?;
    println!("{}", operation.status());
    println!(
        "{} of 5 starts left",
        client.tenant(tenant)?.quota().await?.available()
    );
    Ok(())
}
