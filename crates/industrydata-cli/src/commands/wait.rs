//! `wait`: polls until the operation has ended. The books are not opened for it.

use industrydata_core::lro::MayHaveStarted;
use industrydata_ledger::Ledger;

use crate::{
    args::{Global, WaitArgs},
    commands::{Answer, Context, follow},
    flavour::{self, Setup},
    report::{Document, OperationReport, Outcome},
    settings,
    tokens::Patience,
};

pub(super) fn run(
    global: &Global,
    args: &WaitArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let env = context.env;
    let patience = Patience::new(args.limits.timeout, context.interrupt);
    let base = settings::base(global, env)?;
    let tenant = settings::tenant(global, env)?;
    settings::token_options(global)?;
    settings::ledger_is_path(global, env)?;
    let target = settings::target(&base, &args.operation)?;
    let known = target.report(&base);
    let started = |document| started(document, &known);
    let tokens = settings::tokens(global, env, &tenant, &patience).map_err(started)?;
    context
        .interrupt
        .last_word(Document::cut_off(MayHaveStarted::Yes, known.clone()));
    let until = follow::until(patience.left());
    let client = flavour::client(
        global.http,
        Setup {
            base,
            tenant,
            tokens,
            books: Ledger::memory(),
            polling: args.limits.polling(),
            timeout: patience.left(),
            request_timeout: args.limits.request_timeout,
            who: settings::who(env),
            interrupt: context.interrupt.clone(),
        },
    )
    .map_err(started)?;
    let mut run = client.watch(target)?;
    context.progress(format!(
        "waiting for operation {}",
        run.url().operation_id()
    ));
    Ok(Answer::Document(follow::follow(
        &mut *run, until, false, context,
    )))
}

/// In `wait` there is a start behind whatever goes wrong.
fn started(document: Box<Document>, known: &Option<OperationReport>) -> Box<Document> {
    let mut document = document.after(MayHaveStarted::Yes);
    if document.outcome == Outcome::Unreachable {
        document.outcome = Outcome::TimedOut;
    }
    Document {
        operation: known.clone(),
        ..document
    }
    .into()
}
