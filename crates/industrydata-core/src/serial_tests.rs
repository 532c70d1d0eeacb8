//! What the feature `serde` writes and reads.

use std::{collections::BTreeSet, fmt::Debug, time::Duration};

use jiff::Timestamp;
use proptest::{collection::vec, option::of, prelude::*};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{
    AccessToken, BaseUrl, Limits, PollingPolicy, Tenant, Throttle,
    auth::{
        Application, Assertion, Challenge, ClientAssertion, ClientCredentials, Credential,
        GitHubActions, KeptToken, ManagedIdentity, PemFile, PrivateKey, TokenClaims, TokenError,
        Variables,
    },
    endpoint::Service,
    ledger::{
        Basis, Caller, Change, Entry, EntryState, Evidence, LedgerKey, Outcome, Quota,
        RefusalReason, Resolution, Schedule, Skip, StartKey,
    },
    lro::{MayHaveStarted, ResumeToken, Session, Settings, StartError},
    model::{
        ActivityStatus, IndustryDataRun, Operation, OperationOrigin, OperationStatus, PublicError,
        RunActivity, RunStatistics, RunStatus,
    },
    reconcile::{FailureDetails, Match, RunMatch, RunMatchedBy},
    wire::{BodyError, ErrorDetail, OperationUrl},
};

/// Fails to compile if a type has a trait: a call that could mean either implementation.
macro_rules! has_not {
    ($bound:path: $($name:ty),+ $(,)?) => {{
        trait Either<Which> {
            fn is_chosen() {}
        }
        impl<T: ?Sized> Either<()> for T {}
        struct WithTheTrait;
        impl<T: ?Sized + $bound> Either<WithTheTrait> for T {}
        $(<$name as Either<_>>::is_chosen();)+
    }};
}

#[test]
fn what_is_secret_or_needs_a_base_is_neither_written_nor_read() {
    has_not!(Serialize: AccessToken, Assertion, ClientAssertion, ClientCredentials, Credential, GitHubActions,
        ManagedIdentity, PemFile, PrivateKey, KeptToken, Challenge, TokenClaims, TokenError, Variables, Application,
        OperationUrl, Service, Session, StartError);
    has_not!(DeserializeOwned: AccessToken, Assertion, ClientAssertion, ClientCredentials, Credential, GitHubActions,
        ManagedIdentity, PemFile, PrivateKey, KeptToken, Challenge, TokenClaims, TokenError, Variables, Application,
        OperationUrl, Service, Session, StartError);
}

/// Writes a value and reads it back.
fn again<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) -> Value {
    let text = serde_json::to_string(value).unwrap();
    let read: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    assert_eq!(&read, value, "{text}");
    let whole: Value = serde_json::from_str(&text).unwrap();
    // By another route, where texts are borrowed and members are in another order.
    let read: T = serde_json::from_value(whole.clone()).unwrap();
    assert_eq!(&read, value, "{text}");
    whole
}

/// The text of a checked type is read by its own check, with the same error.
fn is_checked<T>(text: &str) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + std::str::FromStr + ToString,
    T::Err: ToString,
{
    let read = serde_json::from_value::<T>(Value::from(text));
    match (text.parse::<T>(), read) {
        (Ok(value), Ok(read)) => {
            prop_assert_eq!(&read, &value);
            prop_assert_eq!(again(&value), Value::from(value.to_string()));
        }
        (Err(error), Err(refused)) => prop_assert_eq!(refused.to_string(), error.to_string()),
        (parsed, read) => prop_assert!(false, "{text:?}: {} {}", parsed.is_ok(), read.is_ok()),
    }
    Ok(())
}

fn base_text() -> impl Strategy<Value = String> {
    let good =
        "https?://(localhost|[a-z]{1,8}\\.example)(:[0-9]{1,5})?(/[a-zA-Z%.~]{0,6}){0,3}[?#@]?";
    prop_oneof![4 => good, 1 => ".{0,40}"]
}

fn resume_text() -> impl Strategy<Value = String> {
    let token =
        ("[a-z0-9-]{1,40}", 0..4_000_000_000_i64, 0..3_usize).prop_map(|(id, at, origin)| {
            let url = OperationUrl::from_id(&BaseUrl::graph(), &id).unwrap();
            let origins = [
                OperationOrigin::Start,
                OperationOrigin::Validation,
                OperationOrigin::Reset,
            ];
            let at = Timestamp::from_second(at).unwrap();
            let token = ResumeToken::new(&BaseUrl::graph(), &url, at);
            token.with_origin(origins[origin]).to_string()
        });
    prop_oneof![3 => token.boxed(), 1 => "(idr[0-9]:)?[A-Za-z0-9_-]{0,40}".boxed()]
}

