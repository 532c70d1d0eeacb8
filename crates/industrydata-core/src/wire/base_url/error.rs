//! Why a base URL is not taken.

/// A base URL that is not taken. Nothing was sent. A run may have started: no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaseUrlError {
    /// Longer than 2000 bytes.
    #[error("the base URL is longer than 2000 bytes: give its scheme, host and path only")]
    TooLong,
    /// Not in the grammar of RFC 3986.
    #[error(
        "the base URL is no URL by RFC 3986: write it in ASCII, percent-encoded, with no spaces or backslashes, \
         as in https://graph.microsoft.com/beta"
    )]
    Unparsable,
    /// Another scheme than `https` and `http`, or none.
    #[error(
        "the base URL has no https scheme: write it out, as in https://graph.microsoft.com/beta"
    )]
    NotHttp,
    /// No host.
    #[error("the base URL has no host: write it as in https://graph.microsoft.com/beta")]
    NoHost,
    /// A final dot: the same host by another name, which would have books of its own.
    #[error("the base URL's host ends with a dot: take the dot out")]
    FinalDot,
    /// A user name or an `@` before the host.
    #[error(
        "the base URL has a user name or an @ before its host: take it out, tokens are given elsewhere"
    )]
    HasCredentials,
    /// `http` to another machine (rule L0).
    #[error(
        "the base URL is plain http to another machine, where the token could be read: use https \
         (http is for localhost, 127.0.0.0/8 and [::1])"
    )]
    Insecure,
    /// A query.
    #[error("the base URL has a query: take out the ? and what follows")]
    HasQuery,
    /// A fragment.
    #[error("the base URL has a fragment: take out the # and what follows")]
    HasFragment,
    /// Two slashes in a row in the path.
    #[error("the base URL has an empty segment in its path: write single slashes")]
    EmptySegment,
    /// A national cloud.
    #[error(
        "{host} is a national cloud, and the industryData API exists in the global service only: \
         use https://graph.microsoft.com/beta"
    )]
    NationalCloud {
        /// The host.
        host: &'static str,
    },
    /// Version 1.0 of Graph.
    #[error("the industryData API is not part of v1.0: use the base URL that ends in /beta")]
    VersionOne,
    /// Graph itself, with another path than its beta's.
    #[error(
        "the industryData API on graph.microsoft.com is under /beta only: use https://graph.microsoft.com/beta"
    )]
    NotBeta,
}
