//! The laws of liveness: what must happen eventually, and what must not happen too often.

use std::time::Duration;

use http::StatusCode;
use industrydata_core::ledger::Quota;
use industrydata_core::ledger::RefusalReason;
use industrydata_core::lro::MayHaveStarted;
use industrydata_core::policy::{PastDurations, PollingPolicy};

use crate::{
    front::WINDOW,
    laws::MARGIN,
    record::{Ended, Poll, Polling, Refused, Reservation},
    script::{Act, LedgerClock},
    sim::World,
};

/// The lease of a reservation with the clients' time limits, in ms.
const LEASE: u64 = 180_000;
/// The last poll comes at most this long before the time limit.
const LAST_POLL: Duration = Duration::from_secs(2);
/// How far clocks may drift apart during a window, in ms.
const DRIFT: u64 = 10_000;
/// How long the reply of the store takes at most, in ms.
const ANSWER: u64 = 20;
/// The error of arithmetic in whole ms.
const ROUNDING: Duration = Duration::from_millis(5);

/// G1.
pub(crate) fn known(world: &World) -> Option<String> {
    world.record.followed.iter().find_map(|run| {
        let truth = world.front.truth(&run.operation, world.now);
        (run.known.is_none() || run.known != truth).then(|| {
            let (operation, known) = (&run.operation, &run.known);
            format!("{operation} ended as {known:?}, and its true status is {truth:?}")
        })
    })
}

/// G2.
pub(crate) fn doubt_ends(world: &World) -> Option<String> {
    let last = world.record.reservations.iter().map(|it| it.at).max()?;
    let last = last.max(world.script.world.heals);
    let within = WINDOW + 2 * MARGIN + LEASE + DRIFT;
    let then = last + within;
    // An entry dated ahead of a clock that is behind or was set back counts from the next time that the ledger is opened,
    // or until the clock reaches its date, if the clock is set right.
    let ahead = (world.record.jumped_back + world.behind()) as u64 * 1000;
    let is_open = |quota: &Quota| quota.in_doubt() + quota.in_flight() > 0;
    let quota = world.quota_opened(&[last], then);
    let later = || world.quota_opened(&[last, then], then + ahead.min(within));
    (is_open(&quota) && (ahead == 0 || is_open(&later()))).then(|| {
        let entries = quota.entries();
        format!("starts are still in doubt or in flight at {then} ms: {entries:?}")
    })
}

/// G3.
pub(crate) fn no_waste(world: &World) -> Option<String> {
    if !clocks_agree(world) || world.record.reconciled > 0 {
        return None;
    }
    let refused = world.record.refused.iter().filter(|it| it.is_for_slots);
    let waste = refused.clone().find_map(|refused| {
        let held = world.record.reservations.iter();
        let held = held.filter(|own| may_count(world, own, refused.at)).count();
        (held < 5).then(|| {
            let at = refused.at;
            format!("a start was refused at {at} ms with {held} slots used")
        })
    });
    if waste.is_some() || !is_calm(world) {
        return waste;
    }
    refused
        .into_iter()
        .find_map(|refused| too_long(world, *refused))
        .or_else(|| untaken(world))
}

/// G4.
pub(crate) fn pace(world: &World) -> Option<String> {
    too_soon(world).or_else(|| polls_too_often(world))
}

/// A start that was reserved while a 429 closed the ledger.
fn too_soon(world: &World) -> Option<String> {
    let posts = world.record.posts.iter();
    let closed = posts.filter_map(|post| match &post.ended {
        Some(Ended::Answer {
            status,
            asked: Some(asked),
            ..
        }) if *status == StatusCode::TOO_MANY_REQUESTS => {
            let own = world.record.reservation(post.reservation?)?;
            Some((own.settled?, *asked.min(&86_400)))
        }
        _ => None,
    });
    closed.into_iter().find_map(|(from, asked)| {
        // Clocks drift, and a `Retry-After` was rounded.
        let until = from + (asked * 999).saturating_sub(1000);
        let jumps = &world.record.jumps;
        let is_within = |at: u64| (from + 1..until).contains(&at);
        let early = world.record.posts.iter().find(|post| {
            let own = post.reservation.and_then(|id| world.record.reservation(id));
            own.is_some_and(|own| {
                let is_jump = |(at, _): &(u64, i64)| (from..=own.at).contains(at);
                is_within(own.at) && !jumps.iter().any(is_jump)
            })
        })?;
        let at = early.at;
        Some(format!(
            "a POST at {at} ms, although a 429 closed the ledger from {from} ms for {asked} s"
        ))
    })
}

fn polls_too_often(world: &World) -> Option<String> {
    world.record.pollings.iter().find_map(|polling| {
        // Whether the previous poll was the immediate repeat after a 401.
        let mut is_repeat = false;
        let polls = polling.polls.iter();
        polls
            .zip(polling.polls.iter().skip(1))
            .find_map(|(before, poll)| {
                let since = match &before.ended {
                    Some((at, _)) => *at,
                    None => before.sent,
                };
                let gap = poll.sent.saturating_sub(since) + ROUNDING;
                let least = least(polling, before, poll, since);
                let may_repeat = !is_repeat && is_401(before);
                is_repeat = may_repeat && gap < least;
                (gap < least && !may_repeat)
                    .then(|| format!("a poll came {gap:?} after the last one, not {least:?}"))
            })
    })
}

