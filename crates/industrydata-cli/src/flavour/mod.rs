//! One face for the two clients, so that each command is written once.

mod asynchronous;
mod blocking;

use std::time::Duration;

use industrydata_core::Tenant;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::Accepted;
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
use industrydata_core::reconcile::ReconcileError;
use industrydata_core::reconcile::Reconciliation;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::OperationUrl;
use industrydata_ledger::Ledger;

use crate::{
    args::Http,
    report::{Document, Kind, Outcome},
    settings::Target,
    signals::Interrupt,
    tokens::Tokens,
};

/// What the program calls itself in `User-Agent`.
const USER_AGENT: &str = concat!("industrydata-cli/", env!("CARGO_PKG_VERSION"));
/// How much later than the time limit a token that is being got is given up: the limit itself comes first.
const TOKEN_SLACK: Duration = Duration::from_millis(250);

/// Called before each pause of a start.
pub(crate) type OnWait = Box<dyn Fn(&PauseReason, Duration) + Send + Sync>;

/// All that a client is made of.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) base: BaseUrl,
    pub(crate) tenant: Tenant,
    pub(crate) tokens: Tokens,
    pub(crate) ledger: Ledger,
    pub(crate) polling: PollingPolicy,
    pub(crate) timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) who: Caller,
    pub(crate) interrupt: Interrupt,
}

/// A client for one tenant.
pub(crate) trait Client {
    /// The same with the schedule of the tenant's runs.
    fn scheduled(&self, schedule: Schedule) -> Box<dyn Client>;
    /// The schedule that the runs show.
    fn infer_schedule(&self) -> Result<Option<Schedule>, ReconcileError>;
    /// Starts a run.
    fn start(&self, wait_for_slot: bool, on_wait: OnWait) -> Result<Box<dyn Run>, StartError>;
    /// Takes up a wait; the target was checked against the same base.
    fn watch(&self, target: Target) -> Result<Box<dyn Run>, Box<Document>>;
    /// The same with another time limit for its next call.
    fn limited(&self, limit: Duration) -> Box<dyn Client>;
    /// Follows a run of this id to its own end.
    fn follow(&self, run: &str) -> Box<dyn RunPoller>;
    fn operations(&self) -> Result<Vec<Operation>, ReadError>;
    fn operation(&self, id: &str) -> Result<Operation, ReadError>;
    fn runs(&self) -> Result<Vec<IndustryDataRun>, ReadError>;
    fn run(&self, id: &str) -> Result<IndustryDataRun, ReadError>;
    fn statistics(&self, run: &str) -> Result<RunStatistics, ReadError>;
    fn activities(&self, run: &str) -> Result<Vec<RunActivity>, ReadError>;
    /// Whether the token may watch what it starts.
    fn preflight(&self) -> Result<(), ReadError>;
    /// Compares the ledger with what the service lists, and changes it.
    fn reconcile(&self) -> Result<Reconciliation, ReconcileError>;
}

/// A run on its way to its own end.
pub(crate) trait RunPoller {
    fn run(&self) -> Option<&IndustryDataRun>;
    /// What the next read brings, told before the pause that follows it; `None` once the run has ended.
    fn progress(&mut self) -> Result<Option<Progress>, RunPollError>;
}

/// An operation on its way.
pub(crate) trait Run {
    fn url(&self) -> &OperationUrl;
    fn resume_token(&self) -> ResumeToken;
    fn operation(&self) -> Option<&Operation>;
    fn accepted(&self) -> Option<&Accepted>;
    fn ledger_warning(&self) -> Option<&StoreError>;
    /// What the next poll brings, told before the pause that follows it; `None` once the operation has succeeded.
    fn progress(&mut self) -> Result<Option<Progress>, OperationPollError>;
}

/// The client of this flavour. Nothing is sent.
pub(crate) fn client(http: Http, setup: Setup) -> Result<Box<dyn Client>, Box<Document>> {
    match http {
        Http::Blocking => blocking::client(setup),
        Http::Async => asynchronous::client(setup),
    }
}

/// A client that cannot be made on this machine.
fn unbuildable(error: impl std::fmt::Display) -> Box<Document> {
    Document::error(
        Outcome::Unexpected,
        Kind::Unexpected,
        format!("no client can be made: {error}"),
    )
    .advise("try the other client, with --http blocking or --http async")
    .into()
}

/// The methods that only hand on to the library's own `Run`.
macro_rules! hand_on {
    () => {
        fn url(&self) -> &OperationUrl {
            self.run.url()
        }

        fn resume_token(&self) -> ResumeToken {
            self.run.resume_token()
        }

        fn operation(&self) -> Option<&Operation> {
            self.run.operation()
        }

        fn accepted(&self) -> Option<&Accepted> {
            self.run.accepted()
        }

        fn ledger_warning(&self) -> Option<&StoreError> {
            self.run.ledger_warning()
        }
    };
}
use hand_on;
