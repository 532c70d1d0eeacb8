//! Reads: a link that leaves the base is refused, a list ends, and no text that is shown has the token.

use std::time::Duration;

use http::{Response, StatusCode, header::AUTHORIZATION};
use industrydata_core::Now;
use industrydata_core::auth::AccessToken;
use industrydata_core::endpoint::Answer;
use industrydata_core::endpoint::Endpoint;
use industrydata_core::endpoint::GetOperation;
use industrydata_core::endpoint::GetRun;
use industrydata_core::endpoint::GetStatistics;
use industrydata_core::endpoint::ListActivities;
use industrydata_core::endpoint::ListOperations;
use industrydata_core::endpoint::ListRuns;
use industrydata_core::endpoint::Preflight;
use industrydata_core::endpoint::Service;
use industrydata_core::endpoint::next_link;
use industrydata_core::lro::Machine;
use industrydata_core::lro::Read;
use industrydata_core::lro::ReadErrorKind;
use industrydata_core::lro::ReadPlan;
use industrydata_core::lro::Step;
use industrydata_core::policy::Limits;
use industrydata_core::wire::BaseUrl;
use percent_encoding::percent_decode_str;

use crate::{
    Target,
    draw::{joined, parts},
    echo::{assert_hidden, echoed},
    ledger_bytes::clock,
    location::base,
    text::{assert_plain, assert_shown},
    vectors,
};

pub(crate) const TARGET: Target = Target {
    name: "reads",
    about: "no link takes the token to another origin, a list ends, and any body is read or refused",
    body,
    seeds,
    words: &[
        "\u{1}",
        "{\"value\":[",
        "\"@odata.nextLink\":\"",
        "https://graph.microsoft.com/beta/external/industryData/runs",
        "https://evil.example/",
        "\"id\":\"r\"",
        "\"status\":\"completed\"",
        "\"runId\":\"r\"",
        "\"inboundTotals\":{",
        "\"activityStatistics\":[",
        "\"@odata.type\":\"#microsoft.graph.industryData.inboundFlowActivity\"",
        "\"blockingError\":{",
        "%2f",
        "%2e%2e",
        "/../",
        "?$skiptoken=a",
        "\"startDateTime\":\"2026-03-10T12:00:00Z\"",
    ],
};

const TOKEN: &str = "eyJ0b2tlbi1jYW5hcnk/A+c2ln_YXR1cmU.b2Y-cmVhZHM=";
const PLACE: &str = "/external/industryData/";

/// Input: a selector of the endpoint, then a link, then the bodies of the answers, in which the bytes 1 to 6 stand for the token.
fn body(input: &[u8]) {
    let (selector, mut parts) = parts(input);
    let link = parts.remove(0);
    if let Ok(link) = str::from_utf8(link) {
        check_link(&base(selector), link);
    }
    let bodies: Vec<Vec<u8>> = parts.iter().map(|part| echoed(part, TOKEN)).collect();
    for body in &bodies {
        decode(body);
    }
    let id = String::from_utf8_lossy(link);
    match selector % 7 {
        0 => read(ListRuns, &bodies),
        1 => read(ListOperations, &bodies),
        2 => read(ListActivities::new(id), &bodies),
        3 => read(GetRun::new(id), &bodies),
        4 => read(GetOperation::new(id), &bodies),
        5 => read(GetStatistics::new(id), &bodies),
        _ => read(Preflight, &bodies),
    }
}

fn check_link(base: &BaseUrl, link: &str) {
    let uri = match next_link(base, link) {
        Ok(uri) => uri.to_string(),
        Err(error) => return assert_plain(&format!("{error} {error:?}")),
    };
    assert_own(base, &uri);
    assert_eq!(
        next_link(base, &uri).map(|again| again.to_string()),
        Ok(uri),
        "a link that was read is not read as itself"
    );
}

/// The URL is under the base's `external/industryData/`, also as WHATWG reads it.
fn assert_own(base: &BaseUrl, uri: &str) {
    let known = url::Url::parse(base.as_str()).expect("the base is a URL");
    let read = url::Url::parse(uri).expect("a URL by WHATWG");
    assert_eq!(read.origin(), known.origin(), "another origin: {uri}");
    assert!(
        read.username().is_empty() && read.password().is_none(),
        "{uri}"
    );
    let unreserved = |text: &str| text.to_ascii_lowercase().replace("%7e", "~");
    let place = unreserved(&format!("{}{PLACE}", known.path().trim_end_matches('/')));
    let path = lenient(read.path());
    assert!(path.starts_with(&place), "not under {place}: {path}");
    assert!(
        !path.contains("..") || !path.split('/').any(|segment| segment == ".."),
        "{uri}"
    );
}

/// A path as the most lenient server reads it: decoded, with backslashes as slashes.
fn lenient(path: &str) -> String {
    percent_decode_str(path)
        .decode_utf8_lossy()
        .to_ascii_lowercase()
        .replace('\\', "/")
}

