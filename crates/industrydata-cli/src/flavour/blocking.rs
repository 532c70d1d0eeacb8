//! The blocking client.

use std::{thread, time::Duration};

use industrydata_blocking::{
    Client as Inner, CommandToken, CredentialsToken, FixedToken, Stop, TenantClient, TokenSource,
};
use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::Challenge;
use industrydata_core::auth::TokenError;
use industrydata_core::endpoint::Probe;
use industrydata_core::ledger::Schedule;
use industrydata_core::ledger::StartKey;
use industrydata_core::ledger::StoreError;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::ActionError;
use industrydata_core::lro::OperationPollError;
use industrydata_core::lro::Progress;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::RunPollError;
use industrydata_core::lro::Settings;
use industrydata_core::lro::StartError;
use industrydata_core::model::IndustryDataRun;
use industrydata_core::model::Operation;
use industrydata_core::model::RunActivity;
use industrydata_core::model::RunStatistics;
use industrydata_core::reconcile::FailureDetails;
use industrydata_core::reconcile::ReconcileError;
use industrydata_core::reconcile::Reconciliation;
use industrydata_core::wire::OperationUrl;

use crate::{
    error_report,
    flavour::client::{
        Client, OnWait, OperationPoller, RunPoller, Setup, TOKEN_SLACK, USER_AGENT,
        answers_of_poller, credential, unbuilt,
    },
    report::Document,
    settings::Target,
    signals::Interrupt,
    tokens::{TokenFile, Tokens},
    watch::Watch,
};

struct Blocking(TenantClient);

pub(super) fn client(setup: Setup) -> Result<Box<dyn Client>, Box<Document>> {
    let Source { tokens, stop } = source(setup.tokens, setup.request_timeout)?;
    if let Some(stop) = stop {
        end_with(&stop, setup.timeout);
        setup.interrupt.on_stop(move || stop.stop());
    }
    let watch = Watch::new(setup.tenant.clone(), setup.first);
    let client = Inner::builder(Watched { tokens, watch }, setup.ledger)
        .settings(
            Settings::default()
                .base(setup.base)
                .polling(setup.polling)
                .time_limit(setup.timeout)
                .request_limit(setup.request_timeout)
                .user_agent(USER_AGENT)
                .caller(setup.caller),
        )
        .build()
        .map_err(unbuilt)?;
    let stop = client.stop_handle();
    setup.interrupt.on_stop(move || stop.stop());
    let client = client
        .tenant(setup.tenant)
        .map_err(|error| Document::usage(error.to_string()))?;
    Ok(Box::new(Blocking(client)))
}

pub(super) fn token(
    tokens: Tokens,
    tenant: &Tenant,
    request_timeout: Duration,
    timeout: Duration,
    interrupt: &Interrupt,
) -> Result<Result<AccessToken, TokenError>, Box<Document>> {
    let Source { tokens, stop } = source(tokens, request_timeout)?;
    if let Some(stop) = stop {
        end_with(&stop, timeout);
        interrupt.on_stop(move || stop.stop());
    }
    Ok(tokens.token(tenant, None))
}

impl Client for Blocking {
    fn start(
        &self,
        wait_for_slot: bool,
        on_wait: OnWait,
    ) -> Result<Box<dyn OperationPoller>, StartError> {
        let client = self
            .0
            .clone()
            .with(|session| session.wait_for_slot(wait_for_slot))
            .on_wait(on_wait);
        Ok(Box::new(BlockingOperation {
            poller: client.start()?,
        }))
    }

    fn validate(&self, connector: &str) -> Result<Box<dyn OperationPoller>, ActionError> {
        Ok(Box::new(BlockingOperation {
            poller: self.0.validate(connector)?,
        }))
    }

    fn reset_flow(
        &self,
        flow_set: &str,
        flow: &str,
    ) -> Result<Option<Box<dyn OperationPoller>>, ActionError> {
        let poller = self.0.reset_flow(flow_set, flow)?;
        Ok(poller.map(|poller| Box::new(BlockingOperation { poller }) as Box<dyn OperationPoller>))
    }

    fn poll(&self, target: Target) -> Result<Box<dyn OperationPoller>, Box<Document>> {
        let poller = match target {
            Target::Url(url) => self.0.poll(url),
            Target::Resume(token) => self
                .0
                .resume(&token)
                .map_err(|error| error_report::resume(&error))?,
        };
        Ok(Box::new(BlockingOperation { poller }))
    }

    fn time_limit(&self, limit: Duration) -> Box<dyn Client> {
        Box::new(Self(
            self.0.clone().with(|session| session.time_limit(limit)),
        ))
    }

