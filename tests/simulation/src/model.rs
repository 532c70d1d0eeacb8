//! Recording a history while it is played.

use std::time::Duration;

use http::{Request, header::AUTHORIZATION};
use industrydata_core::ledger::EntryState;

use crate::{
    front::TOKEN,
    record::{Ended, Poll, Post, Purpose, Record, Reservation},
};

impl Record {
    pub(crate) fn request(&mut self, base: &str, request: &Request<Vec<u8>>) {
        self.requests += 1;
        let uri = request.uri();
        let authority = uri.authority().map(|it| it.as_str());
        let rest = base
            .strip_prefix("https://")
            .and_then(|base| base.strip_prefix(authority?))
            .and_then(|root| uri.path().strip_prefix(root))
            .unwrap_or_default();
        let fields = request.headers().get_all(AUTHORIZATION);
        let is_ours = |it: &http::HeaderValue| {
            let text = it.to_str().unwrap_or_default();
            it.is_sensitive() && text.starts_with("Bearer ") && text.contains(TOKEN)
        };
        let is_sound = uri.scheme_str() == Some("https")
            && rest.starts_with("/external/industryData/")
            && fields.iter().count() == 1
            && fields.iter().all(is_ours);
        if !is_sound {
            self.strays.push(uri.to_string());
        }
    }

    /// A machine is asked for its next step.
    pub(crate) fn stepped(&mut self, purpose: Purpose) {
        match purpose {
            Purpose::Start(attempt) => self.attempts[attempt].steps += 1,
            Purpose::Poll(polling) => self.pollings[polling].steps += 1,
            Purpose::Reconcile => {}
        }
    }

    /// Looks for a token in a text that is shown or stored.
    pub(crate) fn look(&mut self, place: &str, text: &str) {
        if text.contains(TOKEN) {
            self.leaks.push(format!("{place}: {text}"));
        }
    }

    pub(crate) fn keep(&mut self, bytes: &[u8]) {
        match std::str::from_utf8(bytes) {
            Ok(text) => self.look("the ledger", text),
            Err(_) => self.leaks.push("the ledger is not UTF-8".to_owned()),
        }
    }

    pub(crate) fn reserve(&mut self, reservation: Reservation) {
        self.attempts[reservation.attempt].latest = Some(reservation.id);
        self.reservations.push(reservation);
    }

    pub(crate) fn reservation_mut(&mut self, id: u128) -> Option<&mut Reservation> {
        self.reservations.iter_mut().rev().find(|it| it.id == id)
    }

    pub(crate) fn reservation(&self, id: u128) -> Option<&Reservation> {
        self.reservations.iter().rev().find(|it| it.id == id)
    }

    /// A change of this attempt was committed: if its POST has ended, the outcome is recorded.
    pub(crate) fn settled(&mut self, attempt: usize, now: u64) {
        let Some(id) = self.attempts[attempt].latest else {
            return;
        };
        let mut posts = self.posts.iter().rev();
        let has_ended = posts.any(|it| it.reservation == Some(id) && it.ended.is_some());
        if let Some(own) = self.reservation_mut(id).filter(|_| has_ended) {
            own.settled.get_or_insert(now);
        }
    }

    /// The store has granted the latest reservation of this attempt.
    pub(crate) fn granted(&mut self, attempt: usize) {
        let attempt = &mut self.attempts[attempt];
        attempt.granted = attempt.latest;
    }

    pub(crate) fn post(
        &mut self,
        attempt: usize,
        number: usize,
        at: u64,
        state: Option<EntryState>,
    ) {
        let own = &self.attempts[attempt];
        let reservation = own.latest;
        self.posts.push(Post {
            attempt,
            number,
            at,
            reservation,
            is_granted: own.granted.is_some() && own.granted == own.latest,
            is_durable: state == Some(EntryState::Reserved),
            ended: None,
            ahead: 0,
            accepted: None,
        });
    }

    pub(crate) fn accepted(&mut self, number: usize, at: u64, operation: String) {
        if let Some(post) = self.posts.iter_mut().rev().find(|it| it.number == number) {
            post.accepted = Some((at, operation));
        }
    }

    pub(crate) fn post_ended(&mut self, number: usize, ended: Ended, ahead: i64) {
        if let Some(post) = self.posts.iter_mut().rev().find(|it| it.number == number) {
            (post.ended, post.ahead) = (Some(ended), ahead);
        }
    }

    pub(crate) fn poll(&mut self, polling: usize, number: usize, sent: Duration) {
        self.pollings[polling].polls.push(Poll {
            number,
            sent,
            ended: None,
        });
    }

    pub(crate) fn poll_ended(&mut self, polling: usize, number: usize, at: Duration, ended: Ended) {
        let polls = &mut self.pollings[polling].polls;
        if let Some(poll) = polls.iter_mut().rev().find(|it| it.number == number) {
            poll.ended = Some((at, ended));
        }
    }

    /// The accepted POSTs with the times of their acceptance.
    pub(crate) fn acceptances(&self) -> impl Iterator<Item = (u64, &Post)> {
        let accepted = |post| Some((Post::accepted_at(post)?, post));
        self.posts.iter().filter_map(accepted)
    }
}
