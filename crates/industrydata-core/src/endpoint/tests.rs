use proptest::prelude::*;

use super::*;

use crate::endpoint::link::run_id;
use crate::{
    model::{
        activity::ActivityStatus,
        run::{IndustryDataRun, RunStatus},
        statistics::RunStatistics,
    },
    wire::{base_url::BaseUrl, body_error::BodyError},
};

const JSON: Option<&[u8]> = Some(b"application/json");

fn answer(body: &str) -> Answer<'_> {
    Answer::new(JSON, body.as_bytes())
}

#[test]
fn the_uri_of_each_request() {
    let base = BaseUrl::graph();
    let at = |path: &str| format!("https://graph.microsoft.com/beta/external/industryData{path}");
    assert_eq!(
        ListOperations.request(&base).unwrap().to_string(),
        at("/operations")
    );
    assert_eq!(
        Preflight.request(&base).unwrap().to_string(),
        at("/operations")
    );
    assert_eq!(ListRuns.request(&base).unwrap().to_string(), at("/runs"));
    let id = "refresh:a";
    assert_eq!(
        GetOperation::new(id).request(&base).unwrap().to_string(),
        at("/operations/refresh%3Aa")
    );
    assert_eq!(
        GetRun::new("r").request(&base).unwrap().to_string(),
        at("/runs/r")
    );
    assert_eq!(
        GetStatistics::new("r").request(&base).unwrap().to_string(),
        at("/runs/r/getStatistics")
    );
    assert_eq!(
        ListActivities::new("r").request(&base).unwrap().to_string(),
        at("/runs/r/activities")
    );
    assert_eq!(GetRun::new("../me").request(&base), None);
}

#[test]
fn the_documented_run_list() {
    let page = ListRuns
        .decode(&answer(
            r##"{"@odata.context":"x","@odata.nextLink":"https://h/next","value":[
            {"@odata.type":"#microsoft.graph.industryData.industryDataRun","id":"918d4a8f-599b-4f6a-b409-e892855db534",
             "displayName":"Run 2023-11-01 11:10 UTC","startDateTime":"2023-11-01T11:10:46.924769Z","endDateTime":null,
             "status":"running"},
            {"id":"c7625e5d","displayName":"Run","startDateTime":"2023-10-01T21:10:46.924769Z",
             "endDateTime":"2023-10-01T23:00:26.012Z","status":"COMPLETED","blockingError":null},
            {"id":"3","status":"failed","startDateTime":7,"blockingError":{"code":"C","message":"m\u0007","target":null,
             "details":[{"code":"D"}],"innerError":{"code":"I","other":{"x":[]}}}},
            {"id":"4","status":"paused"}]}"##,
        ))
        .unwrap();
    assert_eq!(page.next.as_deref(), Some("https://h/next"));
    let [running, completed, failed, paused] = page.content.as_slice() else {
        panic!("four runs")
    };
    assert_eq!(running.status(), &RunStatus::Running);
    assert_eq!(running.ended(), None);
    assert_eq!(
        running.started(),
        Some("2023-11-01T11:10:46.924769Z".parse().unwrap())
    );
    assert!(completed.status().is_terminal() && completed.ended().is_some());
    assert_eq!(completed.blocking_error(), None);
    let error = failed.blocking_error().unwrap();
    assert_eq!((error.code(), error.target()), (Some("C"), None));
    assert_eq!(error.inner_codes(), ["I"]);
    assert_eq!(error.details().len(), 1);
    assert_eq!(error.to_string(), r"C: m\u{7}");
    assert_eq!(failed.started(), None, "a wrong type is no error");
    assert_eq!(paused.status(), &RunStatus::Other("paused".to_owned()));
    assert!(!paused.status().is_terminal() && !paused.status().is_known());
}

