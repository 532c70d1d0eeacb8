//! The laws that hold in every scenario, whatever the server does.

use crate::{
    answers::{CONNECTOR, FLOW},
    played::Played,
    server::{Request, Seen},
    stage::Stage,
    tokens::{CANARY, reveals},
};

/// Every header field that a request may have, in lower case.
const FIELDS: [&str; 8] = [
    "accept",
    "accept-encoding",
    "authorization",
    "client-request-id",
    "content-length",
    "host",
    "prefer",
    "user-agent",
];

/// Below which every request is.
const API: &str = "/beta/external/industryData/";
/// The request target of a start.
const START: &str = "/beta/external/industryData/runs/start";

/// Checks every law, and adds one line to `broken` for each violation.
pub fn laws(played: &Played, stage: &Stage, broken: &mut Vec<String>) {
    let foreign = stage.foreign.seen();
    if !foreign.connections.is_empty() {
        broken.push(format!(
            "{} connections to another server",
            foreign.connections.len()
        ));
    }
    let shown = played.texts.iter();
    let shown = shown.filter(|text| reveals(text.as_bytes()) > 0);
    broken.extend(shown.map(|text| format!("a text contains the token: {text}")));
    if reveals(&stage.ledger.written()) > 0 {
        broken.push("the ledger contains the token".to_owned());
    }
    let seen = stage.server.seen();
    egress(&seen, broken);
    for request in &seen.requests {
        well_formed(request, stage, broken);
    }
    once(&seen, played.actions, stage, broken);
}

/// At most one POST for each reservation and each action, plus one for each fresh token requested after a 401.
fn once(seen: &Seen, actions: usize, stage: &Stage, broken: &mut Vec<String>) {
    // Includes POSTs that the server read in part or not at all.
    let posts = seen.order.matches(['P', 'p']).count();
    let repeats = stage
        .tokens
        .asked()
        .iter()
        .filter(|asked| asked.is_some())
        .count();
    let reservations = stage.ledger.reservations();
    if posts > reservations + actions + repeats {
        broken.push(format!(
            "{posts} POSTs for {reservations} reservations, {actions} actions and {repeats} fresh tokens"
        ));
    }
    let is_start = |request: &&Request| request.method == "POST" && request.target == START;
    let starts = seen.requests.iter().filter(is_start).count();
    if actions > 0 && starts > reservations {
        broken.push(format!(
            "{starts} starts for {reservations} reservations beside {actions} actions"
        ));
    }
    let mut ids: Vec<_> = seen
        .requests
        .iter()
        .flat_map(|request| request.field("client-request-id"))
        .collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != seen.requests.len() {
        broken.push("a client-request-id is missing or used twice".to_owned());
    }
}

/// The token is in the Authorization field of each request, and nowhere else on the wire.
fn egress(seen: &Seen, broken: &mut Vec<String>) {
    for bytes in &seen.connections {
        let bytes = bytes.to_ascii_lowercase();
        // A connection may break within the token.
        let (begin, _) = CANARY.split_at("canary+".len());
        let (all, in_place) = (
            reveals(&bytes),
            count(&bytes, &format!("authorization: bearer {begin}")),
        );
        if all != in_place {
            broken.push(format!(
                "the token is on the wire {all} times, {in_place} times in its field"
            ));
        }
    }
}

fn well_formed(request: &Request, stage: &Stage, broken: &mut Vec<String>) {
    let mut wrong = |what: String| {
        broken.push(format!("{} {}: {what}", request.method, request.target));
    };
    let authorization = request.field("authorization");
    if authorization.len() != 1 || !authorization[0].starts_with(&format!("Bearer {CANARY}")) {
        wrong(format!("{} Authorization fields", authorization.len()));
    }
    for (name, value) in &request.fields {
        if !FIELDS.contains(&name.as_str()) {
            wrong(format!("an unexpected field: {name}: {value}"));
        }
        if request.field(name).len() != 1 {
            wrong(format!("{name} occurs twice"));
        }
    }
    let port = stage.base.port();
    if request.field("host") != [format!("{}:{port}", stage.base.host())] {
        wrong(format!("Host: {:?}", request.field("host")));
    }
    if request.field("accept-encoding") != ["identity"] {
        wrong(format!(
            "Accept-Encoding: {:?}",
            request.field("accept-encoding")
        ));
    }
    let length = request.field("content-length");
    match request.method.as_str() {
        "POST" => {
            let action = request.target.strip_prefix(API).unwrap_or_default();
            let is_validation = action == format!("dataConnectors/{CONNECTOR}/validate");
            let (set, flow) = FLOW;
            let reset =
                format!("outboundProvisioningFlowSets/{set}/provisioningFlows/{flow}/reset");
            if request.target != START && !is_validation && action != reset {
                wrong("not the URL of a start or an action".to_owned());
            }
            if length != ["0"] {
                wrong(format!("Content-Length: {length:?}"));
            }
        }
        "GET" => {
            let path = decoded(&request.target).to_ascii_lowercase();
            if !path.starts_with("/beta/external/industrydata/operations") {
                wrong("not the URL of an operation".to_owned());
            }
            if !length.is_empty() {
                wrong(format!("Content-Length: {length:?}"));
            }
        }
        other => wrong(format!("unexpected method {other}")),
    }
}

/// The target with needlessly encoded characters decoded (RFC 3986 section 6.2.2).
pub(crate) fn decoded(target: &str) -> String {
    target
        .replace("%2D", "-")
        .replace("%2d", "-")
        .replace("%6F", "o")
        .replace("%6f", "o")
        .replace("%27", "'")
}

fn count(bytes: &[u8], text: &str) -> u64 {
    let parts = bytes.windows(text.len());
    parts.filter(|part| *part == text.as_bytes()).count() as u64
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::{Scenario, status};

    #[test]
    fn each_broken_law_is_reported() {
        let stage = Stage::new(
            &Scenario::new("a", "b")
                .turn(status("running"))
                .turn(status("running")),
        )
        .unwrap();
        let mut stream = std::net::TcpStream::connect(stage.server.address()).unwrap();
        let request = format!("POST /elsewhere HTTP/1.1\r\nHost: x\r\nX-Token: {CANARY}\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        drop(std::net::TcpStream::connect(stage.foreign.address()).unwrap());
        stage.wait_for(crate::When::Requests(1));
        let began = std::time::Instant::now();
        while stage.foreign.seen().connections.is_empty() && began.elapsed().as_secs() < 10 {
            thread::yield_now();
        }
        let mut played = Played::default();
        played.note(&CANARY);
        let mut broken = Vec::new();
        laws(&played, &stage, &mut broken);
        let broken = broken.join("\n");
        for report in [
            "1 connections to another server",
            "a text contains the token",
            "the token is on the wire 1 times, 0 times in its field",
            "0 Authorization fields",
            "an unexpected field: x-token",
            "not the URL of a start or an action",
            "1 POSTs for 0 reservations",
            "a client-request-id is missing or used twice",
        ] {
            assert!(broken.contains(report), "{report}: {broken}");
        }
    }
}
