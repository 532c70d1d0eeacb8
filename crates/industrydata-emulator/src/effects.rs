//! What changes in the service: a start is accepted, a fault steers its operation, scheduled runs begin.

use std::time::Duration;

use jiff::Timestamp;

use crate::{fault::Fault, operation::Operation, run::Run, service::Service, time::since};

/// How many operations and runs are kept at least.
const KEPT: usize = 2048;

impl Service {
    /// Accepts a start: the id of the operation it creates.
    pub(crate) fn accept(&mut self, fault: Option<&Fault>) -> String {
        self.starts.accept(self.now);
        self.timetable.started(self.now);
        let run = Run::new(
            self.ids.guid(),
            self.now,
            self.sped(self.config.run_takes),
            false,
        );
        let takes = self.sped(self.config.operation_takes);
        let operation = Operation::new(self.ids.operation(), run.id().to_owned(), self.now, takes);
        let id = operation.id().to_owned();
        keep(&mut self.runs, run);
        keep(&mut self.operations, operation);
        self.steer(&id, fault);
        id
    }

    /// Does to an operation and its run what a fault says of them.
    pub(crate) fn steer(&mut self, id: &str, fault: Option<&Fault>) {
        let Some(fault) = fault else { return };
        let Some(operation) = self
            .operations
            .iter_mut()
            .rfind(|operation| operation.id() == id)
        else {
            return;
        };
        if !fault.operation_status.is_empty() {
            operation.follow(&fault.operation_status);
        }
        let takes = since(operation.created(), operation.ends());
        if let Some(detail) = &fault.fail_operation {
            operation.fail(detail);
        }
        if let Some(run) = self
            .runs
            .iter_mut()
            .rfind(|run| run.id() == operation.run())
        {
            if let Some(detail) = &fault.fail_operation {
                run.fail(detail, takes);
            }
            if let Some(status) = &fault.run_status {
                run.end_as(status);
            }
        }
    }

    pub(crate) fn begin_scheduled(&mut self, times: &[Timestamp]) {
        let takes = self.sped(self.config.run_takes);
        for at in times {
            let run = Run::new(self.ids.guid(), *at, takes, true);
            keep(&mut self.runs, run);
        }
    }

    /// What a duration becomes by the configured speed.
    fn sped(&self, duration: Duration) -> Duration {
        let speed = self.config.speed;
        let usable = speed > 0.0 && (speed - 1.0).abs() > f64::EPSILON;
        let sped = usable
            .then(|| Duration::try_from_secs_f64(duration.as_secs_f64() / speed).ok())
            .flatten();
        sped.unwrap_or(duration)
    }
}

/// Adds an entry to a list that is kept bounded.
fn keep<T>(list: &mut Vec<T>, entry: T) {
    if list.len() >= 2 * KEPT {
        list.drain(..KEPT);
    }
    list.push(entry);
}
