//! Faults planted into the simulated driver, store and caller. They show that the laws detect them.

use std::sync::Arc;

use http::{
    Request, StatusCode,
    header::{DATE, RETRY_AFTER},
    response::Parts,
};
use industrydata_core::Now;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::EntryState;
use industrydata_core::ledger::Evidence;
use industrydata_core::ledger::Outcome;
use industrydata_core::ledger::Resolution;
use industrydata_core::ledger::StoreError;
use industrydata_core::ledger::StoreReply;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartErrorKind;
use industrydata_core::policy::Throttle;
use industrydata_core::wire::IncompleteBody;
use industrydata_core::wire::Phase;
use industrydata_core::wire::TransportError;

use crate::{
    front::TOKEN,
    network::{Answer, is},
    record::{Purpose, Reported},
    sim::{Sim, World},
};

/// A fault that a driver, a store or a caller could have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Planted {
    /// No fault: the simulation runs the released code.
    #[default]
    Nothing,
    /// The driver sends a start again after a 503.
    SendsAgain,
    /// The store loses every fifth commit and reports success.
    ForgetfulStore,
    /// A response is dated by the time at which its request was sent.
    DatedBySend,
    /// The caller's window is an hour too short.
    ElevenHours,
    /// The caller's window is an hour too long.
    ThirteenHours,
    /// An unknown status is read as success.
    UnknownIsSuccess,
    /// The driver does not wait between polls.
    NoPause,
    /// A lost response is reported as a failed connection.
    BlamesConnection,
    /// A store error is treated as a granted reservation.
    IgnoresStore,
    /// The token is used as the start's label in the ledger.
    TokenInLedger,
    /// The ledger's clock stops after eight hours.
    StandingClock,
    /// A dropped start always releases its slot.
    DropFrees,
    /// The caller never resumes polling after losing track of an operation.
    NeverResumes,
    /// The driver sends the token to a Location that the core has refused.
    FollowsAnything,
    /// The driver panics if a body is cut off.
    Panics,
    /// A 202 with an unusable Location is reported as a refusal.
    ForgetsAcceptance,
    /// The driver removes the `Date` of each answer to a start.
    IgnoresDate,
    /// The result does not report that the ledger's clock is off.
    HidesLedgerClock,
    /// The driver removes the `Retry-After` of each 429.
    Hurries,
    /// After a reconciliation, the caller resolves what is still in doubt as not started.
    ResolvesBlindly,
}

/// A copy of a request, if the planted driver may send it again.
pub(crate) fn copy(sim: &Sim, request: &Request<Vec<u8>>) -> Option<Request<Vec<u8>>> {
    let is_planted = sim.world().is_planted(Planted::SendsAgain);
    is_planted.then(|| request.clone())
}

/// Whether that driver sends the request again.
pub(crate) fn sends_again(purpose: Purpose, answer: &Answer) -> bool {
    matches!(purpose, Purpose::Start(_)) && is(answer, StatusCode::SERVICE_UNAVAILABLE)
}

/// The moment at which the driver says that a response came.
pub(crate) fn answered_at(sim: &Sim, purpose: Purpose, sent: Now, client: usize) -> Now {
    let world = sim.world();
    let is_post = matches!(purpose, Purpose::Start(_));
    if world.is_planted(Planted::DatedBySend) && is_post {
        sent
    } else {
        world.at(client)
    }
}

/// Removes fields of a response to a start, for a driver that dates by the send, or ignores a field.
pub(crate) fn undate(sim: &Sim, purpose: Purpose, head: &mut Parts) {
    let planted = sim.world().planted;
    if !matches!(purpose, Purpose::Start(_)) {
        return;
    }
    if matches!(planted, Planted::DatedBySend | Planted::IgnoresDate) {
        head.headers.remove(DATE);
    }
    if planted == Planted::Hurries && head.status == StatusCode::TOO_MANY_REQUESTS {
        head.headers.remove(RETRY_AFTER);
    }
}

/// A body as the driver passes it to the machine.
pub(crate) fn read(
    sim: &Sim,
    body: Result<Vec<u8>, IncompleteBody>,
) -> Result<Vec<u8>, IncompleteBody> {
    let planted = sim.world().planted;
    match planted {
        Planted::Panics => {
            assert!(body.is_ok(), "planted");
            return body;
        }
        Planted::UnknownIsSuccess => {}
        _ => return body,
    }
    body.map(|body| {
        let text = String::from_utf8_lossy(&body);
        text.replace("\"paused\"", "\"succeeded\"").into_bytes()
    })
}

