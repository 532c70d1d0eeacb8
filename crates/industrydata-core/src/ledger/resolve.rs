//! Changes by evidence: starts in doubt are resolved, external starts are entered.

use jiff::Timestamp;

use crate::ledger::{
    entry::{Entry, EntryState, Kept, millis},
    evidence::Evidence,
    value::Value,
};
use crate::{
    policy::MARGIN,
    wire::{resource_path::is_id, text::hex},
};

/// The resolution of a start in doubt.
///
/// ```
/// use industrydata_core::ledger::Resolution;
///
/// let portal_shows_the_run = false;
/// let resolution = if portal_shows_the_run { Resolution::Started } else { Resolution::NotStarted };
/// assert_eq!(resolution, Resolution::NotStarted);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
pub enum Resolution {
    /// The service accepted it: it keeps counting.
    Started,
    /// It created no run: its slot is free again.
    NotStarted,
}

/// Why an entry could not be resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unresolved {
    /// The ledger has no entry with this id, or no longer.
    #[error("the ledger has no entry with this id: it may have stopped counting")]
    NoSuchEntry,
    /// Its caller is making the start now.
    #[error("the start is being made now: its outcome or the end of its lease decides")]
    InFlight,
    /// The service answered the start, and that outcome is final.
    #[error("the service answered this start itself, and that outcome is final")]
    Answered,
    /// Another entry already rests on this evidence.
    #[error("another entry already rests on this evidence")]
    Claimed,
    /// The ledger is not in the quarantine that was to be ended.
    #[error("the ledger is not in quarantine, or another reset has begun a new one")]
    NoQuarantine,
}

/// Resolves the entry `id` if it is in doubt, or was resolved by evidence before. An outcome that its caller wrote
/// takes precedence over evidence.
pub(super) fn resolve_in(
    value: &mut Value,
    id: [u8; 16],
    resolution: Resolution,
    evidence: &Evidence,
    clock: Timestamp,
) -> Result<(), Unresolved> {
    let id = hex(id);
    if is_claimed(value, evidence, Some(&id)) {
        return Err(Unresolved::Claimed);
    }
    let by_hand = matches!(evidence, Evidence::ByHand(_));
    let entry = value.entry(&id).ok_or(Unresolved::NoSuchEntry)?;
    match entry.state(clock) {
        EntryState::Reserved => return Err(Unresolved::InFlight),
        EntryState::InDoubt => {}
        // A person can change a state of a newer release and an earlier resolution.
        EntryState::Other(_) if by_hand => {}
        EntryState::Confirmed | EntryState::Released | EntryState::External
            if by_hand && entry.kept().evidence.is_some() => {}
        EntryState::Confirmed
        | EntryState::Released
        | EntryState::External
        | EntryState::Other(_) => {
            // A second application succeeds. The same evidence for the opposite resolution does not.
            let is_same = (entry.kept().state == EntryState::Released)
                == (resolution == Resolution::NotStarted);
            return if is_same
                && entry
                    .kept()
                    .evidence
                    .as_deref()
                    .is_some_and(|text| evidence.is_kept_as(text))
            {
                Ok(())
            } else {
                Err(Unresolved::Answered)
            };
        }
    }
    let entry = entry.changed();
    match resolution {
        Resolution::Started => {
            entry.state = EntryState::Confirmed;
            // The reservation was found ahead of the clock before the start was accepted.
            entry.ahead_since = None;
            // The latest moment at which it may have been accepted: the lease's end, or now, since it is known by now.
            let latest = entry.until.min(clock.as_millisecond()).max(entry.at);
            entry.date = Some(latest.max(entry.date.unwrap_or(latest)));
            if let Evidence::Operation(operation) = evidence {
                entry.operation = Some(operation.as_str().into());
            }
        }
        Resolution::NotStarted => entry.state = EntryState::Released,
    }
    entry.evidence = Some(evidence.text().into());
    Ok(())
}

/// Ends the quarantine that began with the reset at `reset` (Unix milliseconds), for this tenant.
pub(super) fn end_quarantine_in(value: &mut Value, reset: i64) -> Result<(), Unresolved> {
    if value.reset != Some(reset) {
        return Err(Unresolved::NoQuarantine);
    }
    value.quarantine_ended = Some(reset);
    Ok(())
}

/// Enters an external start, under an id derived from its operation or run.
pub(super) fn external_in(
    value: &mut Value,
    evidence: &Evidence,
    started: Timestamp,
    clock: Timestamp,
) {
    let id = hex(evidence.entry_id());
    if value.has(&id) || is_claimed(value, evidence, None) {
        return;
    }
    // A time of the service ahead of this clock must not date later entries.
    let at = started.as_millisecond().min(clock.as_millisecond());
    let behind = at.saturating_sub(started.as_millisecond());
    value.push(Kept {
        date: Some(at),
        clock_ahead: Some(behind).filter(|behind| *behind < -millis(MARGIN)),
        operation: match evidence {
            Evidence::Operation(operation) => Some(operation.as_str().into()),
            Evidence::Run(_) | Evidence::NotListed | Evidence::ByHand(_) | Evidence::Other(_) => {
                None
            }
        },
        evidence: Some(evidence.text().into()),
        ..Kept::new(id.as_str().into(), EntryState::External, at, at)
    });
}

/// Whether another entry that counts has this evidence.
fn is_claimed(value: &Value, evidence: &Evidence, but: Option<&str>) -> bool {
    let operation = match evidence {
        Evidence::Operation(id) => Some(id),
        Evidence::Run(_) => None,
        Evidence::NotListed | Evidence::ByHand(_) | Evidence::Other(_) => return false,
    };
    value.entries.iter().any(|entry| {
        but != Some(entry.id())
            && entry.kept().state != EntryState::Released
            && (entry
                .kept()
                .evidence
                .as_deref()
                .is_some_and(|text| evidence.is_kept_as(text))
                || operation.is_some_and(|id| entry.names(id)))
    })
}

/// Keeps another id of the operation of the start `id`.
pub(super) fn other_id_in(value: &mut Value, id: &str, operation: &str) {
    let entry = value.entry(id).filter(|entry| {
        let is_own = entry.kept().state == EntryState::Confirmed && !entry.names(operation);
        is_own && is_id(operation)
    });
    if let Some(entry) = entry {
        entry.changed().other_id = Some(operation.into());
        drop_external_in(value, operation);
    }
}

/// Removes the external entry of `operation`, which turned out to be a start of this ledger.
pub(super) fn drop_external_in(value: &mut Value, operation: &str) {
    let is_it =
        |entry: &Entry| entry.kept().state == EntryState::External && entry.names(operation);
    value.entries.retain(|entry| !is_it(entry));
}
