//! The laws, as sentences. Each compares what truly happened with what was reported to the callers.

use crate::{liveness, safety, sim::World};

/// The allowed difference between the clocks of the service and of a store, in ms. The laws about time assume no more.
pub(crate) const MARGIN: u64 = 120_000;

/// A law: its name, its sentence, and a function that reports how it was broken.
#[derive(Clone, Copy)]
pub struct Law {
    /// The number of the invariant in `docs/protocol.md`, such as `I3`.
    pub name: &'static str,
    /// The property that must hold.
    pub sentence: &'static str,
    pub(crate) broken: fn(&World) -> Option<String>,
}

/// All laws: those of safety (I) and those of liveness (G).
pub const LAWS: &[Law] = &[
    Law {
        name: "I1",
        sentence: "the token is sent only to the base's origin, in one Authorization field that is marked sensitive",
        broken: safety::egress,
    },
    Law {
        name: "I2",
        sentence: "a reservation has at most one POST, and one more after a 401",
        broken: safety::once,
    },
    Law {
        name: "I3",
        sentence: "in any twelve hours, at most five starts were accepted or may have been accepted, but for those reserved after the ledger's clock jumped ahead and before an answer's Date reached the ledger",
        broken: safety::quota,
    },
    Law {
        name: "I4",
        sentence: "a reservation is durable before its POST; an outcome is durable before it is reported, or the result warns",
        broken: safety::record_first,
    },
    Law {
        name: "I5",
        sentence: "an accepted start is never reported as not started, and after a 202 the result names its operation",
        broken: safety::no_lost_start,
    },
    Law {
        name: "I6",
        sentence: "polling ends in success or failure only by a status that the service sent in a complete body, and stays ended",
        broken: safety::no_false_end,
    },
    Law {
        name: "I7",
        sentence: "a start and its polling end within their time limit, in a bounded number of steps",
        broken: safety::bounded,
    },
    Law {
        name: "I8",
        sentence: "the token is not in the ledger, in a message or in Debug output",
        broken: safety::secret,
    },
    Law {
        name: "I10",
        sentence: "a ledger that fails stops the start: no POST is sent without a granted reservation",
        broken: safety::fail_closed,
    },
    Law {
        name: "I11",
        sentence: "no sixth start follows from a reconciliation: one that was accepted is freed only if the ledger counts as many",
        broken: safety::frees_nothing_accepted,
    },
    Law {
        name: "G1",
        sentence: "once the network heals, every accepted start that is polled or resumed ends with its true status",
        broken: liveness::known,
    },
    Law {
        name: "G2",
        sentence: "no start stays in doubt for longer than the window, the lease and the margin",
        broken: liveness::doubt_ends,
    },
    Law {
        name: "G3",
        sentence: "the ledger refuses a start only while five slots are used or may be used",
        broken: liveness::no_waste,
    },
    Law {
        name: "G4",
        sentence: "a client polls no more often than its poll interval and the service's Retry-After allow, and a 429 closes the ledger for as long as it asks",
        broken: liveness::pace,
    },
];

/// The law that a history breaks by panicking or by exceeding the number of steps.
pub const TOTAL: (&str, &str) = ("I9", "nothing panics and nothing loops for ever");
