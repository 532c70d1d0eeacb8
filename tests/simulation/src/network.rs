//! The network: one request and its one answer, with what may become of both.

use std::time::Duration;

use http::{Request, StatusCode, response::Parts};
use industrydata_core::{BodyFault, Exchange, Fault, Phase};

use crate::{
    agenda::Due,
    client::token,
    front::Served,
    planted::{self, Planted},
    record::{Ended, Purpose},
    script::{Fate, On},
    sim::{Sim, World},
};

const PHASES: [Phase; 6] = [
    Phase::Local,
    Phase::Resolve,
    Phase::Connect,
    Phase::Proxy,
    Phase::Tls,
    Phase::Refused,
];

/// A request on its way.
#[derive(Debug)]
pub(crate) struct Letter {
    purpose: Purpose,
    request: Option<Request<Vec<u8>>>,
    fate: Option<Fate>,
    served: Option<Served>,
    /// Whether the answer comes within the time limit.
    is_timely: bool,
}

impl Letter {
    pub(crate) const fn fate(&self) -> Option<&Fate> {
        self.fate.as_ref()
    }
}

/// An answer, or how it was lost.
pub(crate) type Answer = Result<(Parts, Result<Vec<u8>, BodyFault>), Fault>;

/// Makes one request of a machine, as a driver does.
pub(crate) async fn send(sim: &Sim, client: usize, purpose: Purpose, exchange: Exchange<'_>) {
    let limit = exchange.time_limit(sim.world().at(client));
    let token = match token(sim, client, exchange.challenge(), limit).await {
        Ok(token) => token,
        Err(error) => return exchange.no_token(error, sim.world().at(client)),
    };
    sim.point(client).await;
    let fate = sim.world().fate(client, purpose);
    if fate == Some(Fate::Unsent) {
        let fault = Fault::new(Phase::Connect, "no connection became free");
        return exchange.unsent(fault, sim.world().at(client));
    }
    let sent = sim.world().at(client);
    let is_repeat = exchange.challenge().is_some();
    let Some((request, reply)) = exchange.request(&token, sent) else {
        return;
    };
    let request = request.map(|()| Vec::new());
    let limit = reply.time_limit();
    let number = sim.world().sent(client, purpose, is_repeat, &request);
    let mut answer = sim
        .carry(client, number, request.clone(), fate.clone(), limit)
        .await;
    if planted::sends_again(sim, purpose, &answer) {
        let again = sim.world().sent(client, purpose, is_repeat, &request);
        answer = sim.carry(client, again, request, fate, limit).await;
    }
    let now = planted::answered_at(sim, purpose, sent, client);
    match answer {
        Ok((head, body)) => {
            let most = reply.body_limit(head.status);
            let body = planted::read(sim, body);
            reply.answer(&head, within(most, body), now);
        }
        Err(fault) => reply.lost(planted::blame(sim, fault), now),
    }
    sim.point(client).await;
}

impl Sim {
    /// Carries a request to the service and its answer back.
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
    /// What the next such request of a client meets.
    fn fate(&mut self, client: usize, purpose: Purpose) -> Option<Fate> {
        if self.now >= self.script.world.heals {
            return None;
        }
        let now = self.now;
        self.outages.retain(|(until, _, _)| now < *until);
        let outage = self
            .outages
            .iter()
            .find(|(_, who, _)| who.is_none_or(|who| who == client));
        if let Some((_, _, fate)) = outage {
            return Some(fate.clone());
        }
        let on = match purpose {
            Purpose::Post(_) => On::Post,
            Purpose::Poll(_) => On::Poll,
            Purpose::List => On::List,
        };
        let fates = &mut self.clients[client].fates;
        let nth = fates.iter().position(|(it, _)| *it == on)?;
        Some(fates.remove(nth).1)
    }

    /// Puts a request on the wire: when its answer, or the loss of it, is known.
    fn dispatch(
        &mut self,
        number: usize,
        request: Request<Vec<u8>>,
        fate: Option<Fate>,
        limit: Duration,
    ) -> u64 {
        let latency = self.script.world.latency;
        let (mut out, mut back) = (1 + self.dice.below(latency), 1 + self.dice.below(latency));
        let limit = limit.as_millis() as u64;
        let arrives = match &fate {
            Some(Fate::NoConnection(_)) => false,
            Some(Fate::LoseRequest { reset }) => {
                back = if *reset { back } else { limit };
                false
            }
            Some(Fate::LoseAnswer { reset }) => {
                back = if *reset { back } else { limit };
                true
            }
            Some(Fate::Late(ms)) => {
                out += ms;
                true
            }
            Some(Fate::Slow(ms)) => {
                back += ms;
                true
            }
            Some(
                Fate::Unsent
                | Fate::Cut(_)
                | Fate::Answer { .. }
                | Fate::Location(_)
                | Fate::NoDate
                | Fate::Operation { .. },
            )
            | None => true,
        };
        let letter = &mut self.letters[number];
        (letter.request, letter.fate) = (Some(request), fate);
        letter.is_timely = out + back <= limit;
        if arrives {
            self.agenda.enter(self.now + out, Due::Arrive(number));
        }
        self.now + (out + back).min(limit)
    }

