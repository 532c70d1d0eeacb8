//! `start`: reserves a slot, sends one POST, and waits if asked to.

use std::sync::{Arc, Mutex, PoisonError};

use industrydata_core::SignedDuration;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::Schedule;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartErrorKind;
use industrydata_core::wire::escape_controls;

use crate::{
    args::{Global, Scheduled, StartArgs},
    commands::{
        answer::Answer,
        context::Context,
        follow_run::{self, After},
        operation,
    },
    error_report,
    flavour::{self, OperationPoller, Setup},
    human::{self, WaitSpan},
    report::{Document, Outcome},
    resume::ResumePlan,
    settings,
    tenancy::{self, Named},
    terminal::{self, StatusLine, times},
    tokens::Deadline,
};

pub(super) fn run(
    global: &Global,
    args: &StartArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    match start(global, args, context) {
        Ok(document) => Ok(Answer::from(&document.with_start_keys(args.follow))),
        Err(document) => Err(document.with_start_keys(args.follow).into()),
    }
}

fn start(
    global: &Global,
    args: &StartArgs,
    context: Context<'_>,
) -> Result<Document, Box<Document>> {
    let env = context.env;
    let has_ledger = !matches!(settings::ledger_place(global, env), Ok(None));
    let plan = ResumePlan::new(global)
        .follow(args.follow)
        .strict(args.strict)
        .ledger(has_ledger);
    let set_fallback = |may_have_started| {
        let document = Document::interrupted(may_have_started, None);
        let inquiry = operation::inquiry_of_start(&document, &plan);
        let document = document.with_inquiry(inquiry);
        context
            .interrupt
            .set_fallback(document.with_start_keys(args.follow));
    };
    set_fallback(MayHaveStarted::No);
    if args.key.is_some() && !has_ledger {
        return Err(no_ledger_for_a_key().into());
    }
    operation::note_strict(&plan);
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
    settings::show_ledger(global, env);
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
    if let Some(key) = &args.key {
        limited = limited.key(key.clone());
    }
    let wait = WaitSpan::new(deadline.remaining());
    let line = Arc::new(Mutex::new(None));
    let shown = Arc::clone(&line);
    let on_wait = Box::new(move |reason: &_, time| {
        let mut line = shown.lock().unwrap_or_else(PoisonError::into_inner);
        let line = line.get_or_insert_with(StatusLine::new);
        line.set(human::slot_wait(reason, time, wait));
    });
    let poller = limited.start(args.wait_for_slot, on_wait);
    drop(line.lock().unwrap_or_else(PoisonError::into_inner).take());
    let mut poller = poller.map_err(|error| {
        operation::warn_not_recorded(error.ledger_warning());
        if let Some(skew) = error.quota().and_then(Quota::clock_skew) {
            warn_of_ledger_clock(skew);
        }
        let document = error_report::start(&error, context.interrupt.is_interrupted());
        let goes_on =
            args.wait_for_slot && is_wait_for_slot(&error) || is_wait_for_key(&error, args);
        let inquiry = operation::inquiry_of_start(&document, &plan);
        let document = document.with_inquiry(inquiry);
        document.with_resume(goes_on.then(|| plan.start(args)))
    })?;
    operation::warn_not_recorded(poller.ledger_warning());
    if let Some(id) = poller.accepted().and_then(|accepted| accepted.request_id()) {
        terminal::detail(format!("request id of the start: {id}"));
    }
    warn_of_clock(&*poller);
    let attached = attached_to(&*poller);
    if !args.wait && !args.follow {
        let document = Document::success(
            Outcome::Started,
            operation::operation(&*poller),
            operation::quota(&*poller),
        )
        .with_attached(attached);
        return Ok(document.with_next(Some(operation::resume(&*poller, &plan))));
    }
    let id = poller.url().operation_id();
    context.progress(match &attached {
        Some(start) => format!("attached to the start of {start}: operation {id}"),
        None => format!("started: operation {id}"),
    });
    let plan = plan.attached(attached.is_some());
    let mut document = operation::poll_to_end(&mut *poller, &deadline, &plan, context);
    if args.follow {
        let after = After {
            client: &*client,
            operation: &*poller,
            base: &base,
            is_bare: false,
            deadline: &deadline,
        };
        document = follow_run::poll_to_end(document, after, &plan, context);
    }
    Ok(operation::with_data_errors(document, &*poller).with_attached(attached))
}

/// Whether the start was still waiting for a slot, so that the same command goes on with that.
fn is_wait_for_slot(error: &StartError) -> bool {
    matches!(
        error.kind(),
        StartErrorKind::NoSlot(_)
            | StartErrorKind::Throttled { .. }
            | StartErrorKind::TimeLimit { .. }
            | StartErrorKind::Stopped
    )
}

/// Whether the start ended while it waited for another one with its key, so that the same command goes on with that.
fn is_wait_for_key(error: &StartError, args: &StartArgs) -> bool {
    let is_stopped = matches!(error.kind(), StartErrorKind::Stopped);
    matches!(error.kind(), StartErrorKind::KeyInUse { .. }) || is_stopped && args.key.is_some()
}

/// The start that the poller goes on with, if another process made it: when, and who.
fn attached_to(poller: &dyn OperationPoller) -> Option<String> {
    let accepted = poller.accepted()?;
    let entry = accepted.attached_to()?;
    let at = times::at(accepted.at());
    Some(match entry.caller().host {
        Some(host) => format!("{at} on {}", escape_controls(&host)),
        None => at,
    })
}

fn no_ledger_for_a_key() -> Document {
    Document::usage(
        "--key takes a ledger that is stored: with --ledger none no other start can be found",
    )
    .advise("name a ledger with --ledger, or leave --key out")
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
    let Some(accepted) = poller.accepted() else {
        return;
    };
    let (machine, ledger) = (accepted.clock_skew(), accepted.ledger_clock_skew());
    if let Some(skew) = machine {
        terminal::warn(format!(
            "the clock of this machine is {} the service's: correct it, or slots are freed at the wrong time",
            human::skew(skew)
        ));
    }
    // SQLite and memory use the machine's clock, and the same difference is reported once.
    let is_same = |skew: SignedDuration| {
        machine.is_some_and(|it| it.as_secs().abs_diff(skew.as_secs()) <= 60)
    };
    if let Some(skew) = ledger.filter(|skew| !is_same(*skew)) {
        warn_of_ledger_clock(skew);
    }
}

fn warn_of_ledger_clock(skew: SignedDuration) {
    terminal::warn(format!(
        "the ledger's clock is {} the service's: correct it; until then a slot is free only once its window has passed \
         by both clocks",
        human::skew(skew)
    ));
}
