//! The one entry of every scenario, and the laws each is held to.

use std::{
    fmt::Write,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex},
    thread,
};

use crate::{
    flavour::Flavour,
    played::{Played, Quotas},
    scenario::{Address, Scenario},
    server::{Request, Seen},
    stage::Stage,
    tokens::CANARY,
};

/// How many scenarios are played at a time: they wait more than they work.
const AT_A_TIME: usize = 6;
/// Every field a request may have, in lower case.
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

/// Plays a scenario with one flavour and says what was not as it must be.
///
/// # Errors
///
/// Each broken expectation and law, a line each.
pub fn check(scenario: &Scenario, flavour: Flavour) -> Result<(), String> {
    if flavour == Flavour::Blocking && scenario.is_async_only() {
        return Ok(());
    }
    let Some(stage) = Stage::new(scenario) else {
        println!("{}: this system cannot give its stage", scenario.name);
        return Ok(());
    };
    let stage = Arc::new(stage);
    let Ok(played) = catch_unwind(AssertUnwindSafe(|| flavour.play(scenario, &stage))) else {
        return Err("it panicked".to_owned());
    };
    let mut broken = played.faults.clone();
    expected(scenario, &played, &stage, &mut broken);
    laws(&played, &stage, &mut broken);
    if broken.is_empty() {
        return Ok(());
    }
    let mut report = broken.join("\n");
    _ = write!(report, "\nends {:?}, books {:?}, took {:?}", played.ends, played.quota, played.took);
    for request in stage.server.seen().requests {
        _ = write!(report, "\n{} {}", request.method, request.target);
    }
    for text in played.texts.iter().rev().take(4) {
        _ = write!(report, "\n  {text}");
    }
    Err(report)
}

