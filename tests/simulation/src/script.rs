//! A history as text: who takes part, and what happens when. The same script gives the same history.
//!
//! One JSON document a line: first the [`World`], then each [`Event`]. Whatever line is left out, the rest still plays.

use serde::{Deserialize, Serialize};

use crate::fate::{Fate, StoreFate, TokenFate};

/// A whole script.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Script {
    /// Who takes part.
    pub world: World,
    /// What happens, in the order of time.
    pub events: Vec<Event>,
}

/// Who takes part, and how their clocks stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    /// Where latencies, ids and jitter come from.
    pub seed: u64,
    /// The clients' clocks.
    pub clients: Vec<Clock>,
    /// Whose clock the books are kept by.
    pub books: BooksClock,
    /// The longest way of a request, and of an answer, in ms.
    pub latency: u64,
    /// How long an operation takes, in s.
    pub operation: u64,
    /// Whether the service runs by a schedule, too.
    pub schedule: bool,
    /// Whether scheduled runs count against the throttle.
    pub schedule_counts: bool,
    /// Whether the service says in a 429 when to come back.
    pub retry_after: bool,
    /// When the network heals and no fault happens any more, in ms.
    pub heals: u64,
}

/// How a clock differs from the true time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Clock {
    /// Seconds ahead.
    pub offset: i64,
    /// Milliseconds a thousand seconds too fast.
    pub drift: i64,
}

/// Whose clock the books are kept by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BooksClock {
    /// The store has a clock of its own, so many seconds ahead of the service's (PostgreSQL).
    Own(i64),
    /// All clients are processes on one machine, whose clock it is: the first client's (SQLite).
    Machine,
}

/// One thing that happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When, in ms of true time.
    pub at: u64,
    /// What.
    #[serde(rename = "do")]
    pub act: Act,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// A client starts a run and follows it.
    Start(Order),
    /// A client's process dies after so many more of its steps, and is there again so many seconds later.
    Crash {
        /// Whose.
        client: usize,
        /// After how many steps.
        steps: u32,
        /// For how many seconds.
        down: u64,
    },
    /// What a client does is dropped after so many more of its steps, as a future may be.
    Drop {
        /// Whose.
        client: usize,
        /// After how many steps.
        steps: u32,
    },
    /// A client is told to stop what it does.
    Stop {
        /// Whose.
        client: usize,
    },
    /// The next such request of a client meets this.
    Fate {
        /// Whose.
        client: usize,
        /// Which request.
        on: On,
        /// What becomes of it.
        fate: Fate,
    },
    /// Every request of a client, or of all, meets this for so many seconds.
    Outage {
        /// Whose.
        client: Option<usize>,
        /// How long, or by how much.
        seconds: u64,
        /// What becomes of it.
        fate: Fate,
    },
    /// The next change a client makes to the books meets this.
    Store {
        /// Whose.
        client: usize,
        /// What becomes of it.
        fault: StoreFate,
    },
    /// Every change meets this for so many seconds.
    StoreOutage {
        /// How long, or by how much.
        seconds: u64,
        /// What becomes of it.
        fault: StoreFate,
    },
    /// The next call of a client's token source goes like this.
    Token {
        /// Whose.
        client: usize,
        /// What becomes of it.
        fate: TokenFate,
    },
    /// The service revokes every token, perhaps with a claims challenge.
    Revoke {
        /// Whether with a claims challenge.
        claims: bool,
    },
    /// A client's wall clock jumps by so many seconds.
    Jump {
        /// Whose.
        client: usize,
        /// How long, or by how much.
        seconds: i64,
    },
    /// Somebody starts a run in the portal.
    Portal,
    /// The service's window slides, or is fixed, from now on.
    Window {
        /// Whether it is fixed.
        fixed: bool,
    },
    /// A client compares the books with what the service lists.
    Reconcile {
        /// Whose.
        client: usize,
    },
}

/// How a run is to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// By whom.
    pub client: usize,
    /// Whether the start waits for a slot by itself.
    pub wait: bool,
    /// The time limit of the start and its wait together, in s.
    pub limit: u64,
    /// Whether the caller starts again at the time that a refusal by the books told.
    pub again: bool,
    /// A pause between polls of the caller's own, in ms.
    pub every: Option<u64>,
}

/// Which requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum On {
    /// A start.
    Post,
    /// A read of an operation.
    Poll,
    /// Any read of a list.
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

    /// Reads a script. Empty lines and such that begin with `#` are left out.
    ///
    /// # Errors
    ///
    /// What is wrong with which line.
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