/// Bodies as the service sends them, and bodies with members of other types and names.
fn body() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        "[a-z]{0,6}",
        Just("succeeded".to_owned()),
        Just("completedWithErrors".to_owned()),
        Just("2024-09-11T05:54:35.400029Z".to_owned()),
        Just("2024-09-11T05:54:35+02:00".to_owned()),
        ".{0,4}",
    ];
    let leaf = prop_oneof![
        6 => text.prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    let names = Operation::NAMES.iter().chain(IndustryDataRun::NAMES);
    let names: Vec<&str> = names.chain(RunStatistics::NAMES).copied().collect();
    let name = prop_oneof![
        6 => proptest::sample::select(names).prop_map(str::to_owned),
        1 => "[a-z@.]{0,5}",
    ];
    let value = leaf.prop_recursive(6, 60, 6, move |inner| {
        let object = vec((name.clone(), inner.clone()), 0..6);
        let object = object.prop_map(|members| Value::Object(members.into_iter().collect()));
        prop_oneof![2 => object, 1 => vec(inner, 0..4).prop_map(Value::from)]
    });
    let whole = |members: [(&str, Value); 6]| {
        let members = members.into_iter().map(|(name, it)| (name.to_owned(), it));
        Value::Object(members.collect())
    };
    let known = [
        ["status", "id", "statusDetail", "errors", "error", "x"],
        [
            "id",
            "status",
            "blockingError",
            "startDateTime",
            "endDateTime",
            "@odata.context",
        ],
        [
            "runId",
            "status",
            "inboundTotals",
            "activityStatistics",
            "y",
            "displayName",
        ],
    ];
    (0..3_usize, vec(value, 6)).prop_map(move |(kind, values)| {
        let mut members = known[kind].into_iter().zip(values);
        let members = std::array::from_fn(|_| members.next().unwrap());
        whole(members)
    })
}

/// What is read from a body is what `decode` reads from it, and it is written so that it is read again.
fn is_read_as_decoded<T>(
    body: &Value,
    decode: impl Fn(Option<&[u8]>, &[u8]) -> Result<T, BodyError>,
) -> Result<(), TestCaseError>
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let text = body.to_string();
    let read: Result<T, _> = serde_json::from_str(&text);
    match (decode(None, text.as_bytes()), read) {
        (Ok(value), Ok(read)) => {
            prop_assert_eq!(&read, &value);
            let written = again(&value);
            let names = |it: &Value| -> BTreeSet<String> {
                it.as_object().unwrap().keys().cloned().collect()
            };
            let lost: Vec<_> = names(body).difference(&names(&written)).cloned().collect();
            prop_assert_eq!(lost, Vec::<String>::new());
        }
        (Err(error), Err(refused)) => {
            let refused = refused.to_string();
            prop_assert!(refused.starts_with(&error.to_string()), "{refused}");
        }
        (decoded, read) => prop_assert!(false, "{text}: {decoded:?} {read:?}"),
    }
    Ok(())
}

fn schedule() -> impl Strategy<Value = Schedule> {
    (0..2_000_000_000_i64, 0..900_u64, 0..9_usize).prop_map(|(at, uncertainty, runs)| {
        let at = Timestamp::from_second(at).unwrap();
        let written = json!({
            "anchor": at,
            "uncertainty": format!("{uncertainty}s"),
            "basis": if runs == 0 { json!("given") } else { json!({"inferred": {"runs": runs}}) },
        });
        serde_json::from_value(written).unwrap()
    })
}

