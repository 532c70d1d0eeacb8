//! The laws of safety: what must never happen.

use std::time::Duration;

use http::StatusCode;
use industrydata_core::ledger::EntryState;
use industrydata_core::lro::MayHaveStarted;

use crate::{
    fate::Fate,
    front::WINDOW,
    laws::MARGIN,
    record::{Attempt, Ended, Post, Reported},
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
    if world.record.jumped_ahead * 1000 > MARGIN as i64 / 2 {
        // T46: a store that uses the machine's clock frees slots early if that clock is set forward.
        return None;
    }
    let mut accepted: Vec<u64> = world.record.acceptances().map(|(at, _)| at).collect();
    if let Some((first, sixth)) = six_within(&mut accepted) {
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
    let mut open: Vec<u64> = open.map(|post| post.at).collect();
    if let Some((first, sixth)) = six_within(&mut open) {
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

/// If the `Date` of a 202 shows that the client's clock is off, the result must carry a warning.
fn wrong_clock(world: &World) -> Option<String> {
    world.record.posts.iter().find_map(|post| {
        let (_, reported) = world.record.attempts[post.attempt].reported.as_ref()?;
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
    if world.record.jumped_ahead > 0 {
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

/// The first and the last of six of these times within one window, if there are any.
fn six_within(times: &mut [u64]) -> Option<(u64, u64)> {
    times.sort_unstable();
    let first = times.iter();
    let sixth = times.iter().skip(5);
    let mut pairs = first.zip(sixth);
    pairs
        .find(|(first, sixth)| *sixth - *first < WINDOW)
        .map(|(first, sixth)| (*first, *sixth))
}
