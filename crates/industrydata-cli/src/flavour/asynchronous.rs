//! The async client, on a single-threaded runtime.

use std::{sync::Arc, time::Duration};

use industrydata_async::{
    Client as Inner, CommandToken, CredentialsToken, FixedToken, TenantClient, TokenFuture,
    TokenSource,
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
use industrydata_core::policy::Limits;
use industrydata_core::reconcile::FailureDetails;
use industrydata_core::reconcile::ReconcileError;
use industrydata_core::reconcile::Reconciliation;
use industrydata_core::wire::OperationUrl;
use tokio::{
    runtime::{Builder, Runtime},
    sync::Notify,
    time::Instant,
};

use crate::{
    error_report,
    flavour::client::{
        Client, OnWait, OperationPoller, RunPoller, Setup, TOKEN_SLACK, USER_AGENT,
        answers_of_poller, credential, unbuildable, unbuilt,
    },
    report::Document,
    settings::Target,
    signals::Interrupt,
    tokens::{TokenFile, Tokens},
    watch::Watch,
};

struct Asynchronous {
    runtime: &'static Runtime,
    client: TenantClient,
}

pub(super) fn client(setup: Setup) -> Result<Box<dyn Client>, Box<Document>> {
    let runtime = runtime()?;
    let tokens = Bounded {
        source: Box::new(Watched {
            tokens: source(setup.tokens, setup.request_timeout)?,
            watch: Watch::new(setup.tenant.clone(), setup.first),
        }),
        until: Instant::now().checked_add(setup.timeout.saturating_add(TOKEN_SLACK)),
    };
    let client = Inner::builder(tokens, setup.ledger)
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
    Ok(Box::new(Asynchronous { runtime, client }))
}

fn runtime() -> Result<&'static Runtime, Box<Document>> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unbuildable)?;
    // The runtime is never dropped: that would wait for a name that is being resolved.
    Ok(Box::leak(Box::new(runtime)))
}

pub(super) fn token(
    tokens: Tokens,
    tenant: &Tenant,
    request_timeout: Duration,
    timeout: Duration,
    interrupt: &Interrupt,
) -> Result<Result<AccessToken, TokenError>, Box<Document>> {
    let source = source(tokens, request_timeout)?;
    let stopped = Arc::new(Notify::new());
    let stop = Arc::clone(&stopped);
    interrupt.on_stop(move || stop.notify_one());
    let unavailable = |text| Err(TokenError::unavailable(text));
    Ok(runtime()?.block_on(async {
        tokio::select! {
            // Dropped after this time, as by a client.
            token = tokio::time::timeout(timeout.min(Limits::TOKEN), source.token(tenant, None)) => {
                token.unwrap_or_else(|_| unavailable("there was no token in time"))
            }
            () = stopped.notified() => unavailable("stopped before there was a token"),
        }
    }))
}

impl Client for Asynchronous {
    fn start(
        &self,
        wait_for_slot: bool,
        on_wait: OnWait,
    ) -> Result<Box<dyn OperationPoller>, StartError> {
        let client = self
            .client
            .clone()
            .with(|session| session.wait_for_slot(wait_for_slot))
            .on_wait(on_wait);
        let poller = self.runtime.block_on(client.start())?;
        Ok(self.operation_poller(poller))
    }

    fn validate(&self, connector: &str) -> Result<Box<dyn OperationPoller>, ActionError> {
        let poller = self.runtime.block_on(self.client.validate(connector))?;
        Ok(self.operation_poller(poller))
    }

    fn reset_flow(
        &self,
        flow_set: &str,
        flow: &str,
    ) -> Result<Option<Box<dyn OperationPoller>>, ActionError> {
        let reset = self.client.reset_flow(flow_set, flow);
        let poller = self.runtime.block_on(reset)?;
        Ok(poller.map(|poller| self.operation_poller(poller)))
    }

    fn poll(&self, target: Target) -> Result<Box<dyn OperationPoller>, Box<Document>> {
        let poller = match target {
            Target::Url(url) => self.client.poll(url),
            Target::Resume(token) => self
                .client
                .resume(&token)
                .map_err(|error| error_report::resume(&error))?,
        };
        Ok(self.operation_poller(poller))
    }

    fn time_limit(&self, limit: Duration) -> Box<dyn Client> {
        Box::new(Self {
            runtime: self.runtime,
            client: self
                .client
                .clone()
                .with(|session| session.time_limit(limit)),
        })
    }

    fn follow(&self, run: &str) -> Box<dyn RunPoller> {
        Box::new(AsyncRun {
            runtime: self.runtime,
            poller: self.client.follow(run),
        })
    }

    fn operations(&self) -> Result<Vec<Operation>, ReadError> {
        self.runtime.block_on(self.client.operations())
    }

    fn operation(&self, id: &str) -> Result<Operation, ReadError> {
        self.runtime.block_on(self.client.operation(id))
    }

