//! Serves an emulated service until the standard input ends. The first argument is the port, by default 8085:
//! `cargo run --package industrydata-emulator --example serve`.

use std::io;

use industrydata_emulator::{Config, Emulator};

fn main() -> io::Result<()> {
    let port = std::env::args()
        .nth(1)
        .and_then(|port| port.parse().ok())
        .unwrap_or(8085);
    let emulator = Emulator::start(Config {
        port,
        ..Config::default()
    })?;
    println!("base:   {}", emulator.base_url());
    println!("token:  {}", emulator.token());
    println!(
        "tokens: {}/any-tenant/oauth2/v2.0/token",
        emulator.authority_url()
    );
    io::copy(&mut io::stdin(), &mut io::sink())?;
    emulator.stop();
    Ok(())
}
