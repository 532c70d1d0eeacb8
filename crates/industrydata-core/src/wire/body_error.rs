//! Why the body of a 2xx answer is unusable.

/// Why the body of a 2xx answer is unusable.
///
/// A poll retries it as a transient error. A read reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum BodyError {
    /// The `Content-Type` is neither `application/json` nor `application/*+json`.
    #[error("the answer's content type is not JSON: it may come from a proxy or a sign-in page")]
    WrongContentType,
    /// The body is empty.
    #[error("the answer has an empty body")]
    EmptyBody,
    /// The body is not UTF-8.
    #[error("the body is not UTF-8")]
    NotUtf8,
    /// The body is not exactly one JSON text.
    #[error("the body is not JSON")]
    InvalidJson,
    /// The JSON has more than 128 levels of nesting.
    #[error("the body is nested too deeply")]
    TooDeep,
    /// The JSON is not an object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// The object has more than one `status`.
    #[error("the body has more than one status")]
    DuplicateKey,
    /// The object has no `status`, or it is null.
    #[error("the body has no status")]
    MissingStatus,
    /// The `status` is not a string.
    #[error("the body's status is not a string")]
    InvalidStatus,
    /// This required member is missing, or has another type than documented.
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