    fn follow(&self, run: &str) -> Box<dyn RunPoller> {
        Box::new(BlockingRun(self.0.follow(run)))
    }

    fn operations(&self) -> Result<Vec<Operation>, ReadError> {
        self.0.operations()
    }

    fn operation(&self, id: &str) -> Result<Operation, ReadError> {
        self.0.operation(id)
    }

    fn runs(&self) -> Result<Vec<IndustryDataRun>, ReadError> {
        self.0.runs()
    }

    fn run_by_id(&self, id: &str) -> Result<IndustryDataRun, ReadError> {
        self.0.run_by_id(id)
    }

    fn statistics(&self, run: &str) -> Result<RunStatistics, ReadError> {
        self.0.statistics(run)
    }

    fn activities(&self, run: &str) -> Result<Vec<RunActivity>, ReadError> {
        self.0.activities(run)
    }

    fn preflight(&self) -> Result<(), ReadError> {
        self.0.preflight()
    }

    fn probe(&self) -> Result<Option<Timestamp>, ReadError> {
        self.0.read(Probe)
    }

    fn reconcile(&self) -> Result<Reconciliation, ReconcileError> {
        self.0.reconcile()
    }

    fn schedule(&self, schedule: Schedule) -> Box<dyn Client> {
        Box::new(Self(
            self.0.clone().with(|session| session.schedule(schedule)),
        ))
    }

    fn key(&self, key: StartKey) -> Box<dyn Client> {
        Box::new(Self(self.0.clone().with(|session| session.key(key))))
    }

    fn infer_schedule(&self) -> Result<Option<Schedule>, ReconcileError> {
        self.0.infer_schedule()
    }
}

struct BlockingRun(industrydata_blocking::RunPoller);

impl RunPoller for BlockingRun {
    fn run(&self) -> Option<&IndustryDataRun> {
        self.0.run()
    }

    fn progress(&mut self) -> Result<Option<Progress>, RunPollError> {
        self.0.progress()
    }

    fn failure_details(&self) -> FailureDetails {
        self.0.failure_details()
    }
}

struct BlockingOperation {
    poller: industrydata_blocking::OperationPoller,
}

impl OperationPoller for BlockingOperation {
    answers_of_poller!();

    fn progress(&mut self) -> Result<Option<Progress>, OperationPollError> {
        self.poller.progress()
    }

    fn failure_details(&self) -> FailureDetails {
        self.poller.failure_details()
    }
}

/// A token source, and the handle that ends its calls.
struct Source {
    tokens: Box<dyn TokenSource>,
    stop: Option<Stop>,
}

impl Source {
    fn new(tokens: impl TokenSource + 'static, stop: Option<Stop>) -> Self {
        Self {
            tokens: Box::new(tokens),
            stop,
        }
    }
}

fn source(tokens: Tokens, request_timeout: Duration) -> Result<Source, Box<Document>> {
    Ok(match tokens {
        Tokens::Fixed(token) => Source::new(FixedToken::from(token), None),
        Tokens::File(file) => Source::new(file, None),
        Tokens::Command(line) => {
            let source = CommandToken::shell(line);
            let stop = source.stop_handle();
            Source::new(source, Some(stop))
        }
        Tokens::Credential(kind) => {
            let source = CredentialsToken::anew(move || credential(kind)).map_err(unbuilt)?;
            let source = source.request_limit(request_timeout);
            let stop = source.stop_handle();
            Source::new(source, Some(stop))
        }
    })
}

/// A token source whose tokens are looked at.
struct Watched {
    tokens: Box<dyn TokenSource>,
    watch: Watch,
}

impl TokenSource for Watched {
    fn token(
        &self,
        tenant: &Tenant,
        challenge: Option<&Challenge>,
    ) -> Result<AccessToken, TokenError> {
        if let Some(token) = self.watch.first(challenge) {
            return Ok(token);
        }
        let token = self.tokens.token(tenant, challenge)?;
        self.watch.see(&token);
        Ok(token)
    }
}

impl TokenSource for TokenFile {
    fn token(&self, _: &Tenant, _: Option<&Challenge>) -> Result<AccessToken, TokenError> {
        self.read()
    }
}

/// Ends a call for a token when the time limit has passed.
fn end_with(stop: &Stop, timeout: Duration) {
    let stop = stop.clone();
    let wait = timeout.saturating_add(TOKEN_SLACK);
    // If the thread cannot start, the limit of the source holds.
    let _ = thread::Builder::new()
        .name("time limit".to_owned())
        .spawn(move || {
            thread::sleep(wait);
            stop.stop();
        });
}
