//! Interrupts: the first one ends the work gently, the second one at once.

use std::{
    fmt, io, process,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use tokio::runtime;

use crate::report::Document;

/// How long the work may take to come to its own end.
const GRACE: Duration = Duration::from_secs(3);
/// How long an answer that is being printed may take.
const PRINTING: Duration = Duration::from_millis(500);
const EXIT_CODE: i32 = 130;

/// What is known of interrupts, shared by the work and the thread that listens for signals.
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
    /// What is printed if the work does not come to its own end.
    last_word: Option<Document>,
    /// Whether somebody prints the one answer, or has.
    claimed: bool,
}

impl Interrupt {
    /// Listens from now on. `print` prints the last word.
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
                // Gone with its grace, or at the second signal.
                let _ = tokio::time::timeout(GRACE, signals.next()).await;
            });
            interrupt.end(print);
        };
        thread::Builder::new()
            .name("signals".to_owned())
            .spawn(listener)
            .map(drop)
    }

    /// Does this at the first signal; at once if it was already given.
    pub(crate) fn on_stop(&self, stop: impl Fn() + Send + 'static) {
        let mut state = self.state();
        if state.interrupted {
            stop();
        } else {
            state.stops.push(Box::new(stop));
        }
    }

    /// Whether the first signal was given.
    pub(crate) fn is_given(&self) -> bool {
        self.state().interrupted
    }

    /// What to print from here on if the work does not come to its own end.
    pub(crate) fn last_word(&self, document: Document) {
        self.state().last_word = Some(document);
    }

    /// Waits for the first signal.
    pub(crate) fn wait(&self) {
        let waited = self
            .0
            .changed
            .wait_while(self.state(), |state| !state.interrupted);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
    }

    /// Whether the caller may print the one answer. If not, this process is about to end.
    pub(crate) fn claim(&self) -> bool {
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
        if self.claim() {
            if let Some(document) = self.state().last_word.take() {
                print(&document);
            }
        } else {
            // The work has ended after all; this ends only what hangs.
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
            .field("is_given", &self.is_given())
            .finish_non_exhaustive()
    }
}

#[cfg(unix)]
struct Signals(tokio::signal::unix::Signal, tokio::signal::unix::Signal);

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self(
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        ))
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.0.recv() => {}
            _ = self.1.recv() => {}
        }
    }
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
    fn a_stop_is_called_once_whenever_it_was_asked_for() {
        let interrupt = Interrupt::default();
        let calls = Arc::new(AtomicU32::new(0));
        let stop = || {
            let calls = Arc::clone(&calls);
            move || {
                calls.fetch_add(1, Ordering::Relaxed);
            }
        };
        interrupt.on_stop(stop());
        assert!(!interrupt.is_given());
        interrupt.begin();
        interrupt.begin();
        interrupt.on_stop(stop());
        interrupt.wait();
        assert_eq!(calls.load(Ordering::Relaxed), 2);
        assert!(interrupt.claim() && !interrupt.claim());
    }
}
