//! `start --follow`, `wait --follow` and `runs follow`: polls a run until it ends.

use industrydata_core::Timestamp;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::ReadErrorKind;
use industrydata_core::lro::RunPollErrorKind;
use industrydata_core::model::Operation;
use industrydata_core::model::RunStatus;
use industrydata_core::reconcile::RunMatch;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::escape_controls;

use crate::{
    args::{FollowArgs, Global},
    commands::{answer::Answer, context::Context, operation},
    error_report,
    flavour::{self, Client, OperationPoller, RunPoller, Setup},
    human::{self, WaitSpan},
    report::{Document, FollowReport, Inquiry, Outcome, RunReport, StatisticsReport},
    resume::ResumePlan,
    settings,
    terminal::{self, StatusLine},
    tokens::Deadline,
};
use industrydata_ledger::Ledger;

/// An operation that was polled to its end, and what the wait for its run takes.
pub(super) struct After<'a> {
    pub(super) client: &'a dyn Client,
    pub(super) operation: &'a dyn OperationPoller,
    pub(super) base: &'a BaseUrl,
    /// Whether only its id or URL was given. Its run is then found by when it was created, not by when the wait began.
    pub(super) is_bare: bool,
    pub(super) deadline: &'a Deadline,
}

/// Where the wait for a run is: what is known besides the run, and how to go on.
struct Following<'f> {
    /// What is known of the operation.
    known: Document,
    run_found_by: Option<&'static str>,
    /// The service's id of the request that started the run, if this process made it.
    start_request: Option<String>,
    plan: &'f ResumePlan,
}

/// `runs follow`: polls a run by its id. It does not open the ledger.
pub(super) fn run(
    global: &Global,
    args: &FollowArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let env = context.env;
    let plan = ResumePlan::new(global).strict(args.strict);
    let deadline = Deadline::new(args.limits.timeout, context.interrupt);
    let (base, given) = settings::service(global, env)?;
    let known = RunReport::unread(&args.id);
    let following = Following {
        known: Document::found(Outcome::Succeeded),
        run_found_by: None,
        start_request: None,
        plan: &plan,
    };
    let resume = || Some(plan.run(&args.id));
    let interrupted = Document::interrupted_run().with_resume(resume());
    context
        .interrupt
        .set_fallback(following.failed(Some(known.clone()), interrupted));
    let before_poll = |document: Box<Document>| {
        let document = error_report::after_start(*document).with_resume(resume());
        Box::new(following.failed(Some(known.clone()), document))
    };
    let tokens = settings::tokens(global, env, given.as_ref(), &deadline).map_err(before_poll)?;
    // It uses no ledger, and needs no name.
    let tenant = given.map_or_else(settings::unnamed, Ok)?;
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
    .map_err(before_poll)?;
    context.progress(format!("polling run {}", escape_controls(&args.id)));
    let wait = WaitSpan::new(deadline.remaining());
    let document = following.to_end(&*client, &args.id, wait, &deadline, context);
    Ok(Answer::from(&document))
}

/// Continues from an operation that has succeeded to the end of its run.
pub(super) fn poll_to_end(
    document: Document,
    after: After<'_>,
    plan: &ResumePlan,
    context: Context<'_>,
) -> Document {
    let After {
        client,
        operation,
        base,
        is_bare,
        deadline,
    } = after;
    let known = document.with_keys_of(plan);
    if known.outcome != Outcome::Succeeded {
        return known;
    }
    let mut following = Following {
        known,
        run_found_by: None,
        start_request: operation
            .accepted()
            .and_then(|accepted| accepted.request_id())
            .map(str::to_owned),
        plan,
    };
    let token = operation.resume_token();
    if !token.origin().has_run() {
        terminal::warn("the operation is not that of a start: it has no run to wait for");
        return following.known;
    }
    let again = || Some(operation::resume(operation, plan));
    let interrupted = Document::interrupted(MayHaveStarted::Yes, None).with_resume(again());
    let fallback = following.failed(None, interrupted);
    context.interrupt.set_fallback(fallback);
    let is_interrupted = || context.interrupt.is_interrupted();
    let accepted = token.accepted();
    let is_dated = operation.operation().and_then(Operation::created).is_some();
    let starts_after = (!is_bare || is_dated).then_some(accepted);
    let limited = client.time_limit(deadline.remaining());
    let found = match find(&*limited, operation.operation(), base, starts_after) {
        Ok(Some(found)) => found,
        Ok(None) => {
            terminal::warn("the operation succeeded, but its run cannot be identified");
            following.run_found_by = Some("unresolved");
            return following.ended(None, None);
        }
        Err(error) => {
            following.run_found_by = Some("unresolved");
            let error = error_report::read(&error, is_interrupted());
            let error = error_report::after_start(error).with_resume(again());
            return following.failed(None, error);
        }
    };
    following.run_found_by = Some(found.by().as_str());
    let certainty = match (found.by().is_inferred(), found.is_ambiguous()) {
        (false, _) => "",
        (true, false) => ", identified by its start time",
        (true, true) => ", identified by its start time although other runs started then too",
    };
    context.progress(format!(
        "polling run {}{certainty}",
        escape_controls(found.id())
    ));
    let wait = WaitSpan::new(deadline.remaining()).since(accepted);
    following.to_end(client, found.id(), wait, deadline, context)
}

