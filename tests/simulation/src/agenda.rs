//! Virtual time: an agenda of what happens when, and tasks that sleep until a moment.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker},
};

use crate::sim::Sim;

/// Something on the agenda.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Due {
    /// The next event of the script.
    Script(usize),
    /// The store applies a change.
    Apply(usize),
    /// A request arrives at the service.
    Arrive(usize),
    /// A client's process dies.
    Die(usize),
    /// A client's process starts again.
    Restart(usize),
    /// The network heals, and no fault happens any more.
    Healed,
    /// A sleeping task continues.
    Wake(usize),
}

/// What will happen, ordered by time. Of two things at the same time, the one entered first comes first.
#[derive(Debug, Default)]
pub(crate) struct Agenda {
    due: BinaryHeap<Reverse<(u64, u64, Due)>>,
    entered: u64,
}

impl Agenda {
    pub(crate) fn enter(&mut self, at: u64, due: Due) {
        self.entered += 1;
        self.due.push(Reverse((at, self.entered, due)));
    }

    pub(crate) fn next(&mut self) -> Option<(u64, Due)> {
        self.due.pop().map(|Reverse((at, _, due))| (at, due))
    }
}

/// A task of a client's process.
pub(crate) type Task = Pin<Box<dyn Future<Output = ()>>>;

/// Polls a task once.
pub(crate) fn resume(task: &mut Task) -> Poll<()> {
    task.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// Sleeps until a moment of true time. With `ends_by_stop`, the sleep ends early if the task is stopped.
pub(crate) struct Sleep {
    sim: Sim,
    until: u64,
    ends_by_stop: bool,
    entered: bool,
}

impl Sleep {
    pub(crate) const fn new(sim: Sim, until: u64, ends_by_stop: bool) -> Self {
        Self {
            sim,
            until,
            ends_by_stop,
            entered: false,
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let mut world = self.sim.world();
        if world.now >= self.until || self.ends_by_stop && world.is_stopped() {
            return Poll::Ready(());
        }
        if !self.entered {
            let current = world.current;
            world.agenda.enter(self.until, Due::Wake(current));
        }
        drop(world);
        self.entered = true;
        Poll::Pending
    }
}

/// A future that its caller may drop before it completes, as `select!` does. Its output is `None` if it was dropped.
pub(crate) struct Droppable<F> {
    sim: Sim,
    inside: Option<Pin<Box<F>>>,
}

impl<F> Droppable<F> {
    pub(crate) fn new(sim: Sim, inside: F) -> Self {
        Self {
            sim,
            inside: Some(Box::pin(inside)),
        }
    }
}

impl<F: Future> Future for Droppable<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if self.sim.world().take_drop() {
            self.inside = None;
        }
        match &mut self.inside {
            Some(inside) => inside.as_mut().poll(cx).map(Some),
            None => Poll::Ready(None),
        }
    }
}
