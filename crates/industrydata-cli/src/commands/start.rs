//! `start`: a slot in the books, one POST, and the wait if it is asked for.

use industrydata_core::MayHaveStarted;

use crate::{
    args::{Global, StartArgs},
    commands::{Answer, Context, follow},
    flavour::{self, Run, Setup},
    human,
    report::{Document, Outcome, QuotaReport},
    settings,
    tokens::Patience,
    verdict,
};

pub(super) fn run(
    global: &Global,
    args: &StartArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let env = context.env;
    let patience = Patience::new(args.limits.timeout, context.interrupt);
    let base = settings::base(global, env)?;
    let tenant = settings::tenant(global, env)?;
    settings::token_options(global)?;
    settings::ledger_is_path(global, env)?;
    let tokens = settings::tokens(global, env, &tenant, &patience)?;
    let books = settings::books(global, env, patience.left())?;
    follow::warn_if_forgetful(&books);

    let until = follow::until(patience.left());
    context.progress(format!("starting a run for tenant {tenant} at {base}"));
    let client = flavour::client(
        global.http,
        Setup {
            base,
            tenant,
            tokens,
            books,
            polling: args.limits.polling(),
            timeout: patience.left(),
            request_timeout: args.limits.request_timeout,
            who: settings::who(env),
            interrupt: context.interrupt.clone(),
        },
    )?;
    context
        .interrupt
        .last_word(Document::cut_off(MayHaveStarted::Unknown, None));
    let is_human = context.output == crate::args::Output::Human;
    let on_wait = Box::new(move |reason: &_, time| {
        if is_human {
            human::tell(human::waiting(reason, time, until));
        }
    });
    let mut run = client.start(args.wait_for_slot, on_wait).map_err(|error| {
        follow::warn_unbooked(error.ledger_warning());
        verdict::start_error(&error, context.interrupt.is_given())
    })?;
    warn(&*run);
    if args.wait {
        context.progress(format!("started: operation {}", run.url().operation_id()));
        return Ok(Answer::Document(follow::follow(&mut *run, until, context)));
    }
    let quota = follow::quota(&*run).map(QuotaReport::from);
    Ok(Answer::Document(Document::good(
        Outcome::Started,
        follow::operation(&*run),
        quota,
    )))
}

fn warn(run: &dyn Run) {
    follow::warn_unbooked(run.ledger_warning());
    let Some(skew) = run.accepted().and_then(|accepted| accepted.clock_skew()) else {
        return;
    };
    let direction = if skew.is_negative() {
        "ahead of"
    } else {
        "behind"
    };
    human::tell(format!(
        "warning: this machine's clock is {} s {direction} the service's: slots would be freed at the wrong time",
        skew.unsigned_abs().as_secs()
    ));
}