#[test]
fn a_list_keeps_operations_without_a_status() {
    let page = ListOperations
        .decode(&answer(
            r#"{"value":[{"id":"a","status":null},{"id":"b","status":"succeeded","resourceLocation":"https://h/r"},
            {"createdDateTime":"2020-03-19T12-01-03.45Z"}]}"#,
        ))
        .unwrap();
    assert_eq!(page.next, None);
    let statuses: Vec<&str> = page.content.iter().map(|it| it.status().as_str()).collect();
    assert_eq!(statuses, ["", "succeeded", ""]);
    assert!(!page.content[0].status().is_terminal());
    assert_eq!(page.content[2].created(), None);
}

#[test]
fn statistics_are_read_although_they_contradict_their_schema() {
    let body = r#"{"runId":"r","status":"completed","inboundTotals":{"errors":0,"groups":565987,"people":null,
        "memberships":"many","matchedPeopleByRole":[{"count":154390,"role":"student"},{"role":"teacher"}],
        "unmatchedPeopleByRole":[]},"activityStatistics":[{"count":1,"role":"student"},7,
        {"activityId":"a","displayName":"n","status":"inProgress","errors":null,"people":{"active":3}}]}"#;
    let read = RunStatistics::decode(JSON, body.as_bytes()).unwrap();
    let totals = read.inbound_totals().unwrap();
    assert_eq!((totals.errors, totals.groups), (Some(0), Some(565_987)));
    assert_eq!((totals.people, totals.memberships), (None, None));
    assert_eq!(totals.matched_people_by_role.len(), 2);
    assert_eq!(read.activities().len(), 1);
    assert_eq!(read.unrecognised(), 2);
    assert_eq!(read.activities()[0].people.unwrap().active, Some(3));
    assert_eq!(
        RunStatistics::decode(JSON, b"{}"),
        Err(BodyError::MissingMember("runId"))
    );
}

#[test]
fn activities_of_a_run() {
    let page = ListActivities::new("r")
        .decode(&answer(
            r##"{"value":[{"@odata.type":"#microsoft.graph.industryData.inboundFlowActivity","id":"a",
            "displayName":"Rosters","status":"inProgress","blockingError":{"code":"C"}},{}]}"##,
        ))
        .unwrap();
    let [flow, bare] = page.content.as_slice() else {
        panic!("two activities")
    };
    assert_eq!(
        (flow.id(), flow.display_name()),
        (Some("a"), Some("Rosters"))
    );
    assert_eq!(
        flow.odata_type(),
        Some("#microsoft.graph.industryData.inboundFlowActivity")
    );
    assert_eq!(flow.status(), &ActivityStatus::InProgress);
    assert_eq!(flow.blocking_error().unwrap().code(), Some("C"));
    assert_eq!((bare.id(), bare.display_name()), (None, None));
    assert_eq!((bare.odata_type(), bare.blocking_error()), (None, None));
}

#[test]
fn an_answer_that_is_not_a_list_is_an_error() {
    for (body, error) in [
        ("", BodyError::EmptyBody),
        ("[]", BodyError::NotAnObject),
        ("{", BodyError::InvalidJson),
        ("{}", BodyError::MissingMember("value")),
        (r#"{"value":{}}"#, BodyError::MissingMember("value")),
        (r#"{"value":[1]}"#, BodyError::NotAnObject),
        (r#"{"value":[{}]}"#, BodyError::MissingMember("id")),
        (
            r#"{"value":[],"@odata.nextLink":1}"#,
            BodyError::MissingMember("@odata.nextLink"),
        ),
    ] {
        assert_eq!(ListRuns.decode(&answer(body)), Err(error), "{body}");
    }
    let html = Answer::new(Some(b"text/html"), b"{\"value\":[]}");
    assert_eq!(ListRuns.decode(&html), Err(BodyError::WrongContentType));
    assert_eq!(
        IndustryDataRun::decode(JSON, b"{\"status\":\"running\"}"),
        Err(BodyError::MissingMember("id"))
    );
}

#[test]
fn a_repeated_token_is_redacted_everywhere() {
    let body = r#"{"value":[{"id":"not-a-secret1","displayName":"x \u006eot-a-secret1","status":"not-a-secret1",
        "blockingError":{"message":"not-a-secret1","innerError":{"code":"not-a-secret1"}}}]}"#;
    let runs = ListRuns.decode(&answer(body).redacting(Some("not-a-secret1")));
    assert!(!format!("{runs:?}").contains("not-a-secret1"), "{runs:?}");
    let operations = ListOperations.decode(&answer(body).redacting(Some("not-a-secret1")));
    assert!(!format!("{operations:?}").contains("not-a-secret1"));
    let activities =
        ListActivities::new("r").decode(&answer(body).redacting(Some("not-a-secret1")));
    assert!(!format!("{activities:?}").contains("not-a-secret1"));
}

