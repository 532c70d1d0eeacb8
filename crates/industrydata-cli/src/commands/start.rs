//! `start`: reserves a slot, sends one POST, and waits if asked to.

use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Schedule;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::ReadError;

use crate::{
    args::{Global, Output, Scheduled, StartArgs},
    commands::{answer::Answer, context::Context, follow_run, operation},
    error_report,
    flavour::{self, OperationPoller, Setup},
    human::{self, WaitSpan},
    report::{Document, Outcome},
    settings,
    tenancy::{self, Named},
    terminal,
    tokens::Deadline,
};

pub(super) fn run(
    global: &Global,
    args: &StartArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    match start(global, args, context) {
        Ok(document) => Ok(Answer::from(&document.with_run_keys(args.follow))),
        Err(document) => Err(document.with_run_keys(args.follow).into()),
    }
}

fn start(
    global: &Global,
    args: &StartArgs,
    context: Context<'_>,
) -> Result<Document, Box<Document>> {
    let set_fallback = |may_have_started| {
        let document = Document::interrupted(may_have_started, None);
        context
            .interrupt
            .set_fallback(document.with_run_keys(args.follow));
    };
    set_fallback(MayHaveStarted::No);
    let env = context.env;
    let deadline = Deadline::new(args.limits.timeout, context.interrupt);
    let (base, given) = settings::service(global, env)?;
    let scheduled = settings::scheduled(args.schedule, env)?;
    let tokens = settings::tokens(global, env, given.as_ref(), &deadline)?;
    let ledger = settings::ledger(global, env, deadline.remaining())?;
    operation::warn_if_not_stored(&ledger);
    let Named { tenant, first } = tenancy::named(
        global,
        given,
        &tokens,
        args.limits.request_timeout,
        &deadline,
        context.interrupt,
    )?;

    context.progress(format!("starting a run for tenant {tenant} at {base}"));
    let client = flavour::client(
        global.http,
        Setup {
            base: base.clone(),
            tenant,
            first,
            tokens,
            ledger,
            polling: args.limits.polling(),
            timeout: deadline.remaining(),
            request_timeout: args.limits.request_timeout,
            caller: Caller {
                label: args.label.clone(),
                ..settings::caller(env)
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
        // The forecast is an extra: it gets the time of one request, and at most half of what is left.
        Some(Scheduled::Infer) => {
            let limit = args.limits.request_timeout.min(deadline.remaining() / 2);
            operation::inferred_schedule(&*client.time_limit(limit), true)
        }
        None => None,
    };
    set_fallback(MayHaveStarted::Unknown);
    let mut limited = client.time_limit(deadline.remaining());
    if let Some(schedule) = schedule {
        limited = limited.schedule(schedule);
    }
    let is_human = context.output == Output::Human;
    let wait = WaitSpan::new(deadline.remaining());
    let on_wait = Box::new(move |reason: &_, time| {
        if is_human {
            terminal::line(human::slot_wait(reason, time, wait));
        }
    });
    let mut poller = limited
        .start(args.wait_for_slot, on_wait)
        .map_err(|error| {
            operation::warn_not_recorded(error.ledger_warning());
            error_report::start(&error, context.interrupt.is_interrupted())
        })?;
    operation::warn_not_recorded(poller.ledger_warning());
    warn_of_clock(&*poller);
    if !args.wait && !args.follow {
        return Ok(Document::success(
            Outcome::Started,
            operation::operation(&*poller),
            operation::quota(&*poller),
        ));
    }
    context.progress(format!(
        "started: operation {}",
        poller.url().operation_id()
    ));
    let document = operation::poll_to_end(&mut *poller, &deadline, args.follow, context);
    if args.follow {
        return Ok(follow_run::poll_to_end(
            document, &*client, &*poller, &base, &deadline, context,
        ));
    }
    Ok(document)
}

/// A preflight that failed. Nothing was started, so a time limit means that the service was not reached.
fn preflight_error(error: &ReadError, context: Context<'_>) -> Box<Document> {
    let mut document = error_report::read(error, context.interrupt.is_interrupted());
    if document.outcome == Outcome::TimedOut {
        document.outcome = Outcome::Unreachable;
    }
    document.into()
}

fn warn_of_clock(poller: &dyn OperationPoller) {
    let Some(skew) = poller.accepted().and_then(|accepted| accepted.clock_skew()) else {
        return;
    };
    let direction = if skew.is_negative() {
        "ahead of"
    } else {
        "behind"
    };
    terminal::warn(format!(
        "the clock of this machine is {} s {direction} the service's: correct it, or slots are freed at the wrong time",
        skew.unsigned_abs().as_secs()
    ));
}
