//! How the listener delivers a response: the part of a fault that concerns the connection.

use std::time::Duration;

use http::Response;

use crate::fault::{definition::Fault, kinds::Lose};

/// The outcome of a request: a response, and how to deliver it.
#[derive(Clone, Debug)]
pub struct Served {
    /// The complete response, even if the delivery withholds it.
    pub response: Response<Vec<u8>>,
    /// How to deliver the response.
    pub delivery: Delivery,
    /// How far the request advanced the clock. The caller adds it to later times.
    pub advance: Duration,
}

/// How a response is delivered. By default, the whole response is sent at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// How long to wait before the response.
    pub delay: Duration,
    /// If set, the body is sent byte by byte with this wait before each byte.
    pub drip: Option<Duration>,
    /// How the delivery ends.
    pub ending: Ending,
}

/// How the delivery of a response ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Ending {
    /// The whole response is sent.
    #[default]
    Whole,
    /// The connection is closed without a response.
    Close,
    /// The connection is held open without a response.
    Stall,
    /// The connection is closed after this many bytes of the body.
    CloseAfter(usize),
    /// The connection is held open after this many bytes of the body.
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

    /// Whether the client receives the status and headers.
    #[must_use]
    pub fn sends_head(&self) -> bool {
        match self.ending {
            Ending::Whole | Ending::CloseAfter(_) | Ending::StallAfter(_) => true,
            Ending::Close | Ending::Stall => false,
        }
    }
}