    fn runs(&self) -> Result<Vec<IndustryDataRun>, ReadError> {
        self.runtime.block_on(self.client.runs())
    }

    fn run_by_id(&self, id: &str) -> Result<IndustryDataRun, ReadError> {
        self.runtime.block_on(self.client.run_by_id(id))
    }

    fn statistics(&self, run: &str) -> Result<RunStatistics, ReadError> {
        self.runtime.block_on(self.client.statistics(run))
    }

    fn activities(&self, run: &str) -> Result<Vec<RunActivity>, ReadError> {
        self.runtime.block_on(self.client.activities(run))
    }

    fn preflight(&self) -> Result<(), ReadError> {
        self.runtime.block_on(self.client.preflight())
    }

    fn probe(&self) -> Result<Option<Timestamp>, ReadError> {
        self.runtime.block_on(self.client.read(Probe))
    }

    fn reconcile(&self) -> Result<Reconciliation, ReconcileError> {
        self.runtime.block_on(self.client.reconcile())
    }

    fn schedule(&self, schedule: Schedule) -> Box<dyn Client> {
        Box::new(Self {
            runtime: self.runtime,
            client: self
                .client
                .clone()
                .with(|session| session.schedule(schedule)),
        })
    }

    fn key(&self, key: StartKey) -> Box<dyn Client> {
        Box::new(Self {
            runtime: self.runtime,
            client: self.client.clone().with(|session| session.key(key)),
        })
    }

    fn infer_schedule(&self) -> Result<Option<Schedule>, ReconcileError> {
        self.runtime.block_on(self.client.infer_schedule())
    }
}

struct AsyncRun {
    runtime: &'static Runtime,
    poller: industrydata_async::RunPoller,
}

impl RunPoller for AsyncRun {
    fn run(&self) -> Option<&IndustryDataRun> {
        self.poller.run()
    }

    fn progress(&mut self) -> Result<Option<Progress>, RunPollError> {
        self.runtime.block_on(self.poller.progress())
    }

    fn failure_details(&self) -> FailureDetails {
        self.runtime.block_on(self.poller.failure_details())
    }
}

impl Asynchronous {
    fn operation_poller(
        &self,
        poller: industrydata_async::OperationPoller,
    ) -> Box<dyn OperationPoller> {
        Box::new(AsyncOperation {
            runtime: self.runtime,
            poller,
        })
    }
}

struct AsyncOperation {
    runtime: &'static Runtime,
    poller: industrydata_async::OperationPoller,
}

impl OperationPoller for AsyncOperation {
    answers_of_poller!();

    fn progress(&mut self) -> Result<Option<Progress>, OperationPollError> {
        self.runtime.block_on(self.poller.progress())
    }

    fn failure_details(&self) -> FailureDetails {
        self.runtime.block_on(self.poller.failure_details())
    }
}

fn source(
    tokens: Tokens,
    request_timeout: Duration,
) -> Result<Box<dyn TokenSource>, Box<Document>> {
    Ok(match tokens {
        Tokens::Fixed(token) => Box::new(FixedToken::from(token)),
        Tokens::File(file) => Box::new(file),
        Tokens::Command(line) => Box::new(CommandToken::shell(line)),
        Tokens::Credential(kind) => {
            let source = CredentialsToken::anew(move || credential(kind)).map_err(unbuilt)?;
            Box::new(source.request_limit(request_timeout))
        }
    })
}

/// A token source whose tokens are looked at.
struct Watched {
    tokens: Box<dyn TokenSource>,
    watch: Watch,
}

impl TokenSource for Watched {
    fn token<'a>(
        &'a self,
        tenant: &'a Tenant,
        challenge: Option<&'a Challenge>,
    ) -> TokenFuture<'a> {
        TokenFuture::new(async move {
            if let Some(token) = self.watch.first(challenge) {
                return Ok(token);
            }
            let token = self.tokens.token(tenant, challenge).await?;
            self.watch.see(&token);
            Ok(token)
        })
    }
}

impl TokenSource for TokenFile {
    fn token<'a>(&'a self, _: &'a Tenant, _: Option<&'a Challenge>) -> TokenFuture<'a> {
        TokenFuture::new(std::future::ready(self.read()))
    }
}

/// A token source whose calls end when the time limit has passed.
struct Bounded {
    source: Box<dyn TokenSource>,
    until: Option<Instant>,
}

impl TokenSource for Bounded {
    fn token<'a>(
        &'a self,
        tenant: &'a Tenant,
        challenge: Option<&'a Challenge>,
    ) -> TokenFuture<'a> {
        let token = self.source.token(tenant, challenge);
        let Some(until) = self.until else {
            return token;
        };
        TokenFuture::new(async move {
            tokio::time::timeout_at(until, token)
                .await
                .unwrap_or_else(|_| {
                    Err(TokenError::unavailable(
                        "the time limit passed before a token was obtained",
                    ))
                })
        })
    }
}
