//! Why the body of a poll's answer says nothing.

/// Why the body of a poll's answer says nothing (rules B1 to B8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BodyError {
    /// Not `application/json` or `application/*+json` (B1).
    #[error("the answer is not labelled as JSON: a proxy or a sign-in page may have sent it")]
    WrongContentType,
    /// No body (B2).
    #[error("the answer has an empty body")]
    EmptyBody,
    /// Not UTF-8 (B3).
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// Not one JSON text (B4).
    #[error("the body is not JSON")]
    InvalidJson,
    /// More than 128 levels of nesting (B5).
    #[error("the body is nested too deep")]
    TooDeep,
    /// Not an object (B6).
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// More than one `status` (B7).
    #[error("the body has more than one status")]
    DuplicateKey,
    /// No `status`, or null (B8).
    #[error("the body has no status")]
    MissingStatus,
    /// A `status` that is no string (B8).
    #[error("the body's status is not a string")]
    InvalidStatus,
    /// A member without which the body says nothing is missing, or of another type than documented.
    #[error("the body has no usable member {0}")]
    MissingMember(&'static str),
}

impl BodyError {
    /// A short stable name, such as `missing_status`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WrongContentType => "wrong_content_type",
            Self::EmptyBody => "empty_body",
            Self::NotUtf8 => "not_utf8",
            Self::InvalidJson => "invalid_json",
            Self::TooDeep => "too_deep",
            Self::NotAnObject => "not_an_object",
            Self::DuplicateKey => "duplicate_key",
            Self::MissingStatus => "missing_status",
            Self::InvalidStatus => "invalid_status",
            Self::MissingMember(_) => "missing_member",
        }
    }
}