proptest! {
    #[test]
    fn a_tenant_is_read_by_its_check(text in ".{0,300}|[a-z]{250,260}|[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}") {
        is_checked::<Tenant>(&text)?;
    }

    #[test]
    fn a_key_is_read_by_its_check(text in ".{0,40}|[a-z]{126,130}") {
        is_checked::<StartKey>(&text)?;
    }

    #[test]
    fn a_base_url_is_read_by_its_check(text in base_text()) {
        is_checked::<BaseUrl>(&text)?;
    }

    #[test]
    fn a_resume_token_is_read_by_its_check(text in resume_text()) {
        is_checked::<ResumeToken>(&text)?;
    }

    #[test]
    fn what_the_service_has_is_read_as_it_is_decoded(body in body()) {
        is_read_as_decoded::<Operation>(&body, Operation::decode)?;
        is_read_as_decoded::<IndustryDataRun>(&body, IndustryDataRun::decode)?;
        is_read_as_decoded::<RunStatistics>(&body, RunStatistics::decode)?;
        let activity: RunActivity = serde_json::from_value(body.clone()).unwrap();
        again(&activity);
        let error: PublicError = serde_json::from_value(body).unwrap();
        again(&error);
    }

    #[test]
    fn a_status_keeps_its_text(text in "[a-zA-Z]{0,12}|Running|succeeded|seen|unknown") {
        again(&OperationStatus::known(&text).unwrap_or_else(|| OperationStatus::Other(text.clone())));
        again(&RunStatus::known(&text).unwrap_or_else(|| RunStatus::Other(text.clone())));
        again(&ActivityStatus::known(&text).unwrap_or_else(|| ActivityStatus::Other(text.clone())));
        again(&EntryState::from(text.clone()));
        for evidence in [
            Evidence::Operation(text.clone()),
            Evidence::Run(text.clone()),
            Evidence::NotListed,
            Evidence::ByHand(text.clone()),
            Evidence::Other(text.clone()),
        ] {
            again(&Match::Resolved { entry: text.clone(), resolution: Resolution::NotStarted, evidence });
        }
    }

    #[test]
    fn a_schedule_and_its_forecast_are_written_whole(schedule in schedule(), now in 0..2_000_000_000_i64) {
        again(&schedule);
        again(&schedule.forecast(&[], Timestamp::from_second(now).unwrap()));
    }

    #[test]
    fn settings_are_written_whole(
        limits in any::<(u64, u32, u64)>(), every in of(any::<u64>()), agent in of(".{0,9}"),
        throttle in any::<(u32, u32)>(), label in of(".{0,9}"), base in base_text(),
    ) {
        let limits = Limits {
            request: Duration::new(limits.0 >> 12, limits.1 % 1_000_000_000),
            total: Duration::from_millis(limits.2 >> 12),
        };
        let throttle = Throttle { limit: throttle.0, window: Duration::from_secs(throttle.1.into()) };
        let polling = every.map_or_else(PollingPolicy::default, |ms| PollingPolicy::every(Duration::from_millis(ms >> 12)));
        again(&limits);
        again(&throttle);
        again(&polling);
        let caller = Caller { label, ..Caller::default() };
        again(&caller);
        let mut settings = Settings::default()
            .polling(polling)
            .throttle(throttle)
            .request_limit(limits.request)
            .time_limit(limits.total.min(Limits::LONGEST_TOTAL))
            .caller(caller);
        if let Some(agent) = agent {
            settings = settings.user_agent(agent);
        }
        if let Ok(base) = base.parse() {
            settings = settings.base(base);
        }
        let written = serde_json::to_string(&settings).unwrap();
        let read: Settings = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(format!("{read:?}"), format!("{settings:?}"));
    }
}

/// A quota with a confirmed start and one in flight.
fn quota() -> Quota {
    let key = LedgerKey::new(&BaseUrl::graph(), &"contoso".parse().unwrap());
    let now: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
    let (throttle, limits) = (Throttle::default(), Limits::default());
    let reserve = |id: u8| {
        let caller = Caller::default();
        Change::reserve(key.clone(), throttle, [id; 16], limits.lease(), caller)
    };
    let first = reserve(1).apply(None, now).unwrap();
    let outcome = Outcome::Confirmed {
        date: now,
        operation: Some("o-1".to_owned()),
    };
    let settled = Change::settle(key.clone(), throttle, [1; 16], outcome);
    let settled = settled.apply(first.write.as_deref(), now).unwrap();
    let second = reserve(2).apply(settled.write.as_deref(), now).unwrap();
    second.reply.quota().clone()
}

#[test]
fn a_quota_is_written_with_what_follows_from_it() {
    let quota = quota();
    let schedule = Schedule::given("2026-03-10T18:00:00Z".parse().unwrap());
    again(&quota);
    let written = again(&quota.with_schedule(Some(schedule)));
    insta::assert_snapshot!("quota", serde_json::to_string_pretty(&written).unwrap());
}

#[test]
fn operations_and_runs_have_the_names_of_graph() {
    let operation = br##"{"@odata.context":"c","@odata.type":"#microsoft.graph.industryData.fileValidateOperation",
        "id":"o-1","status":"succeeded","createdDateTime":"2024-09-11T05:54:35.400029Z","errors":[{"code":"Bad",
        "message":"row 1","target":"users.csv","severity":{"level":2},"innerError":{"code":"x","innerError":{"code":"y"}}},
        "text"],"validatedFiles":["users.csv"],"next":[1.50,12345678901234567890]}"##;
    let operation = Operation::decode(None, operation).unwrap();
    let run = br#"{"id":"r-1","displayName":"Run","status":"paused","startDateTime":"2023-11-01T11:10:46.924769Z",
        "endDateTime":null,"blockingError":{"code":5},"trigger":"manual"}"#;
    let run = IndustryDataRun::decode(None, run).unwrap();
    let statistics = br#"{"runId":"r-1","status":"completed","inboundTotals":{"people":3,"matchedPeopleByRole":[
        {"count":2,"role":"student"}],"extra":1},"activityStatistics":[{"activityId":"a","groups":{"active":1},"more":
        {}},{"role":"x"}],"z":true}"#;
    let statistics = RunStatistics::decode(None, statistics).unwrap();
    let written = json!([again(&operation), again(&run), again(&statistics)]);
    insta::assert_snapshot!("service", serde_json::to_string_pretty(&written).unwrap());
}

