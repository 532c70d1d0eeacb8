//! A start and its polls by this library over reqwest.

use std::{env, error::Error};

use industrydata_async::{Client, FixedToken};
use industrydata_ledger::Ledger;

fn main() -> Result<(), Box<dyn Error>> {
    let base = env::args().nth(1).ok_or("the base URL is missing")?;
    let token = FixedToken::new(&env::var("INDUSTRYDATA_TOKEN")?)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::builder(token, Ledger::memory())
            .base(base)
            .build()?;
        let operation = client
            .tenant("contoso")?
            .start()
            .await?
            .until_done()
            .await?;
        println!("{}", operation.status());
        Ok(())
    })
}
