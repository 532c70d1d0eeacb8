//! The faults that a script may schedule: for a request, for a change to the ledger, and for a call of a token source.

use serde::{Deserialize, Serialize};

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// No pooled connection becomes free, so the request is not sent.
    Unsent,
    /// No connection can be made. The number selects the phase that fails.
    NoConnection(u8),
    /// The request is lost on its way. The client sees a reset connection, or its time limit passes.
    LoseRequest {
        /// Whether the connection is reset at once.
        reset: bool,
    },
    /// The service acts, and no byte of the response arrives.
    LoseAnswer {
        /// Whether the connection is reset at once.
        reset: bool,
    },
    /// The connection is reset after this many bytes of the response, modulo its length.
    Cut(usize),
    /// The request takes this many ms longer.
    Late(u64),
    /// The response takes this many ms longer.
    Slow(u64),
    /// A gateway responds in place of the service, which may have acted.
    Answer {
        /// The status.
        status: u16,
        /// Whether the service acted.
        acts: bool,
        /// The `Retry-After` of the response.
        retry: Option<Retry>,
        /// The body of the response.
        body: Body,
    },
    /// The 202 has this `Location`.
    Location(String),
    /// The response has no `Date`.
    NoDate,
    /// The accepted start's operation is hidden at first, goes through these statuses, and may fail.
    Operation {
        /// For how many seconds polls are answered by 404.
        hidden: u64,
        /// The statuses that polls see, one after the other.
        statuses: Vec<Option<String>>,
        /// Whether the operation fails.
        fails: bool,
    },
}

/// A `Retry-After`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// A number of seconds.
    Seconds(u64),
    /// An HTTP-date this many seconds after the response's `Date`.
    Date(u64),
    /// Any other text.
    Text(String),
}

/// The body of a response that a gateway sends in place of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// A Graph error, or nothing.
    Own,
    /// A sign-in page.
    Html,
    /// An error whose message echoes the request's token.
    Token,
    /// An operation that has succeeded. It means nothing with a status other than 200.
    Succeeded,
}

/// How the service's lists differ from the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lists {
    /// Both lack the items of the last seconds. A start that is older is listed.
    Lag(u64),
    /// Both lack the items that are older than this many seconds.
    Cut(u64),
    /// One list lacks some items.
    Gaps {
        /// Whether it is the list of operations.
        operations: bool,
        /// Which items are missing: those of this remainder of their number.
        nth: u8,
    },
    /// Ids are in capital letters.
    Spelt,
    /// One list is empty, or both are.
    Empty {
        /// Whether it is the list of operations; `None` for both.
        operations: Option<bool>,
    },
}

/// What happens to a change to the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreFate {
    /// Another process holds the lock.
    Busy,
    /// The store cannot be reached.
    Down,
    /// The store reports that the ledger is damaged.
    Damaged,
    /// The reply to the commit is lost, and the store applies the change again.
    LostCommit {
        /// Whether the first commit succeeded.
        stands: bool,
    },
    /// The reply to the commit is lost, and applying the change again fails.
    Unconfirmed {
        /// Whether the commit succeeded.
        stands: bool,
    },
    /// The store takes this many ms.
    Slow(u64),
}

/// What happens to a call of a token source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenFate {
    /// The call fails with a transient error.
    Unavailable,
    /// The source returns the same token as before.
    Same,
    /// The source takes this many ms.
    Slow(u64),
}
