//! Threads that the system may refuse.

use std::{io, thread};

/// The system starts no further thread: too many processes of one user, or too little memory. Nothing was done.
#[derive(Debug, thiserror::Error)]
#[error(
    "this machine starts no further thread ({0}): end other processes of this user, or raise the limit of their number"
)]
pub struct NoThread(io::Error);

/// Does `work` on a new thread with this name. Unlike [`thread::spawn`], it does not panic.
///
/// # Errors
///
/// [`NoThread`]; `work` is then dropped.
pub fn on_a_thread(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), NoThread> {
    let thread = thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map(drop).map_err(NoThread)
}
