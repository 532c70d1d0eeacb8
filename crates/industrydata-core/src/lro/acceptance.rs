//! The outcome of a start, from how its exchange ended.

use http::StatusCode;

use crate::wire::transport::{Phase, TransportError};

/// Whether the service accepted a start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Acceptance {
    /// The service accepted it: a run has started, and the slot is used.
    Confirmed,
    /// The service did not act: no run has started, and the slot is given back.
    Released,
    /// The start is in doubt: it counts until it is resolved or its window has passed.
    Unknown,
}

impl Acceptance {
    /// The acceptance by the status of an answer, whatever its fields and body. A status that is neither 202 nor
    /// documented as a refusal is [`Unknown`](Self::Unknown).
    ///
    /// ```
    /// use http::StatusCode;
    /// use industrydata_core::lro::Acceptance;
    ///
    /// assert_eq!(Acceptance::of_status(StatusCode::ACCEPTED), Acceptance::Confirmed);
    /// assert_eq!(Acceptance::of_status(StatusCode::TOO_MANY_REQUESTS), Acceptance::Released);
    /// assert_eq!(Acceptance::of_status(StatusCode::BAD_GATEWAY), Acceptance::Unknown);
    /// ```
    #[must_use]
    pub fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            202 => Self::Confirmed,
            // Redirects are never followed, so the target received no request (RFC 9110 section 15.4).
            301 | 302 | 307 | 308 => Self::Released,
            // The server says that it did not act.
            400 | 401 | 403 | 404 | 405 | 406 | 408 | 409 | 410 | 411 | 412 | 413 | 414 | 415
            | 417 | 421 | 422 | 423 | 424 | 425 | 426 | 428 | 429 | 431 | 451 | 501 | 505 | 509
            | 511 => Self::Released,
            _ => Self::Unknown,
        }
    }

    /// The acceptance when no answer came.
    #[must_use]
    pub const fn of_transport_error(error: &TransportError) -> Self {
        Self::of_phase(error.phase())
    }

    /// The acceptance when the exchange broke in `phase`.
    #[must_use]
    pub const fn of_phase(phase: Phase) -> Self {
        if phase.may_have_acted() {
            Self::Unknown
        } else {
            Self::Released
        }
    }
}

/// Whether the standards allow a start to be repeated after this status: the server did not act, and the status invites
/// another try (401 with another token, 408, 421, 425, 429; RFC 9110 section 15.5, RFC 8470, RFC 6585).
/// [`Start`](crate::lro::Start) repeats after a 401 and after some 429s only.
#[must_use]
pub fn may_repeat_status(status: StatusCode) -> bool {
    Acceptance::of_status(status) == Acceptance::Released
        && matches!(status.as_u16(), 401 | 408 | 421 | 425 | 429)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_202_confirms_and_only_named_statuses_release() {
        let released = [
            301, 302, 307, 308, 400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 412, 413, 414,
            415, 417, 421, 422, 423, 424, 425, 426, 428, 429, 431, 451, 501, 505, 509, 511,
        ];
        for code in 100..=999 {
            let expected = match code {
                202 => Acceptance::Confirmed,
                code if released.contains(&code) => Acceptance::Released,
                _ => Acceptance::Unknown,
            };
            let status = StatusCode::from_u16(code).unwrap();
            assert_eq!(Acceptance::of_status(status), expected, "{code}");
            assert!(
                !may_repeat_status(status) || expected == Acceptance::Released,
                "{code}"
            );
        }
    }

    #[test]
    fn only_a_sent_request_is_in_doubt() {
        for phase in [
            Phase::Local,
            Phase::Resolve,
            Phase::Connect,
            Phase::Proxy,
            Phase::Tls,
            Phase::Refused,
        ] {
            assert_eq!(Acceptance::of_phase(phase), Acceptance::Released);
        }
        assert_eq!(
            Acceptance::of_transport_error(&TransportError::new(Phase::Sent, "reset")),
            Acceptance::Unknown
        );
    }

    #[test]
    fn a_repeat_is_allowed_where_the_server_asks_for_it_and_did_not_act() {
        let allowed: Vec<u16> = (100..1000)
            .filter(|status| may_repeat_status(StatusCode::from_u16(*status).unwrap()))
            .collect();
        assert_eq!(allowed, [401, 408, 421, 425, 429]);
    }
}
