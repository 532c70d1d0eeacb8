//! The token source of a scenario.

use std::sync::{Mutex, PoisonError};

use industrydata_core::auth::AccessToken;
use industrydata_core::auth::Challenge;
use industrydata_core::auth::TokenError;

/// The beginning of every valid token. Outside the Authorization field of a request to the base, it is a leak.
pub const CANARY: &str = "canary-7f3a9c51e0d24b88";

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
    format!("{CANARY}.{number}")
}
