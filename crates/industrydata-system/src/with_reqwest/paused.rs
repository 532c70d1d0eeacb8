//! tokio's paused time. A runtime whose time is paused jumps to its next timer whenever it has nothing to do, and it does not
//! know that a request, a store or a token is awaited. Limits of time would then pass at once. So it stands still during a
//! request and a change of the ledger, and their limits are real time. Only pauses are jumped over.

use std::{
    future::{Future, poll_fn},
    pin::pin,
    sync::mpsc::{Sender, channel},
    time::{Duration, Instant},
};

use tokio::sync::oneshot;

use crate::thread::on_a_thread;

/// How often to look whether the machine's clock has moved. The next look nearly always shows it.
const LOOKS: u32 = 10_000;

/// Awaits `work`. If tokio's time is paused, it stands still meanwhile. What need not be awaited is not asked about.
pub async fn awake<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let mut held = None;
    poll_fn(|cx| {
        let poll = work.as_mut().poll(cx);
        if poll.is_pending() {
            held.get_or_insert_with(Held::new);
        }
        poll
    })
    .await
}

/// Sleeps, in real time if tokio's is paused.
pub async fn sleep(time: Duration) {
    if is_paused() {
        sleep_on_a_thread(time).await;
    } else {
        tokio::time::sleep(time).await;
    }
}

/// Holds tokio's time, if it is paused, until this is dropped.
#[derive(Debug)]
pub struct Held(Option<Sender<()>>);

impl Held {
    /// Holds it from now on.
    #[must_use]
    #[allow(clippy::new_without_default, reason = "it is held from a moment on")]
    pub fn new() -> Self {
        Self(is_paused().then(hold))
    }

    /// Sleeps in real time.
    pub async fn sleep(&self, time: Duration) {
        match self.0 {
            Some(_) => sleep_on_a_thread(time).await,
            None => tokio::time::sleep(time).await,
        }
    }
}

async fn sleep_on_a_thread(time: Duration) {
    // The thread ends with this future, if that is dropped.
    let ((alive, ended), (over, is_over)) = (channel::<()>(), oneshot::channel::<()>());
    let waits = move || {
        let _ = ended.recv_timeout(time);
        drop(over);
    };
    // Without a thread, the limit has passed.
    if on_a_thread("timer", waits).is_ok() {
        let _ = is_over.await;
    }
    drop(alive);
}

/// Whether tokio's time stands still while the machine's moves.
fn is_paused() -> bool {
    let tokios = tokio::time::Instant::now();
    // Nearly always it has moved by the next look.
    if !tokios.elapsed().is_zero() {
        return false;
    }
    let machines = Instant::now();
    let has_moved = (0..LOOKS).any(|_| !machines.elapsed().is_zero());
    has_moved && tokios.elapsed().is_zero()
}

/// Holds the time until the sender is dropped: tokio does not advance it while a blocking task runs.
fn hold() -> Sender<()> {
    let (sender, receiver) = channel();
    tokio::task::spawn_blocking(move || receiver.recv());
    sender
}
