//! The laws of safety: what must never happen.

use std::time::Duration;

use http::StatusCode;
use industrydata_core::ledger::EntryState;
use industrydata_core::lro::MayHaveStarted;

use crate::{
    fate::Fate,
    front::WINDOW,
    laws::MARGIN,
    record::{Attempt, Ended, Post, Reported, Reservation},
    sim::World,
    world::utc,
};

/// How long after a time limit a start may end: its transactions may wait for a lock twice.
const SLACK: Duration = Duration::from_secs(30);

/// I1.
pub(crate) fn egress(world: &World) -> Option<String> {
    let stray = world.record.strays.first()?;
    Some(format!("a request was sent to {stray}"))
}

/// I2.
pub(crate) fn once(world: &World) -> Option<String> {
    let posts = &world.record.posts;
    let again = posts.iter().enumerate().find(|(nth, post)| {
        let before = posts.iter().take(*nth);
        let is_same = |it: &&Post| it.reservation.is_some() && it.reservation == post.reservation;
        let mut before = before.filter(is_same);
        let is_401 = |it: &Post| matches!(&it.ended, Some(Ended::Answer { status, .. }) if *status == StatusCode::UNAUTHORIZED);
        let count = before.clone().count();
        count > 1 || !before.all(is_401)
    });
    let (_, post) = again?;
    Some(format!(
        "a second POST for one reservation at {} ms",
        post.at
    ))
}

/// I3.
pub(crate) fn quota(world: &World) -> Option<String> {
    if let Some(unreported) = wrong_clock(world) {
        return Some(unreported);
    }
    let accepted = |post: &Post| Some((post.reservation?, post.accepted_at()?));
    let accepted: Vec<_> = world.record.posts.iter().filter_map(accepted).collect();
    if let Some((first, sixth)) = sixth(world, &accepted) {
        return Some(format!(
            "six starts were accepted from {first} to {sixth} ms"
        ));
    }
    let freed = |post: &Post| {
        let own = post.reservation.and_then(|id| world.record.reservation(id));
        own.is_some_and(|it| it.is_freed)
    };
    let open = world.record.posts.iter();
    let open = open.filter(|post| !post.is_disproved() && !freed(post));
    let open: Vec<_> = open
        .filter_map(|post| Some((post.reservation?, post.at)))
        .collect();
    if let Some((first, sixth)) = sixth(world, &open) {
        return Some(format!(
            "six starts may have been accepted from {first} to {sixth} ms"
        ));
    }
    world.record.acceptances().find_map(|(at, post)| {
        let own = world.record.reservation(post.reservation?)?;
        let is_dated = matches!(post.ended, Some(Ended::Answer { dated: true, .. }));
        let dated = own.dated.filter(|_| is_dated)?;
        // A `Date` has whole seconds.
        let early = utc(at as i64).duration_since(dated).as_millis();
        (early > 1000).then(|| format!("a start counts from {early} ms before its acceptance"))
    })
}

/// I11.
pub(crate) fn frees_nothing_accepted(world: &World) -> Option<String> {
    world.record.undercounts.first().cloned()
}

/// If the `Date` of a 202 shows that the client's clock or the ledger's is off, the result must carry a warning.
fn wrong_clock(world: &World) -> Option<String> {
    world.record.posts.iter().find_map(|post| {
        let (_, reported) = world.record.attempts[post.attempt].reported.as_ref()?;
        let own = post.reservation.and_then(|id| world.record.reservation(id));
        // An exchange takes minutes at most.
        if let Some(own) = own.filter(|own| own.ahead.unsigned_abs() * 1000 > 6 * MARGIN)
            && matches!(&post.ended, Some(Ended::Answer { dated: true, status, .. }) if *status == StatusCode::ACCEPTED)
            && reported.operation.is_some()
            && !reported.is_ledger_skew_reported
        {
            let ahead = own.ahead;
            return Some(format!("a ledger's clock {ahead} s ahead was not reported"));
        }
        let is_dated = matches!(&post.ended, Some(Ended::Answer { dated: true, status, .. }) if *status == StatusCode::ACCEPTED);
        let is_off = post.ahead.unsigned_abs() * 1000 > MARGIN + 5000;
        let is_silent = reported.operation.is_some() && !reported.is_skew_reported;
        (is_dated && is_off && is_silent)
            .then(|| format!("a clock {} s ahead was not reported", post.ahead))
    })
}

