//! The loops. They decide nothing: what to do next is the machine's, how to do it is the client's.

use std::sync::Arc;

use industrydata_core::Tenant;
use industrydata_core::endpoint::Endpoint;
use industrydata_core::lro::Accepted;
use industrydata_core::lro::Exchange;
use industrydata_core::lro::OperationPoll;
use industrydata_core::lro::OperationPollError;
use industrydata_core::lro::OperationPollStep;
use industrydata_core::lro::Read;
use industrydata_core::lro::ReadError;
use industrydata_core::lro::ReadStep;
use industrydata_core::lro::RunPoll;
use industrydata_core::lro::RunPollError;
use industrydata_core::lro::RunPollStep;
use industrydata_core::lro::Start;
use industrydata_core::lro::StartError;
use industrydata_core::lro::StartStep;
use industrydata_core::model::IndustryDataRun;
use industrydata_core::model::Operation;

use crate::{client::Inner, clock::now, news::News, tenant_client::OnWait};

/// Sees a start through: reserve, POST, settle.
pub(crate) fn start(
    client: &Inner,
    tenant: &Tenant,
    machine: &mut Start,
    on_wait: Option<&OnWait>,
) -> Result<Accepted, StartError> {
    loop {
        if client.stop.is_stopped() {
            machine.stop();
        }
        match machine.step() {
            StartStep::Book(booking) => {
                let result = client.books.transact(booking.change());
                booking.booked(result, now());
            }
            StartStep::Send(exchange) => send(client, tenant, exchange),
            StartStep::Wait(pause) => {
                let time = pause.remaining(now());
                if let Some(tell) = on_wait {
                    tell(pause.reason(), time);
                }
                client.stop.sleep(time);
                pause.over(now());
            }
            StartStep::Done(outcome) => return outcome,
        }
    }
}

/// Goes on with a wait until there is news of it, or its end. News is told before the pause that follows it.
pub(crate) fn watch(
    client: &Inner,
    tenant: &Tenant,
    machine: &mut OperationPoll,
) -> Result<News<Operation>, OperationPollError> {
    loop {
        if client.stop.is_stopped() {
            machine.stop();
        }
        match machine.step() {
            OperationPollStep::Send(exchange) => send(client, tenant, exchange),
            OperationPollStep::Wait(mut pause) => {
                if let Some(progress) = pause.news() {
                    return Ok(News::Progress(progress));
                }
                client.stop.sleep(pause.remaining(now()));
                pause.over(now());
            }
            OperationPollStep::Done(outcome) => return outcome.map(News::Done),
        }
    }
}

/// Sees a read through, all of its pages and tries.
pub(crate) fn fetch<E: Endpoint>(
    client: &Inner,
    tenant: &Tenant,
    mut machine: Read<E>,
) -> Result<E::Output, ReadError> {
    loop {
        if client.stop.is_stopped() {
            machine.stop();
        }
        match machine.step() {
            ReadStep::Send(exchange) => send(client, tenant, exchange),
            ReadStep::Wait(pause) => {
                client.stop.sleep(pause.remaining(now()));
                pause.over(now());
            }
            ReadStep::Done(outcome) => {
                drop(machine);
                return outcome.map(Arc::unwrap_or_clone);
            }
        }
    }
}

/// Goes on with following a run until there is news of it, or its end.
pub(crate) fn follow(
    client: &Inner,
    tenant: &Tenant,
    machine: &mut RunPoll,
) -> Result<News<IndustryDataRun>, RunPollError> {
    loop {
        if client.stop.is_stopped() {
            machine.stop();
        }
        match machine.step() {
            RunPollStep::Send(exchange) => send(client, tenant, exchange),
            RunPollStep::Wait(mut pause) => {
                if let Some(progress) = pause.news() {
                    return Ok(News::Progress(progress));
                }
                client.stop.sleep(pause.remaining(now()));
                pause.over(now());
            }
            RunPollStep::Done(outcome) => return outcome.map(News::Done),
        }
    }
}

/// One request and its one answer.
fn send(client: &Inner, tenant: &Tenant, exchange: Exchange<'_>) {
    let token = match client.tokens.token(tenant, exchange.challenge()) {
        Ok(token) => token,
        Err(error) => return exchange.no_token(error, now()),
    };
    let limit = exchange.time_limit(now());
    let connection = match client.http.connection(limit, &client.stop) {
        Ok(connection) => connection,
        Err(fault) => return exchange.unsent(fault, now()),
    };
    if client.stop.is_stopped() {
        return;
    }
    let Some((request, reply)) = exchange.request(&token, now()) else {
        return;
    };
    let answer = connection.send(request, reply.time_limit(), |status| {
        reply.body_limit(status)
    });
    match answer {
        Ok((head, body)) => reply.answer(&head, body, now()),
        Err(fault) => reply.lost(fault, now()),
    }
}
