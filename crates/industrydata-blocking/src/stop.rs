//! Stopping from another thread.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError, Weak},
    time::Duration,
};

use industrydata_system::with_ureq::Stoppable;
use ureq::unversioned::transport::ShutdownHandle;

/// Stops a [`Client`](crate::Client) for good, from any thread.
///
/// Pauses end at once and requests in flight are cut off. A start whose request was not sent releases its slot. One
/// whose request was sent is in doubt, and recorded as such. The error of a poll has its resume token. Each call then
/// returns its error.
///
/// ```
/// # use industrydata_blocking::{Client, FixedToken};
/// # use industrydata_emulator::{Config, Emulator, Fault, Lose, On};
/// # use industrydata_ledger::Ledger;
/// # let emulator = Emulator::start(Config::default())?;
/// # let ledger = Ledger::memory_with_clock(emulator.clock());
/// # let client = Client::builder(FixedToken::new(emulator.token())?, ledger);
/// # let client = client.base(emulator.base_url()).clock(emulator.clock()).build()?;
/// # let contoso = client.tenant("contoso")?;
/// let stop = client.stop_handle();
/// std::thread::spawn(move || stop.stop()).join().unwrap();
///
/// let error = contoso.start().unwrap_err();
/// assert_eq!(error.to_string(), "stopped before the request was sent");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stopped: bool,
    /// The connections that may be open.
    open: Vec<Weak<dyn ShutdownHandle>>,
}

impl Stop {
    /// Stops. Calling it again does nothing more.
    pub fn stop(&self) {
        let open = {
            let mut state = self.state();
            state.stopped = true;
            std::mem::take(&mut state.open)
        };
        self.0.changed.notify_all();
        for connection in open.iter().filter_map(Weak::upgrade) {
            connection.shutdown();
        }
    }

    /// Whether it was stopped.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.state().stopped
    }

    /// Sleeps for `time`, or until the client is stopped. It does not sleep for zero.
    pub(crate) fn sleep(&self, time: Duration) {
        if !time.is_zero() {
            let wait = self
                .0
                .changed
                .wait_timeout_while(self.state(), time, |state| !state.stopped);
            drop(wait.unwrap_or_else(PoisonError::into_inner));
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stoppable for Stop {
    fn add(&self, connection: Weak<dyn ShutdownHandle>) -> bool {
        let mut state = self.state();
        state.open.retain(|open| open.strong_count() > 0);
        state.open.push(connection);
        !state.stopped
    }

    fn is_stopped(&self) -> bool {
        self.state().stopped
    }
}
