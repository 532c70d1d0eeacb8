//! The clock that clients, ledgers and the emulator of *industrydata* read.
//!
//! By default each reads the machine's. A test gives all of them one [`ManualClock`], and time then passes for all at once:
//!
//! ```
//! use std::time::Duration;
//! use industrydata_clock::{Clock, ManualClock};
//!
//! let clock = ManualClock::frozen("2026-03-10T06:00:00Z".parse()?);
//! let shared = clock.clone();
//! clock.advance(Duration::from_secs(12 * 60 * 60));
//! assert_eq!(shared.utc().to_string(), "2026-03-10T18:00:00Z");
//!
//! // What sleeps on it moves it, and does not wait.
//! let six = shared.steady() + Duration::from_secs(6 * 60 * 60);
//! assert!(shared.skip_to(six));
//! assert_eq!(clock.utc().to_string(), "2026-03-11T00:00:00Z");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Why a sleep moves the clock
//!
//! In a test on one thread, nothing else can move the clock while a client sleeps on it. A sleep that waited would never end.
//! A sleep moves the clock to its own end, and no further: clients that sleep side by side until the same moment move it
//! once. Clients on several threads whose sleeps differ see the longest of them pass at once, as after a machine was
//! suspended; give them clocks of their own, or sleep in one of them only.
//!
//! Requests are not slept through. How long one may take is real time, whatever the clock.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod clock;
mod manual;
mod system;

pub use self::{clock::Clock, manual::ManualClock, system::SystemClock};
