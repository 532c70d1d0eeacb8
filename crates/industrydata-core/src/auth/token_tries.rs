//! The repeats of a token request. Asking again for a token cannot start a run.

use std::time::Duration;

use http::response::Parts;

use crate::{
    auth::{
        client_credentials::ClientCredentials,
        token::{AccessToken, TokenError},
    },
    now::Now,
    policy::{Limits, MIN_REQUEST_TIME, READ_BACK_OFF, TOKEN_TRIES},
    seed::Seed,
    wire::{retry_after::retry_after, transport::IncompleteBody},
};

/// Up to three tries of one token request, within [`Limits::TOKEN`]. A slot is reserved meanwhile.
///
/// After a transient error, [`pause`](Self::pause) says how long to wait before the next try: a back-off from 0.5 s with
/// jitter, or the `Retry-After` of the answer if that is longer.
#[derive(Debug)]
pub struct TokenTries<'c> {
    credentials: &'c ClientCredentials,
    seed: Seed,
    tries: u32,
    /// The steady moment at which the token must be there.
    deadline: Duration,
    /// The `Retry-After` of the last answer.
    asked: Option<Duration>,
}

impl<'c> TokenTries<'c> {
    /// The first try begins now. `seed` is random.
    #[must_use]
    pub fn new(credentials: &'c ClientCredentials, seed: [u8; 16], now: Now) -> Self {
        Self {
            credentials,
            seed: Seed::new(seed),
            tries: 0,
            deadline: now.steady.saturating_add(Limits::TOKEN),
            asked: None,
        }
    }

    /// The time left for the next request.
    #[must_use]
    pub const fn time_limit(&self, now: Now) -> Duration {
        self.deadline.saturating_sub(now.steady)
    }

    /// Reads the answer, as [`ClientCredentials::read`] does, and keeps its `Retry-After`.
    ///
    /// # Errors
    ///
    /// Those of [`ClientCredentials::read`].
    pub fn read(
        &mut self,
        head: &Parts,
        body: Result<Vec<u8>, IncompleteBody>,
        now: Now,
    ) -> Result<AccessToken, TokenError> {
        self.asked = retry_after(&head.headers, now.utc);
        self.credentials.read(head, body, now)
    }

    /// The pause before the next try, or `None` to return the error: it is not transient, the tries are used, or the pause
    /// leaves no time for a request.
    #[must_use]
    pub fn pause(&mut self, error: &TokenError, now: Now) -> Option<Duration> {
        let asked = self.asked.take().unwrap_or_default();
        self.tries += 1;
        if !error.is_transient() || self.tries >= TOKEN_TRIES {
            return None;
        }
        let ceiling = READ_BACK_OFF * (1 << (self.tries - 1));
        let share = f64::from(self.seed.jitter(self.tries)) / f64::from(u32::MAX);
        // Half of it is fixed, the other half spreads clients.
        let pause = (ceiling / 2).saturating_add((ceiling / 2).mul_f64(share));
        let pause = pause.max(asked);
        let least = pause.saturating_add(MIN_REQUEST_TIME);
        (least <= self.time_limit(now)).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Now {
        Now::new(jiff::Timestamp::UNIX_EPOCH, Duration::from_secs(seconds))
    }

    fn head(status: u16, retry_after: &str) -> Parts {
        let response = http::Response::builder()
            .status(status)
            .header("retry-after", retry_after);
        response.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_transient_error_has_three_tries() {
        let credentials = ClientCredentials::new("app", "secret");
        for status in [408, 429, 500, 503, 504] {
            let mut tries = TokenTries::new(&credentials, [7; 16], at(0));
            for (least, most) in [(500, 1000), (1000, 2000)] {
                let error = tries.read(&head(status, "0"), Ok(Vec::new()), at(1));
                let pause = tries.pause(&error.unwrap_err(), at(1)).unwrap();
                assert!((least..=most).contains(&pause.as_millis()), "{pause:?}");
            }
            let error = TokenError::unavailable("cut");
            assert_eq!(tries.pause(&error, at(2)), None);
        }
    }

    #[test]
    fn a_refusal_is_not_repeated() {
        let credentials = ClientCredentials::new("app", "secret");
        for status in [200, 400, 401, 403] {
            let mut tries = TokenTries::new(&credentials, [7; 16], at(0));
            let body = br#"{"error":"invalid_client"}"#.to_vec();
            let error = tries.read(&head(status, "1"), Ok(body), at(1));
            assert_eq!(tries.pause(&error.unwrap_err(), at(1)), None, "{status}");
        }
    }

    #[test]
    fn a_retry_after_is_kept_within_the_time_left() {
        let credentials = ClientCredentials::new("app", "secret");
        for (began, asked, pause) in [
            (0, "7", Some(7)),
            (0, "59", Some(59)),
            (0, "60", None),
            (0, "86400", None),
            (50, "9", Some(9)),
            (50, "10", None),
            (59, "0", None),
        ] {
            let mut tries = TokenTries::new(&credentials, [7; 16], at(0));
            let error = tries.read(&head(429, asked), Ok(Vec::new()), at(began));
            let found = tries.pause(&error.unwrap_err(), at(began));
            assert_eq!(found.map(|it| it.as_secs()), pause, "{began} {asked}");
        }
        // It belongs to its answer: an error without one has the back-off.
        let mut tries = TokenTries::new(&credentials, [7; 16], at(0));
        let error = tries
            .read(&head(503, "7"), Ok(Vec::new()), at(0))
            .unwrap_err();
        assert_eq!(tries.pause(&error, at(0)), Some(Duration::from_secs(7)));
        assert!(tries.pause(&error, at(7)).unwrap() <= Duration::from_secs(2));
    }
}
