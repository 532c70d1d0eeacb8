//! Reads, run polls and paging against the emulated service, over sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "a test may panic"
)]

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::mpsc,
    thread,
    time::Duration,
};

use industrydata_blocking::Client;
use industrydata_blocking::FixedToken;
use industrydata_blocking::Settings;
use industrydata_blocking::TenantClient;
use industrydata_blocking::core::Timestamp;
use industrydata_blocking::core::ledger::Resolution;
use industrydata_blocking::core::ledger::Skip;
use industrydata_blocking::core::lro::ReadErrorKind;
use industrydata_blocking::core::lro::RunPollErrorKind;
use industrydata_blocking::core::lro::StartError;
use industrydata_blocking::core::model::RunStatus;
use industrydata_blocking::core::policy::PollingPolicy;
use industrydata_blocking::core::reconcile::ResolveError;
use industrydata_blocking::core::reconcile::RunMatchedBy;
use industrydata_emulator::{Config, Emulator, Fault, Grant, Lose, On, Permission, Schedule};
use industrydata_ledger::Ledger;

fn tenant_at(base: &str, token: &str) -> TenantClient {
    let tokens = FixedToken::new(token).unwrap();
    Client::builder(tokens, Ledger::memory())
        .settings(
            Settings::default()
                .base(base.parse().unwrap())
                .polling(PollingPolicy::every(Duration::from_millis(20))),
        )
        .build()
        .unwrap()
        .tenant("contoso")
        .unwrap()
}

fn fast(config: Config) -> Config {
    Config {
        speed: 20_000.0,
        schedule: None,
        ..config
    }
}

fn stage(config: Config) -> (Emulator, TenantClient) {
    let emulator = Emulator::start(fast(config)).unwrap();
    let tenant = tenant_at(&emulator.base_url(), emulator.token());
    (emulator, tenant)
}

#[test]
fn a_start_its_operation_and_its_run_can_be_read() {
    let (emulator, tenant) = stage(Config {
        page_size: 2,
        ..Config::default()
    });
    tenant.preflight().unwrap();
    let ids: Vec<String> = (0..5)
        .map(|_| tenant.start().unwrap().url().operation_id().to_owned())
        .collect();
    let operations = tenant.operations().unwrap();
    assert_eq!(operations.len(), 5, "three pages");
    assert_eq!(
        tenant.operation(&ids[0]).unwrap().id(),
        Some(ids[0].as_str())
    );
    let runs = tenant.runs().unwrap();
    assert_eq!(runs.len(), 5);
    let id = runs[0].id();
    assert!(tenant.run_by_id(id).unwrap().started().is_some());
    assert_eq!(tenant.statistics(id).unwrap().run_id(), Some(id));
    assert_eq!(tenant.activities(id).unwrap().len(), 2);
    let error = tenant.run_by_id("no-such-run").unwrap_err();
    assert!(matches!(error.kind(), ReadErrorKind::NotFound(_)));
    assert!(error.request_id().is_some());
    emulator.with_service(|service| assert_eq!(service.accepted_starts().len(), 5));
}

#[test]
fn a_run_is_polled_past_its_operation() -> Result<(), StartError> {
    let (emulator, tenant) = stage(Config::default());
    emulator.script(Fault::on(On::Start).run_status("completedWithErrors"));
    let mut run = tenant.start()?;
    run.until_done().unwrap();
    let found = run.find_run().unwrap().unwrap();
    assert_eq!(found.by(), RunMatchedBy::ResourceLocation);
    let mut follow = run.follow().unwrap().unwrap();
    assert_eq!(follow.run_id(), found.id());
    assert!(follow.progress().unwrap().unwrap().run().is_some());
    let ended = follow.until_done().unwrap();
    assert_eq!(ended.status(), &RunStatus::CompletedWithErrors);
    let statistics = follow.statistics().unwrap();
    assert_eq!(statistics.inbound_totals().unwrap().errors, Some(1));

    emulator.script(Fault::on(On::Start).run_status("failed"));
    let run = tenant.start()?;
    // The operation was not read: the run is inferred, and there are two that it may be.
    let mut follow = run.follow().unwrap().unwrap();
    let found = follow.run_match().unwrap();
    assert!(found.by().is_inferred() && found.is_ambiguous());
    let newest = tenant.runs().unwrap()[0].id().to_owned();
    if follow.run_id() != newest {
        follow = tenant.follow(&newest);
    }
    let error = follow.until_done().unwrap_err();
    assert!(matches!(error.kind(), RunPollErrorKind::Failed));
    Ok(())
}

