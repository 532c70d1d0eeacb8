//! The kinds of requests that a fault can meet, and of losses that it can cause.

use serde::{Deserialize, Serialize};

use crate::platform::Platform;

/// The kind of request a fault applies to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum On {
    /// A start of a run.
    Start,
    /// A validation of a data connector.
    Validate,
    /// A reset of a provisioning flow.
    Reset,
    /// A read of one operation.
    Operation,
    /// A read of the list of operations.
    Operations,
    /// A read of runs: the list, one run, its statistics or its activities.
    Runs,
    /// A request to the token endpoint.
    Token,
    /// A request to the metadata service of a virtual machine.
    Metadata,
    /// A request to the identity endpoint of an app.
    Identity,
    /// A request for the assertion of a GitHub job.
    GitHub,
    /// Any request except one to a control path.
    Any,
}

impl On {
    /// The platform of these requests.
    pub(crate) const fn platform(self) -> Option<Platform> {
        match self {
            Self::Metadata => Some(Platform::Metadata),
            Self::Identity => Some(Platform::App),
            Self::GitHub => Some(Platform::GitHub),
            Self::Start
            | Self::Validate
            | Self::Reset
            | Self::Operation
            | Self::Operations
            | Self::Runs
            | Self::Token
            | Self::Any => None,
        }
    }
}

/// The part of an exchange that is lost. The connection is closed before the first byte of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lose {
    /// The request is lost: the service does not act on it.
    Request,
    /// The response is lost: the service has acted.
    Answer,
}
