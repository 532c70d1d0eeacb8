//! `emulator`: the emulated service on a loopback port, until a signal.

use std::path::Path;

use industrydata_emulator::{Config, Emulator};

use crate::{
    args::{EmulatorArgs, Output},
    commands::{Answer, Context},
    report::{Document, Kind, Outcome},
};

pub(super) fn run(args: &EmulatorArgs, context: Context<'_>) -> Result<Answer, Box<Document>> {
    let config = Config {
        port: args.port,
        speed: args.speed,
        ..Config::default()
    };
    let emulator = Emulator::start(config).map_err(|error| {
        let message = format!(
            "the emulator cannot listen on port {} of 127.0.0.1: {error}",
            args.port
        );
        Document::usage(message)
            .advise("give another port with --port, or --port 0 for any that is free")
    })?;
    // Books that are gone with the emulator, so that its starts do not fill the user's own.
    let folder = tempfile::Builder::new()
        .prefix("industrydata-emulator-")
        .tempdir()
        .map_err(|error| {
            let message = format!("no folder can be made for throw-away books: {error}");
            Document::refusal(Outcome::Unexpected, Kind::Unexpected, message)
                .advise("look whether the temporary folder can be written to")
        })?;
    let ledger = folder.path().join("ledger.sqlite");
    // The announcement is the one document: a signal that comes now finds it printed.
    if context.interrupt.claim() {
        announce(&emulator, &ledger, context.output);
    }
    context.progress("serving until interrupted");
    context.interrupt.wait();
    emulator.stop();
    drop(folder);
    context.progress("stopped");
    Ok(Answer::Printed(Outcome::Interrupted.exit_code()))
}

fn announce(emulator: &Emulator, ledger: &Path, output: Output) {
    let base = emulator.base_url();
    let text = match output {
        Output::Json => format!("{}\n", serde_json::json!({ "base_url": base })),
        Output::Human => format!(
            "export INDUSTRYDATA_BASE_URL={base}\n\
             export INDUSTRYDATA_TOKEN={token}\n\
             export INDUSTRYDATA_LEDGER={ledger}\n\
             # or client credentials in place of the token:\n\
             # unset INDUSTRYDATA_TOKEN\n\
             # export AZURE_AUTHORITY_HOST={authority}\n\
             # export AZURE_TENANT_ID=contoso\n\
             # export AZURE_CLIENT_ID={client}\n\
             # export AZURE_CLIENT_SECRET={secret}\n",
            token = emulator.token(),
            ledger = quoted(&ledger.to_string_lossy()),
            authority = emulator.authority_url(),
            client = emulator.client_id(),
            secret = emulator.client_secret(),
        ),
    };
    // Nobody may be reading; it serves all the same.
    crate::print(&text);
}

/// As a shell takes it for one word.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:,@%".contains(c);
    if text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}
