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
pub(crate) async fn start(
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
                let result = client.books.transact(Arc::clone(booking.change())).await;
                booking.booked(result, now());
            }
            StartStep::Send(exchange) => send(client, tenant, exchange).await,
            StartStep::Wait(pause) => {
                let time = pause.remaining(now());
                if let Some(tell) = on_wait {
                    tell(pause.reason(), time);
                }
                client.stop.sleep(time).await;
                pause.over(now());
            }
            StartStep::Done(outcome) => return outcome,
        }
    }
}

/// Goes on with a wait until there is news of it, or its end. News is told before the pause that follows it.
pub(crate) async fn watch(
    client: &Inner,
    tenant: &Tenant,
    machine: &mut OperationPoll,
) -> Result<News<Operation>, OperationPollError> {
    loop {
        if client.stop.is_stopped() {
            machine.stop();
        }
        match machine.step() {
            OperationPollStep::Send(exchange) => send(client, tenant, exchange).await,
            OperationPollStep::Wait(mut pause) => {
                if let Some(progress) = pause.news() {
                    return Ok(News::Progress(progress));
                }
                client.stop.sleep(pause.remaining(now())).await;
                pause.over(now());
            }
            OperationPollStep::Done(outcome) => return outcome.map(News::Done),
        }
    }
}

/// Sees a read through, all of its pages and tries.
pub(crate) async fn fetch<E: Endpoint>(
    client: &Inner,
    tenant: &Tenant,
    mut machine: Read<E>,
) -> Result<E::Output, ReadError> {
    loop {
        if client.stop.is_stopped() {
            machine.stop();
        }
        match machine.step() {
            ReadStep::Send(exchange) => send(client, tenant, exchange).await,
            ReadStep::Wait(pause) => {
                client.stop.sleep(pause.remaining(now())).await;
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
pub(crate) async fn follow(
    client: &Inner,
    tenant: &Tenant,
    machine: &mut RunPoll,
) -> Result<News<IndustryDataRun>, RunPollError> {
    loop {
        if client.stop.is_stopped() {
            machine.stop();
        }
        match machine.step() {
            RunPollStep::Send(exchange) => send(client, tenant, exchange).await,
            RunPollStep::Wait(mut pause) => {
                if let Some(progress) = pause.news() {
                    return Ok(News::Progress(progress));
                }
                client.stop.sleep(pause.remaining(now())).await;
                pause.over(now());
            }
            RunPollStep::Done(outcome) => return outcome.map(News::Done),
        }
    }
}

/// One request and its one answer. Stopped before the request is handed out, it leaves the rest to the machine.
async fn send(client: &Inner, tenant: &Tenant, exchange: Exchange<'_>) {
    let limit = exchange.time_limit(now());
    let token = tokio::select! {
        biased;
        token = client.tokens.token(tenant, exchange.challenge(), limit) => token,
        () = client.stop.stopped() => return,
    };
    let token = match token {
        Ok(token) => token,
        Err(error) => return exchange.no_token(error, now()),
    };
    let limit = exchange.time_limit(now());
    let connection = tokio::select! {
        biased;
        connection = client.http.connection(limit) => connection,
        () = client.stop.stopped() => return,
    };
    let connection = match connection {
        Ok(connection) => connection,
        Err(fault) => return exchange.unsent(fault, now()),
    };
    let Some((request, reply)) = exchange.request(&token, now()) else {
        return;
    };
    // An empty body; reqwest knows no `()`.
    let request = request.map(|()| reqwest::Body::default());
    let (limit, stopped) = (reply.time_limit(), client.stop.stopped());
    let most = |status| reply.body_limit(status);
    let answer = connection.send(request, limit, most, stopped).await;
    match answer {
        Ok((head, body)) => reply.answer(&head, body, now()),
        Err(fault) => reply.lost(fault, now()),
    }
}
