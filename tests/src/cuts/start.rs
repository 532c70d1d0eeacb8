//! Drops `start()`: at most one POST is sent, and the ledger accounts for it.

use std::{sync::Arc, thread, time::Duration, time::Instant};

use industrydata_async::{Client, TenantClient};
use industrydata_core::ledger::Quota;
use industrydata_core::lro::Settings;

use super::drops::{Budget, Call, Dropped, on_a_runtime};
use crate::{
    Act, Played, Scenario, Stage, Turn, accepted, answers::answer, flavour::source, laws,
    tokens::Given,
};

/// How long a dropped start may take to settle its ledger entry.
const SETTLE: Duration = Duration::from_secs(10);
/// How long the server may take to read what was sent before a drop.
const READ: Duration = Duration::from_millis(60);

pub(super) fn calls() -> Vec<Call> {
    vec![
        Call::new("start", |polls| dropped(polls, false, false), &ENDS),
        Call::new(
            "start over SQLite",
            |polls| dropped(polls, true, false),
            &ENDS,
        ),
        Call::new(
            "start whose token is refused once",
            |polls| dropped(polls, false, true),
            &ENDS,
        ),
    ]
}

const ENDS: [&str; 2] = ["released", "in doubt"];

/// A client of this stage.
pub(super) fn client(stage: &Stage) -> TenantClient {
    let client = Client::builder(source(&stage.tokens), Arc::clone(&stage.ledger))
        .settings(
            Settings::default()
                .base(stage.base.clone())
                .polling(industrydata_core::policy::PollingPolicy::every(
                    super::polls::PACE,
                ))
                .request_limit(Duration::from_secs(20)),
        )
        // Loading the system's root certificates takes longer than playing a point.
        .config(reqwest::ClientBuilder::new().tls_certs_only([]))
        .build();
    client.unwrap().tenant("contoso").unwrap()
}

/// A response sent in pieces, so that the client has to wait within it.
pub(super) fn in_pieces(turn: Turn) -> Turn {
    let mut acts = Vec::new();
    for act in turn.acts {
        if let Act::Send(bytes) = act {
            // The placeholder cannot be filled in from a piece alone.
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
    let mut scenario = Scenario::new("a dropped start", "T38").tokens(&fresh);
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
            let run = ended.map_err(|error| format!("the start failed: {error:?}"))?;
            drop(run);
            return Ok(Dropped::Done);
        }
        let quota = settled(&tenant).await?;
        thread::sleep(READ);
        let posts = stage.server.seen().order.len();
        let (used, in_doubt) = (quota.used(), quota.in_doubt());
        let end = match (used, in_doubt) {
            (0, _) => "released",
            (1, 1) => "in doubt",
            (1, 0) => "confirmed",
            _ => return Err(format!("one start counts {used} times")),
        };
        // The 401 proves that the first POST started nothing.
        let may_count = posts.saturating_sub(usize::from(refused));
        if may_count > 1 {
            return Err(format!("{posts} POSTs for one start"));
        }
        if may_count == 1 && used == 0 {
            return Err("a POST was sent, and its slot was released".to_owned());
        }
        if end == "confirmed" && may_count == 0 {
            return Err("a start that was never sent counts as confirmed".to_owned());
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

/// The quota once no start is in flight any more.
async fn settled(tenant: &TenantClient) -> Result<Quota, String> {
    let began = Instant::now();
    // A detached thread settles the entry of a dropped start.
    tokio::time::sleep(Duration::from_millis(20)).await;
    loop {
        let quota = tenant.quota().await.map_err(|fault| fault.to_string())?;
        if quota.in_flight() == 0 {
            return Ok(quota);
        }
        if began.elapsed() > SETTLE {
            return Err("the slot was neither released nor in doubt".to_owned());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Checks that the same client can start another run.
async fn again(tenant: &TenantClient, used: u32) -> Result<(), String> {
    let next = tenant.start().await;
    drop(next.map_err(|error| format!("the next start failed: {error:?}"))?);
    let quota = tenant.quota().await.map_err(|fault| fault.to_string())?;
    if quota.used() == used + 1 {
        Ok(())
    } else {
        Err(format!(
            "{used} slots used and one more start make {}",
            quota.used()
        ))
    }
}
