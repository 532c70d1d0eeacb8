//! Collects every message of the crate in `snapshots/words.snap`, so that a review sees each change of a message.
//!
//! Inside the crate, a `match` on a non-exhaustive enum must name every variant. A new variant does not compile until it is
//! listed here, and the test fails until the snapshot has its message.

use std::{error::Error, fmt, iter::successors, time::Duration};

use industrydata_core::TenantError;
use industrydata_core::auth::PemError;
use industrydata_core::auth::SignerError;
use industrydata_core::auth::TokenError;
use industrydata_core::endpoint::Action;
use industrydata_core::endpoint::GetRun;
use industrydata_core::endpoint::LinkError;
use industrydata_core::endpoint::ListRuns;
use industrydata_core::endpoint::Service;
use industrydata_core::ledger::Caller;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::EntryState;
use industrydata_core::ledger::Evidence;
use industrydata_core::ledger::LedgerKey;
use industrydata_core::ledger::Outcome;
use industrydata_core::ledger::RefusalReason;
use industrydata_core::ledger::StartKey;
use industrydata_core::ledger::StartKeyError;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::Unresolved;
use industrydata_core::lro::ActionError;
use industrydata_core::lro::ActionErrorKind;
use industrydata_core::lro::Machine;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::OperationPollError;
use industrydata_core::lro::OperationPollErrorKind;
use industrydata_core::lro::PauseReason;
use industrydata_core::lro::Perform;
use industrydata_core::lro::PollPlan;
use industrydata_core::lro::Read;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::ReadErrorKind;
use industrydata_core::lro::ReadPlan;
use industrydata_core::lro::ResumeError;
use industrydata_core::lro::ResumeToken;
use industrydata_core::lro::RunPoll;
use industrydata_core::lro::RunPollError;
use industrydata_core::lro::RunPollErrorKind;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartErrorKind;
use industrydata_core::lro::Step;
use industrydata_core::lro::TransientError;
use industrydata_core::model::ActivityStatus;
use industrydata_core::model::OperationOrigin;
use industrydata_core::model::OperationStatus;
use industrydata_core::model::RunStatus;
use industrydata_core::policy::Limits;
use industrydata_core::policy::PollingPolicy;
use industrydata_core::policy::Throttle;
use industrydata_core::reconcile::ReconcileError;
use industrydata_core::reconcile::ResolveError;
use industrydata_core::wire::BaseUrl;
use industrydata_core::wire::BaseUrlError;
use industrydata_core::wire::BodyError;
use industrydata_core::wire::BuildError;
use industrydata_core::wire::Cause;
use industrydata_core::wire::CertificateFault;
use industrydata_core::wire::IncompleteBody;
use industrydata_core::wire::LocationError;
use industrydata_core::wire::OperationUrl;
use industrydata_core::wire::Phase;
use industrydata_core::wire::ProxyError;
use industrydata_core::wire::ServiceError;
use industrydata_core::wire::TransportError;
use world::{Answer, Script, World};

#[path = "../tests/world/mod.rs"]
mod world;

/// The kinds of an error, all of which the document must show.
trait Kind {
    const TYPE: &'static str;
    const VARIANTS: &'static [&'static str];

    fn variant(&self) -> &'static str;
}

macro_rules! kinds {
    ($($name:ident { $($variant:ident)+ })+) => {$(
        impl Kind for $name {
            const TYPE: &'static str = stringify!($name);
            const VARIANTS: &'static [&'static str] = &[$(stringify!($variant)),+];

            fn variant(&self) -> &'static str {
                match self {
                    $(Self::$variant { .. } => stringify!($variant),)+
                }
            }
        }
    )+};
}

kinds! {
    StartErrorKind {
        NoSlot Throttled Unauthorized Forbidden NoToken Refused Unreachable TimeLimit AmbiguousAnswer AnswerLost
        Dropped Stopped NotFollowable KeyInUse KeyInDoubt KeyNotFollowable Ledger
    }
    OperationPollErrorKind {
        Failed Gone NotFound LostTrack Unauthorized Forbidden NoToken Unexpected TimeLimit Stopped
    }
    ReadErrorKind {
        InvalidId NotFound Forbidden Unauthorized NoToken Unexpected Unreadable GaveUp Link Endless TimeLimit Stopped
    }
    ActionErrorKind {
        InvalidId NotFound Throttled Unauthorized Forbidden NoToken Refused Unreachable TimeLimit AmbiguousAnswer
        AnswerLost Dropped Stopped NotFollowable
    }
    RunPollErrorKind { Failed Unrecognised LostTrack Read TimeLimit Stopped }
}

