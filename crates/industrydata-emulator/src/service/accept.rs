//! What a start changes: it takes a slot, may skip a scheduled run, and creates an operation and a run. A validation and a
//! reset create an operation alone.

use crate::{
    fault::Fault,
    model::{Operation, Run, Work, push_bounded},
    service::state::{KEPT, Service},
    time::{scaled, since},
};

impl Service {
    /// Accepts a start of this caller and returns the id of its operation.
    pub(super) fn accept(&mut self, caller: &str, fault: Option<&Fault>) -> String {
        self.starts.accept(self.now);
        let starts = self.starts_by_caller.entry(caller.to_owned()).or_default();
        *starts = starts.saturating_add(1);
        self.timetable.start_accepted(self.now);
        let takes = scaled(self.config.run_takes, self.config.speed);
        let run = Run::new(self.ids.guid(), self.now, takes, false);
        let id = self.ids.operation();
        let takes = scaled(self.config.operation_takes, self.config.speed);
        let work = Work::Run(run.id().to_owned());
        let operation = Operation::new(id.clone(), work, self.now, takes);
        push_bounded(&mut self.runs, run, KEPT);
        push_bounded(&mut self.operations, operation, KEPT);
        self.script_operation(&id, fault);
        id
    }

    /// Accepts a validation or a reset and returns the id of its operation.
    pub(super) fn accept_action(&mut self, work: Work, fault: Option<&Fault>) -> String {
        let id = self.ids.operation();
        let takes = scaled(self.config.action_takes, self.config.speed);
        let operation = Operation::new(id.clone(), work, self.now, takes);
        push_bounded(&mut self.operations, operation, KEPT);
        self.script_operation(&id, fault);
        id
    }

    /// Applies what a fault says about an operation and its run.
    pub(super) fn script_operation(&mut self, id: &str, fault: Option<&Fault>) {
        let Some(fault) = fault else { return };
        let Some(operation) = self
            .operations
            .iter_mut()
            .rfind(|operation| operation.id() == id)
        else {
            return;
        };
        if !fault.operation_status.is_empty() {
            operation.script(&fault.operation_status);
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
}
