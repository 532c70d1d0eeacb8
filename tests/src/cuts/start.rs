//! `start()` dropped: at most one POST, and the books know of it.

use std::{sync::Arc, thread, time::Duration, time::Instant};

use industrydata_async::{Client, TenantClient};
use industrydata_core::ledger::Quota;
use industrydata_core::lro::Settings;

use super::drops::{Budget, Call, Dropped, on_a_runtime};
use crate::{
    Act, Played, Scenario, Stage, Turn, accepted, answers::answer, flavour::source, laws,
    tokens::Given,
};

/// How long the books may take to say what a dropped start came to.
const BOOKED: Duration = Duration::from_secs(10);
/// How long what was sent before a drop may take to be read.
const READ: Duration = Duration::from_millis(60);

pub(super) fn calls() -> Vec<Call> {
    vec![
        Call::new("start", |polls| dropped(polls, false, false), &GIVEN),
        Call::new(
            "start over SQLite",
            |polls| dropped(polls, true, false),
            &GIVEN,
        ),
        Call::new(
            "start with its token refused once",
            |polls| dropped(polls, false, true),
            &GIVEN,
        ),
    ]
}

const GIVEN: [&str; 2] = ["given back", "in doubt"];

/// A client of a stage.
pub(super) fn client(stage: &Stage) -> TenantClient {
    let client = Client::builder(source(&stage.tokens), Arc::clone(&stage.books))
        .settings(
            Settings::default()
                .base(stage.base.clone())
                .polling(industrydata_core::policy::PollingPolicy::every(
                    super::waits::PACE,
                ))
                .request_limit(Duration::from_secs(20)),
        )
        // The system's roots take longer to load than a point to play.
        .config(reqwest::ClientBuilder::new().tls_certs_only([]))
        .build();
    client.unwrap().tenant("contoso").unwrap()
}

/// An answer that comes in pieces, so that there is something to wait for in it.
pub(super) fn in_pieces(turn: Turn) -> Turn {
    let mut acts = Vec::new();
    for act in turn.acts {
        if let Act::Send(bytes) = act {
            // The length is filled in only where the whole is known.
            let whole = String::from_utf8(bytes).unwrap();
            let length = whole.split("\r\n\r\n").nth(1).map_or(0, str::len);
            let whole = whole.replace("{length}", &length.to_string());
            let (first, rest) = whole.split_at(whole.len() / 3);
            let (second, third) = rest.split_at(rest.len() / 2);
            for piece in [first, second, third] {
                acts.push(Act::Send(piece.as_bytes().to_vec()));
                acts.push(Act::Pause(Duration::from_millis(1)));
            }
        }
    }
    Turn::new(acts)
}

fn dropped(polls: usize, sqlite: bool, refused: bool) -> Result<Dropped, String> {
    let fresh = [Given::Token(1), Given::Token(2)];
    let mut scenario = Scenario::new("a start that is dropped", "T38").tokens(&fresh);
    if sqlite {
        scenario = scenario.sqlite();
    }
    if refused {
        let refusal = answer(401, &["WWW-Authenticate: Bearer"], "{}");
        scenario = scenario.turn(in_pieces(refusal));
    }
    let location = "Location: ../operations/a-1";
    let scenario = scenario
        .turn(in_pieces(answer(202, &[location], "")))
        .turn(accepted().forever());
    let stage = Stage::new(&scenario).ok_or("no stage")?;
    on_a_runtime(async {
        let tenant = client(&stage);
        let began = Budget::new(polls).within(tenant.start()).await;
        if let Some(ended) = began {
            let run = ended.map_err(|error| format!("it failed: {error:?}"))?;
            drop(run);
            return Ok(Dropped::Done);
        }
        let quota = booked(&tenant).await?;
        thread::sleep(READ);
        let posts = stage.server.seen().order.len();
        let (used, doubt) = (quota.used(), quota.in_doubt());
        let end = match (used, doubt) {
            (0, _) => "given back",
            (1, 1) => "in doubt",
            (1, 0) => "confirmed",
            _ => return Err(format!("one start counts {used} times")),
        };
        // The first answer of a refused token proves that nothing was started.
        let may_count = posts.saturating_sub(usize::from(refused));
        if may_count > 1 {
            return Err(format!("{posts} POSTs for one start"));
        }
        if may_count == 1 && used == 0 {
            return Err("a POST went out, and its slot was given back".to_owned());
        }
        if end == "confirmed" && may_count == 0 {
            return Err("a start counts that was never sent".to_owned());
        }
        again(&tenant, used).await?;
        let mut broken = Vec::new();
        laws(&Played::default(), &stage, &mut broken);
        if broken.is_empty() {
            Ok(Dropped::Held(end))
        } else {
            Err(broken.join("; "))
        }
    })
}

/// The books once no start is in flight any more.
async fn booked(tenant: &TenantClient) -> Result<Quota, String> {
    let began = Instant::now();
    // What a dropped start leaves to book is booked by a thread that nobody waits for.
    tokio::time::sleep(Duration::from_millis(20)).await;
    loop {
        let quota = tenant.quota().await.map_err(|fault| fault.to_string())?;
        if quota.in_flight() == 0 {
            return Ok(quota);
        }
        if began.elapsed() > BOOKED {
            return Err("the slot was neither given back nor in doubt".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The same client starts another run.
async fn again(tenant: &TenantClient, used: u32) -> Result<(), String> {
    let next = tenant.start().await;
    drop(next.map_err(|error| format!("the next start failed: {error:?}"))?);
    let quota = tenant.quota().await.map_err(|fault| fault.to_string())?;
    if quota.used() == used + 1 {
        Ok(())
    } else {
        Err(format!("{used} and one more make {}", quota.used()))
    }
}