/// The text of one value: its variant, its facts and its lines.
struct Sample {
    variant: &'static str,
    facts: String,
    lines: Vec<String>,
}

impl Sample {
    fn new(variant: &'static str, text: &impl fmt::Display) -> Self {
        Self {
            variant,
            facts: String::new(),
            lines: vec![text.to_string()],
        }
    }

    /// Adds the chain of sources, down to the root.
    fn because(mut self, error: &dyn Error) -> Self {
        let sources = successors(error.source(), |&error| error.source());
        self.lines
            .extend(sources.map(|source| format!("because: {source}")));
        self
    }

    fn fact(mut self, name: &str, value: Option<impl fmt::Display>) -> Self {
        if let Some(value) = value {
            self.facts += &format!(" · {name} {value}");
        }
        self
    }
}

/// The sample of a machine's error. All of these errors have the same methods.
macro_rules! sample {
    ($error:ident) => {{
        let debug = format!("{:?}", $error);
        assert!(debug.contains($error.kind().variant()), "{debug}");
        let status = $error
            .service_error()
            .map(|answer| answer.status().as_u16());
        let mut sample = Sample::new($error.kind().variant(), &$error)
            .because(&$error)
            .fact("may have started:", Some($error.may_have_started()))
            .fact("answer", status)
            .fact("request-id", $error.request_id());
        sample.lines.push(format!("advice: {}", $error.advice()));
        sample
    }};
}

/// Adds a section for each enum, with one value of each variant. `$more` adds to a value's text.
macro_rules! sections {
    ($document:ident, $more:expr; $($name:ident {
        $($variant:ident $(($value:expr))? $({ $($field:ident: $of:expr),+ })?)+
    })+) => {$(
        let variant = |it: &$name| match it {
            $($name::$variant { .. } => stringify!($variant),)+
        };
        let more: fn(Sample, &$name) -> Sample = $more;
        let all = [$($name::$variant $(($value))? $({ $($field: $of),+ })?),+];
        let samples = all.iter().map(|it| more(Sample::new(variant(it), it), it));
        $document.add(stringify!($name), samples);
    )+};
}

#[derive(Default)]
struct Document(String);

impl Document {
    /// Adds the errors of one machine in the order of their kinds. Each kind must occur.
    #[track_caller]
    fn add_kind<K: Kind>(&mut self, mut all: Vec<Sample>) {
        let place = |sample: &Sample| K::VARIANTS.iter().position(|it| *it == sample.variant);
        all.sort_by_key(place);
        let mut kinds: Vec<&str> = all.iter().map(|sample| sample.variant).collect();
        kinds.dedup();
        assert_eq!(kinds, K::VARIANTS, "{}", K::TYPE);
        self.add(K::TYPE, all);
    }

    fn add(&mut self, name: &str, all: impl IntoIterator<Item = Sample>) {
        self.0 += &format!("\n# {name}\n\n");
        for sample in all {
            self.0 += &format!("{name}::{}{}\n", sample.variant, sample.facts);
            for line in sample.lines {
                self.0 += &format!("    {line}\n");
            }
        }
    }
}

#[test]
fn every_message_is_as_it_was_reviewed() {
    let mut document = Document::default();
    document.add_kind::<StartErrorKind>(starts());
    document.add_kind::<OperationPollErrorKind>(operation_polls());
    document.add_kind::<ActionErrorKind>(actions());
    document.add_kind::<ReadErrorKind>(reads());
    document.add_kind::<RunPollErrorKind>(run_polls());
    add_errors(&mut document);
    add_reasons_and_states(&mut document);

    // Text from outside contains no control characters, and no message contains a token.
    let is_harmless = |c: char| c == '\n' || !c.is_control();
    assert!(document.0.chars().all(is_harmless));
    assert!(!document.0.contains("canary"));
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("words", document.0));
}

/// An answer's body with a request id, and control characters.
const BODY: &str =
    r#"{"error":{"code":"c-1","message":"m-1\u0007","innerError":{"request-id":"r-1"}}}"#;
const DAY: u64 = 86_400;

