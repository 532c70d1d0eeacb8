//! Compares what the service accepted with the entries in the ledger.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use http::Method;
use industrydata_blocking::TenantClient;
use industrydata_core::Timestamp;
use industrydata_core::ledger::Entry;
use industrydata_core::ledger::EntryState;
use industrydata_core::policy::Throttle;
use industrydata_emulator::{Emulator, Logged};

use crate::Failure;

/// The result of one round.
#[derive(Clone, Debug, Default)]
pub(super) struct Judgement {
    /// Starts that the service accepted.
    pub(super) accepted: usize,
    /// Entries that count and are confirmed.
    pub(super) confirmed: usize,
    /// Entries that count and have no outcome, because their process was killed before it wrote one.
    pub(super) in_flight: usize,
    /// Entries that count and are in doubt.
    pub(super) in_doubt: usize,
    /// Entries that count although the service accepted no start for them.
    pub(super) wasted: usize,
    /// Broken invariants.
    pub(super) violations: Vec<String>,
}

/// Compares the service's history of a round with the ledger of the round's tenant.
pub(super) fn judge(emulator: &Emulator, client: &TenantClient) -> Result<Judgement, Failure> {
    let (posts, accepted) = emulator.with_service(|service| {
        let posts: Vec<Logged> = service
            .requests()
            .iter()
            .filter(|request| {
                request.method == Method::POST && request.path.ends_with("/runs/start")
            })
            .cloned()
            .collect();
        (posts, service.accepted_starts().to_vec())
    });
    let entries = client.entries()?;
    Ok(compare(&posts, &accepted, &entries, Timestamp::now()))
}

fn compare(
    posts: &[Logged],
    accepted: &[Timestamp],
    entries: &[Entry],
    clock: Timestamp,
) -> Judgement {
    let throttle = Throttle::default();
    let mut judgement = Judgement {
        accepted: accepted.len(),
        ..Judgement::default()
    };
    let mut violations = Vec::new();

    // I3: no window of the service's history holds more starts than the limit.
    let limit = throttle.limit as usize;
    let most = most_in_a_window(accepted, throttle.window);
    if most > limit {
        violations.push(format!("I3: {most} starts accepted in one window"));
    }

    // I2 and I4: every POST has one reservation, and no reservation has two.
    let reserved: HashMap<String, &Entry> = entries
        .iter()
        .filter_map(|entry| Some((first_request_id(entry.id())?, entry)))
        .collect();
    let mut seen = HashSet::new();
    let mut acted = HashSet::new();
    for post in posts {
        let Some(id) = post.client_request_id.as_deref() else {
            violations.push("I2: a POST without a client-request-id".to_owned());
            continue;
        };
        if !seen.insert(id) {
            violations.push(format!("I2: two POSTs with the client-request-id {id}"));
        }
        let Some(entry) = reserved.get(id) else {
            violations.push(format!(
                "I4: the POST {id} has no reservation in the ledger"
            ));
            continue;
        };
        // I3: an accepted start counts until its window has passed.
        if post.acted {
            acted.insert(entry.id());
            if !entry.counts(throttle.window, clock) {
                let state = entry.state(clock);
                violations.push(format!(
                    "I3: an accepted start is {state} and does not count"
                ));
            }
        }
    }
    if posts.len() > entries.len() {
        let (posts, entries) = (posts.len(), entries.len());
        violations.push(format!("I2: {posts} POSTs for {entries} reservations"));
    }

    let counting: Vec<&Entry> = entries
        .iter()
        .filter(|entry| entry.counts(throttle.window, clock))
        .collect();
    for entry in &counting {
        let was_accepted = acted.contains(entry.id());
        judgement.wasted += usize::from(!was_accepted);
        match entry.state(clock) {
            EntryState::Confirmed if !was_accepted => {
                violations.push("I6: a start is confirmed that was not accepted".to_owned());
            }
            EntryState::Confirmed => judgement.confirmed += 1,
            EntryState::Reserved => judgement.in_flight += 1,
            EntryState::InDoubt => judgement.in_doubt += 1,
            state @ (EntryState::External | EntryState::Released | EntryState::Other(_) | _) => {
                violations.push(format!("an entry is {state}"))
            }
        }
    }
    if counting.len() > limit {
        violations.push(format!("I3: {} entries count", counting.len()));
    }
    if counting.len() < accepted.len() {
        let (accepted, counting) = (accepted.len(), counting.len());
        violations.push(format!("I3: {accepted} accepted, {counting} count"));
    }
    judgement.violations = violations;
    judgement
}

/// The largest number of these times, oldest first, within one window.
fn most_in_a_window(times: &[Timestamp], window: Duration) -> usize {
    let from = |(at, first): (usize, &Timestamp)| {
        let rest = times.iter().skip(at);
        rest.take_while(|time| {
            time.duration_since(*first)
                < jiff::SignedDuration::try_from(window).unwrap_or(jiff::SignedDuration::MAX)
        })
        .count()
    };
    times.iter().enumerate().map(from).max().unwrap_or(0)
}

/// The `client-request-id` of the first request of a reservation, computed from the entry's id.
///
/// The core derives both ids from one seed. The derivation is repeated here so that a POST can be matched with its
/// reservation even if the process that sent it is dead.
fn first_request_id(entry: &str) -> Option<String> {
    let seed = u128::from_str_radix(entry, 16).ok()?;
    let mix = |mut x: u64| {
        x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    };
    let tweak = 2;
    let high = mix((seed >> 64) as u64 ^ mix(tweak));
    let low = mix(seed as u64 ^ mix(high ^ tweak));
    let bits = u128::from(mix(high ^ low)) << 64 | u128::from(low);
    let bits = bits & !(0xf << 76) | (0x4 << 76);
    let bits = bits & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    let part = |range: std::ops::Range<usize>| hex.get(range).unwrap_or_default().to_owned();
    Some(
        [
            part(0..8),
            part(8..12),
            part(12..16),
            part(16..20),
            part(20..32),
        ]
        .join("-"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides() {
        let at = |hours: i64| Timestamp::from_second(1_800_000_000 + hours * 3600).unwrap();
        let window = Duration::from_secs(12 * 3600);
        assert_eq!(most_in_a_window(&[], window), 0);
        assert_eq!(
            most_in_a_window(&[at(0), at(12), at(23), at(24)], window),
            2
        );
        assert_eq!(most_in_a_window(&[at(0), at(6), at(7), at(13)], window), 3);
    }
}