/// The minimum time between the end of a poll and the next poll.
fn least(polling: &Polling, before: &Poll, poll: &Poll, since: Duration) -> Duration {
    let asked = match &before.ended {
        Some((_, Ended::Answer { asked, .. })) => asked.unwrap_or_default().min(86_400),
        Some((_, Ended::Lost | Ended::NeverSent)) | None => 0,
    };
    let age = polling
        .accepted
        .map_or(Duration::ZERO, |at| since.saturating_sub(at));
    let policy = match polling.every {
        Some(every) => every,
        // When the other process's start was accepted is not in the record.
        None if polling.past.is_enough() && polling.is_attached => Duration::from_secs(5),
        None if polling.past.is_enough() => learned(&polling.past, age),
        None => (Duration::from_secs(5) + age / 2).min(Duration::from_secs(45)),
    };
    // The last poll comes just before the time limit, without an interval.
    let is_last = poll.sent + LAST_POLL + ROUNDING >= polling.deadline;
    let policy = if is_last { Duration::ZERO } else { policy };
    policy.max(Duration::from_secs(asked))
}

/// The learned interval, which has whole seconds and changes from one to the next at some moment.
fn learned(past: &PastDurations, age: Duration) -> Duration {
    let at = |age| PollingPolicy::learned().interval_with(past, age);
    at(age.saturating_sub(ROUNDING)).min(at(age + ROUNDING))
}

fn is_401(poll: &Poll) -> bool {
    matches!(&poll.ended, Some((_, Ended::Answer { status, .. })) if *status == StatusCode::UNAUTHORIZED)
}

/// Whether a reservation may still use a slot.
fn may_count(world: &World, own: &Reservation, at: u64) -> bool {
    // A store whose clock is behind dates later entries by the `Date` of an earlier response.
    let is_old = own.at + WINDOW + 2 * MARGIN + LEASE + DRIFT <= at;
    let given_back = match &world.record.attempts[own.attempt].reported {
        Some((_, reported)) => {
            let is_no = reported.may_have_started == MayHaveStarted::No && !reported.is_warned;
            is_no
                && reported.at + ANSWER <= at
                && world.record.attempts[own.attempt].latest == Some(own.id)
        }
        None => false,
    };
    own.at <= at && !is_old && !given_back
}

/// Whether a refusal named a later time than the one at which a slot becomes free.
fn too_long(world: &World, refused: Refused) -> Option<String> {
    let accepted = |own: &Reservation| {
        let mut accepted = world.record.acceptances();
        let (at, _) = accepted.find(|(_, post)| post.reservation == Some(own.id))?;
        let (_, reported) = world.record.attempts[own.attempt].reported.as_ref()?;
        (reported.at < refused.at).then_some(at)
    };
    let held = world
        .record
        .reservations
        .iter()
        .filter(|own| own.at <= refused.at);
    // A start in flight counts from the end of its lease.
    let mut held: Vec<u64> = held
        .map(|own| accepted(own).unwrap_or(own.at + LEASE))
        .collect();
    held.sort_unstable();
    let fifth = held.iter().rev().nth(4)?;
    // A ledger whose clock is behind dates a start by the response's `Date`, which is ahead of that clock.
    let behind = world.behind() as u64 * 1000;
    let frees = fifth + WINDOW + MARGIN + behind + DRIFT + 2 * world.script.world.latency + 100;
    let named = refused.at as i64 + refused.wait;
    (named > frees as i64)
        .then(|| format!("a refusal named {named} ms as the next free slot, not {frees} ms"))
}

/// A start that was not accepted although neither a fault nor its time limit prevented it.
fn untaken(world: &World) -> Option<String> {
    let there_and_back = Duration::from_millis(2 * (1 + world.script.world.latency) + ANSWER);
    let attempts = world.record.attempts.iter();
    let mut attempts = attempts.filter(|attempt| attempt.limit > there_and_back);
    attempts.find_map(|attempt| {
        let (_, reported) = attempt.reported.as_ref()?;
        let is_full = matches!(
            reported.refused,
            Some(RefusalReason::Slots | RefusalReason::InFlight)
        );
        let is_taken = reported.may_have_started == MayHaveStarted::Yes || is_full;
        (!is_taken).then(|| format!("without any fault, a start ended with `{}`", reported.words))
    })
}

/// Whether the script contains only starts.
fn is_calm(world: &World) -> bool {
    let mut events = world.script.events.iter();
    events.all(|event| matches!(event.act, Act::Start(_)))
        && !(world.script.world.schedule && world.script.world.schedule_counts)
}

/// Whether all clocks stay within the margin.
fn clocks_agree(world: &World) -> bool {
    let near = |ahead: i64| ahead.unsigned_abs() <= 10;
    let mut clients = world.clients.iter();
    let clients = clients.all(|client| near(client.ahead()));
    let jumps = world
        .script
        .events
        .iter()
        .any(|it| matches!(it.act, Act::Jump { .. } | Act::JumpStore { .. }));
    let is_near = match world.script.world.ledger {
        LedgerClock::Own(own) => own.abs() <= 60,
        LedgerClock::Machine => true,
    };
    clients && !jumps && is_near
}