#[test]
fn settings_may_be_partial_and_name_what_is_not_known() {
    let settings: Settings = serde_json::from_value(json!({
        "base": "http://127.0.0.1:8080/beta", "polling": "10s", "limits": {"request": "2 minutes"},
        "throttle": {"window": "PT6H"}, "caller": {"label": "nightly"},
    }))
    .unwrap();
    let limits = settings.limits();
    assert_eq!(limits.request, Duration::from_secs(120));
    assert_eq!(limits.total, Limits::default().total);
    insta::assert_snapshot!("settings", serde_json::to_string_pretty(&settings).unwrap());
    let error = |value: Value| {
        let read = serde_json::from_value::<Settings>(value);
        read.unwrap_err().to_string()
    };
    assert!(error(json!({"pooling": "10s"})).starts_with("unknown field `pooling`"));
    let insecure = "http://graph.example".parse::<BaseUrl>().unwrap_err();
    assert_eq!(
        error(json!({"base": "http://graph.example"})),
        insecure.to_string()
    );
    assert!(error(json!({"polling": "soon"})).starts_with("failed to parse input"));
    // Beyond its range, a limit is reduced as by its setter.
    let clamped: Settings = serde_json::from_value(json!({"limits": {"request": "3h"}})).unwrap();
    assert_eq!(clamped.limits().request, Limits::LONGEST_REQUEST);
}

#[test]
fn the_id_of_an_entry_is_checked() {
    let written = json!({"id": "x", "state": "confirmed", "at": "2026-03-10T12:00:00Z", "until": "2026-03-10T12:03:00Z"});
    let error = serde_json::from_value::<Entry>(written).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the id of an entry has 32 hexadecimal digits"
    );
}

#[test]
fn an_operation_with_two_statuses_is_refused() {
    let body = r#"{"status":"running","status":"succeeded"}"#;
    let error = serde_json::from_str::<Operation>(body).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with(&BodyError::DuplicateKey.to_string())
    );
    // As in an answer, another member may repeat; the last counts.
    let operation: Operation =
        serde_json::from_str(r#"{"status":"running","id":"a","id":"b"}"#).unwrap();
    assert_eq!(operation.id(), Some("b"));
}

#[test]
fn a_token_in_a_member_that_is_not_known_is_redacted() {
    let token = "canary-4f1d2c3b-5a6e";
    let body =
        json!({"status": "running", "echo": {"seen": [format!("Bearer {token}")], (token): 1}});
    let body = body.to_string();
    let operation = Operation::decode_redacted(None, body.as_bytes(), Some(token)).unwrap();
    let written = again(&operation);
    assert!(!written.to_string().contains(token), "{written}");
    assert!(!format!("{operation:?}").contains(token));
    assert!(written["echo"]["seen"][0].is_string());
}

#[test]
fn the_other_types_are_written_whole() {
    for origin in [
        OperationOrigin::Start,
        OperationOrigin::Validation,
        OperationOrigin::Reset,
    ] {
        again(&origin);
    }
    for may in [
        MayHaveStarted::Yes,
        MayHaveStarted::No,
        MayHaveStarted::Unknown,
    ] {
        assert_eq!(again(&may), may.as_str());
    }
    for by in [RunMatchedBy::ResourceLocation, RunMatchedBy::StartTime] {
        assert_eq!(again(&by), by.as_str());
    }
    for skip in [Skip::Yes, Skip::No, Skip::Uncertain] {
        again(&skip);
    }
    for reason in [
        RefusalReason::Slots,
        RefusalReason::InFlight,
        RefusalReason::Service,
        RefusalReason::Quarantine,
    ] {
        again(&reason);
    }
    again(&Basis::Inferred { runs: 3 });
    again(&ErrorDetail::default());
    again(&FailureDetails::default());
    let body = br#"{"status":"succeeded","resourceLocation":"https://graph.microsoft.com/beta/external/industryData/runs/r-1"}"#;
    let operation = Operation::decode(None, body).unwrap();
    again(&RunMatch::by_resource_location(&BaseUrl::graph(), &operation).unwrap());
    let external = Match::External {
        evidence: Evidence::Run("r-1".to_owned()),
        started: Timestamp::UNIX_EPOCH,
    };
    again(&external);
}
