//! A start and its polls by this library over ureq's connections.

use std::{env, error::Error};

use industrydata_blocking::{Client, FixedToken};
use industrydata_ledger::Ledger;

fn main() -> Result<(), Box<dyn Error>> {
    let base = env::args().nth(1).ok_or("the base URL is missing")?;
    let token = FixedToken::new(&env::var("INDUSTRYDATA_TOKEN")?)?;
    let client = Client::builder(token, Ledger::memory())
        .base(base)
        .build()?;
    let operation = client.tenant("contoso")?.start()?.until_done()?;
    println!("{}", operation.status());
    Ok(())
}
