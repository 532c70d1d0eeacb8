//! The network: carries one request and its response, with the scripted faults.

use std::time::Duration;

use http::{Request, StatusCode, response::Parts};
use industrydata_core::lro::Exchange;
use industrydata_core::wire::IncompleteBody;
use industrydata_core::wire::Phase;
use industrydata_core::wire::TransportError;

use crate::{
    client::token,
    fate::Fate,
    front::Served,
    planted::{self, Planted},
    record::{Ended, Purpose},
    sim::{Sim, World},
    world::utc,
};

/// A request under way.
#[derive(Debug)]
pub(crate) struct Letter {
    pub(crate) purpose: Purpose,
    pub(crate) request: Option<Request<Vec<u8>>>,
    pub(crate) fate: Option<Fate>,
    pub(crate) served: Option<Served>,
    /// Whether the response arrives within the time limit.
    pub(crate) is_timely: bool,
}

impl Letter {
    pub(crate) const fn fate(&self) -> Option<&Fate> {
        self.fate.as_ref()
    }
}

/// A response, or the error by which it was lost.
pub(crate) type Answer = Result<(Parts, Result<Vec<u8>, IncompleteBody>), TransportError>;

/// Sends one request of a machine, as a driver does.
pub(crate) async fn send(sim: &Sim, client: usize, purpose: Purpose, exchange: Exchange<'_>) {
    let limit = exchange.time_limit(sim.world().at(client));
    let token = match token(sim, client, exchange.challenge(), limit).await {
        Ok(token) => token,
        Err(error) => return exchange.no_token(error, sim.world().at(client)),
    };
    sim.point(client).await;
    let fate = sim.world().fate(client, purpose);
    if fate == Some(Fate::Unsent) {
        let fault = TransportError::new(Phase::Connect, "no connection became free");
        return exchange.unsent(fault, sim.world().at(client));
    }
    let sent = sim.world().at(client);
    let Some((request, reply)) = exchange.request(&token, sent) else {
        return;
    };
    let request = request.map(|()| Vec::new());
    let limit = reply.time_limit();
    let number = sim.world().sent(client, purpose, &request);
    let copy = planted::copy(sim, &request);
    let mut answer = sim.carry(client, number, request, fate, limit).await;
    if let Some(request) = copy.filter(|_| planted::sends_again(purpose, &answer)) {
        let again = sim.world().sent(client, purpose, &request);
        answer = sim.carry(client, again, request, None, limit).await;
    }
    let now = planted::answered_at(sim, purpose, sent, client);
    match answer {
        Ok((mut head, body)) => {
            planted::undate(sim, purpose, &mut head);
            let most = reply.body_limit(head.status);
            let body = planted::read(sim, body);
            reply.answer(&head, within(most, body), now);
        }
        Err(fault) => reply.lost(planted::blame(sim, fault), now),
    }
    sim.point(client).await;
}

impl Sim {
    /// Carries a request to the service and the response back.
    async fn carry(
        &self,
        client: usize,
        number: usize,
        request: Request<Vec<u8>>,
        fate: Option<Fate>,
        limit: Duration,
    ) -> Answer {
        let until = self.world().dispatch(number, request, fate, limit);
        self.sleep_until(until).await;
        let mut world = self.world();
        let answer = world.arrived(number);
        world.ended(client, number, &answer);
        answer
    }
}

impl World {
    /// Records a request that is sent, and returns its number.
    fn sent(&mut self, client: usize, purpose: Purpose, request: &Request<Vec<u8>>) -> usize {
        self.letters.push(Letter {
            purpose,
            request: None,
            fate: None,
            served: None,
            is_timely: true,
        });
        let number = self.letters.len() - 1;
        let base = self.common.base.as_str();
        self.record.request(base, request);
        let now = self.now;
        match purpose {
            Purpose::Start(attempt) => {
                let latest = self.record.attempts[attempt].latest;
                let state = latest.and_then(|id| self.state(id));
                self.record.post(attempt, number, now, state);
            }
            Purpose::Poll(polling) => {
                let steady = self.clients[client].steady(now);
                self.record.poll(polling, number, steady);
            }
            Purpose::Reconcile => {}
        }
        number
    }

    /// Records how a request ended for its client.
    fn ended(&mut self, client: usize, number: usize, answer: &Answer) {
        let letter = &self.letters[number];
        let operation = letter.served.as_ref().and_then(|it| it.status.clone());
        let ended = match answer {
            Ok((head, body)) => Ended::Answer {
                status: head.status,
                operation: operation.filter(|_| body.is_ok()),
                asked: asked(head),
                dated: head.headers.contains_key(http::header::DATE),
            },
            Err(fault) if fault.phase() == Phase::Sent => Ended::Lost,
            Err(_) => Ended::NeverSent,
        };
        let steady = self.clients[client].steady(self.now);
        match letter.purpose {
            Purpose::Start(_) => {
                let off = self.at(client).utc.duration_since(utc(self.now as i64));
                self.record.post_ended(number, ended, off.as_secs());
            }
            Purpose::Poll(polling) => self.record.poll_ended(polling, number, steady, ended),
            Purpose::Reconcile => {}
        }
    }

    pub(crate) fn is_planted(&self, planted: Planted) -> bool {
        self.planted == planted
    }
}

/// The seconds of a `Retry-After` in its simplest form; the vectors test the other forms. The field of a 401 is ignored,
/// because the client repeats the request with another token at once.
fn asked(head: &Parts) -> Option<u64> {
    if head.status == StatusCode::UNAUTHORIZED {
        return None;
    }
    let field = head.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    let is_plain = field.bytes().all(|byte| byte.is_ascii_digit());
    field.parse().ok().filter(|_| is_plain)
}

fn within(most: usize, body: Result<Vec<u8>, IncompleteBody>) -> Result<Vec<u8>, IncompleteBody> {
    match body {
        Ok(_) if most == 0 => Ok(Vec::new()),
        Ok(body) if body.len() > most => Err(IncompleteBody::TooLarge { limit: most }),
        other => other,
    }
}

/// Whether a response has this status.
pub(crate) fn is(answer: &Answer, status: StatusCode) -> bool {
    matches!(answer, Ok((head, _)) if head.status == status)
}
