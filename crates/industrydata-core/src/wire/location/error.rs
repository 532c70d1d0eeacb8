//! Why a `Location` was refused.

/// Why a `Location`, or another URL of an operation, was refused. Nothing was sent to it.
///
/// In the answer to a start, the start is confirmed all the same: the run was started, but this library cannot poll its
/// operation. Find the run in the list of runs instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LocationError {
    /// The URL is plain http to another machine.
    #[error("the location is plain http to another machine, where others could read the token")]
    Insecure,
    /// The answer has no `Location`, or only empty ones.
    #[error("the answer has no location")]
    Missing,
    /// The answer has more than one `Location` field line.
    #[error("the answer has more than one location")]
    Multiple,
    /// The value is not UTF-8.
    #[error("the location is not UTF-8")]
    NotUtf8,
    /// The value is longer than 8000 octets.
    #[error("the location is longer than 8000 octets")]
    TooLong,
    /// The value is not a URI reference in the grammar of RFC 3986, or the URL has no host.
    #[error("the location is not a URI reference by RFC 3986")]
    Unparsable,
    /// The authority contains an `@`.
    #[error("the location has a user name or an @ before its host")]
    HasCredentials,
    /// Scheme, host or port differ from the base URL's.
    #[error("the location has another origin than the base URL, so the token is not sent to it")]
    CrossOrigin,
    /// The path is not that of an operation under the base URL.
    #[error("the location is not an industryData operation under the base URL")]
    NotAnOperation,
}

impl LocationError {
    /// A short stable name, such as `cross_origin`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Insecure => "insecure",
            Self::Missing => "missing",
            Self::Multiple => "multiple",
            Self::NotUtf8 => "not_utf8",
            Self::TooLong => "too_long",
            Self::Unparsable => "unparsable",
            Self::HasCredentials => "has_credentials",
            Self::CrossOrigin => "cross_origin",
            Self::NotAnOperation => "not_an_operation",
        }
    }
}