/// Plays all of these with one flavour, some at a time, and panics with the names of those that broke.
pub fn check_all(scenarios: &[Scenario], flavour: Flavour) {
    let next = Mutex::new(scenarios.iter());
    let failures = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let Some(scenario) = next.lock().unwrap().next() else {
                        return;
                    };
                    if let Err(broken) = check(scenario, flavour) {
                        let (name, covers) = (scenario.name(), scenario.covers());
                        failures.lock().unwrap().push(format!("{name} ({covers}), {flavour:?}:\n{broken}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(
        failures.is_empty(),
        "{} of {} scenarios broke:\n\n{}",
        failures.len(),
        scenarios.len(),
        failures.join("\n\n")
    );
}

fn expected(scenario: &Scenario, played: &Played, stage: &Stage, broken: &mut Vec<String>) {
    for ((does, end), came) in scenario.steps.iter().zip(&played.ends) {
        if !end.is_empty() && !end.split('|').any(|end| end == came) {
            broken.push(format!("{does:?} ended in '{came}', not in '{end}'"));
        }
    }
    let seen = stage.server.seen();
    if let Some(wire) = &scenario.wire
        && !is_wire(&seen.requests, wire)
    {
        broken.push(format!("the base did not get '{wire}'"));
    }
    if seen.strays > 0 && scenario.address != Address::Https {
        broken.push(format!("{} requests too many, or unreadable", seen.strays));
    }
    let quota = played.quota.unwrap_or_default();
    if let Some((confirmed, in_doubt)) = scenario.books {
        let left = if scenario.closed { 0 } else { 5_u32.saturating_sub(confirmed + in_doubt) };
        let must = Quotas {
            confirmed,
            in_doubt,
            in_flight: 0,
            available: left,
            closed: scenario.closed,
        };
        if quota != must {
            broken.push(format!("the books are not {must:?}"));
        }
    }
    if let Some(asked) = &scenario.asked
        && *asked != stage.tokens.asked()
    {
        broken.push(format!("tokens were asked for with {:?}", stage.tokens.asked()));
    }
    if let Some(statuses) = &scenario.statuses
        && *statuses != played.statuses.join(" ")
    {
        broken.push(format!("the statuses told were {:?}", played.statuses));
    }
    if let Some(target) = &scenario.target {
        let gets = seen.requests.iter().filter(|request| request.method == "GET");
        for request in gets.filter(|request| decoded(&request.target) != decoded(target)) {
            broken.push(format!("polled {}, not {target}", request.target));
        }
    }
    for text in &scenario.says {
        if !played.texts.iter().any(|shown| shown.contains(text)) {
            broken.push(format!("nothing said '{text}'"));
        }
    }
    for (after, gap) in &scenario.gaps {
        match (seen.requests.get(*after), seen.requests.get(after + 1)) {
            (Some(one), Some(next)) if next.at - one.at >= *gap => {}
            (one, next) => broken.push(format!(
                "less than {gap:?} after request {after}: {:?}",
                one.zip(next).map(|(one, next)| next.at - one.at)
            )),
        }
    }
    if scenario.warns != played.ledger_warning {
        broken.push(format!("a ledger warning: {}", played.ledger_warning));
    }
    let took: std::time::Duration = played.took.iter().sum();
    if took > scenario.within {
        broken.push(format!("took {took:?}, more than {:?}", scenario.within));
    }
}

/// What holds whatever a server does.
pub fn laws(played: &Played, stage: &Stage, broken: &mut Vec<String>) {
    let foreign = stage.foreign.seen();
    if !foreign.connections.is_empty() {
        broken.push(format!("{} connections to another server", foreign.connections.len()));
    }
    let shown = played.texts.iter().filter(|text| text.contains(CANARY));
    broken.extend(shown.map(|text| format!("the token is shown: {text}")));
    if count(&stage.books.written(), CANARY) > 0 {
        broken.push("the token is in the books".to_owned());
    }
    let seen = stage.server.seen();
    egress(&seen, broken);
    for request in &seen.requests {
        well_formed(request, stage, broken);
    }
    once(&seen, stage, broken);
}

/// At most one POST a reservation, but for the repeat that a fresh token is asked for.
fn once(seen: &Seen, stage: &Stage, broken: &mut Vec<String>) {
    let posts = seen.requests.iter().filter(|request| request.method == "POST").count();
    let repeats = stage.tokens.asked().iter().filter(|asked| asked.is_some()).count();
    let reservations = stage.books.reservations();
    if posts > reservations + repeats {
        broken.push(format!("{posts} POSTs for {reservations} reservations and {repeats} fresh tokens"));
    }
    let mut ids: Vec<_> = seen.requests.iter().flat_map(|request| request.field("client-request-id")).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() != seen.requests.len() {
        broken.push("a client-request-id was used twice, or left out".to_owned());
    }
}

/// The token stands in the Authorization field of each request, and nowhere else.
fn egress(seen: &Seen, broken: &mut Vec<String>) {
    for bytes in &seen.connections {
        let bytes = bytes.to_ascii_lowercase();
        let (all, in_place) = (count(&bytes, CANARY), count(&bytes, &format!("authorization: bearer {CANARY}")));
        if all != in_place {
            broken.push(format!("the token stands {all} times on the wire, {in_place} times in its field"));
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
            wrong(format!("a field nobody asked for: {name}: {value}"));
        }
        if request.field(name).len() != 1 {
            wrong(format!("{name} twice"));
        }
    }
    let port = stage.base.port();
    if request.field("host") != [format!("{}:{port}", stage.base.host())] {
        wrong(format!("Host: {:?}", request.field("host")));
    }
    if request.field("accept-encoding") != ["identity"] {
        wrong(format!("Accept-Encoding: {:?}", request.field("accept-encoding")));
    }
    let length = request.field("content-length");
    match request.method.as_str() {
        "POST" => {
            if request.target != "/beta/external/industryData/runs/start" {
                wrong("not the start".to_owned());
            }
            if length != ["0"] {
                wrong(format!("Content-Length: {length:?}"));
            }
        }
        "GET" => {
            let path = decoded(&request.target).to_ascii_lowercase();
            if !path.starts_with("/beta/external/industrydata/operations") {
                wrong("not an operation".to_owned());
            }
            if !length.is_empty() {
                wrong(format!("Content-Length: {length:?}"));
            }
        }
        other => wrong(format!("the method {other}")),
    }
}

fn is_wire(requests: &[Request], wire: &str) -> bool {
    let came: String = requests.iter().map(|request| &request.method[..1]).collect();
    match wire.strip_suffix('*') {
        Some(fixed) => {
            let last = &fixed[fixed.len() - 1..];
            came.strip_prefix(fixed).is_some_and(|rest| rest.replace(last, "").is_empty())
        }
        None => came == wire,
    }
}

/// The target with those characters decoded that need no encoding (RFC 3986 section 6.2.2).
fn decoded(target: &str) -> String {
    target.replace("%2D", "-").replace("%2d", "-").replace("%6F", "o").replace("%6f", "o").replace("%27", "'")
}

fn count(bytes: &[u8], text: &str) -> usize {
    bytes.windows(text.len()).filter(|part| *part == text.as_bytes()).count()
}