fn answer(status: u16) -> Script {
    Script::new().with(status, &[], BODY)
}

fn asked_to_wait(status: u16, seconds: &str) -> Script {
    Script::new().with(status, &[("retry-after", seconds)], BODY)
}

fn body(text: &str) -> Script {
    Script::new().with(200, &[], text)
}

fn lost(phase: Phase) -> Script {
    Script::new().then(Answer::Lost(phase))
}

fn down() -> TokenError {
    TokenError::unavailable("down")
}

fn no_socket() -> Cause {
    Cause::new(TransportError::new(Phase::Connect, "no socket"))
}

fn no_token(error: TokenError) -> Script {
    Script::new().then(Answer::NoToken(error))
}

/// The service refuses each token.
fn refused() -> Script {
    let fresh = answer(401).then(Answer::Token("canary-2"));
    fresh.with(401, &[], BODY).with(401, &[], BODY)
}

/// The service refuses the token, and the source has no other.
fn refused_without_another() -> Script {
    let expired = TokenError::Refused("invalid_client".to_owned().into());
    answer(401).then(Answer::NoToken(expired))
}

fn limits(seconds: u64) -> Limits {
    Limits {
        total: Duration::from_secs(seconds),
        ..Limits::default()
    }
}

fn plan(limits: Limits) -> PollPlan {
    PollPlan {
        service: Service::new(BaseUrl::graph(), "test/1"),
        policy: PollingPolicy::default(),
        limits,
    }
}

fn starts() -> Vec<Sample> {
    let mut ends: Vec<StartError> = [
        asked_to_wait(429, "3600"),
        refused(),
        refused_without_another(),
        answer(403),
        no_token(down()),
        answer(400),
        lost(Phase::Connect),
        answer(500),
        lost(Phase::Sent),
        Script::new().then(Answer::Dropped),
        Script::new().with(202, &[("request-id", "r-1")], ""),
        Script::new().then(Answer::Store(1, StoreError::unavailable("gone"))),
    ]
    .map(|script| {
        let mut world = World::new(script);
        world.start(world.plan()).unwrap_err()
    })
    .into();
    ends.push(StartError::local("no runtime"));
    let mut world = World::new(answer(404));
    let mut without_beta = world.plan();
    without_beta.service = Service::new("http://localhost".parse().unwrap(), "test/1");
    ends.push(world.start(without_beta).unwrap_err());

    let mut world = World::new(Script::new().accepted().times(5));
    for number in 1..=5 {
        let mut machine = Start::new(world.plan(), [number; 16], world.now);
        world.drive(&mut machine).unwrap();
    }
    let full = world.start(world.plan()).unwrap_err();
    assert_eq!(full.quota().unwrap().next_slot_at(), full.retry_at());
    ends.push(full);

    let mut world = World::new(Script::new());
    let mut machine = Start::new(world.plan(), [1; 16], world.now);
    machine.stop();
    ends.push(world.drive(&mut machine).unwrap_err());
    // The store takes longer than the time limit.
    let mut plan = world.plan();
    plan.limits = limits(5);
    let mut machine = Start::new(plan, [2; 16], world.now);
    world.pass(Duration::from_secs(6));
    ends.push(world.drive(&mut machine).unwrap_err());

    for (outcome, total) in [
        (None, 10),
        (None, 3600),
        (
            Some(Outcome::Confirmed {
                date: world::timestamp(1),
                operation: None,
            }),
            3600,
        ),
    ] {
        ends.push(with_a_key_in_use(outcome, total));
    }

    let samples = ends.into_iter().map(|error| {
        let sample = sample!(error);
        sample.fact("retry at", error.retry_at()).fact(
            "client-request-id of length",
            error.client_request_id().map(str::len),
        )
    });
    samples.collect()
}

/// A start whose key another start has, which ends like this or not at all.
fn with_a_key_in_use(outcome: Option<Outcome>, total: u64) -> StartError {
    let mut world = World::new(Script::new());
    let start_key: StartKey = "nightly".parse().unwrap();
    let key = LedgerKey::new(&BaseUrl::graph(), &world.plan().tenant);
    let (throttle, lease) = (Throttle::default(), limits(60).lease());
    let reserve = Change::reserve(key.clone(), throttle, [3; 16], lease, Caller::default());
    let reserve = reserve.with_start_key(Some(start_key.clone()));
    world.transact(&reserve).unwrap();
    if let Some(outcome) = outcome {
        let settle = Change::settle(key, throttle, [3; 16], outcome);
        world.transact(&settle).unwrap();
    }
    let mut plan = world.plan();
    plan.limits = limits(total);
    let mut machine = Start::new(plan, [2; 16], world.now).with_key(Some(start_key));
    world.drive(&mut machine).unwrap_err()
}

