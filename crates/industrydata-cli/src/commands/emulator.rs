//! `emulator`: serves an emulated service on a loopback port until a signal comes.

use std::path::Path;

use industrydata_emulator::{Config, Emulator};

use crate::{
    args::{EmulatorArgs, Output},
    commands::{answer::Answer, context::Context},
    report::{Document, Kind, Outcome},
    resume::shell_quoted,
    settings, terminal,
};

pub(super) fn run(args: &EmulatorArgs, context: Context<'_>) -> Result<Answer, Box<Document>> {
    let config = Config {
        port: args.port,
        speed: args.speed,
        ..Config::default()
    };
    let emulator = Emulator::start(config).map_err(|error| {
        let message = format!(
            "the emulator cannot listen on 127.0.0.1 port {}: {error}",
            args.port
        );
        Document::usage(message).advise("choose another port with --port, or any with --port 0")
    })?;
    // A temporary ledger, so that starts at the emulator do not fill the user's own.
    let folder = tempfile::Builder::new()
        .prefix(settings::EMULATOR_FOLDER)
        .tempdir()
        .map_err(|error| {
            let message = format!("cannot create a folder for a temporary ledger: {error}");
            Document::error(Outcome::Unexpected, Kind::Unexpected, message)
                .advise("check that the temporary folder is writable")
        })?;
    let ledger = folder.path().join("ledger.sqlite");
    // The announcement is the result of this command: after it a signal prints nothing more.
    if context.interrupt.claim_output() {
        announce(&emulator, &ledger, context.output);
    }
    context.progress("serving until interrupted");
    context.interrupt.wait();
    emulator.stop();
    drop(folder);
    context.progress("stopped");
    Ok(Answer::Printed {
        exit_code: Outcome::Interrupted.exit_code(),
    })
}

fn announce(emulator: &Emulator, ledger: &Path, output: Output) {
    let base = emulator.base_url();
    let text = match output {
        Output::Json => format!("{}\n", serde_json::json!({ "base_url": base })),
        Output::Human => format!(
            "export INDUSTRYDATA_BASE_URL={base}\n\
             export INDUSTRYDATA_TOKEN={token}\n\
             export INDUSTRYDATA_LEDGER={ledger}\n\
             # to use client credentials instead of the token:\n\
             # unset INDUSTRYDATA_TOKEN\n\
             # export AZURE_AUTHORITY_HOST={authority}\n\
             # export AZURE_TENANT_ID=contoso\n\
             # export AZURE_CLIENT_ID={client}\n\
             # export AZURE_CLIENT_SECRET={secret}\n",
            token = emulator.token(),
            ledger = shell_quoted(&ledger.to_string_lossy()),
            authority = emulator.authority_url(),
            client = emulator.client_id(),
            secret = emulator.client_secret(),
        ),
    };
    // A failure was reported. The emulator serves all the same.
    let _ = terminal::print(&text);
}
