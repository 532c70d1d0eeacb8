//! What the server does, as data.

use std::time::Duration;

/// One thing a server does on a connection.
#[derive(Clone, Debug)]
pub enum Act {
    /// Sends these bytes, with their `{placeholders}` filled in.
    Send(Vec<u8>),
    /// Waits, or less if the client goes away.
    Pause(Duration),
    /// Sends these bytes one by one, with this long after each.
    Drip(Vec<u8>, Duration),
    /// Sends these bytes again and again, with this long after each, until the client goes away.
    Endless(Vec<u8>, Duration),
    /// Holds the connection until the client goes away.
    Stall,
    /// Holds the connection and reads nothing more, until the server ends.
    Deafen,
    /// Closes the connection.
    Close,
    /// Resets the connection.
    Reset,
}

/// What the server does at one request, or at one connection before anything is read from it.
#[derive(Clone, Debug)]
pub struct Turn {
    pub(crate) on_connection: bool,
    pub(crate) forever: bool,
    /// How many bytes are read of the request, if not all of it.
    pub(crate) reads: Option<usize>,
    pub(crate) acts: Vec<Act>,
}

impl Turn {
    /// At the next request: these acts. Afterwards the connection is kept, unless an act has closed it.
    #[must_use]
    pub fn new(acts: impl Into<Vec<Act>>) -> Self {
        Self {
            on_connection: false,
            forever: false,
            reads: None,
            acts: acts.into(),
        }
    }

    /// At the next connection instead, before a byte is read.
    #[must_use]
    pub fn on_connection(acts: impl Into<Vec<Act>>) -> Self {
        Self {
            on_connection: true,
            ..Self::new(acts)
        }
    }

    /// At the next request, once so many bytes of it are read, and no more: these acts.
    #[must_use]
    pub fn reading(bytes: usize, acts: impl Into<Vec<Act>>) -> Self {
        Self {
            reads: Some(bytes),
            ..Self::new(acts)
        }
    }

    /// Also at every request after that.
    #[must_use]
    pub fn forever(mut self) -> Self {
        self.forever = true;
        self
    }

    /// One act more.
    #[must_use]
    pub fn then(mut self, act: Act) -> Self {
        self.acts.push(act);
        self
    }
}
