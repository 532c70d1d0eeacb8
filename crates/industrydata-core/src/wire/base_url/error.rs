//! Why a base URL was refused.

/// Why a base URL was refused. The message says what to write instead. Nothing was sent, so no run was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BaseUrlError {
    /// The text is longer than 2000 bytes.
    #[error("the base URL is longer than 2000 bytes: give its scheme, host and path only")]
    TooLong,
    /// The text is not in the grammar of RFC 3986.
    #[error(
        "the base URL is not a URL by RFC 3986: write it in ASCII, percent-encoded, without spaces or backslashes, \
         as in https://graph.microsoft.com/beta"
    )]
    Unparsable,
    /// The scheme is missing, or neither `https` nor `http`.
    #[error(
        "the base URL has no https scheme: write it out, as in https://graph.microsoft.com/beta"
    )]
    NotHttp,
    /// The host is missing.
    #[error("the base URL has no host: write it as in https://graph.microsoft.com/beta")]
    NoHost,
    /// The host ends with a dot. It is the same host in the DNS, but would get another ledger.
    #[error("the base URL's host ends with a dot: remove the dot")]
    FinalDot,
    /// There is a user name or an `@` before the host.
    #[error(
        "the base URL has a user name or an @ before its host: remove it, tokens are given elsewhere"
    )]
    HasCredentials,
    /// The URL is plain http to another machine.
    #[error(
        "the base URL is plain http to another machine, where others could read the token: use https \
         (http is for localhost, 127.0.0.0/8 and [::1])"
    )]
    Insecure,
    /// There is a query.
    #[error("the base URL has a query: remove the ? and what follows")]
    HasQuery,
    /// There is a fragment.
    #[error("the base URL has a fragment: remove the # and what follows")]
    HasFragment,
    /// The path has two slashes in a row.
    #[error("the base URL has an empty segment in its path: write single slashes")]
    EmptySegment,
    /// The host is a national cloud, which lacks the industryData API.
    #[error(
        "{host} is a national cloud, and the industryData API exists in the global service only: \
         use https://graph.microsoft.com/beta"
    )]
    NationalCloud {
        /// The host.
        host: &'static str,
    },
    /// The URL is that of version 1.0 of Graph, which lacks the industryData API.
    #[error("the industryData API is not part of v1.0: use the base URL that ends in /beta")]
    VersionOne,
    /// The host is Graph's, but the path is not `/beta`.
    #[error(
        "the industryData API on graph.microsoft.com is under /beta only: use https://graph.microsoft.com/beta"
    )]
    NotBeta,
}

impl From<std::convert::Infallible> for BaseUrlError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
