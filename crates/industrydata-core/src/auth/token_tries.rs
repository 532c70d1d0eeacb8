//! The repeats of a token request. Asking again for a token cannot start a run.

use std::time::Duration;

use http::StatusCode;

use crate::{
    policy::{
        METADATA_BACK_OFF, METADATA_TRIES, METADATA_UPDATE_WAIT, METADATA_UPDATE_WAITS,
        MIN_REQUEST_TIME, READ_BACK_OFF, TOKEN_TRIES,
    },
    seed::Seed,
};

/// What the last try ended with.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Try {
    /// The status of the answer, if there was one.
    pub(crate) status: Option<StatusCode>,
    /// Whether the error is transient.
    pub(crate) is_transient: bool,
    /// The `Retry-After` of the answer.
    pub(crate) asked: Option<Duration>,
}

/// The tries of requests to one endpoint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tries {
    is_metadata: bool,
    failures: u32,
    updates: u32,
}

impl Tries {
    /// The rules of the instance metadata service, or those of every other endpoint: up to three tries, with a back-off
    /// from 0.5 s and jitter.
    pub(crate) const fn new(is_metadata: bool) -> Self {
        Self {
            is_metadata,
            failures: 0,
            updates: 0,
        }
    }

    /// Whether the status is one that passes: the metadata service sends a 404 and a 410 while it is updated.
    pub(crate) fn is_passing(self, status: Option<StatusCode>) -> bool {
        let passing = [StatusCode::NOT_FOUND, StatusCode::GONE];
        self.is_metadata && status.is_some_and(|status| passing.contains(&status))
    }

    /// The pause before the next try, or `None` to return the error: it is not transient, the tries are used, or the pause
    /// leaves no time for a request.
    pub(crate) fn pause(&mut self, last: Try, seed: Seed, left: Duration) -> Option<Duration> {
        if !last.is_transient && !self.is_passing(last.status) {
            return None;
        }
        let back_off = if self.is_metadata && last.status == Some(StatusCode::GONE) {
            self.updates += 1;
            (self.updates <= METADATA_UPDATE_WAITS).then_some(METADATA_UPDATE_WAIT)
        } else {
            self.failures += 1;
            self.back_off(seed)
        }?;
        let pause = back_off.max(last.asked.unwrap_or_default());
        let least = pause.saturating_add(MIN_REQUEST_TIME);
        (least <= left).then_some(pause)
    }

    fn back_off(&self, seed: Seed) -> Option<Duration> {
        let doubled = |first: Duration| first.saturating_mul(1 << (self.failures - 1).min(8));
        if self.is_metadata {
            return (self.failures < METADATA_TRIES).then(|| doubled(METADATA_BACK_OFF));
        }
        let ceiling = doubled(READ_BACK_OFF);
        let share = f64::from(seed.jitter(self.failures)) / f64::from(u32::MAX);
        // Half of it is fixed, the other half spreads clients.
        let pause = (ceiling / 2).saturating_add((ceiling / 2).mul_f64(share));
        (self.failures < TOKEN_TRIES).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(1000);

    fn last(status: u16) -> Try {
        let status = StatusCode::from_u16(status).unwrap();
        Try {
            status: Some(status),
            is_transient: status.is_server_error() || [408, 429].contains(&status.as_u16()),
            asked: None,
        }
    }

    fn pauses(is_metadata: bool, statuses: &[u16]) -> Vec<Option<u128>> {
        let mut tries = Tries::new(is_metadata);
        let seed = Seed::new([7; 16]);
        let pause = |status: &u16| tries.pause(last(*status), seed, LONG);
        statuses
            .iter()
            .map(pause)
            .map(|it| it.map(|it| it.as_millis()))
            .collect()
    }

    #[test]
    fn a_transient_error_has_three_tries() {
        for status in [408, 429, 500, 503, 504] {
            let found = pauses(false, &[status; 3]);
            assert!((500..=1000).contains(&found[0].unwrap()), "{found:?}");
            assert!((1000..=2000).contains(&found[1].unwrap()), "{found:?}");
            assert_eq!(found[2], None);
        }
    }

    #[test]
    fn the_metadata_service_has_its_own_schedule() {
        for status in [404, 408, 429, 500, 503] {
            assert_eq!(
                pauses(true, &[status; 4]),
                [Some(1000), Some(2000), Some(4000), None]
            );
        }
        let ten = Some(10_000);
        assert_eq!(
            pauses(true, &[410; 8]),
            [ten, ten, ten, ten, ten, ten, ten, None]
        );
        assert_eq!(
            pauses(true, &[410, 500, 410, 404]),
            [ten, Some(1000), ten, Some(2000)]
        );
    }

    #[test]
    fn a_refusal_is_not_repeated() {
        for status in [200, 400, 401, 403, 404, 410] {
            assert_eq!(pauses(false, &[status]), [None], "{status}");
        }
        for status in [200, 400, 401, 403, 405] {
            assert_eq!(pauses(true, &[status]), [None], "{status}");
        }
    }

    #[test]
    fn a_retry_after_is_kept_within_the_time_left() {
        for (left, asked, pause) in [
            (60, 7, Some(7)),
            (60, 59, Some(59)),
            (60, 60, None),
            (60, 86_400, None),
            (10, 9, Some(9)),
            (10, 10, None),
            (1, 0, None),
        ] {
            for is_metadata in [false, true] {
                let asked = Some(Duration::from_secs(asked));
                let last = Try { asked, ..last(429) };
                let left = Duration::from_secs(left);
                let found = Tries::new(is_metadata).pause(last, Seed::new([7; 16]), left);
                assert_eq!(found.map(|it| it.as_secs()), pause, "{left:?} {asked:?}");
            }
        }
    }
}
