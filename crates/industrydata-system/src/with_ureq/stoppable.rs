//! Ending connections from another thread.

use std::{fmt, sync::Weak};

use ureq::unversioned::transport::ShutdownHandle;

/// What ends the connections of a client from another thread.
pub trait Stoppable: fmt::Debug + Send + Sync {
    /// Adds a connection that it ends. False if it was stopped already.
    fn add(&self, connection: Weak<dyn ShutdownHandle>) -> bool;

    /// Whether it was stopped.
    fn is_stopped(&self) -> bool;
}
