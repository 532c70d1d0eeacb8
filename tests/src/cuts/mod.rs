//! Every place at which an exchange can break, over real sockets, and every place at which a future can be dropped.
//!
//! Two exchanges are broken: a start with its polls, and a start whose token is refused once. [`sockets`] closes, resets
//! or stalls them after each byte of each answer, and after the server has read each number of bytes of each request;
//! it stops the client there, too. [`drops`] polls each future of the asynchronous flavour some times and drops it, for
//! every number of times.
//!
//! What a client cannot know it must not claim: of a request whose connection stood, any byte may have been read.
//! The system takes a whole request off the client's hands at once, so that how much of it the *server* has read
//! is what the points of the other direction tell apart.

pub mod drops;
mod exchange;
mod reads;
pub mod sockets;
mod start;
mod waits;

use std::{fmt, time::Duration};

/// What one family of points came to with one adapter.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The family and the adapter.
    pub name: String,
    /// The points.
    pub points: usize,
    /// Those at which everything was as it must be.
    pub held: usize,
    /// By how much a limit was overrun at most, where the family has one.
    pub overrun: Option<Duration>,
    /// How the points ended, where that is worth telling.
    pub ends: String,
    /// What was not as it must be.
    pub broken: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

impl Report {
    /// Whether every point held, and there were any.
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
            write!(f, ", limits overrun by at most {} ms", overrun.as_millis())?;
        }
        write!(f, ", {:.1} s", self.took.as_secs_f64())?;
        for broken in self.broken.iter().take(5) {
            write!(f, "\n  {}", broken.replace('\n', "\n    "))?;
        }
        Ok(())
    }
}