/// Every endpoint reads or refuses a body, always in the same way, and shows it without controls.
fn decode(body: &[u8]) {
    let labels: [Option<&[u8]>; 3] = [None, Some(b"application/json"), Some(b"text/html")];
    for label in labels {
        let answer = Answer::new(label, body);
        assert_read(&ListRuns, &answer);
        assert_read(&ListOperations, &answer);
        assert_read(&ListActivities::new("r"), &answer);
        assert_read(&GetRun::new("r"), &answer);
        assert_read(&GetOperation::new("r"), &answer);
        assert_read(&GetStatistics::new("r"), &answer);
        assert_read(&Preflight, &answer);
    }
}

fn assert_read<E: Endpoint>(endpoint: &E, answer: &Answer<'_>) {
    let read = endpoint.decode(answer);
    assert_plain(&format!("{read:?}"));
    assert_eq!(
        format!("{read:?}"),
        format!("{:?}", endpoint.decode(answer))
    );
    if answer.content_type() == Some(b"text/html") || str::from_utf8(answer.body()).is_err() {
        assert!(read.is_err(), "{read:?}");
    }
}

/// One read, answered with these bodies in turn.
fn read<E: Endpoint>(endpoint: E, bodies: &[Vec<u8>]) {
    let base = BaseUrl::graph();
    let plan = ReadPlan {
        service: Service::new(base.clone(), "fuzz/1"),
        limits: Limits::default(),
    };
    let mut now = Now::new(clock(), Duration::ZERO);
    let mut read = Read::new(endpoint, plan, [5; 16], now);
    let token = AccessToken::new(TOKEN).expect("a token");
    let mut bodies = bodies.iter().cycle();
    let (mut requests, mut left_base) = (0, false);
    loop {
        match read.step() {
            Step::Send(exchange) => {
                let Some((request, reply)) = exchange.request(&token, now) else {
                    continue;
                };
                requests += 1;
                assert!(requests <= 5 * 200 + 1, "a list that does not end");
                assert!(!left_base, "a link to another origin is followed");
                assert_own(&base, &request.uri().to_string());
                assert!(request.headers().contains_key(AUTHORIZATION));
                let body = bodies.next().cloned().unwrap_or_default();
                let next = serde_json::from_slice::<serde_json::Value>(&body).ok();
                let next =
                    next.and_then(|value| Some(value.get("@odata.nextLink")?.as_str()?.to_owned()));
                left_base = next.is_some_and(|next| {
                    !next
                        .to_ascii_lowercase()
                        .starts_with("https://graph.microsoft.com")
                });
                let mut head = Response::new(()).into_parts().0;
                head.status = if body.is_empty() {
                    StatusCode::SERVICE_UNAVAILABLE
                } else {
                    StatusCode::OK
                };
                reply.answer(&head, Ok(body), now);
            }
            Step::Wait(pause) => {
                now.steady += pause.remaining(now);
                pause.over(now);
            }
            Step::Done(outcome) => {
                if let Err(error) = &outcome {
                    assert_shown(error, TOKEN);
                    assert!(
                        requests > 0 || matches!(error.kind(), ReadErrorKind::InvalidId),
                        "{error}"
                    );
                }
                let first = format!("{outcome:?}");
                assert_hidden(&first, TOKEN);
                read.stop();
                let Step::Done(again) = read.step() else {
                    panic!("it goes on after its end");
                };
                assert_eq!(
                    format!("{again:?}"),
                    first,
                    "it ends differently when asked again"
                );
                return;
            }
        }
    }
}

fn seeds() -> Vec<Vec<u8>> {
    let runs = "https://graph.microsoft.com/beta/external/industryData/runs";
    let page = |next: &str| {
        format!(
            r##"{{"@odata.nextLink":"{next}","value":[{{"@odata.type":"#microsoft.graph.industryData.industryDataRun","id":"r","displayName":"Run {TOKEN}","startDateTime":"2023-11-01T11:10:46.924769Z","status":"running","blockingError":{{"code":"C","message":"m","details":[{{"code":"D"}}],"innerError":{{"code":"I"}}}}}}]}}"##
        )
    };
    let pages = [
        page(&format!("{runs}?$skiptoken=a")),
        page("https://evil.example/x"),
        r#"{"value":[]}"#.to_owned(),
    ];
    let operation = r#"{"id":"a","status":"succeeded","resourceLocation":"https://h/r"}"#;
    let statistics = r#"{"runId":"r","status":"completed","inboundTotals":{"errors":0,"groups":5,"matchedPeopleByRole":[{"count":1,"role":"student"}]},"activityStatistics":[{"activityId":"a","displayName":"n","status":"inProgress","errors":null,"people":{"active":3}}]}"#;
    let mut seeds = Vec::new();
    for selector in 0..7 {
        seeds.push(joined(
            selector,
            &[runs.as_bytes(), pages[0].as_bytes(), pages[2].as_bytes()],
        ));
        seeds.push(joined(selector, &[b"r-1", pages[1].as_bytes()]));
        seeds.push(joined(
            selector,
            &[b"refresh:A_b", b"", operation.as_bytes()],
        ));
        seeds.push(joined(
            selector,
            &[b"..", statistics.as_bytes(), b"{\"value\":[1]}"],
        ));
    }
    for vector in vectors::of("location").iter().take(40) {
        for line in vectors::list(vector, "headers").iter().map(vectors::bytes) {
            seeds.push(joined(0, &[&line]));
        }
    }
    vectors::kept(seeds)
}