/// I4.
pub(crate) fn record_first(world: &World) -> Option<String> {
    let mut posts = world.record.posts.iter();
    if let Some(post) = posts.find(|post| !post.is_durable) {
        return Some(format!(
            "a POST at {} ms without a reservation in the ledger",
            post.at
        ));
    }
    if world.record.jumps.iter().any(|(_, seconds)| *seconds > 0) {
        return None;
    }
    reported(world).find_map(|(_, attempt, (_, reported))| {
        let is_kept = match reported.may_have_started {
            MayHaveStarted::Yes => reported.entry == Some(EntryState::Confirmed),
            MayHaveStarted::Unknown => reported.entry.is_some(),
            MayHaveStarted::No => true,
        };
        let words = &reported.words;
        (!is_kept && !reported.is_warned).then(|| {
            let (client, entry) = (attempt.client, &reported.entry);
            format!("`{words}` was reported to client {client}, and the ledger has {entry:?}")
        })
    })
}

/// I5.
pub(crate) fn no_lost_start(world: &World) -> Option<String> {
    reported(world).find_map(|(nth, _, (_, reported))| {
        let posts = world.record.posts.iter().filter(|post| post.attempt == nth);
        let mut accepted = posts.filter_map(|post| Some((post, post.accepted.as_ref()?)));
        let (post, (at, operation)) = match accepted.next_back() {
            Some(accepted) => accepted,
            None if reported.may_have_started == MayHaveStarted::Yes => {
                return Some("a start was reported as accepted that was not".to_owned());
            }
            None => return None,
        };
        if reported.may_have_started == MayHaveStarted::No {
            return Some(format!(
                "a start accepted at {at} ms was reported as `{}`",
                reported.words
            ));
        }
        let is_answered = matches!(&post.ended, Some(Ended::Answer { status, .. }) if *status == StatusCode::ACCEPTED);
        let is_hostile = matches!(world.letters[post.number].fate(), Some(Fate::Location(_)));
        let is_known = reported.operation.as_ref() == Some(operation);
        if is_answered && !is_known && !is_hostile {
            return Some(format!(
                "the operation {operation} was reported as `{}`",
                reported.words
            ));
        }
        (is_answered && reported.may_have_started != MayHaveStarted::Yes)
            .then(|| format!("a 202 was reported as `{}`", reported.words))
    })
}

/// I6.
pub(crate) fn no_false_end(world: &World) -> Option<String> {
    world.record.pollings.iter().find_map(|polling| {
        let (_, known, is_sticky) = polling.ended.as_ref()?;
        let last = polling.polls.last().and_then(|poll| poll.ended.as_ref());
        let sent = match last {
            Some((_, Ended::Answer { operation, .. })) => operation.as_deref(),
            Some((_, Ended::Lost | Ended::NeverSent)) | None => None,
        };
        let is_false = known.is_some() && known.as_deref() != sent;
        let (operation, known) = (&polling.operation, known.as_deref().unwrap_or("no status"));
        (is_false || !is_sticky).then(|| {
            format!(
                "{operation} ended with {known}, the service sent {sent:?}; the same end again: {is_sticky}"
            )
        })
    })
}

