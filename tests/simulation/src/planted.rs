//! Faults planted into what is simulated, so that the laws are seen to fail.

use http::{Request, StatusCode, header::DATE, response::Parts};
use industrydata_core::Now;
use industrydata_core::ledger::Change;
use industrydata_core::ledger::Outcome;
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
    record::{Purpose, Told},
    sim::{Sim, World},
};

/// A fault that a driver, a store or a caller could have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Planted {
    /// None: what is simulated is what is shipped.
    #[default]
    Nothing,
    /// The driver sends the request again after a 503.
    SendsAgain,
    /// The store loses every fifth commit, and says it stands.
    ForgetfulStore,
    /// An answer is dated by when its request was sent.
    DatedBySend,
    /// The caller's window is an hour too short.
    ElevenHours,
    /// The caller's window is an hour too long.
    ThirteenHours,
    /// A status nobody knows is read as success.
    UnknownIsSuccess,
    /// Pauses are not kept.
    NoPause,
    /// A lost answer is reported as a connection that could not be made.
    BlamesConnection,
    /// A store that fails is taken for one that has granted.
    IgnoresStore,
    /// The token is the start's label in the books.
    TokenInBooks,
    /// The books' clock stands still after eight hours.
    StandingClock,
    /// A dropped start books nothing but that its slot is free.
    DropFrees,
    /// A wait that lost track is never taken up again.
    NeverResumes,
    /// The driver follows any Location by itself.
    FollowsAnything,
    /// The driver panics over a body that was cut off.
    Panics,
    /// An answer of 202 with an unusable Location is told as a refusal.
    ForgetsAcceptance,
}

/// A copy of a request, for a driver that may send it once more.
pub(crate) fn copy(sim: &Sim, request: &Request<Vec<u8>>) -> Option<Request<Vec<u8>>> {
    let is_planted = sim.world().is_planted(Planted::SendsAgain);
    is_planted.then(|| request.clone())
}

/// Whether such a driver does send it once more.
pub(crate) fn sends_again(purpose: Purpose, answer: &Answer) -> bool {
    matches!(purpose, Purpose::Post(_)) && is(answer, StatusCode::SERVICE_UNAVAILABLE)
}

/// The moment an answer is said to have come.
pub(crate) fn answered_at(sim: &Sim, purpose: Purpose, sent: Now, client: usize) -> Now {
    let world = sim.world();
    let is_post = matches!(purpose, Purpose::Post(_));
    if world.is_planted(Planted::DatedBySend) && is_post {
        sent
    } else {
        world.at(client)
    }
}

/// Takes an answer's own time out of it, for a driver that knows better.
pub(crate) fn undate(sim: &Sim, purpose: Purpose, head: &mut Parts) {
    if sim.world().is_planted(Planted::DatedBySend) && matches!(purpose, Purpose::Post(_)) {
        head.headers.remove(DATE);
    }
}

/// A body as the driver hands it in.
pub(crate) fn read(
    sim: &Sim,
    body: Result<Vec<u8>, IncompleteBody>,
) -> Result<Vec<u8>, IncompleteBody> {
    let planted = sim.world().planted;
    match planted {
        Planted::Panics => assert!(body.is_ok(), "planted"),
        Planted::UnknownIsSuccess => {}
        _ => return body,
    }
    body.map(|body| {
        let text = String::from_utf8_lossy(&body);
        text.replace("\"paused\"", "\"succeeded\"").into_bytes()
    })
}

/// A fault as the driver reports it.
pub(crate) fn blame(sim: &Sim, fault: TransportError) -> TransportError {
    if sim.world().is_planted(Planted::BlamesConnection) && fault.phase() == Phase::Sent {
        return TransportError::new(Phase::Connect, "planted");
    }
    fault
}

/// What a store answered, as the driver hands it in.
pub(crate) fn booked(
    sim: &Sim,
    result: Result<StoreReply, StoreError>,
) -> Result<StoreReply, StoreError> {
    let world = sim.world();
    match result {
        Err(_) if world.is_planted(Planted::IgnoresStore) => {
            let read = Change::read(world.key(), Throttle::default());
            let stored = world.books.bytes.as_deref();
            Ok(read.apply(stored, world.books_clock(world.now))?.reply)
        }
        result => result,
    }
}

/// What a dropped start leaves to book.
pub(crate) fn abandoned(world: &World, attempt: usize, change: Change) -> Change {
    let latest = world.record.attempts[attempt].latest;
    match latest {
        Some(id) if world.is_planted(Planted::DropFrees) => {
            let outcome = Outcome::Released {
                why: "planted".to_owned(),
                not_before: None,
            };
            Change::settle(world.key(), Throttle::default(), id.to_be_bytes(), outcome)
        }
        _ => change,
    }
}

/// The label of a start in the books.
pub(crate) fn label(world: &mut World, client: usize) -> Option<String> {
    let is_planted = world.is_planted(Planted::TokenInBooks);
    is_planted.then(|| format!("{TOKEN}{client}"))
}

/// Goes to a Location that the core has refused.
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

/// What a caller is told.
pub(crate) fn told(world: &World, told: Told) -> Told {
    if world.is_planted(Planted::ForgetsAcceptance) && told.operation.is_none() {
        return Told {
            may_have_started: MayHaveStarted::No,
            ..told
        };
    }
    told
}

/// The quota a caller keeps.
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
