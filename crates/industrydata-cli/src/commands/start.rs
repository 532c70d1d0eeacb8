//! `start`: a slot in the books, one POST, and the wait if it is asked for.

use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Schedule;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::ReadError;

use crate::{
    args::{Global, Scheduled, StartArgs},
    commands::{Answer, Context, follow},
    flavour::{self, Run, Setup},
    human,
    report::{Document, Outcome},
    settings,
    tokens::Patience,
    verdict,
};

pub(super) fn run(
    global: &Global,
    args: &StartArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let asked = args.follow;
    match started(global, args, context) {
        Ok(document) => Ok(Answer::Document(document.with_run(asked))),
        Err(document) => Err(document.with_run(asked).into()),
    }
}

fn started(
    global: &Global,
    args: &StartArgs,
    context: Context<'_>,
) -> Result<Document, Box<Document>> {
    context
        .interrupt
        .last_word(Document::cut_off(MayHaveStarted::No, None).with_run(args.follow));
    let env = context.env;
    let patience = Patience::new(args.limits.timeout, context.interrupt);
    let base = settings::base(global, env)?;
    let tenant = settings::tenant(global, env)?;
    settings::token_options(global)?;
    settings::ledger_is_path(global, env)?;
    let scheduled = settings::scheduled(args.schedule, env)?;
    let tokens = settings::tokens(global, env, &tenant, &patience)?;
    let books = settings::books(global, env, patience.left())?;
    follow::warn_if_forgetful(&books);

    let until = follow::until(patience.left());
    context.progress(format!("starting a run for tenant {tenant} at {base}"));
    let client = flavour::client(
        global.http,
        Setup {
            base: base.clone(),
            tenant,
            tokens,
            books,
            polling: args.limits.polling(),
            timeout: patience.left(),
            request_timeout: args.limits.request_timeout,
            who: Caller {
                label: args.label.clone(),
                ..settings::who(env)
            },
            interrupt: context.interrupt.clone(),
        },
    )?;
    if args.preflight {
        client
            .preflight()
            .map_err(|error| preflight_error(&error, context))?;
    }
    let schedule = match scheduled {
        Some(Scheduled::At(time)) => Some(Schedule::given(time)),
        // It is worth no more than a request's time, and half of what is left.
        Some(Scheduled::Infer) => {
            let limit = args.limits.request_timeout.min(patience.left() / 2);
            follow::inferred(&*client.limited(limit), true)
        }
        None => None,
    };
    context
        .interrupt
        .last_word(Document::cut_off(MayHaveStarted::Unknown, None).with_run(args.follow));
    let is_human = context.output == crate::args::Output::Human;
    let on_wait = Box::new(move |reason: &_, time| {
        if is_human {
            human::tell(human::waiting(reason, time, until));
        }
    });
    let mut limited = client.limited(patience.left());
    if let Some(schedule) = schedule {
        limited = limited.scheduled(schedule);
    }
    let mut run = limited
        .start(args.wait_for_slot, on_wait)
        .map_err(|error| {
            follow::warn_unbooked(error.ledger_warning());
            verdict::start_error(&error, context.interrupt.is_given())
        })?;
    warn(&*run);
    if args.wait || args.follow {
        context.progress(format!("started: operation {}", run.url().operation_id()));
        let document = follow::follow(&mut *run, until, args.follow, context);
        if args.follow {
            return Ok(super::run::follow(
                document, &*client, &*run, &base, &patience, context,
            ));
        }
        return Ok(document);
    }
    Ok(Document::good(
        Outcome::Started,
        follow::operation(&*run),
        follow::quota(&*run),
    ))
}

/// A preflight that did not succeed: nothing was started, and no slot was spent.
fn preflight_error(error: &ReadError, context: Context<'_>) -> Box<Document> {
    let mut document = verdict::read_error(error, context.interrupt.is_given());
    if document.outcome == Outcome::TimedOut {
        document.outcome = Outcome::Unreachable;
    }
    document.into()
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
