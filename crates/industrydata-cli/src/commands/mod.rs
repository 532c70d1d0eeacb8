//! The commands. Each returns an [`Answer`](answer::Answer), which `main` prints.

mod action;
pub(crate) mod answer;
mod completions;
pub(crate) mod context;
mod demo;
pub(crate) mod dispatch;
mod doctor;
mod emulator;
mod follow_run;
mod ledger;
mod operation;
mod quota;
mod reads;
mod start;
mod wait;
mod watch;
