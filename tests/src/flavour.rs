//! The two clients, driven by the same statements.

use std::{sync::Arc, thread, time::Duration, time::Instant};

use industrydata_core::Tenant;
use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::Challenge;
use industrydata_core::auth::TokenError;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::Settings;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::wire::OperationUrl;

use crate::{
    answers::{CONNECTOR, FLOW, OPERATION},
    played::Played,
    scenario::{Do, Scenario},
    stage::{Stage, When},
    tokens::Tokens,
};

/// The tenant of every scenario.
const TENANT: &str = "contoso";
/// How long a change that is made in the background may take.
const RECORD_LIMIT: Duration = Duration::from_secs(10);

/// Which adapter plays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// `industrydata-blocking`, over ureq.
    Blocking,
    /// `industrydata-async`, over reqwest and tokio.
    Async,
}

impl Flavour {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Blocking, Self::Async];

    /// Plays a scenario on its stage.
    #[must_use]
    pub fn play(self, scenario: &Scenario, stage: &Arc<Stage>) -> Played {
        match self {
            Self::Blocking => blocking::play(scenario, stage),
            Self::Async => tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap()
                .block_on(asynchronous::play(scenario, stage)),
        }
    }
}

/// Both drivers, word for word; only the `.await`s differ.
macro_rules! driver {
    ($client:ident, [$($asynch:tt)*], [$($wait:tt)*]) => {
        pub(super) $($asynch)* fn play(scenario: &Scenario, stage: &Arc<Stage>) -> Played {
            let mut played = Played::default();
            let client = client(scenario, stage);
            played.note(&client);
            if let Some(when) = scenario.stop {
                let (stop, stage) = (client.stop_handle(), Arc::clone(stage));
                thread::spawn(move || {
                    stage.wait_for(when);
                    stop.stop();
                });
            }
            let tenant = tenant(&client, scenario);
            for (does, _) in &scenario.steps {
                let began = Instant::now();
                let end = match does {
                    Do::Start => match tenant.start() $($wait)* {
                        Ok(run) => accepted(&run, &mut played),
                        Err(error) => played.start_error(&error),
                    },
                    Do::Run => match tenant.start() $($wait)* {
                        Ok(mut run) => {
                            accepted(&run, &mut played);
                            follow(&mut run, &mut played) $($wait)*
                        }
                        Err(error) => played.start_error(&error),
                    },
                    Do::Validate => {
                        played.actions += 1;
                        match tenant.validate(CONNECTOR) $($wait)* {
                            Ok(mut run) => {
                                accepted(&run, &mut played);
                                follow(&mut run, &mut played) $($wait)*
                            }
                            Err(error) => played.action_error(&error),
                        }
                    }
                    Do::Reset => {
                        played.actions += 1;
                        match tenant.reset_flow(FLOW.0, FLOW.1) $($wait)* {
                            Ok(Some(mut run)) => {
                                accepted(&run, &mut played);
                                follow(&mut run, &mut played) $($wait)*
                            }
                            Ok(None) => "accepted".to_owned(),
                            Err(error) => played.action_error(&error),
                        }
                    }
                    Do::OperationPoll => {
                        let url = OperationUrl::from_id(&stage.base, OPERATION).unwrap();
                        until_done(tenant.poll(url), &mut played) $($wait)*
                    }
                    Do::Resume | Do::ResumeForeign => {
                        let made_for = match does {
                            Do::ResumeForeign => &stage.foreign_base,
                            _ => &stage.base,
                        };
                        let url = OperationUrl::from_id(made_for, OPERATION).unwrap();
                        let token = ResumeToken::new(made_for, &url, Timestamp::now()).to_string();
                        match tenant.resume(token) {
                            Ok(run) => until_done(run, &mut played) $($wait)*,
                            Err(error) => played.resume_error(&error),
                        }
                    }
                    Do::DropStart(when) => drop_start(&tenant, stage, *when) $($wait)*,
                };
                played.took.push(began.elapsed());
                played.ends.push(end);
            }
            let began = Instant::now();
            loop {
                let quota = tenant.quota() $($wait)*;
                played.quota(&quota.unwrap());
                let in_flight = played.quota.is_some_and(|quota| quota.in_flight > 0);
                if !in_flight || began.elapsed() > RECORD_LIMIT {
                    break;
                }
                thread::sleep(Duration::from_millis(10));
            }
            played
        }

        $($asynch)* fn follow(run: &mut $client::OperationPoller, played: &mut Played) -> String {
            loop {
                let progress = run.progress() $($wait)*;
                played.note(run);
                match progress {
                    Ok(Some(progress)) => played.progress(&progress),
                    Ok(None) => break,
                    Err(error) => return played.poll_error(&error),
                }
            }
            succeeded(run, played)
        }

        $($asynch)* fn until_done(mut run: $client::OperationPoller, played: &mut Played) -> String {
            played.note(&run);
            let done = run.until_done() $($wait)*;
            match done {
                Ok(_) => succeeded(&run, played),
                Err(error) => played.poll_error(&error),
            }
        }

        fn client(scenario: &Scenario, stage: &Stage) -> $client::Client {
            let tokens = Source(Arc::clone(&stage.tokens));
            let settings = Settings::default()
                .base(stage.base.clone())
                .polling(PollingPolicy::every(scenario.poll_every))
                .request_limit(scenario.request_limit)
                .time_limit(scenario.time_limit);
            let mut builder =
                $client::Client::builder(tokens, Arc::clone(&stage.ledger)).settings(settings);
            builder = without_roots(builder);
            if scenario.proxied {
                builder = builder.config(proxied(&format!("http://{}", stage.foreign.address())));
            }
            builder.build().unwrap()
        }

        fn tenant(client: &$client::Client, scenario: &Scenario) -> $client::TenantClient {
            let tenant = client.tenant(TENANT).unwrap();
            let tenant = tenant.with(|session| session.wait_for_slot(scenario.wait_for_slot));
            match scenario.key {
                Some(key) => tenant.key(key).unwrap(),
                None => tenant,
            }
        }

        fn accepted(run: &$client::OperationPoller, played: &mut Played) -> String {
            played.note(run);
            played.url(run.url());
            played.token(&run.resume_token());
            played.ledger_warning |= run.ledger_warning().is_some();
            if let Some(accepted) = run.accepted() {
                played.note(accepted);
                played.texts.extend(accepted.request_id().map(str::to_owned));
                if accepted.attached_to().is_some() {
                    return "attached".to_owned();
                }
            }
            "accepted".to_owned()
        }

        fn succeeded(run: &$client::OperationPoller, played: &mut Played) -> String {
            match run.operation() {
                Some(operation) => {
                    played.operation(operation);
                    operation.status().to_string()
                }
                None => "done without an operation".to_owned(),
            }
        }
    };
}

