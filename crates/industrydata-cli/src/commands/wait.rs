//! `wait`: polls an operation until it ends. It does not open the ledger.

use industrydata_core::lro::MayHaveStarted;
use industrydata_ledger::Ledger;

use crate::{
    args::{Global, WaitArgs},
    commands::{answer::Answer, context::Context, operation},
    flavour::{self, Setup},
    report::{Document, OperationReport, Outcome},
    settings,
    tokens::Deadline,
};

pub(super) fn run(
    global: &Global,
    args: &WaitArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let env = context.env;
    let deadline = Deadline::new(args.limits.timeout, context.interrupt);
    let (base, given) = settings::service(global, env)?;
    let target = settings::target(&base, &args.operation)?;
    let known = target.report(&base);
    let after_start = |document| after_start(document, &known);
    let tokens = settings::tokens(global, env, given.as_ref(), &deadline).map_err(after_start)?;
    // It uses no ledger, and needs no name.
    let tenant = given.map_or_else(settings::unnamed, Ok)?;
    context
        .interrupt
        .set_fallback(Document::interrupted(MayHaveStarted::Yes, known.clone()));
    let client = flavour::client(
        global.http,
        Setup {
            base,
            tenant,
            first: None,
            tokens,
            ledger: Ledger::memory(),
            polling: args.limits.polling(),
            timeout: deadline.remaining(),
            request_timeout: args.limits.request_timeout,
            caller: settings::caller(env),
            interrupt: context.interrupt.clone(),
        },
    )
    .map_err(after_start)?;
    let mut poller = client.poll(target)?;
    context.progress(format!(
        "waiting for operation {}",
        poller.url().operation_id()
    ));
    let document = operation::poll_to_end(&mut *poller, &deadline, false, context);
    Ok(Answer::from(&document))
}

/// An error before the first poll. The operation exists and continues.
fn after_start(document: Box<Document>, known: &Option<OperationReport>) -> Box<Document> {
    let mut document = document.may_have_started(MayHaveStarted::Yes);
    if document.outcome == Outcome::Unreachable {
        document.outcome = Outcome::TimedOut;
    }
    Document {
        operation: known.clone(),
        ..document
    }
    .into()
}
