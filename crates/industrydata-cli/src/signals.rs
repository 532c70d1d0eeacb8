//! Interrupts: the first signal stops the work, the second ends the process at once.

use std::{
    fmt, io, process,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::runtime;

use crate::report::Document;

/// How long the work may take to stop after the first signal.
const GRACE: Duration = Duration::from_secs(3);
/// How long printing the result may take.
const PRINTING: Duration = Duration::from_millis(500);
const EXIT_CODE: i32 = 130;

/// The state of interrupts, shared by the command and the thread that listens for signals.
#[derive(Clone, Default)]
pub(crate) struct Interrupt(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    interrupted: bool,
    stops: Vec<Box<dyn Fn() + Send>>,
    /// Printed if the work does not stop in time.
    fallback: Option<Document>,
    /// Whether a thread has claimed the right to print the result.
    claimed: bool,
}

impl Interrupt {
    /// Starts to listen. `print` prints the fallback document.
    pub(crate) fn listen(&self, print: impl Fn(&Document) + Send + 'static) -> io::Result<()> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut signals = {
            let _inside = runtime.enter();
            Signals::new()?
        };
        let interrupt = self.clone();
        let listener = move || {
            runtime.block_on(async {
                signals.next().await;
                interrupt.begin();
                // Ends when the grace period has passed, or at the second signal.
                let _ = tokio::time::timeout(GRACE, signals.next()).await;
            });
            interrupt.end(print);
        };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(listener)
            .map(drop)
    }

    /// Calls `stop` at the first signal, or now if that has come.
    pub(crate) fn on_stop(&self, stop: impl Fn() + Send + 'static) {
        let mut state = self.state();
        if state.interrupted {
            stop();
        } else {
            state.stops.push(Box::new(stop));
        }
    }

    /// Whether the first signal has come.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.state().interrupted
    }

    /// Sets the document to print if the work does not stop in time.
    pub(crate) fn set_fallback(&self, document: Document) {
        self.state().fallback = Some(document);
    }

    /// Waits for the first signal.
    pub(crate) fn wait(&self) {
        let waited = self
            .0
            .changed
            .wait_while(self.state(), |state| !state.interrupted);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Waits for the first signal, up to this long, and returns whether it has come.
    pub(crate) fn wait_for(&self, time: Duration) -> bool {
        let waited = self
            .0
            .changed
            .wait_timeout_while(self.state(), time, |state| !state.interrupted);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.interrupted
    }

    /// Claims the right to print the result. If another thread has claimed it, the process is about to end.
    pub(crate) fn claim_output(&self) -> bool {
        !std::mem::replace(&mut self.state().claimed, true)
    }

    fn begin(&self) {
        let stops = {
            let mut state = self.state();
            state.interrupted = true;
            std::mem::take(&mut state.stops)
        };
        self.0.changed.notify_all();
        for stop in stops {
            stop();
        }
    }

    fn end(&self, print: impl Fn(&Document)) -> ! {
        if self.claim_output() {
            if let Some(document) = self.state().fallback.take() {
                print(&document);
            }
        } else {
            // The work stopped in time and prints its result. The process ends even if printing hangs.
            thread::sleep(PRINTING);
        }
        process::exit(EXIT_CODE)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Interrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Interrupt")
            .field("is_interrupted", &self.is_interrupted())
            .finish_non_exhaustive()
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
    /// Sent when the terminal is closed; `None` if the caller had it ignored, as `nohup` does.
    hangup: Option<tokio::signal::unix::Signal>,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let hangup = (is_hangup_ignored() == Some(false)).then(SignalKind::hangup);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: hangup.map(signal).transpose()?,
        })
    }

    async fn next(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Whether the caller had SIGHUP ignored; `None` where the system has no `/proc` that shows it. A listener would undo
/// that, so there is none unless it is known.
#[cfg(unix)]
fn is_hangup_ignored() -> Option<bool> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    // SIGHUP is signal 1, the lowest bit.
    u64::from_str_radix(ignored.trim(), 16)
        .ok()
        .map(|ignored| ignored & 1 == 1)
}

#[cfg(windows)]
struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self(tokio::signal::windows::ctrl_c()?))
    }

    async fn next(&mut self) {
        let _ = self.0.recv().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn each_stop_function_is_called_once() {
        let interrupt = Interrupt::default();
        let calls = Arc::new(AtomicU32::new(0));
        let stop = || {
            let calls = Arc::clone(&calls);
            move || {
                calls.fetch_add(1, Ordering::Relaxed);
            }
        };
        interrupt.on_stop(stop());
        assert!(!interrupt.is_interrupted());
        interrupt.begin();
        interrupt.begin();
        interrupt.on_stop(stop());
        interrupt.wait();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        assert!(interrupt.claim_output() && !interrupt.claim_output());
    }
}
