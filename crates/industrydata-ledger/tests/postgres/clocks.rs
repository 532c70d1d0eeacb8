//! Three clocks: the server's, the service's and the machine's. The proxy shifts the server's, a `Date` is the service's.

use std::time::{Duration, Instant};

use http::{Response, response::Parts};
use industrydata_core::auth::AccessToken;
use industrydata_core::endpoint::Service;
use industrydata_core::lro::{
    Accepted, Machine, Start, StartError, StartErrorKind, StartPlan, Step,
};
use industrydata_core::policy::Limits;
use industrydata_core::{Now, SignedDuration};

use super::*;
use crate::proxy::{Fate, Proxy};

/// A start on a machine whose clock is `off`, whose request the service answers with this head.
fn start(
    store: &PgStore,
    seed: u8,
    off: SignedDuration,
    head: &Parts,
) -> Result<Accepted, StartError> {
    let began = Instant::now();
    let now = || Now::new(Timestamp::now() + off, began.elapsed());
    let plan = StartPlan {
        service: Service::new(BaseUrl::parse(BASE).unwrap(), "test/1"),
        tenant: "t".parse().unwrap(),
        throttle: Throttle::default(),
        limits: Limits::default(),
        wait_for_slot: false,
        caller: Caller::default(),
    };
    let token = AccessToken::new("a-token-of-the-tests").unwrap();
    let mut machine = Start::new(plan, [seed; 16], now());
    loop {
        match machine.step() {
            Step::Ledger(transaction, _) => {
                let result = store.transact(&transaction.change().clone());
                transaction.done(result, now());
            }
            Step::Send(exchange) => {
                let (_, reply) = exchange.request(&token, now()).unwrap();
                reply.answer(head, Ok(Vec::new()), now());
            }
            Step::Wait(_) => panic!("it does not wait"),
            Step::Done(outcome) => return outcome,
        }
    }
}

/// The head of an answer of this moment.
fn head(status: u16, name: &str, value: &str) -> Parts {
    let date = Timestamp::now().strftime("%a, %d %b %Y %H:%M:%S GMT");
    let response = Response::builder()
        .status(status)
        .header("date", date.to_string())
        .header(name, value);
    response.body(()).unwrap().into_parts().0
}

/// How many of `count` starts are accepted in a few seconds, each with a warning if `warns`.
fn accepted(store: &PgStore, seeds: std::ops::Range<u8>, warns: bool) -> usize {
    let location = format!("{BASE}/external/industryData/operations/o-1");
    let mut accepted = 0;
    for seed in seeds {
        match start(
            store,
            seed,
            SignedDuration::ZERO,
            &head(202, "location", &location),
        ) {
            Ok(start) => {
                accepted += 1;
                assert_eq!(start.ledger_clock_skew().is_some(), warns);
                assert_eq!(start.clock_skew(), None);
            }
            Err(error) => assert!(matches!(error.kind(), StartErrorKind::NoSlot(_)), "{error}"),
        }
    }
    accepted
}

fn via_proxy(place: &Fresh) -> (Proxy, PgStore) {
    let proxy = Proxy::new(&place.url, |_| Fate::Pass);
    let url = place.url_via(&proxy.place) + "?sslmode=disable";
    let store = place.options().connect(&url).unwrap();
    (proxy, store)
}

#[test]
fn a_server_clock_far_ahead_is_reported_and_gives_five_slots() {
    for hours in [13, 24 * 30] {
        let Some(place) = fresh() else { return };
        let (proxy, store) = via_proxy(&place);
        proxy.set_ahead(Duration::from_secs(hours * 3600));
        assert_eq!(accepted(&store, 1..8, true), 5);
        let quota = quota(&store, "t").unwrap();
        let skew = quota.clock_skew().unwrap().as_hours();
        assert!((skew + i64::try_from(hours).unwrap()).abs() <= 1, "{skew}");
    }
}

#[test]
fn a_server_clock_that_jumps_ahead_frees_nothing_after_the_first_answer() {
    for before in [0, 2, 4, 5_u8] {
        let Some(place) = fresh() else { return };
        let (proxy, store) = via_proxy(&place);
        let own = usize::from(before);
        assert_eq!(accepted(&store, 1..before + 1, false), own);
        proxy.set_ahead(Duration::from_secs(13 * 3600));
        // The first start after the jump shows it. With five before, it is one too many, and the only one.
        let after = accepted(&store, 100..108, true);
        assert_eq!(own + after, 5.max(own + 1));
        // Another program, and a server whose clock is right again.
        proxy.set_ahead(Duration::ZERO);
        assert_eq!(accepted(&place.store(), 200..203, true), 0);
    }
}

#[test]
fn a_429_closes_the_ledger_by_the_servers_clock() {
    let minutes = SignedDuration::from_mins;
    for (machine, server) in [
        (minutes(-10), 0),
        (minutes(120), 0),
        (minutes(0), 0),
        (minutes(0), 3600),
        (SignedDuration::from_hours(-24 * 365), 0),
    ] {
        let Some(place) = fresh() else { return };
        let (proxy, store) = via_proxy(&place);
        proxy.set_ahead(Duration::from_secs(server));
        let error = start(&store, 1, machine, &head(429, "retry-after", "300")).unwrap_err();
        assert!(
            matches!(error.kind(), StartErrorKind::Throttled { .. }),
            "{error}"
        );
        let quota = quota(&store, "t").unwrap();
        let closed = quota.not_before().unwrap().duration_since(quota.as_of());
        assert!(
            (290..=300).contains(&closed.as_secs()),
            "{machine}: {closed}"
        );
        let refused = start(&store, 2, machine, &head(500, "x", "y")).unwrap_err();
        assert!(
            matches!(refused.kind(), StartErrorKind::NoSlot(_)),
            "{refused}"
        );
    }
}