/// The tokens of a stage, for the asynchronous flavour.
pub(crate) fn source(tokens: &Arc<Tokens>) -> impl industrydata_async::TokenSource + use<> {
    Source(Arc::clone(tokens))
}

struct Source(Arc<Tokens>);

mod blocking {
    use super::*;

    driver!(industrydata_blocking, [], []);

    impl industrydata_blocking::TokenSource for Source {
        fn token(
            &self,
            _: &Tenant,
            challenge: Option<&Challenge>,
        ) -> Result<AccessToken, TokenError> {
            self.0
                .next(challenge)
                .unwrap_or_else(|| Err(TokenError::unavailable("never")))
        }
    }

    /// It loads none until it needs them.
    fn without_roots(
        builder: industrydata_blocking::ClientBuilder,
    ) -> industrydata_blocking::ClientBuilder {
        builder
    }

    fn proxied(proxy: &str) -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
        ureq::Agent::config_builder().proxy(Some(ureq::Proxy::new(proxy).unwrap()))
    }

    /// A thread cannot be dropped.
    fn drop_start(_: &industrydata_blocking::TenantClient, _: &Stage, _: When) -> String {
        "not for this flavour".to_owned()
    }
}

mod asynchronous {
    use super::*;

    driver!(industrydata_async, [async], [.await]);

    impl industrydata_async::TokenSource for Source {
        fn token<'a>(
            &'a self,
            _: &'a Tenant,
            challenge: Option<&'a Challenge>,
        ) -> industrydata_async::TokenFuture<'a> {
            let token = self.0.next(challenge);
            industrydata_async::TokenFuture::new(async move {
                match token {
                    Some(token) => token,
                    None => std::future::pending().await,
                }
            })
        }
    }

    /// No scenario comes as far as a certificate, and to load the system's roots takes longer than to play one.
    fn without_roots(
        builder: industrydata_async::ClientBuilder,
    ) -> industrydata_async::ClientBuilder {
        builder.config(reqwest::ClientBuilder::new().tls_certs_only([]))
    }

    fn proxied(proxy: &str) -> reqwest::ClientBuilder {
        reqwest::ClientBuilder::new()
            .proxy(reqwest::Proxy::all(proxy).unwrap())
            .redirect(reqwest::redirect::Policy::default())
            .gzip(true)
    }

    async fn drop_start(
        tenant: &industrydata_async::TenantClient,
        stage: &Stage,
        when: When,
    ) -> String {
        tokio::select! {
            outcome = tenant.start() => format!("ended first: {outcome:?}"),
            () = stage.come(when) => "dropped".to_owned(),
        }
    }
}
