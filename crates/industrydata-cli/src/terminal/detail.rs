//! How much is written to standard error.

use std::sync::atomic::{AtomicU8, Ordering};

/// How much is written to standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// Warnings and errors.
    Quiet,
    /// Progress and notes too.
    #[default]
    Usual,
    /// Each request and poll, and where the settings come from.
    Verbose,
}

static DETAIL: AtomicU8 = AtomicU8::new(Detail::Usual as u8);

impl Detail {
    /// Sets the detail of the process.
    pub(crate) fn set(self) {
        DETAIL.store(self as u8, Ordering::Relaxed);
    }

    /// Whether the process writes what this detail has.
    pub(crate) fn is_shown(self) -> bool {
        DETAIL.load(Ordering::Relaxed) >= self as u8
    }
}
