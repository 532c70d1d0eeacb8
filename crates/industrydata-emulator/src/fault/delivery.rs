//! How an answer gets to the client: what a scripted fault wants of the transport.

use std::time::Duration;

use http::Response;

use crate::fault::definition::{Fault, Lose};

/// What the service wants done about a request.
#[derive(Clone, Debug)]
pub struct Served {
    /// The answer, complete even where its delivery keeps it back.
    pub response: Response<Vec<u8>>,
    /// How it is to be delivered.
    pub delivery: Delivery,
    /// By how much the request moved the clock: whoever keeps the time adds it.
    pub advance: Duration,
}

/// How an answer is delivered. The default is whole and at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// How long to wait first.
    pub delay: Duration,
    /// How long to wait before each byte of the body, if it is to be sent byte by byte.
    pub drip: Option<Duration>,
    /// How it ends.
    pub ending: Ending,
}

/// How the delivery of an answer ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// The whole answer is sent.
    #[default]
    Whole,
    /// The connection is closed without an answer.
    Close,
    /// The connection is held open without an answer.
    Stall,
    /// The connection is closed after so many bytes of the body.
    CloseAfter(usize),
    /// The connection is held open after so many bytes of the body.
    StallAfter(usize),
}

impl Delivery {
    pub(crate) fn of(fault: &Fault) -> Self {
        let ending = match (fault.lose, fault.stall, fault.cut_after) {
            (Some(Lose::Request | Lose::Answer), _, _) => Ending::Close,
            (None, true, None) => Ending::Stall,
            (None, true, Some(bytes)) => Ending::StallAfter(bytes),
            (None, false, Some(bytes)) => Ending::CloseAfter(bytes),
            (None, false, None) => Ending::Whole,
        };
        Self {
            delay: Duration::from_millis(fault.delay_ms.unwrap_or_default()),
            drip: fault.drip_ms.map(Duration::from_millis),
            ending,
        }
    }

    /// Whether the client gets to see a status.
    #[must_use]
    pub fn answers(&self) -> bool {
        match self.ending {
            Ending::Whole | Ending::CloseAfter(_) | Ending::StallAfter(_) => true,
            Ending::Close | Ending::Stall => false,
        }
    }
}
