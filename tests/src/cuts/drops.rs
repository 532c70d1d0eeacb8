//! Drops a future at every await point.
//!
//! A future is polled N times and then dropped, for every N until the future completes within N polls. Each N is one
//! point at which the future was pending. After each drop, the ledger, the requests that reached the service and the
//! handle that made the future must be sound, and the same call made again must succeed.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    thread,
    time::Instant,
};

use super::{Report, polls, reads, start};

/// How many points run in parallel.
const AT_A_TIME: usize = 12;
/// More polls than any call takes.
const ENDLESS: usize = 2000;

/// The result of a call whose future was to be dropped after N polls.
#[derive(Debug)]
pub(super) enum Dropped {
    /// The future was dropped, and everything after it held. The text says how the call ended.
    Held(&'static str),
    /// The future completed before it could be dropped.
    Done,
}

/// A call, and a function that plays it and drops its future after N polls.
pub struct Call {
    name: &'static str,
    play: fn(usize) -> Result<Dropped, String>,
    /// Ends that at least one point must have. Without them, the points do not cover what they should.
    must: &'static [&'static str],
}

impl Call {
    pub(super) const fn new(
        name: &'static str,
        play: fn(usize) -> Result<Dropped, String>,
        must: &'static [&'static str],
    ) -> Self {
        Self { name, play, must }
    }

    /// Every call.
    #[must_use]
    pub fn all() -> Vec<Self> {
        [start::calls(), polls::calls(), reads::calls()]
            .into_iter()
            .flatten()
            .collect()
    }
}

/// Drops the future of a call at each of its await points.
#[must_use]
pub fn play(call: &Call) -> Report {
    let began = Instant::now();
    let next = AtomicUsize::new(0);
    let done_at = AtomicUsize::new(ENDLESS);
    let results = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let polls = next.fetch_add(1, Ordering::SeqCst);
                    if polls >= done_at.load(Ordering::SeqCst) {
                        return;
                    }
                    let result = (call.play)(polls);
                    if matches!(result, Ok(Dropped::Done)) {
                        done_at.fetch_min(polls, Ordering::SeqCst);
                    }
                    results.lock().unwrap().push((polls, result));
                }
            });
        }
    });
    let mut report = Report {
        name: format!("Async, {} dropped at every await point", call.name),
        took: began.elapsed(),
        ..Report::default()
    };
    let mut ends: Vec<(&str, usize)> = Vec::new();
    let done_at = done_at.into_inner();
    if done_at == ENDLESS {
        report.broken.push("the call never completed".to_owned());
    }
    for (polls, result) in results.into_inner().unwrap() {
        match result {
            Ok(Dropped::Held(end)) => {
                report.points += 1;
                report.held += 1;
                match ends.iter_mut().find(|(known, _)| *known == end) {
                    Some((_, count)) => *count += 1,
                    None => ends.push((end, 1)),
                }
            }
            Ok(Dropped::Done) => {}
            Err(broken) => {
                report.points += 1;
                report
                    .broken
                    .push(format!("dropped after {polls} polls: {broken}"));
            }
        }
    }
    for must in call.must {
        if !ends.iter().any(|(end, _)| end == must) {
            report.broken.push(format!("no point ended with '{must}'"));
        }
    }
    ends.sort_unstable();
    let ends: Vec<_> = ends
        .iter()
        .map(|(end, count)| format!("{count} {end}"))
        .collect();
    report.ends = ends.join(", ");
    report
}

/// Runs a future on a runtime of this thread alone. The future then waits only for sockets and the ledger.
pub(super) fn on_a_runtime<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future)
}

/// How many polls are left before the drop.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Budget {
    pub(super) const fn new(polls: usize) -> Self {
        Self(polls)
    }

    /// The output of a future, or `None` if the polls were used up first and the future was dropped.
    pub(super) async fn within<F: Future>(&mut self, future: F) -> Option<F::Output> {
        Within {
            future: Box::pin(future),
            left: &mut self.0,
        }
        .await
    }
}

struct Within<'b, F> {
    future: Pin<Box<F>>,
    left: &'b mut usize,
}

impl<F: Future> Future for Within<'_, F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if *self.left == 0 {
            return Poll::Ready(None);
        }
        *self.left -= 1;
        match self.future.as_mut().poll(context) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            // Ready at once: nothing may happen between the last poll and the drop.
            Poll::Pending if *self.left == 0 => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_future_is_dropped_after_the_given_number_of_polls() {
        for (polls, output) in [(0, None), (1, None), (2, None), (3, Some(7)), (9, Some(7))] {
            let seven = async {
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
                7
            };
            let mut budget = Budget::new(polls);
            assert_eq!(on_a_runtime(budget.within(seven)), output, "{polls}");
        }
    }

    #[test]
    fn a_failed_point_and_a_missing_end_are_reported() {
        let play = |polls| match polls {
            0 => Ok(Dropped::Held("held")),
            1 => Err("broken".to_owned()),
            _ => Ok(Dropped::Done),
        };
        let report = super::play(&Call::new("a call", play, &["held", "missing"]));
        assert_eq!((report.held, report.points), (1, 2));
        assert_eq!(report.broken.len(), 2, "{report}");
        assert!(!report.is_whole());
    }
}
