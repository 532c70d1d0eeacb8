//! The laws, as sentences. Each looks at what truly happened beside what was told.

use crate::{liveness, safety, sim::World};

/// What may be off between the clocks of the service and of a store, before a law of time is given up for it.
pub(crate) const MARGIN: u64 = 120_000;
/// A law: its name, the sentence, and the function that says how it was broken.
#[derive(Clone, Copy)]
pub struct Law {
    /// Such as `I3`.
    pub name: &'static str,
    /// What must hold.
    pub sentence: &'static str,
    pub(crate) broken: fn(&World) -> Option<String>,
}

/// All laws, of safety and of liveness.
pub const LAWS: &[Law] = &[
    Law {
        name: "I1",
        sentence: "the token goes to the base's origin alone, in one sensitive Authorization field",
        broken: safety::egress,
    },
    Law {
        name: "I2",
        sentence: "a reservation has one POST at most, but for a repeat after a 401",
        broken: safety::once,
    },
    Law {
        name: "I3",
        sentence: "in any twelve hours five starts at most were accepted or may have been",
        broken: safety::quota,
    },
    Law {
        name: "I4",
        sentence: "a reservation is durable before its POST, an outcome before it is told, or the result warns",
        broken: safety::record_first,
    },
    Law {
        name: "I5",
        sentence: "what was accepted is never told as not started, and what was answered is told with its operation",
        broken: safety::no_lost_start,
    },
    Law {
        name: "I6",
        sentence: "a wait ends in success or failure only by what the service says in a whole body, and stays ended",
        broken: safety::no_false_end,
    },
    Law {
        name: "I7",
        sentence: "a start and a wait end within their time limit, in a bounded number of steps",
        broken: safety::bounded,
    },
    Law {
        name: "I8",
        sentence: "the token is in no book, no message and no Debug output",
        broken: safety::secret,
    },
    Law {
        name: "I10",
        sentence: "books that fail stop the start: nothing is sent for what they did not grant",
        broken: safety::fail_closed,
    },
    Law {
        name: "G1",
        sentence: "once the network heals, every accepted run that is followed or taken up again ends known",
        broken: liveness::known,
    },
    Law {
        name: "G2",
        sentence: "doubt ends within the window, the lease and the margin",
        broken: liveness::doubt_ends,
    },
    Law {
        name: "G3",
        sentence: "the books refuse only for five slots that are used or may be, and no longer than those count",
        broken: liveness::no_waste,
    },
    Law {
        name: "G4",
        sentence: "a client polls no more often than its policy and the service's Retry-After say",
        broken: liveness::pace,
    },
];

/// The law that stands for all that ends a history by a panic (T: no input panics, overflows the stack or loops).
pub const TOTAL: (&str, &str) = ("I9", "nothing panics and nothing goes round for ever");