/// A transport error as the driver reports it.
pub(crate) fn blame(sim: &Sim, fault: TransportError) -> TransportError {
    if sim.world().is_planted(Planted::BlamesConnection) && fault.phase() == Phase::Sent {
        return TransportError::new(Phase::Connect, "planted");
    }
    fault
}

/// The store's reply as the driver passes it to the machine.
pub(crate) fn replied(
    world: &World,
    result: Result<StoreReply, StoreError>,
) -> Result<StoreReply, StoreError> {
    match result {
        Err(_) if world.is_planted(Planted::IgnoresStore) => {
            let read = Change::read(world.key(), Throttle::default());
            let stored = world.ledger.bytes.as_deref();
            Ok(read.apply(stored, world.ledger_clock(world.now))?.reply)
        }
        result => result,
    }
}

/// The change that a dropped start leaves to be written.
pub(crate) fn abandoned(world: &World, attempt: usize, change: Arc<Change>) -> Arc<Change> {
    let latest = world.record.attempts[attempt].latest;
    match latest {
        Some(id) if world.is_planted(Planted::DropFrees) => {
            let outcome = Outcome::Released {
                why: "planted".to_owned(),
                closed_for: None,
            };
            let id = id.to_be_bytes();
            Change::settle(world.key(), Throttle::default(), id, outcome).into()
        }
        _ => change,
    }
}

/// The label of a start in the ledger.
pub(crate) fn label(world: &World, client: usize) -> Option<String> {
    let is_planted = world.is_planted(Planted::TokenInLedger);
    is_planted.then(|| format!("{TOKEN}{client}"))
}

/// Sends a request to a Location that the core has refused.
pub(crate) fn follows(world: &mut World, outcome: &Result<Accepted, StartError>) {
    let Err(error) = outcome else { return };
    if let StartErrorKind::NotFollowable { location, .. } = error.kind()
        && world.is_planted(Planted::FollowsAnything)
    {
        let uri = location.first().map_or("", String::as_str);
        let request = Request::get(uri).header("authorization", "planted");
        if let Ok(request) = request.body(Vec::new()) {
            let base = world.common.base.clone();
            world.record.request(base.as_str(), &request);
        }
    }
}

/// What is reported to a caller.
pub(crate) fn reported(world: &World, reported: Reported) -> Reported {
    if world.is_planted(Planted::ForgetsAcceptance) && reported.operation.is_none() {
        return Reported {
            may_have_started: MayHaveStarted::No,
            ..reported
        };
    }
    match world.planted {
        // The laws find the consequences, not the missing warning.
        Planted::IgnoresDate => Reported {
            is_skew_reported: true,
            is_ledger_skew_reported: true,
            ..reported
        },
        Planted::HidesLedgerClock => Reported {
            is_ledger_skew_reported: false,
            ..reported
        },
        _ => reported,
    }
}

/// The changes by which a caller resolves what a reconciliation left in doubt.
pub(crate) fn resolves(world: &World) -> Vec<Arc<Change>> {
    if !world.is_planted(Planted::ResolvesBlindly) {
        return Vec::new();
    }
    let clock = world.ledger_clock(world.now);
    let read = Change::read(world.key(), Throttle::default());
    let Ok(applied) = read.apply(world.ledger.bytes.as_deref(), clock) else {
        return Vec::new();
    };
    let entries = applied.reply.quota().entries().iter();
    let in_doubt = entries.filter(|entry| entry.state(clock) == EntryState::InDoubt);
    in_doubt
        .filter_map(|entry| u128::from_str_radix(entry.id(), 16).ok())
        .map(|id| {
            let (key, throttle) = (world.key(), Throttle::default());
            let evidence = Evidence::NotListed;
            let resolution = Resolution::NotStarted;
            Change::resolve(key, throttle, id.to_be_bytes(), resolution, evidence).into()
        })
        .collect()
}

/// The throttle that a caller configures.
pub(crate) fn throttle(sim: &Sim) -> Throttle {
    let hours = match sim.world().planted {
        Planted::ElevenHours => 11,
        Planted::ThirteenHours => 13,
        _ => 12,
    };
    Throttle {
        window: std::time::Duration::from_secs(hours * 3600),
        ..Throttle::default()
    }
}
