//! A history as text: the participants and the events. The same script gives the same history.
//!
//! A script has one JSON document on each line: first the [`World`], then the [`Event`]s. A script without some of its
//! events still plays.

use serde::{Deserialize, Serialize};

use crate::fate::{Fate, Lists, StoreFate, TokenFate};

/// A whole script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// The participants.
    pub world: World,
    /// The events, in the order of time.
    pub events: Vec<Event>,
}

/// The participants: the clients, the store and the service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// The seed of latencies, ids and jitter.
    pub seed: u64,
    /// The clients' clocks.
    pub clients: Vec<Clock>,
    /// The clock of the ledger.
    #[serde(rename = "books")]
    pub ledger: LedgerClock,
    /// The greatest latency of a request and of a response, in ms.
    pub latency: u64,
    /// How long an operation takes, in s.
    pub operation: u64,
    /// Whether the service also starts scheduled runs.
    pub schedule: bool,
    /// Whether scheduled runs count against the throttle.
    pub schedule_counts: bool,
    /// Whether a 429 of the service has a `Retry-After`.
    pub retry_after: bool,
    /// When the network heals, in ms. No fault happens after that.
    pub heals: u64,
}

/// How a clock differs from true time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Seconds ahead.
    pub offset: i64,
    /// The drift, in milliseconds gained per thousand seconds.
    pub drift: i64,
}

/// The clock of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerClock {
    /// The store's own clock, this many seconds ahead of the service's (as with PostgreSQL).
    Own(i64),
    /// The clock of the machine on which all clients run, which is the first client's clock (as with SQLite).
    Machine,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in ms of true time.
    pub at: u64,
    /// What happens.
    #[serde(rename = "do")]
    pub act: Act,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// A client starts a run and polls its operation.
    Start(Order),
    /// A client's process dies, and starts again some time later.
    Crash {
        /// The client.
        client: usize,
        /// After how many more steps of the client.
        steps: u32,
        /// After how many seconds the process starts again.
        down: u64,
    },
    /// The futures of a client are dropped.
    Drop {
        /// The client.
        client: usize,
        /// After how many more steps of the client.
        steps: u32,
    },
    /// A client is stopped.
    Stop {
        /// The client.
        client: usize,
    },
    /// A fault for the next request of this kind of a client.
    Fate {
        /// The client.
        client: usize,
        /// The kind of request.
        on: On,
        /// The fault.
        fate: Fate,
    },
    /// A fault for every request of one client, or of all clients, for some time.
    Outage {
        /// The client; `None` for all.
        client: Option<usize>,
        /// For how many seconds.
        seconds: u64,
        /// The fault.
        fate: Fate,
    },
    /// A fault for the next change that a client makes to the ledger.
    Store {
        /// The client.
        client: usize,
        /// The fault.
        fault: StoreFate,
    },
    /// A fault for every change to the ledger for some time.
    StoreOutage {
        /// For how many seconds.
        seconds: u64,
        /// The fault.
        fault: StoreFate,
    },
    /// A fault for the next call of a client's token source.
    Token {
        /// The client.
        client: usize,
        /// The fault.
        fate: TokenFate,
    },
    /// The service revokes every token.
    Revoke {
        /// Whether the 401 has a claims challenge.
        claims: bool,
    },
    /// A client's wall clock jumps.
    Jump {
        /// The client.
        client: usize,
        /// By how many seconds.
        seconds: i64,
    },
    /// The clock of a store that has its own jumps.
    JumpStore {
        /// By how many seconds.
        seconds: i64,
    },
    /// For some time, the service's lists are incomplete or spelt differently.
    Lists {
        /// For how many seconds.
        seconds: u64,
        /// How.
        lists: Lists,
    },
    /// A run is started in the portal.
    Portal,
    /// From now on, the window of the service's throttle slides or is fixed.
    Window {
        /// Whether the window is fixed.
        fixed: bool,
    },
    /// A client reconciles the ledger with the lists of the service.
    Reconcile {
        /// The client.
        client: usize,
    },
}

/// How a client starts a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// The client.
    pub client: usize,
    /// Whether the start waits for a free slot.
    pub wait: bool,
    /// The time limit of the start and its polling together, in s.
    pub limit: u64,
    /// Whether the caller starts again at the time that a refusal by the ledger names.
    pub again: bool,
    /// The poll interval that the caller sets, in ms; `None` for the default.
    pub every: Option<u64>,
}

/// A kind of request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// A start.
    Post,
    /// A poll of an operation.
    Poll,
    /// A read of a list.
    List,
}

impl Script {
    /// The script as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = vec![line(&self.world)];
        lines.extend(self.events.iter().map(line));
        lines.push(String::new());
        lines.join("\n")
    }

    /// Parses a script. Empty lines and lines that begin with `#` are ignored.
    ///
    /// # Errors
    ///
    /// The first line that is invalid, and why.
    pub fn parse(text: &str) -> Result<Self, String> {
        let numbered = text.lines().enumerate();
        let mut lines = numbered.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let (_, first) = lines.next().ok_or("the script is empty")?;
        let world: World = serde_json::from_str(first).map_err(|e| format!("the world: {e}"))?;
        if world.clients.is_empty() {
            return Err("the world has no clients".to_owned());
        }
        let mut events = Vec::new();
        for (nth, line) in lines {
            let event = serde_json::from_str(line).map_err(|e| format!("line {}: {e}", nth + 1))?;
            events.push(event);
        }
        Ok(Self { world, events })
    }
}

fn line<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
