//! `validate` and `flows reset`: one POST that uses no slot, and the wait for its operation. They do not open the ledger.

use industrydata_core::lro::ActionError;
use industrydata_core::lro::ActionErrorKind;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::escape_controls;
use industrydata_ledger::Ledger;

use crate::{
    args::{FlowResetArgs, Global, LimitArgs, ValidateArgs},
    commands::{
        answer::Answer,
        context::{self, Context},
        operation,
    },
    error_report,
    flavour::{self, Client, Setup},
    report::{Document, Inquiry, Outcome},
    resume::ResumePlan,
    settings,
    tokens::Deadline,
};

/// Validates the files of a data connector.
pub(super) fn validate(
    global: &Global,
    args: &ValidateArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let prepared = Prepared::new(global, &args.limits, context)?;
    let connector = escape_controls(&args.connector);
    context.progress(format!(
        "validating data connector {connector} at {}",
        prepared.base
    ));
    let plan = ResumePlan::new(global);
    context.interrupt.set_fallback(interrupted(&plan));
    let mut poller = prepared
        .client
        .validate(&args.connector)
        .map_err(|error| unmade(&error, &plan, context))?;
    if !args.wait {
        let operation = operation::operation(&*poller);
        let document = Document::success(Outcome::Accepted, operation, None);
        let next = operation::resume(&*poller, &plan);
        return Ok(Answer::from(&document.with_next(Some(next))));
    }
    context.progress(format!(
        "accepted: operation {}",
        poller.url().operation_id()
    ));
    let document = operation::poll_to_end(&mut *poller, &prepared.deadline, &plan, context);
    Ok(Answer::from(&operation::with_data_errors(
        document, &*poller,
    )))
}

/// Resets a provisioning flow, and waits for its operation if the service names one.
pub(super) fn reset_flow(
    global: &Global,
    args: &FlowResetArgs,
    context: Context<'_>,
) -> Result<Answer, Box<Document>> {
    let flow = escape_controls(&args.flow);
    if !args.yes {
        context::confirm(&format!("the provisioning flow {flow} will be reset"))?;
    }
    let prepared = Prepared::new(global, &args.limits, context)?;
    context.progress(format!(
        "resetting provisioning flow {flow} at {}",
        prepared.base
    ));
    let plan = ResumePlan::new(global);
    context.interrupt.set_fallback(interrupted(&plan));
    let poller = prepared
        .client
        .reset_flow(&args.flow_set, &args.flow)
        .map_err(|error| unmade(&error, &plan, context))?;
    let Some(mut poller) = poller else {
        return Ok(Answer::from(&Document::found(Outcome::Accepted)));
    };
    context.progress(format!(
        "accepted: operation {}",
        poller.url().operation_id()
    ));
    let document = operation::poll_to_end(&mut *poller, &prepared.deadline, &plan, context);
    Ok(Answer::from(&operation::with_data_errors(
        document, &*poller,
    )))
}

/// A client for one action.
struct Prepared {
    client: Box<dyn Client>,
    base: BaseUrl,
    deadline: Deadline,
}

impl Prepared {
    fn new(
        global: &Global,
        limits: &LimitArgs,
        context: Context<'_>,
    ) -> Result<Self, Box<Document>> {
        let env = context.env;
        let deadline = Deadline::new(limits.timeout, context.interrupt);
        let (base, given) = settings::service(global, env)?;
        let tokens = settings::tokens(global, env, given.as_ref(), &deadline)?;
        // It uses no ledger, and needs no name.
        let tenant = given.map_or_else(settings::unnamed, Ok)?;
        let setup = Setup {
            base: base.clone(),
            tenant,
            first: None,
            tokens,
            ledger: Ledger::memory(),
            polling: limits.polling(),
            timeout: deadline.remaining(),
            request_timeout: limits.request_timeout,
            caller: settings::caller(env),
            interrupt: context.interrupt.clone(),
        };
        Ok(Self {
            client: flavour::client(global.http, setup)?,
            base,
            deadline,
        })
    }
}

/// Printed if an interrupt comes while the request is out and the work does not stop in time.
fn interrupted(plan: &ResumePlan) -> Document {
    Document::interrupted(MayHaveStarted::No, None)
        .advise("look at the tenant's operations first; if they do not show it, try again")
        .with_inquiry(Some(inquiry(plan)))
}

/// An action that returned nothing to wait for. If it may have been accepted, the operations show it.
fn unmade(error: &ActionError, plan: &ResumePlan, context: Context<'_>) -> Document {
    let document = error_report::action(error, context.interrupt.is_interrupted());
    let is_open = matches!(
        error.kind(),
        ActionErrorKind::AmbiguousAnswer(_)
            | ActionErrorKind::AnswerLost(_)
            | ActionErrorKind::Dropped
            | ActionErrorKind::NotFollowable { .. }
    );
    document.with_inquiry(is_open.then(|| inquiry(plan)))
}

fn inquiry(plan: &ResumePlan) -> Inquiry {
    Inquiry {
        label: "look at the operations with",
        command: plan.list("operations"),
    }
}