fn json() -> impl Strategy<Value = String> {
    let names = prop::sample::select(IndustryDataRun::NAMES.to_vec());
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        Just("1e400".to_owned()),
        "[a-zA-Z0-9:./ -]{0,12}".prop_map(|text| format!("\"{text}\"")),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec((names.clone(), inner), 0..6).prop_map(|members| {
                let members: Vec<String> = members
                    .into_iter()
                    .map(|(name, value)| format!("\"{name}\":{value}"))
                    .collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn read_all(body: &[u8]) {
    let answer = Answer::new(None, body).redacting(Some("secret-secret"));
    let _ = ListRuns.decode(&answer);
    let _ = ListOperations.decode(&answer);
    let _ = ListActivities::new("r").decode(&answer);
    let _ = GetRun::new("r").decode(&answer);
    let _ = GetOperation::new("r").decode(&answer);
    let _ = GetStatistics::new("r").decode(&answer);
    let _ = Preflight.decode(&answer);
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_all(&bytes);
    }

    #[test]
    fn no_json_panics(value in json(), list in json()) {
        read_all(value.as_bytes());
        read_all(format!("{{\"value\":[{value},{list}]}}").as_bytes());
    }

    #[test]
    fn no_link_leaves_the_api(link in "[a-z:/@.%2eEfF\\\\?#-]{0,40}", tail in "[a-z./%2eEfF5cC]{0,30}") {
        let base: BaseUrl = "https://gate.example/beta".parse().unwrap();
        let under = format!("https://gate.example/beta/external/industryData/{tail}");
        for link in [link, under] {
            if let Ok(uri) = next_link(&base, &link) {
                prop_assert_eq!(uri.authority().unwrap().as_str(), "gate.example");
                prop_assert!(uri.path().starts_with("/beta/external/industryData/"), "{}", uri);
                prop_assert!(!uri.path().to_ascii_lowercase().contains("%2f"));
            }
            let _ = run_id(&base, &link);
        }
    }
}

#[test]
fn an_answer_has_the_parts_it_was_made_of() {
    let answer = answer("{}").at(Some(jiff::Timestamp::UNIX_EPOCH));
    assert_eq!(answer.date(), Some(jiff::Timestamp::UNIX_EPOCH));
    assert_eq!(answer.content_type(), JSON);
    assert_eq!(answer.body(), b"{}");
    assert_eq!(answer.token(), None);
    assert_eq!(answer.redacting(Some("t")).token(), Some("t"));
    let shown = format!("{answer:?}");
    assert!(shown.contains("bytes: 2"), "{shown}");
    assert_eq!(GetRun::new("r-1").id(), "r-1");
}

#[test]
fn pages_of_a_list_are_joined() {
    fn joined<E: Endpoint>(endpoint: &E, pages: &[&str]) -> (usize, E::Output) {
        let read = |page: &&str| {
            let at = jiff::Timestamp::from_second(page.len() as i64).unwrap();
            endpoint.decode(&answer(page).at(Some(at))).unwrap().content
        };
        let mut pages = pages.iter().map(read);
        let mut whole = pages.next().unwrap();
        pages.for_each(|page| E::extend(&mut whole, page));
        (E::items(&whole), whole)
    }
    let pages = [
        r#"{"value":[{"id":"1","status":"running"}]}"#,
        r#"{"value":[{"id":"2","status":"running"},{"id":"3","status":"running"}]}"#,
    ];
    assert_eq!(joined(&ListRuns, &pages).0, 3);
    assert_eq!(joined(&ListOperations, &pages).0, 3);
    assert_eq!(joined(&ListActivities::new("r"), &pages).0, 3);
    assert_eq!(joined(&Dated(ListRuns), &pages[1..]).0, 2);
    let (items, (runs, date)) = joined(&Dated(ListRuns), &pages);
    assert_eq!((items, runs.len()), (3, 3));
    assert_eq!(date.unwrap().as_second(), pages[1].len() as i64);
    // Any other endpoint has one page, and the last one counts.
    let (items, run) = joined(&GetRun::new("r"), &[r#"{"id":"1"}"#, r#"{"id":"2"}"#]);
    assert_eq!((items, run.id()), (1, "2"));
    let base = BaseUrl::graph();
    assert_eq!(Dated(ListRuns).request(&base), ListRuns.request(&base));
}

#[test]
fn getters_return_what_was_read() {
    let body = r#"{"id":"1","displayName":"Run A","status":"running"}"#;
    let run = GetRun::new("1").decode(&answer(body)).unwrap().content;
    assert_eq!(run.display_name(), Some("Run A"));
    let read = |body: &str| RunStatistics::decode(JSON, body.as_bytes());
    let whole = read(r#"{"runId":"r-1","status":"running"}"#).unwrap();
    assert_eq!(whole.run_id(), Some("r-1"));
    // Either member is enough.
    assert!(read(r#"{"runId":"r-1"}"#).is_ok());
    assert!(read(r#"{"status":"running"}"#).is_ok());
    assert!(read("{}").is_err());
    let of = |activity: &str| {
        let body = format!(r#"{{"runId":"r","activityStatistics":[{activity}]}}"#);
        let statistics = read(&body).unwrap();
        (statistics.activities().len(), statistics.unrecognised())
    };
    for known in [
        r#"{"activityId":"a"}"#,
        r#"{"displayName":"a"}"#,
        r#"{"status":"inProgress"}"#,
    ] {
        assert_eq!(of(known), (1, 0), "{known}");
    }
    assert_eq!(of(r#"{"role":"teacher"}"#), (0, 1));
}

#[test]
fn a_blocking_error_keeps_all_of_its_members() {
    let body = r#"{"id":"1","status":"failed","blockingError":{"code":"C","message":"m","target":"t",
        "details":[{"code":"D","message":"d"}]}}"#;
    let run = GetRun::new("1").decode(&answer(body)).unwrap().content;
    let error = run.blocking_error().unwrap();
    assert_eq!((error.message(), error.target()), (Some("m"), Some("t")));
    assert_eq!(error.details()[0].code(), Some("D"));
}

#[test]
fn deep_json_is_refused_and_an_operation_is_redacted() {
    let deep = format!(
        r#"{{"value":[],"x":{}{}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    let read = ListRuns.decode(&answer(&deep)).map(drop);
    assert_eq!(read, Err(BodyError::TooDeep));
    let body = r#"{"id":"1","status":"running","statusDetail":"t"}"#;
    let read = |secret| {
        let answer = answer(body).redacting(secret);
        GetOperation::new("1").decode(&answer).unwrap().content
    };
    assert_eq!(read(None).status_detail(), Some("t"));
    assert_eq!(read(Some("t")).status_detail(), Some("[redacted]"));
    let statistics = RunStatistics::decode(JSON, br#"{"runId":"r","status":"completed"}"#);
    assert_eq!(statistics.unwrap().status(), &RunStatus::Completed);
    let label = Answer::new(Some(b"\xff/json"), b"{}");
    assert_eq!(
        GetRun::new("1").decode(&label).map(drop),
        Err(BodyError::WrongContentType)
    );
}