fn operation_polls() -> Vec<Sample> {
    let poll = |world: &World, limits| {
        let url = OperationUrl::parse(&BaseUrl::graph(), world::LOCATION).unwrap();
        let accepted = Some(world::timestamp(0));
        OperationPoll::new(url, plan(limits), accepted, [9; 16], world.now)
    };
    let failed = |detail: &str| {
        body(&format!(
            r#"{{"status":"failed","statusDetail":"{detail}"}}"#
        ))
    };
    let mut ends: Vec<OperationPollError> = [
        (failed(r"no\u0007 data"), DAY),
        (failed(""), DAY),
        (Script::new().operation("failed"), DAY),
        (answer(410), DAY),
        (answer(503).times(30), DAY),
        (lost(Phase::Sent).times(30), DAY),
        (refused(), DAY),
        (answer(403), DAY),
        (refused_without_another(), DAY),
        (no_token(TokenError::Malformed("empty")), DAY),
        (answer(418), DAY),
        (Script::new().running().times(9), 10),
        (answer(503).times(9), 10),
        (asked_to_wait(503, "600"), 10),
    ]
    .map(|(script, total)| {
        let mut world = World::new(script);
        let mut machine = poll(&world, limits(total));
        world.drive(&mut machine).unwrap_err()
    })
    .into();
    // The operation of a validation.
    for (script, total) in [
        (Script::new().operation("failed"), DAY),
        (answer(410), DAY),
        (answer(503).times(30), DAY),
        (answer(403), DAY),
        (no_token(TokenError::Malformed("empty")), DAY),
        (answer(418), DAY),
        (Script::new().running().times(9), 10),
    ] {
        let mut world = World::new(script);
        let machine = poll(&world, limits(total));
        let mut machine = machine.with_origin(OperationOrigin::Validation);
        ends.push(world.drive(&mut machine).unwrap_err());
    }
    let mut world = World::new(answer(404).times(9));
    let url = OperationUrl::parse(&BaseUrl::graph(), world::LOCATION).unwrap();
    let mut machine = OperationPoll::new(url, plan(limits(DAY)), None, [9; 16], world.now);
    ends.push(world.drive(&mut machine).unwrap_err());
    let mut world = World::new(Script::new());
    let mut machine = poll(&world, limits(DAY));
    machine.stop();
    let stopped = world.drive(&mut machine).unwrap_err();
    ends.push(stopped.with_ledger_warning(Some(StoreError::Busy)));

    let samples = ends.into_iter().map(|error| {
        let sample = sample!(error);
        sample
            .fact(
                "resume from",
                error.resume_token().map(ResumeToken::accepted),
            )
            .fact("ledger:", error.ledger_warning())
            .fact(
                "operation",
                error.operation().map(|it| it.status().as_str()),
            )
    });
    samples.collect()
}

fn actions() -> Vec<Sample> {
    let read_plan = |total| ReadPlan {
        service: Service::new(BaseUrl::graph(), "test/1"),
        limits: limits(total),
    };
    let validate = || Action::validate("c-1");
    let reset = || Action::reset_flow("s-1", "f-1");
    let mut ends: Vec<ActionError> = [
        (Script::new(), Action::validate("../me")),
        (answer(404), validate()),
        (answer(404), reset()),
        (asked_to_wait(429, "3600"), validate()),
        (refused(), validate()),
        (refused_without_another(), validate()),
        (answer(403), validate()),
        (answer(403), reset()),
        (no_token(down()), validate()),
        (answer(400), reset()),
        (lost(Phase::Connect), validate()),
        (answer(500), validate()),
        (lost(Phase::Sent), reset()),
        (Script::new().then(Answer::Dropped), validate()),
        (
            Script::new().with(202, &[("location", "https://evil.example/x")], ""),
            validate(),
        ),
    ]
    .map(|(script, action)| {
        let mut world = World::new(script);
        let mut machine = Perform::new(action, read_plan(DAY), [7; 16], world.now);
        world.drive(&mut machine).unwrap_err()
    })
    .into();
    let mut world = World::new(Script::new());
    let mut machine = Perform::new(validate(), read_plan(DAY), [7; 16], world.now);
    machine.stop();
    ends.push(world.drive(&mut machine).unwrap_err());
    let mut machine = Perform::new(validate(), read_plan(5), [7; 16], world.now);
    world.pass(Duration::from_secs(6));
    ends.push(world.drive(&mut machine).unwrap_err());

    let samples = ends.into_iter().map(|error| {
        let sample = sample!(error);
        let doubt = error.is_in_doubt().then_some("in doubt");
        sample
            .fact("it is", doubt)
            .fact("retry at", error.retry_at())
    });
    samples.collect()
}

