//! The loops. They decide nothing: what to do next is the machine's, how to do it is the client's.

use std::sync::Arc;

use industrydata_core::{
    Accepted, Endpoint, Exchange, Fetch, FetchStep, Follow, FollowError, FollowStep,
    IndustryDataRun, Operation, ReadError, Start, StartError, StartStep, Tenant, Watch, WatchError,
    WatchStep,
};

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
    machine: &mut Watch,
) -> Result<News<Operation>, WatchError> {
    loop {
        if client.stop.is_stopped() {
            machine.stop();
        }
        match machine.step() {
            WatchStep::Send(exchange) => send(client, tenant, exchange).await,
            WatchStep::Wait(mut pause) => {
                if let Some(progress) = pause.news() {
                    return Ok(News::Progress(progress));
                }
                client.stop.sleep(pause.remaining(now())).await;
                pause.over(now());
            }
            WatchStep::Done(outcome) => return outcome.map(News::Done),
        }
    }
}

/// Sees a read through, all of its pages and tries.
pub(crate) async fn fetch<E: Endpoint>(
    client: &Inner,
    tenant: &Tenant,
    mut machine: Fetch<E>,
) -> Result<E::Output, ReadError> {
    loop {
        if client.stop.is_stopped() {
            machine.stop();
        }
        match machine.step() {
            FetchStep::Send(exchange) => send(client, tenant, exchange).await,
            FetchStep::Wait(pause) => {
                client.stop.sleep(pause.remaining(now())).await;
                pause.over(now());
            }
            FetchStep::Done(outcome) => {
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
    machine: &mut Follow,
) -> Result<News<IndustryDataRun>, FollowError> {
    loop {
        if client.stop.is_stopped() {
            machine.stop();
        }
        match machine.step() {
            FollowStep::Send(exchange) => send(client, tenant, exchange).await,
            FollowStep::Wait(mut pause) => {
                if let Some(progress) = pause.news() {
                    return Ok(News::Progress(progress));
                }
                client.stop.sleep(pause.remaining(now())).await;
                pause.over(now());
            }
            FollowStep::Done(outcome) => return outcome.map(News::Done),
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
