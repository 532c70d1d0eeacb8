//! The one loop and the one way to send. They decide nothing: the machine says what to do next.

use std::sync::Arc;

use industrydata_core::lro::{Exchange, Machine, Progress, Step};

use crate::{client::Inner, clock::now, tenant_client::TenantClient};

/// What a machine has come to.
pub(crate) enum Event<T> {
    Progress(Progress),
    Done(T),
}

/// Drives a machine to its next progress, which comes before the pause it is about, or to its end.
pub(crate) async fn drive<M: Machine>(
    tenant: &TenantClient,
    machine: &mut M,
) -> Result<Event<M::Output>, M::Error> {
    let client = tenant.client();
    loop {
        if client.stop.is_stopped() {
            machine.stop();
        }
        match machine.step() {
            Step::Ledger(transaction, _) => {
                let change = Arc::clone(transaction.change());
                let reply = client.store.transact(change).await;
                transaction.done(reply, now());
            }
            Step::Send(exchange) => send(tenant, exchange).await,
            Step::Wait(mut pause) => {
                if let Some(progress) = pause.progress() {
                    return Ok(Event::Progress(progress));
                }
                client.stop.sleep(pause.remaining(now())).await;
                pause.over(now());
            }
            Step::Done(outcome) => return outcome.map(Event::Done),
        }
    }
}

/// Drives a machine to its end.
pub(crate) async fn finish<M: Machine>(
    tenant: &TenantClient,
    machine: &mut M,
    report: impl Fn(&Progress),
) -> Result<M::Output, M::Error> {
    let client = tenant.client();
    let guard = Guard { client, machine };
    loop {
        match drive(tenant, guard.machine).await? {
            Event::Progress(progress) => report(&progress),
            Event::Done(output) => return Ok(output),
        }
    }
}

/// Leaves the ledger as it should be when the future is dropped.
struct Guard<'a, M: Machine> {
    client: &'a Inner,
    machine: &'a mut M,
}

impl<M: Machine> Drop for Guard<'_, M> {
    fn drop(&mut self) {
        if let Some(change) = self.machine.abandon() {
            self.client.store.transact_later(change);
        }
    }
}

/// One request and its one answer. If it is stopped before the request is handed out, the machine decides what follows.
async fn send(tenant: &TenantClient, exchange: Exchange<'_>) {
    let client = tenant.client();
    let limit = exchange.time_limit(now());
    let token = tokio::select! {
        biased;
        token = client.tokens.token(tenant.tenant(), exchange.challenge(), limit) => token,
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
        Err(error) => return exchange.unsent(error, now()),
    };
    let Some((request, reply)) = exchange.request(&token, now()) else {
        return;
    };
    // An empty body; reqwest has no `()`.
    let request = request.map(|()| reqwest::Body::default());
    let (limit, stopped) = (reply.time_limit(), client.stop.stopped());
    let most = |status| reply.body_limit(status);
    match connection.send(request, limit, most, stopped).await {
        Ok((head, body)) => reply.answer(&head, body, now()),
        Err(error) => reply.lost(error, now()),
    }
}
