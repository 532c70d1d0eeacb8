//! The tokens of a scenario, and what was asked of their source.

use std::sync::{Mutex, PoisonError};

use industrydata_core::auth::AccessToken;
use industrydata_core::auth::Challenge;
use industrydata_core::auth::TokenError;

/// What every good token begins with: found anywhere but in an Authorization field sent to the base, the law is broken.
pub const CANARY: &str = "canary-7f3a9c51e0d24b88";

/// What the source gives at one call.
#[derive(Clone, Debug)]
pub enum Given {
    /// A good token, told apart by this number.
    Token(u8),
    /// A text, as it is: it may be no token at all.
    Text(String),
    /// Nothing: the source cannot be asked just now.
    Unavailable,
    /// Nothing, for ever. Only a future can be dropped then.
    Never,
}

/// A source of tokens by script; the last one given is given again.
#[derive(Debug)]
pub struct Tokens {
    given: Vec<Given>,
    /// The claims of each call, `None` for one without a challenge.
    asked: Mutex<Vec<Option<String>>>,
}

impl Tokens {
    /// A source that gives these in turn.
    #[must_use]
    pub fn new(given: Vec<Given>) -> Self {
        Self {
            given,
            asked: Mutex::default(),
        }
    }

    /// The claims handed over at each call, with an empty text for a challenge without claims.
    #[must_use]
    pub fn asked(&self) -> Vec<Option<String>> {
        self.asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// One call; `None` if it is never to be answered.
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

/// The text of a good token.
pub(crate) fn text(number: u8) -> String {
    format!("{CANARY}.{number}")
}