impl Following<'_> {
    /// Polls the run until it has ended.
    fn to_end(
        &self,
        client: &dyn Client,
        run: &str,
        wait: WaitSpan,
        deadline: &Deadline,
        context: Context<'_>,
    ) -> Document {
        let mut poller = client.time_limit(deadline.remaining()).follow(run);
        let seen = |poller: &dyn RunPoller| {
            let last = poller.run().map(RunReport::from);
            last.unwrap_or_else(|| RunReport::unread(run))
        };
        let resume = || Some(self.plan.run(run));
        let line = StatusLine::new();
        let end = loop {
            let interrupted = Document::interrupted_run().with_resume(resume());
            let fallback = self.failed(Some(seen(&*poller)), interrupted);
            context.interrupt.set_fallback(fallback);
            match poller.progress() {
                Ok(Some(progress)) => line.set(human::run_progress(poller.run(), &progress, wait)),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        drop(line);
        let report = seen(&*poller);
        if let Some(error) = end {
            let document = error_report::run_poll(&error, context.interrupt.is_interrupted());
            if !matches!(error.kind(), RunPollErrorKind::Failed) {
                let document =
                    document.with_resume(resume().filter(|_| is_resumable(error.kind())));
                let document = match is_unknown(error.kind()) && self.known.operation.is_none() {
                    true => document.may_have_started(MayHaveStarted::Unknown),
                    false => document,
                };
                return self.failed(Some(report), document);
            }
            // The failure is known: an interrupt from here on only leaves details out.
            let fallback = self.failed(Some(report.clone()), document.clone());
            context.interrupt.set_fallback(fallback);
            let found = poller.failure_details();
            let poll = error.request_id().map(str::to_owned);
            let ids = self.start_request.clone().into_iter().chain(poll);
            let details = operation::details(&found, None, ids.collect());
            let document = document.with_details(details);
            return self.failed(Some(report), document);
        }
        let is_dropping = match poller.run().map(|run| run.status()) {
            Some(RunStatus::CompletedWithErrors) => {
                if !self.plan.strict {
                    terminal::warn("the run completed with errors: it dropped records");
                }
                true
            }
            Some(RunStatus::CompletedWithWarnings) => {
                terminal::warn("the run completed with warnings: it dropped optional values");
                false
            }
            _ => false,
        };
        let statistics = client
            .time_limit(deadline.remaining())
            .statistics(run)
            .map(|statistics| StatisticsReport::new(run, statistics))
            .map_err(|error| {
                terminal::warn(format!("no statistics: {}", error_report::message(&error)))
            })
            .ok();
        let ended = self.ended(Some(report), statistics);
        match is_dropping && self.plan.strict {
            true => self.with_error(ended, error_report::dropped_records()),
            false => ended,
        }
    }

    /// What is known, with the run.
    fn ended(&self, run: Option<RunReport>, statistics: Option<StatisticsReport>) -> Document {
        Document {
            followed: Some(FollowReport {
                run,
                run_found_by: self.run_found_by,
                statistics,
            }),
            ..self.known.clone()
        }
    }

    /// The error, with what was known before it.
    fn failed(&self, run: Option<RunReport>, error: Document) -> Document {
        self.with_error(self.ended(run, None), error)
    }

    fn with_error(&self, known: Document, error: Document) -> Document {
        let run = known.followed.as_ref().and_then(|it| it.run.as_ref());
        let inquiry = run.map(|run| Inquiry {
            label: "check the run with",
            command: self.plan.show_run(&run.id),
        });
        Document {
            outcome: error.outcome,
            error: error.error,
            inquiry,
            ..known
        }
    }
}

/// Whether the same poll may go on later.
fn is_resumable(kind: &RunPollErrorKind) -> bool {
    !matches!(
        kind,
        RunPollErrorKind::Failed | RunPollErrorKind::Unrecognised
    ) && !is_unknown(kind)
}

/// Whether nothing shows that there is such a run.
fn is_unknown(kind: &RunPollErrorKind) -> bool {
    matches!(
        kind,
        RunPollErrorKind::Read(error)
            if matches!(error.kind(), ReadErrorKind::InvalidId | ReadErrorKind::NotFound(_))
    )
}

fn find(
    client: &dyn Client,
    operation: Option<&Operation>,
    base: &BaseUrl,
    starts_after: Option<Timestamp>,
) -> Result<Option<RunMatch>, ReadError> {
    let named = operation.and_then(|operation| RunMatch::by_resource_location(base, operation));
    match (named, starts_after) {
        (None, Some(time)) => Ok(RunMatch::by_start_time(&client.runs()?, time)),
        (named, _) => Ok(named),
    }
}
