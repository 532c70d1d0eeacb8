//! Why a `Location` cannot be followed.

/// Why a `Location` cannot be followed (rule L). A run may have started: yes, if this was the
/// `Location` of a 202.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum LocationError {
    /// Plain http to another machine (L0, L7).
    #[error("the location is plain http to another machine, where the token could be read")]
    Insecure,
    /// No `Location`, or only empty ones (L1).
    #[error("the answer has no location")]
    Missing,
    /// More than one `Location` field line (L2).
    #[error("the answer has more than one location")]
    Multiple,
    /// Not UTF-8 (L3).
    #[error("the location is not UTF-8")]
    NotUtf8,
    /// Longer than 8000 octets (L4b).
    #[error("the location is longer than 8000 octets")]
    TooLong,
    /// Not a URI reference by RFC 3986, or one without a host (L5, L6).
    #[error("the location is no URI reference by RFC 3986")]
    Unparsable,
    /// An `@` in the authority (L8).
    #[error("the location has a user name or an @ before its host")]
    HasCredentials,
    /// Another scheme, host or port than the base's (L9).
    #[error(
        "the location is not on the base URL's scheme, host and port, so the token must not go there"
    )]
    CrossOrigin,
    /// Not an operation under the base (L10, L11).
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
