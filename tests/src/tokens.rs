//! The token source of a scenario.

use std::sync::{Mutex, PoisonError};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::Challenge;
use industrydata_core::auth::TokenError;

#[path = "../support/canary.rs"]
mod canary;

/// The beginning of every valid token. Outside the Authorization field of a request to the base, it is a leak, in whatever
/// encoding.
pub const CANARY: &str = "canary+7f3a/9c51.e0d24b88";

/// What the source returns from one call.
#[derive(Clone, Debug)]
pub enum Given {
    /// A valid token with this number.
    Token(u8),
    /// A text, which may not be a valid token.
    Text(String),
    /// A transient error: the source is unavailable.
    Unavailable,
    /// Never returns. Only for the asynchronous flavour, which can drop the future.
    Never,
}

/// A scripted token source. After the last result it returns that one again.
#[derive(Debug)]
pub struct Tokens {
    given: Vec<Given>,
    /// The claims of each call; `None` for a call without a challenge.
    asked: Mutex<Vec<Option<String>>>,
}

impl Tokens {
    /// A source that returns these results in order.
    #[must_use]
    pub fn new(given: Vec<Given>) -> Self {
        Self {
            given,
            asked: Mutex::default(),
        }
    }

    /// The claims passed in at each call: `None` without a challenge, an empty text for a challenge without claims.
    #[must_use]
    pub fn asked(&self) -> Vec<Option<String>> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// One call; `None` if it must never return.
    pub fn next(&self, challenge: Option<&Challenge>) -> Option<Result<AccessToken, TokenError>> {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        let given = self.given.get(asked.len()).or(self.given.last())?.clone();
        asked.push(challenge.map(|challenge| challenge.claims().unwrap_or_default().to_owned()));
        match given {
            Given::Token(number) => Some(AccessToken::new(&text(number))),
            Given::Text(text) => Some(AccessToken::new(&text)),
            Given::Unavailable => Some(Err(TokenError::unavailable("the source is down"))),
            Given::Never => None,
        }
    }
}

/// The text of a valid token.
pub(crate) fn text(number: u8) -> String {
    format!("{CANARY}.{number}==")
}

/// How often a token is in these bytes, in whatever encoding.
#[must_use]
pub fn reveals(bytes: &[u8]) -> u64 {
    canary::hits(bytes)
}

type Spelling = (&'static str, fn(&str) -> String);

/// The spellings in which a server may repeat a token: their names and what they make of it.
pub(crate) const SPELLINGS: [Spelling; 8] = [
    ("upper", |token| token.to_uppercase()),
    ("percent", percent),
    ("percent-twice", |token| percent(token).replace('%', "%25")),
    ("json", |token| escaped(token, "\\")),
    ("json-twice", |token| escaped(token, "\\\\")),
    ("html", |token| {
        token.replace('+', "&#43;").replace('/', "&#x2F;")
    }),
    ("base64", |token| STANDARD.encode(token)),
    ("basic", |token| {
        URL_SAFE_NO_PAD.encode(format!("user:{token}"))
    }),
];

fn percent(token: &str) -> String {
    token
        .replace('+', "%2B")
        .replace('/', "%2f")
        .replace('=', "%3D")
}

/// With JSON's escapes, which begin with `escape`.
fn escaped(token: &str, escape: &str) -> String {
    let token = token.replace('/', &format!("{escape}/"));
    token.replace('a', &format!("{escape}u0061"))
}