#[test]
fn a_transient_error_is_retried_and_a_refusal_reported() {
    let (emulator, tenant) = stage(Config::default());
    emulator.script(Fault::on(On::Runs).status(503));
    assert!(tenant.runs().unwrap().is_empty());
    emulator.script(Fault::on(On::Operations).status(429).retry_after(86_000));
    let error = tenant.operations().unwrap_err();
    let limit = matches!(
        error.kind(),
        ReadErrorKind::TimeLimit {
            retry_at: Some(_),
            ..
        }
    );
    assert!(limit, "{error}");
    emulator.with_service(|service| service.revoke_tokens(None));
    let error = tenant.runs().unwrap_err();
    assert!(matches!(error.kind(), ReadErrorKind::Unauthorized { .. }));
}

#[test]
fn the_preflight_names_the_permission_and_starts_nothing() {
    let (emulator, tenant) = stage(Config {
        tokens: vec![Grant::only("starts-only-token", &[Permission::Start])],
        ..Config::default()
    });
    let error = tenant.preflight().unwrap_err();
    assert!(matches!(error.kind(), ReadErrorKind::Forbidden(_)));
    assert!(
        error.to_string().contains("IndustryData.ReadBasic.All"),
        "{error}"
    );
    assert!(tenant.runs().is_ok(), "a starting token reads runs");
    emulator.with_service(|service| assert!(service.accepted_starts().is_empty()));
}

#[test]
fn a_start_in_doubt_is_resolved_by_what_the_service_lists() {
    let (emulator, tenant) = stage(Config::default());
    // One that is accepted though its answer is lost, and one made elsewhere.
    emulator.script(Fault::on(On::Start).lose(Lose::Answer));
    assert!(tenant.start().is_err());
    let other = tenant_at(&emulator.base_url(), emulator.token());
    drop(other.start().unwrap());
    let quota = tenant.quota().unwrap();
    assert_eq!((quota.used(), quota.in_doubt()), (1, 1));
    // The earlier operation belongs to the start in doubt, the later one was made elsewhere.
    let found = tenant.reconcile().unwrap();
    assert!(found.unread().is_none());
    assert_eq!((found.left_in_doubt(), found.drift()), (0, 1), "{found:?}");
    let quota = tenant.quota().unwrap();
    assert_eq!(
        (quota.used(), quota.in_doubt(), quota.external()),
        (2, 0, 1)
    );
    assert!(!quota.is_clock_suspect());
    let entries = tenant.entries().unwrap();
    assert!(entries.iter().all(|it| it.evidence().is_some()));
    let again = tenant.reconcile().unwrap();
    assert_eq!((again.drift(), again.changes().len()), (0, 0));

    // What rests on evidence may be corrected by hand.
    let id = entries[0].id().to_owned();
    tenant
        .resolve(&id, Resolution::NotStarted, "not in the portal")
        .unwrap();
    assert_eq!(tenant.quota().unwrap().used(), 1);
    let error = tenant
        .resolve("no-such-id", Resolution::Started, "")
        .unwrap_err();
    assert!(matches!(error, ResolveError::Unresolved(_)));
    let later = tenant
        .forecast(Some(Timestamp::UNIX_EPOCH))
        .unwrap()
        .unwrap();
    assert!(!later.is_inferred() && later.next_scheduled() > later.as_of());
}

