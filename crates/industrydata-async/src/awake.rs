//! tokio's paused time. A runtime whose time is paused jumps to its next timer whenever it has nothing to do, and it does not
//! know that a request, a store or a token is awaited. Without this, each limit of time would pass at once.

use std::{
    future::Future,
    sync::mpsc::{Sender, channel},
    time::{Duration, Instant},
};

/// How long the time is held at most, so that work that never ends still meets its limit. No request takes longer, unless
/// its limit was raised.
const LONGEST: Duration = Duration::from_secs(120);
/// How often to look whether the machine's clock has moved. The next look nearly always shows it.
const LOOKS: u32 = 10_000;

/// Awaits `work`. If tokio's time is paused, it stands still meanwhile.
pub(crate) async fn awake<T>(work: impl Future<Output = T>) -> T {
    let _held = is_paused().then(hold);
    work.await
}

/// Whether tokio's time stands while the machine's moves.
fn is_paused() -> bool {
    let (tokios, machines) = (tokio::time::Instant::now(), Instant::now());
    let has_moved = (0..LOOKS).any(|_| !machines.elapsed().is_zero());
    has_moved && tokios.elapsed().is_zero()
}

/// Holds the time until the sender is dropped: tokio does not advance it while a blocking task runs.
fn hold() -> Sender<()> {
    let (sender, receiver) = channel();
    tokio::task::spawn_blocking(move || receiver.recv_timeout(LONGEST));
    sender
}
