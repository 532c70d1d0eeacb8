//! The path between a client and the service: latency, and faults of requests and responses.

use std::time::Duration;

use http::{Request, response::Parts};
use industrydata_core::wire::IncompleteBody;
use industrydata_core::wire::Phase;
use industrydata_core::wire::TransportError;

use crate::{agenda::Due, fate::Fate, network::Answer, record::Purpose, script::On, sim::World};

const PHASES: [Phase; 6] = [
    Phase::Local,
    Phase::Resolve,
    Phase::Connect,
    Phase::Proxy,
    Phase::Tls,
    Phase::Refused,
];

impl World {
    /// The fault scheduled for the next request of this kind of a client.
    pub(crate) fn fate(&mut self, client: usize, purpose: Purpose) -> Option<Fate> {
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
            Purpose::Start(_) => On::Post,
            Purpose::Poll(_) => On::Poll,
            Purpose::Reconcile => On::List,
        };
        let fates = &mut self.clients[client].fates;
        let nth = fates.iter().position(|(it, _)| *it == on)?;
        Some(fates.remove(nth).1)
    }

    /// Sends a request. Returns when its response arrives, or when its loss becomes known.
    pub(crate) fn dispatch(
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

    /// A request arrives at the service, even if its client no longer waits for the response.
    pub(crate) fn arrive(&mut self, number: usize) {
        let letter = &mut self.letters[number];
        let Some(request) = letter.request.take() else {
            return;
        };
        let served = self.front.serve(&request, letter.fate.as_ref(), self.now);
        if let (Purpose::Start(_), Some(operation)) = (letter.purpose, &served.operation) {
            self.record.accepted(number, self.now, operation.clone());
        }
        self.letters[number].served = Some(served);
    }

    /// The response to a request, as far as it has arrived by now.
    pub(crate) fn arrived(&mut self, number: usize) -> Answer {
        let letter = &mut self.letters[number];
        let lost = || Err(TransportError::new(Phase::Sent, "no response arrived"));
        let response = match (&letter.fate, letter.served.as_mut()) {
            (Some(Fate::NoConnection(nth)), _) => {
                let phase = PHASES[usize::from(*nth) % PHASES.len()];
                return Err(TransportError::new(phase, "no connection could be made"));
            }
            (Some(Fate::LoseRequest { .. } | Fate::LoseAnswer { .. }), _) | (_, None) => {
                return lost();
            }
            (_, Some(_)) if !letter.is_timely => return lost(),
            (_, Some(served)) => std::mem::take(&mut served.response),
        };
        let (head, body) = response.into_parts();
        let Some(Fate::Cut(at)) = letter.fate else {
            return Ok((head, Ok(body)));
        };
        let length = head_length(&head);
        match (at % (length + body.len())).checked_sub(length) {
            None => lost(),
            Some(_) => Ok((head, Err(IncompleteBody::cut("reset within the body")))),
        }
    }
}

/// The length of a head on the wire.
fn head_length(head: &Parts) -> usize {
    let reason = head.status.canonical_reason().unwrap_or_default();
    let fields = head.headers.iter();
    let fields: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + 4)
        .sum();
    "HTTP/1.1 200 ".len() + reason.len() + fields + 4
}