    /// A request arrives at the service, whoever still waits for its answer.
    pub(crate) fn arrive(&mut self, number: usize) {
        let letter = &mut self.letters[number];
        let Some(request) = letter.request.take() else {
            return;
        };
        let served = self.front.serve(&request, letter.fate.as_ref(), self.now);
        if let (Purpose::Post(_), Some(operation)) = (letter.purpose, &served.operation) {
            self.record.accepted(number, self.now, operation.clone());
        }
        self.letters[number].served = Some(served);
    }

    /// The answer to a request, as far as it has come by now.
    fn arrived(&mut self, number: usize) -> Answer {
        let letter = &mut self.letters[number];
        let lost = || Err(Fault::new(Phase::Sent, "no answer came"));
        let response = match (&letter.fate, letter.served.as_ref()) {
            (Some(Fate::NoConnection(nth)), _) => {
                let phase = PHASES[usize::from(*nth) % PHASES.len()];
                return Err(Fault::new(phase, "no connection could be made"));
            }
            (Some(Fate::LoseRequest { .. } | Fate::LoseAnswer { .. }), _) | (_, None) => {
                return lost();
            }
            (_, Some(_)) if !letter.is_timely => return lost(),
            (_, Some(served)) => served.response.clone(),
        };
        let (head, body) = response.into_parts();
        let Some(Fate::Cut(at)) = letter.fate else {
            return Ok((head, Ok(body)));
        };
        let length = head_length(&head);
        match (at % (length + body.len())).checked_sub(length) {
            None => lost(),
            Some(_) => Ok((head, Err(BodyFault::cut("reset within the body")))),
        }
    }

    /// Writes down a request that goes out: its number.
    fn sent(
        &mut self,
        client: usize,
        purpose: Purpose,
        is_repeat: bool,
        request: &Request<Vec<u8>>,
    ) -> usize {
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
            Purpose::Post(attempt) => {
                let quota = self.quota(now);
                self.record.post(attempt, number, now, &quota);
            }
            Purpose::Poll(watch) => {
                let steady = self.clients[client].steady(now);
                self.record.poll(watch, number, steady, is_repeat);
            }
            Purpose::List => {}
        }
        number
    }

    /// Writes down how a request ended for its client.
    fn ended(&mut self, client: usize, number: usize, answer: &Answer) {
        let letter = &self.letters[number];
        let told = letter.served.as_ref().and_then(|it| it.status.clone());
        let ended = match answer {
            Ok((head, body)) => Ended::Answer {
                status: head.status,
                told: told.filter(|_| body.is_ok()),
                asked: asked(head),
                dated: head.headers.contains_key(http::header::DATE),
            },
            Err(fault) if fault.phase() == Phase::Sent => Ended::Lost,
            Err(_) => Ended::NeverSent,
        };
        let steady = self.clients[client].steady(self.now);
        match letter.purpose {
            Purpose::Post(_) => self.record.post_ended(number, ended),
            Purpose::Poll(watch) => self.record.poll_ended(watch, number, steady, ended),
            Purpose::List => {}
        }
    }

    pub(crate) fn is_planted(&self, planted: Planted) -> bool {
        self.planted == planted
    }
}

/// The seconds of a Retry-After in its plainest form; the others are the vectors' matter.
fn asked(head: &Parts) -> Option<u64> {
    let field = head.headers.get(http::header::RETRY_AFTER)?.to_str().ok()?;
    let is_plain = field.bytes().all(|byte| byte.is_ascii_digit());
    field.parse().ok().filter(|_| is_plain)
}

fn within(most: usize, body: Result<Vec<u8>, BodyFault>) -> Result<Vec<u8>, BodyFault> {
    match body {
        Ok(_) if most == 0 => Ok(Vec::new()),
        Ok(body) if body.len() > most => Err(BodyFault::TooLarge { limit: most }),
        other => other,
    }
}

/// The bytes of a head on the wire.
fn head_length(head: &Parts) -> usize {
    let reason = head.status.canonical_reason().unwrap_or_default();
    let fields = head.headers.iter();
    let fields: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    "HTTP/1.1 200 ".len() + reason.len() + fields + 4
}

/// Whether an answer has this status.
pub(crate) fn is(answer: &Answer, status: StatusCode) -> bool {
    matches!(answer, Ok((head, _)) if head.status == status)
}
