//! What may become of a request, of a change to the books, and of a call for a token, as it stands in a script.

use serde::{Deserialize, Serialize};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// No connection became free: no request is made.
    Unsent,
    /// No connection could be made, for the reason of this ordinal.
    NoConnection(u8),
    /// It is lost on its way; the client sees the connection reset, or its time limit.
    LoseRequest {
        /// Whether the connection is reset at once.
        reset: bool,
    },
    /// The service acts, and not one byte of the answer arrives.
    LoseAnswer {
        /// Whether the connection is reset at once.
        reset: bool,
    },
    /// The connection is reset after so many bytes of the answer (modulo its length).
    Cut(usize),
    /// It takes so many ms longer to arrive.
    Late(u64),
    /// The answer takes so many ms longer.
    Slow(u64),
    /// Something else answers in the service's place, which may have acted.
    Answer {
        /// The status.
        status: u16,
        /// Whether the service acted before.
        acts: bool,
        /// Its `Retry-After`.
        retry: Option<Retry>,
        /// Its body.
        body: Body,
    },
    /// An accepted start's Location is this.
    Location(String),
    /// The answer comes without a `Date`.
    NoDate,
    /// An accepted start's operation is not found for so many seconds, goes through these statuses, and may fail.
    Operation {
        /// For how many seconds it is not found.
        hidden: u64,
        /// What polls see, one after the other.
        statuses: Vec<Option<String>>,
        /// Whether it fails in the end.
        fails: bool,
    },
}

/// A `Retry-After`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Retry {
    /// Seconds.
    Seconds(u64),
    /// An HTTP-date so many seconds after the answer's.
    Date(u64),
    /// Anything else.
    Text(String),
}

/// The body of an answer in the service's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// A Graph error, or nothing.
    Own,
    /// A sign-in page.
    Html,
    /// The request's own token, in an error's message.
    Token,
    /// An operation that has succeeded, which says nothing with any status but 200.
    Succeeded,
}

/// What becomes of a change to the books.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StoreFate {
    /// The lock is held by another.
    Busy,
    /// The store cannot be reached.
    Down,
    /// It says that its value is damaged.
    Damaged,
    /// The answer to the commit is lost, and the store runs the change again.
    LostCommit {
        /// Whether the change stands all the same.
        stands: bool,
    },
    /// The same, and running it again fails too.
    Unconfirmed {
        /// Whether the change stands all the same.
        stands: bool,
    },
    /// It takes so many ms longer.
    Slow(u64),
}

/// How a call of a token source goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenFate {
    /// It fails, and may work later.
    Unavailable,
    /// It gives the same token as before.
    Same,
    /// It takes so many ms.
    Slow(u64),
}
