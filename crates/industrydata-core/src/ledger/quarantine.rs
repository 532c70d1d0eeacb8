//! The quarantine that follows a reset.
//!
//! A new ledger does not know the starts of the old one. It must give no slot until the window that began with the
//! reset has passed, or until the service's lists have shown those starts.

use std::time::Duration;

use jiff::Timestamp;

use crate::{
    ledger::{
        entry::{Hold, millis, timestamp},
        store_error::StoreError,
    },
    policy::MARGIN,
};

/// The first word of a mark.
const MAGIC: &str = "industrydata-reset";
/// The format of a mark that this release writes.
const VERSION: u32 = 1;

/// The quarantine of a ledger, in which it gives no slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Quarantine {
    #[cfg_attr(
        feature = "serde",
        serde(rename = "reset_at", with = "crate::ledger::serial::milliseconds")
    )]
    reset: i64,
    #[cfg_attr(feature = "serde", serde(with = "crate::ledger::serial::milliseconds"))]
    until: i64,
}

impl Quarantine {
    /// The quarantine of a ledger that was reset at `reset` (Unix milliseconds). `None` once it is over. With a `hold`
    /// it lasts until its time has passed by the service's clock too.
    pub(super) fn after(
        reset: i64,
        window: Duration,
        hold: Option<Hold>,
        clock: Timestamp,
    ) -> Option<Self> {
        let lasts = millis(window.saturating_add(MARGIN));
        let until = reset.saturating_add(lasts);
        let until = hold.map_or(until, |hold| {
            let latest = hold.since.saturating_add(lasts);
            until.saturating_add(hold.ahead).min(latest).max(until)
        });
        (clock.as_millisecond() < until).then_some(Self { reset, until })
    }

    /// When the ledger was reset, by the store's clock.
    #[must_use]
    pub fn reset_at(&self) -> Timestamp {
        timestamp(self.reset)
    }

    /// When the quarantine ends by itself: the window and the safety margin after the reset.
    #[must_use]
    pub fn until(&self) -> Timestamp {
        timestamp(self.until)
    }
}

/// The mark that a store keeps of a reset at `time`. It is the same for all its tenants.
///
/// The mark is ASCII text: `industrydata-reset 1`, then the Unix time in milliseconds twice, so that an altered digit
/// is detected. A database administrator can write it with plain SQL.
#[must_use]
pub fn reset_mark(time: Timestamp) -> Vec<u8> {
    let at = time.as_millisecond();
    format!("{MAGIC} {VERSION} {at} {at}").into_bytes()
}

/// The time of the reset in a mark, in Unix milliseconds.
pub(super) fn read_mark(mark: &[u8]) -> Result<i64, StoreError> {
    const DAMAGED: StoreError = StoreError::Damaged("the mark of a reset cannot be read");
    let text = std::str::from_utf8(mark).map_err(|_| DAMAGED)?;
    let mut words = text.split(' ');
    let (Some(MAGIC), Some(version)) = (words.next(), words.next()) else {
        return Err(DAMAGED);
    };
    let found: u32 = version.parse().map_err(|_| DAMAGED)?;
    if found > VERSION {
        return Err(StoreError::Newer {
            found,
            known: VERSION,
        });
    }
    let at: i64 = words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or(DAMAGED)?;
    if reset_mark(timestamp(at)) == mark {
        Ok(at)
    } else {
        Err(DAMAGED)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written() {
        let time: Timestamp = "2026-03-10T12:00:00.123456Z".parse().unwrap();
        let mark = reset_mark(time);
        assert_eq!(mark, b"industrydata-reset 1 1773144000123 1773144000123");
        assert_eq!(read_mark(&mark).unwrap(), 1_773_144_000_123);
        for edge in [Timestamp::MIN, Timestamp::UNIX_EPOCH, Timestamp::MAX] {
            assert_eq!(read_mark(&reset_mark(edge)).unwrap(), edge.as_millisecond());
        }
    }

    #[test]
    fn an_altered_mark_is_damage_and_never_an_earlier_reset() {
        let whole = reset_mark("2026-03-10T12:00:00Z".parse().unwrap());
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut mark = whole.clone();
                mark[at] ^= 1 << bit;
                let read = read_mark(&mark);
                assert!(
                    matches!(
                        read,
                        Err(StoreError::Damaged(_) | StoreError::Newer { known: 1, .. })
                    ),
                    "{read:?}"
                );
            }
            assert!(read_mark(&whole[..at]).is_err());
        }
        for odd in [
            "industrydata-reset 1 1 1 1",
            "industrydata-reset 1 01 01",
            "industrydata-reset 1 9999999999999999999 9999999999999999999",
            "industrydata-reset 1 9223372036854775807 9223372036854775807",
            "industrydata-books 1 1 1",
            "",
        ] {
            assert!(
                matches!(read_mark(odd.as_bytes()), Err(StoreError::Damaged(_))),
                "{odd}"
            );
        }
        assert!(matches!(
            read_mark(b"industrydata-reset 2 x"),
            Err(StoreError::Newer { found: 2, known: 1 })
        ));
    }

    #[test]
    fn a_quarantine_lasts_for_the_window_and_the_margin() {
        let hours = Duration::from_secs(12 * 3600);
        let reset: Timestamp = "2026-03-10T12:00:00Z".parse().unwrap();
        let end: Timestamp = "2026-03-11T00:02:00Z".parse().unwrap();
        let after = |clock| Quarantine::after(reset.as_millisecond(), hours, None, clock);
        let quarantine = after(end - Duration::from_millis(1)).unwrap();
        assert_eq!((quarantine.reset_at(), quarantine.until()), (reset, end));
        assert_eq!(after(end), None);
    }
}
