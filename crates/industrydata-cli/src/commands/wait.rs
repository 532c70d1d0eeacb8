//! `wait`: polls an operation until it ends, and its run if asked to.
//!
//! It does not open the ledger, so how long the operation took is not kept for later polls. A resume token names neither the
//! ledger's place nor the tenant, and may come from another machine: the ledger that this process would open need not be the
//! one that has the start, and a damaged or slow one would be a new way for a wait to fail.

use industrydata_core::lro::MayHaveStarted;
use industrydata_ledger::Ledger;

use crate::{
    args::{Global, WaitArgs},
    commands::{
        answer::Answer,
        context::Context,
        follow_run::{self, After},
        operation,
    },
    flavour::{self, Setup},
    report::{Document, Outcome},
    resume::ResumePlan,
    settings::{self, Target},
    tokens::Deadline,
};

pub(super) fn run(
    global: &Global,
    args: &WaitArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    match wait(global, args, context) {
        Ok(document) => Ok(Answer::from(&document.with_run_keys(args.follow))),
        Err(document) => Err(document.with_run_keys(args.follow).into()),
    }
}

fn wait(global: &Global, args: &WaitArgs, context: Context<'_>) -> Result<Document, Box<Document>> {
    let env = context.env;
    let plan = ResumePlan::new(global)
        .follow(args.follow)
        .strict(args.strict);
    operation::note_strict(&plan);
    let deadline = Deadline::new(args.limits.timeout, context.interrupt);
    let (base, given) = settings::service(global, env)?;
    let target = settings::target(&base, &args.operation)?;
    let has_run = target.origin().has_run();
    if args.follow && !has_run {
        let message = "the operation is not that of a start: it has no run to wait for";
        return Err(Document::usage(message)
            .advise("leave --follow out to wait for the operation")
            .into());
    }
    let known = target.report(&base);
    let may_have_started = match has_run {
        true => MayHaveStarted::Yes,
        false => MayHaveStarted::No,
    };
    let token = known.as_ref().and_then(|known| known.resume_token.clone());
    let resume = || token.as_deref().map(|token| plan.operation(token));
    let before_poll = |document: Box<Document>| {
        // The operation exists and continues.
        let mut document = document.may_have_started(may_have_started);
        if document.outcome == Outcome::Unreachable {
            document.outcome = Outcome::TimedOut;
        }
        let document = Document {
            operation: known.clone(),
            ..document
        };
        Box::new(document.with_resume(resume()))
    };
    let tokens = settings::tokens(global, env, given.as_ref(), &deadline).map_err(before_poll)?;
    // It uses no ledger, and needs no name.
    let tenant = given.map_or_else(settings::unnamed, Ok)?;
    let interrupted = Document::interrupted(may_have_started, known.clone());
    let interrupted = interrupted.with_resume(resume());
    context
        .interrupt
        .set_fallback(interrupted.with_run_keys(args.follow));
    let client = flavour::client(
        global.http,
        Setup {
            base: base.clone(),
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
    .map_err(before_poll)?;
    let is_bare = matches!(target, Target::Url(_));
    let mut poller = client.poll(target)?;
    context.progress(format!(
        "waiting for operation {}",
        poller.url().operation_id()
    ));
    let mut document = operation::poll_to_end(&mut *poller, &deadline, &plan, context);
    if args.follow {
        let after = After {
            client: &*client,
            operation: &*poller,
            base: &base,
            is_bare,
            deadline: &deadline,
        };
        document = follow_run::poll_to_end(document, after, &plan, context);
    }
    Ok(operation::with_data_errors(document, &*poller))
}
