//! The interface that both clients share, so that each command is written once.

use std::time::Duration;

use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::Credential;
use industrydata_core::auth::CredentialKind;
use industrydata_core::auth::TokenError;
use industrydata_core::auth::Variables;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::StartKey;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::ActionError;
use industrydata_core::lro::OperationPollError;
use industrydata_core::lro::PauseReason;
use industrydata_core::lro::Progress;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::RunPollError;
use industrydata_core::lro::StartError;
use industrydata_core::model::IndustryDataRun;
use industrydata_core::model::Operation;
use industrydata_core::model::RunActivity;
use industrydata_core::model::RunStatistics;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::reconcile::FailureDetails;
use industrydata_core::reconcile::ReconcileError;
use industrydata_core::reconcile::Reconciliation;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::BuildError;
use industrydata_core::wire::OperationUrl;
use industrydata_ledger::Ledger;

use crate::{
    report::{Document, Kind, Outcome},
    settings::Target,
    signals::Interrupt,
    tokens::Tokens,
};

/// The `User-Agent` of the program.
pub(super) const USER_AGENT: &str = concat!("industrydata-cli/", env!("CARGO_PKG_VERSION"));
/// How long after the time limit a token is still waited for, so that the limit itself is reported first.
pub(super) const TOKEN_SLACK: Duration = Duration::from_millis(250);

/// Called before each pause of a start.
pub(crate) type OnWait = Box<dyn Fn(&PauseReason, Duration) + Send + Sync>;

/// The parts of a client.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) base: BaseUrl,
    pub(crate) tenant: Tenant,
    /// The first token to use, if there is one already.
    pub(crate) first: Option<AccessToken>,
    pub(crate) tokens: Tokens,
    pub(crate) ledger: Ledger,
    pub(crate) polling: PollingPolicy,
    pub(crate) timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) caller: Caller,
    pub(crate) interrupt: Interrupt,
}

/// A client for one tenant. Its methods are those of the libraries' `TenantClient`.
pub(crate) trait Client {
    /// The same client with this time limit for its next call.
    fn time_limit(&self, limit: Duration) -> Box<dyn Client>;
    /// The same client with the schedule of the tenant's runs.
    fn schedule(&self, schedule: Schedule) -> Box<dyn Client>;
    /// The same client with the key of its next start.
    fn key(&self, key: StartKey) -> Box<dyn Client>;
    fn start(
        &self,
        wait_for_slot: bool,
        on_wait: OnWait,
    ) -> Result<Box<dyn OperationPoller>, StartError>;
    fn validate(&self, connector: &str) -> Result<Box<dyn OperationPoller>, ActionError>;
    /// `None` if the reset was accepted and there is nothing to wait for.
    fn reset_flow(
        &self,
        flow_set: &str,
        flow: &str,
    ) -> Result<Option<Box<dyn OperationPoller>>, ActionError>;
    /// Polls the operation of a target that was checked against the same base.
    fn poll(&self, target: Target) -> Result<Box<dyn OperationPoller>, Box<Document>>;
    fn follow(&self, run: &str) -> Box<dyn RunPoller>;
    fn operations(&self) -> Result<Vec<Operation>, ReadError>;
    fn operation(&self, id: &str) -> Result<Operation, ReadError>;
    fn runs(&self) -> Result<Vec<IndustryDataRun>, ReadError>;
    fn run_by_id(&self, id: &str) -> Result<IndustryDataRun, ReadError>;
    fn statistics(&self, run: &str) -> Result<RunStatistics, ReadError>;
    fn activities(&self, run: &str) -> Result<Vec<RunActivity>, ReadError>;
    fn preflight(&self) -> Result<(), ReadError>;
    /// One read, without a second try: the `Date` of its answer.
    fn probe(&self) -> Result<Option<Timestamp>, ReadError>;
    fn reconcile(&self) -> Result<Reconciliation, ReconcileError>;
    fn infer_schedule(&self) -> Result<Option<Schedule>, ReconcileError>;
}

/// Polls an operation until it ends.
pub(crate) trait OperationPoller {
    fn url(&self) -> &OperationUrl;
    fn resume_token(&self) -> ResumeToken;
    fn operation(&self) -> Option<&Operation>;
    fn accepted(&self) -> Option<&Accepted>;
    fn ledger_warning(&self) -> Option<&StoreError>;
    /// The pause before the next poll; `None` if that is due.
    fn pause(&self) -> Option<Progress>;
    fn progress(&mut self) -> Result<Option<Progress>, OperationPollError>;
    fn failure_details(&self) -> FailureDetails;
}

/// Polls a run until it ends.
pub(crate) trait RunPoller {
    fn run(&self) -> Option<&IndustryDataRun>;
    fn progress(&mut self) -> Result<Option<Progress>, RunPollError>;
    fn failure_details(&self) -> FailureDetails;
}

/// Reports a client that cannot be built. A variable of the environment that is to blame is a setting.
pub(super) fn unbuilt(error: BuildError) -> Box<Document> {
    if error.is_environment() {
        return Document::usage(error.to_string()).into();
    }
    unbuildable(error)
}

/// The credential that the environment of this process describes now.
pub(super) fn credential(kind: CredentialKind) -> Result<Credential, TokenError> {
    kind.credential(&Variables::read(|name| std::env::var_os(name)))
}

/// Reports a client that cannot be built on this machine.
pub(super) fn unbuildable(error: impl std::fmt::Display) -> Box<Document> {
    Document::error(
        Outcome::Unexpected,
        Kind::Unexpected,
        format!("cannot build the client: {error}"),
    )
    .advise("try the other client, with --http blocking or --http async")
    .into()
}

/// The methods of an [`OperationPoller`] that the poller of a library answers.
macro_rules! answers_of_poller {
    () => {
        fn url(&self) -> &OperationUrl {
            self.poller.url()
        }

        fn resume_token(&self) -> ResumeToken {
            self.poller.resume_token()
        }

        fn operation(&self) -> Option<&Operation> {
            self.poller.operation()
        }

        fn accepted(&self) -> Option<&Accepted> {
            self.poller.accepted()
        }

        fn ledger_warning(&self) -> Option<&StoreError> {
            self.poller.ledger_warning()
        }

        fn pause(&self) -> Option<Progress> {
            self.poller.pause()
        }
    };
}
pub(super) use answers_of_poller;