#[test]
fn without_one_list_nothing_is_freed() {
    let (emulator, tenant) = stage(Config {
        tokens: vec![Grant::only("starts-only-token", &[Permission::Start])],
        ..Config::default()
    });
    emulator.script(Fault::on(On::Start).lose(Lose::Request));
    assert!(tenant.start().is_err());
    let found = tenant.reconcile().unwrap();
    let unread = found.unread().unwrap();
    assert!(matches!(unread.kind(), ReadErrorKind::Forbidden(_)));
    assert_eq!((found.left_in_doubt(), found.changes().len()), (1, 0));
}

#[test]
fn the_schedule_is_inferred_from_what_ran() {
    let emulator = Emulator::start(Config {
        schedule: Some(Schedule {
            past_runs: 4,
            ..Schedule::default()
        }),
        ..Config::default()
    })
    .unwrap();
    let tenant = tenant_at(&emulator.base_url(), emulator.token());
    let now = emulator.now();
    let next = emulator.with_service(|service| service.next_scheduled_run(now));
    let forecast = tenant.forecast(None).unwrap().unwrap();
    assert!(forecast.is_inferred());
    let off = forecast.next_scheduled().duration_since(next.unwrap());
    assert!(off.unsigned_abs() <= forecast.uncertainty(), "{off:?}");
    assert_eq!(
        tenant.reconcile().unwrap().drift(),
        0,
        "scheduled runs are not starts"
    );
    assert_eq!(tenant.quota().unwrap().forecast(), None);
    let schedule = tenant.infer_schedule().unwrap().unwrap();
    let tenant = tenant.with(|session| session.schedule(schedule));
    let before = tenant.quota().unwrap().forecast().unwrap();
    assert_eq!(before.next_scheduled(), forecast.next_scheduled());
    let run = tenant.start().unwrap();
    let accepted = run.accepted().unwrap();
    let forecast = accepted.forecast().unwrap();
    assert_eq!(forecast.is_skipped_already(), Skip::No);
    let after = accepted.quota().unwrap().forecast().unwrap();
    assert_eq!(after.is_skipped_already(), forecast.start_now_skips());
    assert_eq!(tenant.quota().unwrap().schedule(), Some(&schedule));
}

/// Answers every request on `listener` with `body`, and passes on what was asked.
fn serve(listener: TcpListener, body: String) -> mpsc::Receiver<String> {
    let (sender, received) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
                request.push(byte[0]);
            }
            if sender.send(String::from_utf8(request).unwrap()).is_err() {
                return;
            }
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            drop(stream.write_all((head + &body).as_bytes()));
        }
    });
    received
}

#[test]
fn a_hostile_next_link_gets_no_token() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    let elsewhere = trap.local_addr().unwrap();
    let trapped = serve(trap, "{\"value\":[]}".to_owned());
    for link in [
        format!("http://{elsewhere}/beta/external/industryData/runs?$skiptoken=a"),
        format!("http://HERE@{elsewhere}/beta/external/industryData/runs"),
        "http://HERE/beta/me/messages".to_owned(),
        "http://HERE/beta/external/industryData/..%2f..%2fme".to_owned(),
        "//evil.example/beta/external/industryData/runs".to_owned(),
        "\\\\\\\\evil.example\\\\runs".to_owned(),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap().to_string();
        let link = link.replace("HERE", &here);
        let body = format!("{{\"value\":[],\"@odata.nextLink\":\"{link}\"}}");
        let asked = serve(listener, body);
        let tenant = tenant_at(&format!("http://{here}/beta"), "token-for-here");
        let error = tenant.runs().unwrap_err();
        let is_link = matches!(error.kind(), ReadErrorKind::Link { .. });
        assert!(is_link, "{link}: {error}");
        let request = asked.try_recv().unwrap();
        assert!(request.starts_with("GET /beta/external/industryData/runs HTTP/1.1\r\n"));
        assert!(asked.try_recv().is_err(), "one request");
    }
    assert!(trapped.try_recv().is_err(), "nothing went elsewhere");
}
