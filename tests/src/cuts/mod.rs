//! Breaks an exchange at every byte, over real sockets, and drops a future at every await point.
//!
//! Three exchanges are broken: a start with its polls, the same with chunked bodies, and a start whose token is refused
//! once. [`sockets`] closes, resets
//! or stalls the connection after each byte of each response, and after the server has read each number of bytes of each
//! request. It also stops the client while the connection stalls at each of these points. [`drops`] polls each future of
//! the asynchronous flavour N times and drops it, for every N until the future completes.
//!
//! A client must not claim what it cannot know: once a connection is open, the server may have read any byte of the
//! request. The operating system accepts a whole request from the client at once, so the points within a request differ
//! only in how much the *server* has read.

pub mod drops;
mod exchange;
mod polls;
mod reads;
pub mod sockets;
mod start;

use std::{fmt, time::Duration};

/// The results of one family of points with one adapter.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The family and the adapter.
    pub name: String,
    /// How many points were played.
    pub points: usize,
    /// How many points held: every expectation and every law.
    pub held: usize,
    /// By how much a time limit was exceeded at most, if the family sets one.
    pub overrun: Option<Duration>,
    /// How many points ended in which way; empty if the family has only one.
    pub ends: String,
    /// The failures, one text each.
    pub broken: Vec<String>,
    /// How long all points took.
    pub took: Duration,
}

impl Report {
    /// Whether there were any points and all of them held.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.points > 0 && self.held == self.points && self.broken.is_empty()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name, held, points, ..
        } = self;
        write!(f, "{name}: {held} of {points}")?;
        if !self.ends.is_empty() {
            write!(f, " ({})", self.ends)?;
        }
        if let Some(overrun) = self.overrun {
            write!(
                f,
                ", time limit exceeded by at most {} ms",
                overrun.as_millis()
            )?;
        }
        write!(f, ", {:.1} s", self.took.as_secs_f64())?;
        for broken in self.broken.iter().take(5) {
            write!(f, "\n  {}", broken.replace('\n', "\n    "))?;
        }
        Ok(())
    }
}