fn reads() -> Vec<Sample> {
    let mut ends: Vec<ReadError> = [
        (answer(404), 600),
        (answer(403), 600),
        (refused(), 600),
        (refused_without_another(), 600),
        (no_token(TokenError::Malformed("empty")), 600),
        (no_token(down()).times(5), 600),
        (answer(418), 600),
        (
            Script::new().with(200, &[("content-type", "text/html")], "<html>"),
            600,
        ),
        (answer(503).times(5), 600),
        (lost(Phase::Sent).times(5), 600),
        (asked_to_wait(503, "864000"), 600),
        (answer(503).then(Answer::After(Duration::from_secs(9))), 5),
    ]
    .map(|(script, total)| {
        let mut world = World::new(script);
        world.read(GetRun::new("run-1"), limits(total)).unwrap_err()
    })
    .into();
    let mut world = World::new(Script::new());
    let invalid = world.read(GetRun::new("../me"), Limits::default());
    ends.push(invalid.unwrap_err());
    for next in [
        "https://evil.example/x",
        r"https://evil.example/x\u0007",
        "https://graph.microsoft.com/beta/external/industryData/runs?page=2",
    ] {
        let page = format!(r#"{{"value":[],"@odata.nextLink":"{next}"}}"#);
        let mut world = World::new(body(&page).times(2));
        ends.push(world.read(ListRuns, Limits::default()).unwrap_err());
    }
    let plan = ReadPlan {
        service: Service::new(BaseUrl::graph(), "test/1"),
        limits: Limits::default(),
    };
    let mut machine = Read::new(GetRun::new("run-1"), plan, [9; 16], world.now);
    machine.stop();
    let Step::Done(Err(stopped)) = machine.step() else {
        panic!("the machine was stopped")
    };
    ends.push(stopped);

    let samples = ends.into_iter().map(|error| {
        let sample = sample!(error);
        sample
            .fact("subject:", Some(error.subject()))
            .fact("takes", Some(error.permission()))
    });
    samples.collect()
}

fn run_polls() -> Vec<Sample> {
    let run = |more: &str| body(&format!(r#"{{"id":"r-1",{more}}}"#));
    let running = || run(r#""status":"running""#);
    let mut ends: Vec<RunPollError> = [
        (
            run(r#""status":"failed","blockingError":{"code":"C","message":"m\u0007"}"#),
            DAY,
        ),
        (run(r#""status":"failed""#), DAY),
        (
            run(r#""status":"paused\u0007","endDateTime":"2026-03-10T12:00:00Z""#),
            DAY,
        ),
        (answer(503).times(200), DAY),
        (lost(Phase::Sent).times(40), DAY),
        (answer(403), DAY),
        (running().times(9), 10),
        (asked_to_wait(503, "3600"), 60),
    ]
    .map(|(script, total)| World::new(script).poll_run(limits(total)).unwrap_err())
    .into();
    let world = World::new(Script::new());
    let mut machine = RunPoll::new("run-1", plan(limits(DAY)), [9; 16], world.now);
    machine.stop();
    let Step::Done(Err(stopped)) = machine.step() else {
        panic!("the machine was stopped")
    };
    ends.push(stopped);

    let samples = ends.into_iter().map(|error| {
        let sample = sample!(error);
        sample
            .fact("run", Some(error.run_id()))
            .fact("last seen", error.run().map(|run| run.id()))
    });
    samples.collect()
}

fn a_read_error() -> ReadError {
    World::new(answer(404))
        .read(GetRun::new("run-1"), Limits::default())
        .unwrap_err()
}

fn an_answer() -> Box<ServiceError> {
    Box::new(a_read_error().service_error().unwrap().clone())
}

fn add_errors(document: &mut Document) {
    sections! { document, |sample, it| sample.because(it);
        TransientError {
            Lost(TransportError::new(Phase::Tls, "handshake")) Answer(an_answer()) Body(IncompleteBody::cut("reset")) Encoded
            Unreadable(BodyError::EmptyBody) Token(down()) Dropped
        }
        IncompleteBody { TooLarge { limit: 1024 } Cut(Cause::new("reset")) }
        StoreError {
            Busy Unavailable(no_socket()) Damaged("checksum") Newer { found: 9, known: 1 } Unconfirmed(no_socket())
        }
        Unresolved { NoSuchEntry InFlight Answered Claimed NoQuarantine }
        ReconcileError { Ledger(StoreError::Busy) Read(a_read_error()) }
        ResolveError { Ledger(StoreError::Busy) Unresolved(Unresolved::InFlight) }
        ResumeError { Malformed Newer OtherBase(LocationError::CrossOrigin) }
        TenantError { Empty TooLong { bytes: 300 } Control OfMany("common") }
        StartKeyError { Empty TooLong { bytes: 130 } Control }
        BaseUrlError {
            TooLong Unparsable NotHttp NoHost FinalDot HasCredentials Insecure HasQuery HasFragment EmptySegment
            NationalCloud { host: "graph.microsoft.us" } VersionOne NotBeta
        }
        LinkError { Location(LocationError::CrossOrigin) Elsewhere }
        CertificateFault {
            UnknownAuthority OtherName Expired NotYetValid Revoked OtherPurpose Authority Invalid
        }
        ProxyError { Unreadable { variable: "https_proxy" } Unsupported { variable: "ALL_PROXY" } }
        BuildError {
            Base(BaseUrlError::NoHost) NoTlsProvider NoTls Proxy(ProxyError::Unreadable { variable: "https_proxy" })
            Roots { variable: "SSL_CERT_FILE" } Client(no_socket())
        }
    }
    sections! { document, |sample, it| sample.because(it).fact("name", Some(it.name()));
        BodyError {
            WrongContentType EmptyBody NotUtf8 InvalidJson TooDeep NotAnObject DuplicateKey MissingStatus InvalidStatus
            MissingMember("value")
        }
        LocationError {
            Insecure Missing Multiple NotUtf8 TooLong Unparsable HasCredentials CrossOrigin NotAnOperation
        }
    }
    sections! { document, |sample, it| sample.because(it).fact("transient:", Some(it.is_transient()));
        TokenError {
            Malformed("empty") Unusable("no token in it".to_owned()) Refused("invalid_client".to_owned().into())
            Unavailable(no_socket())
        }
    }
    sections! { document, |sample, _| sample;

        PemError { NotPem Damaged NoKey EncryptedKey NotRsa SeveralKeys NoCertificate }
        SignerError { NoSigner InvalidCertificate InvalidKey NotRsa KeyMismatch Failed }
    }
}

fn add_reasons_and_states(document: &mut Document) {
    let wild = || "a\n\u{1b}[2J".to_owned();
    sections! { document, |sample, it| sample.fact("may have acted:", Some(it.may_have_acted()));
        Phase { Local Resolve Connect Proxy Tls Refused Sent }
    }
    sections! { document, |sample, _| sample;
        PauseReason {
            Slot(RefusalReason::Slots) Key Throttled Interval RetryAfter Retry(TransientError::Dropped) RunGoesOn
            Unread(a_read_error())
        }
        RefusalReason { Slots InFlight Service Quarantine }
        MayHaveStarted { Yes No Unknown }
        EntryState { Reserved Confirmed InDoubt External Released Other(wild()) }
        Evidence { Operation(wild()) Run(wild()) NotListed ByHand(wild()) Other(wild()) }
        OperationStatus { NotStarted Running Succeeded Failed UnknownFutureValue Other(wild()) }
        RunStatus {
            Running Failed Completed CompletedWithErrors CompletedWithWarnings UnknownFutureValue Other(wild())
        }
        ActivityStatus {
            InProgress Skipped Failed Completed CompletedWithErrors CompletedWithWarnings UnknownFutureValue
            Other(wild())
        }
    }
}
