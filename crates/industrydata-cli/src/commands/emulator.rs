//! `emulator`: the emulated service on a loopback port, until a signal.

use std::io::{self, Write};

use industrydata_emulator::{Config, Emulator};

use crate::{
    args::{EmulatorArgs, Output},
    commands::{Answer, Context},
    report::{Document, Outcome},
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
    // The announcement is the one document: a signal that comes now finds it printed.
    if context.interrupt.claim() {
        announce(&emulator, context.output);
    }
    context.progress("serving until interrupted");
    context.interrupt.wait();
    emulator.stop();
    context.progress("stopped");
    Ok(Answer::Printed(Outcome::Interrupted.exit_code()))
}

fn announce(emulator: &Emulator, output: Output) {
    let base = emulator.base_url();
    let text = match output {
        Output::Json => format!("{}\n", serde_json::json!({ "base_url": base })),
        Output::Human => format!(
            "export INDUSTRYDATA_BASE_URL={base}\n\
             export INDUSTRYDATA_TOKEN={token}\n\
             # or client credentials in place of the token:\n\
             # unset INDUSTRYDATA_TOKEN\n\
             # export AZURE_AUTHORITY_HOST={authority}\n\
             # export AZURE_TENANT_ID=contoso\n\
             # export AZURE_CLIENT_ID={client}\n\
             # export AZURE_CLIENT_SECRET={secret}\n",
            token = emulator.token(),
            authority = emulator.authority_url(),
            client = emulator.client_id(),
            secret = emulator.client_secret(),
        ),
    };
    // Nobody may be reading; it serves all the same.
    let mut stdout = io::stdout().lock();
    let _ = stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush());
}
