//! The server's script, as data.

use std::time::Duration;

/// One action of the server on a connection.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends these bytes with their `{placeholders}` replaced.
    Send(Vec<u8>),
    /// Waits for this long, or until the client goes away.
    Pause(Duration),
    /// Sends these bytes one at a time, and waits this long after each.
    Drip(Vec<u8>, Duration),
    /// Sends these bytes repeatedly, and waits this long after each time, until the client goes away.
    Endless(Vec<u8>, Duration),
    /// Keeps the connection open and silent until the client goes away.
    Stall,
    /// Keeps the connection open, silent and unread until the server ends.
    Deafen,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// What the server does at one request, or at one connection before it reads anything.
#[derive(Clone, Debug)]
pub struct Turn {
    pub(crate) on_connection: bool,
    pub(crate) forever: bool,
    /// How many bytes of the request the server reads; `None` for all of it.
    pub(crate) reads: Option<usize>,
    pub(crate) acts: Vec<Act>,
}

impl Turn {
    /// At the next request: these acts. The connection then stays open, unless an act has closed it.
    #[must_use]
    pub fn new(acts: impl Into<Vec<Act>>) -> Self {
        Self {
            on_connection: false,
            forever: false,
            reads: None,
            acts: acts.into(),
        }
    }

    /// At the next connection, before the server reads a byte: these acts.
    #[must_use]
    pub fn on_connection(acts: impl Into<Vec<Act>>) -> Self {
        Self {
            on_connection: true,
            ..Self::new(acts)
        }
    }

    /// At the next request: reads this many bytes of it and no more, then these acts.
    #[must_use]
    pub fn reading(bytes: usize, acts: impl Into<Vec<Act>>) -> Self {
        Self {
            reads: Some(bytes),
            ..Self::new(acts)
        }
    }

    /// Repeats the turn at every request after that.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.forever = true;
        self
    }

    /// Adds one act.
    #[must_use]
    pub fn then(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }
}