/// I7.
pub(crate) fn bounded(world: &World) -> Option<String> {
    let starts = reported(world).find_map(|(_, attempt, (at, _))| {
        let took = at.saturating_sub(attempt.began.steady);
        let most = 40 + took.as_secs();
        let is_long =
            took > attempt.limit + attempt.in_store + SLACK || u64::from(attempt.steps) > most;
        is_long.then(|| format!("a start took {took:?} and {} steps", attempt.steps))
    });
    starts.or_else(|| {
        world.record.pollings.iter().find_map(|polling| {
            let (at, _, _) = polling.ended.as_ref()?;
            let took = at.saturating_sub(polling.began);
            let most = 50 + 6 * polling.polls.len() as u64 + took.as_secs();
            let is_long = *at > polling.deadline.max(polling.began) + SLACK
                || u64::from(polling.steps) > most;
            is_long.then(|| format!("polling took {took:?} and {} steps", polling.steps))
        })
    })
}

/// I8.
pub(crate) fn secret(world: &World) -> Option<String> {
    world.record.leaks.first().cloned()
}

/// I10.
pub(crate) fn fail_closed(world: &World) -> Option<String> {
    let post = world.record.posts.iter().find(|post| !post.is_granted)?;
    Some(format!(
        "a POST at {} ms without a granted reservation",
        post.at
    ))
}

/// The starts whose end was reported to their caller.
fn reported(world: &World) -> impl Iterator<Item = (usize, &Attempt, &(Duration, Reported))> {
    let attempts = world.record.attempts.iter().enumerate();
    attempts.filter_map(|(nth, attempt)| Some((nth, attempt, attempt.reported.as_ref()?)))
}

/// The first and the last of six of these starts within one window, if the ledger could know better than to grant the last.
fn sixth(world: &World, starts: &[(u128, u64)]) -> Option<(u64, u64)> {
    let mut starts: Vec<(&Reservation, u64)> = starts
        .iter()
        .filter_map(|(id, at)| Some((world.record.reservation(*id)?, *at)))
        .filter(|(own, _)| is_dated(world, own))
        .collect();
    starts.sort_by_key(|(own, _)| own.at);
    starts.iter().enumerate().find_map(|(nth, (own, at))| {
        let before = starts.iter().take(nth).map(|(_, before)| *before);
        let within: Vec<u64> = before.filter(|it| it.abs_diff(*at) < WINDOW).collect();
        let first = within.iter().min()?;
        (within.len() >= 5 && is_informed(world, own)).then_some((*first, *at))
    })
}

/// Whether an answer's `Date` had reached the ledger since its clock last jumped ahead, when this slot was reserved.
fn is_informed(world: &World, own: &Reservation) -> bool {
    let ahead = world.record.jumps.iter().rev();
    let mut ahead = ahead.filter(|(at, seconds)| *seconds > 0 && *at <= own.at);
    let Some((jumped, _)) = ahead.next() else {
        return true;
    };
    readings(world).any(|(reserved, settled)| reserved > *jumped && settled <= own.at)
}

/// Whether the ledger could know by how much its clock was off when this start was made. Only a clock that is behind and
/// then jumps ahead frees a start early.
fn is_dated(world: &World, own: &Reservation) -> bool {
    let jumps = || world.record.jumps.iter().map(|(at, _)| *at);
    let last = jumps().filter(|at| *at <= own.at).max();
    let next = jumps().find(|at| *at > own.at);
    let is_near = own.ahead >= -60 || next.is_none();
    is_near
        || readings(world).any(|(reserved, settled)| {
            last.is_none_or(|last| reserved > last) && next.is_none_or(|next| settled < next)
        })
}

/// The answers with a `Date` that reached the ledger: when their slot was reserved, and when they were recorded. One whose
/// exchange took long may leave the clocks' difference open.
fn readings(world: &World) -> impl Iterator<Item = (u64, u64)> {
    world.record.posts.iter().filter_map(|post| {
        let is_dated = matches!(post.ended, Some(Ended::Answer { dated: true, .. }));
        let own = world.record.reservation(post.reservation?)?;
        let settled = own.settled.filter(|it| it - own.at < MARGIN / 2)?;
        is_dated.then_some((own.at, settled))
    })
}
