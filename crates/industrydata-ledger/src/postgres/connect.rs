//! How a connection is made: the servers are tried in turn, each within its share of the time.
//!
//! A share covers the whole of a connection: looking the name up, TCP, TLS, the password and whether the server takes
//! writes. So a server that swallows packets, or accepts a connection and stays silent, cannot use up the time of the next.

use std::{
    net::IpAddr,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use industrydata_core::ledger::StoreError;
use tokio::{net::lookup_host, time::timeout_at};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage, config::Host};

use super::{
    parameters::Server,
    plan::Plan,
    session::Session,
    store_error::{self, Failure, Obstacle},
};

/// The last server may answer later than its share ends, but before the whole of the work is given up.
const LAST_GRACE: Duration = Duration::from_millis(500);

/// Why one server cannot be used.
enum Refusal {
    NoAnswer(Duration),
    Failed {
        message: String,
        is_transient: bool,
        /// Whether there is a server that said so, rather than the network.
        is_of_server: bool,
    },
}

impl Refusal {
    fn of(error: &tokio_postgres::Error) -> Self {
        let (message, is_transient) = store_error::while_connecting(error);
        Self::Failed {
            is_of_server: !message.starts_with("error connecting to server"),
            message,
            is_transient,
        }
    }

    fn of_server(message: &str, is_transient: bool) -> Self {
        Self::Failed {
            message: message.to_owned(),
            is_transient,
            is_of_server: true,
        }
    }

    /// Of two addresses of one host, the answer of a server says more than that the other has none.
    fn or(self, later: Self) -> Self {
        match (&self, &later) {
            (
                Self::Failed {
                    is_of_server: true, ..
                },
                Self::NoAnswer(_)
                | Self::Failed {
                    is_of_server: false,
                    ..
                },
            ) => self,
            (Self::NoAnswer(_) | Self::Failed { .. }, _) => later,
        }
    }
}

/// Connects, and looks at the tables.
pub(super) async fn open(plan: &Plan, until: Instant) -> Result<Session, Failure> {
    first_that_takes_writes(plan, until)
        .await?
        .looked(plan, until)
        .await
}

/// Connects to the first server that takes writes, beginning with the one that did last.
async fn first_that_takes_writes(plan: &Plan, until: Instant) -> Result<Session, Failure> {
    let count = plan.servers.len();
    let first = plan.last_used.load(Ordering::Relaxed);
    let mut refusals = Vec::new();
    for turn in 0..count {
        let index = (first + turn) % count;
        let Some((server, config)) = plan.servers.get(index) else {
            continue;
        };
        // Time is left for the work itself.
        let limit = share(until, count - turn, 1);
        match connect(plan, server, config, limit).await {
            Ok(session) => {
                plan.last_used.store(index, Ordering::Relaxed);
                return Ok(session);
            }
            Err(refusal) => refusals.push((server, refusal)),
        }
    }
    Err(failure(plan, refusals))
}

/// The end of the share of the first of `count` that are left, with `spare` shares behind the last of them. The last one
/// has all that is left.
fn share(until: Instant, count: usize, spare: u32) -> Instant {
    let now = Instant::now();
    let Ok(count @ 2..) = u32::try_from(count) else {
        return until + LAST_GRACE;
    };
    now + until.saturating_duration_since(now) / (count + spare)
}

/// Connects to one server, by each of its addresses in turn.
async fn connect(
    plan: &Plan,
    server: &Server,
    config: &Config,
    limit: Instant,
) -> Result<Session, Refusal> {
    let begun = Instant::now();
    let addresses = timeout_at(limit.into(), addresses(server)).await;
    let addresses = match addresses {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => {
            let message = format!(
                "the host name cannot be resolved: {error}: look at the host and port, and whether the server runs"
            );
            return Err(Refusal::Failed {
                message: store_error::one_line(&message),
                is_transient: false,
                is_of_server: false,
            });
        }
        Err(_) => return Err(Refusal::NoAnswer(begun.elapsed())),
    };
    let mut last = Refusal::NoAnswer(Duration::ZERO);
    let count = addresses.len();
    for (turn, address) in addresses.into_iter().enumerate() {
        let begun = Instant::now();
        let mut until = if turn + 1 == count {
            limit
        } else {
            share(limit, count - turn, 0)
        };
        if let Some(most) = config.get_connect_timeout() {
            until = until.min(begun + *most + LAST_GRACE);
        }
        let mut config = config.clone();
        if let Some(address) = address {
            config.hostaddr(address);
        }
        match timeout_at(until.into(), attempt(plan, &config)).await {
            Ok(Ok(session)) => return Ok(session),
            Ok(Err(refusal)) => last = last.or(refusal),
            Err(_) => last = last.or(Refusal::NoAnswer(begun.elapsed())),
        }
    }
    Err(last)
}

/// The addresses of a server, each once; `None` for a socket in a folder.
async fn addresses(server: &Server) -> std::io::Result<Vec<Option<IpAddr>>> {
    let name = match (&server.host, server.address) {
        (_, Some(address)) => return Ok(vec![Some(address)]),
        (Host::Tcp(name), None) => name,
        #[cfg(unix)]
        (Host::Unix(_), None) => return Ok(vec![None]),
    };
    let mut found = Vec::new();
    for address in lookup_host((name.as_str(), server.port)).await? {
        if !found.contains(&Some(address.ip())) {
            found.push(Some(address.ip()));
        }
    }
    if found.is_empty() {
        return Err(std::io::Error::other("it has no address"));
    }
    Ok(found)
}

/// Connects to one address, and asks whether the server takes writes.
async fn attempt(plan: &Plan, config: &Config) -> Result<Session, Refusal> {
    let failed = |error| Refusal::of(&error);
    let session = match &plan.tls {
        None => {
            let (client, connection) = config.connect(NoTls).await.map_err(failed)?;
            Session::new(client, connection)
        }
        Some(tls) => {
            let (client, connection) = config.connect(tls.clone()).await.map_err(failed)?;
            Session::new(client, connection)
        }
    };
    let Ok(client) = session.client() else {
        return Err(Refusal::NoAnswer(Duration::ZERO));
    };
    match read_only(client).await {
        Ok(None) => Ok(session),
        Ok(Some(why)) => Err(Refusal::of_server(why, false)),
        Err(error) => Err(match session.end() {
            Some(why) => Refusal::of_server(why, true),
            None => failed(error),
        }),
    }
}

/// Why the server takes no writes. These statements need no table of the catalogue, so they pass under any time limit.
async fn read_only(client: &Client) -> Result<Option<&'static str>, tokio_postgres::Error> {
    let sql = "SHOW transaction_read_only; SHOW default_transaction_read_only";
    let answers = client.simple_query(sql).await?;
    let mut shown = answers.iter().filter_map(|answer| {
        let SimpleQueryMessage::Row(row) = answer else {
            return None;
        };
        row.get(0)
    });
    let (setting, default) = (shown.next(), shown.next());
    Ok(store_error::read_only(
        setting.unwrap_or("off"),
        default.unwrap_or("off"),
    ))
}

/// The failure after every server was tried.
fn failure(plan: &Plan, refusals: Vec<(&Server, Refusal)>) -> Failure {
    let place = plan.place.clone();
    let is_transient = refusals.iter().any(
        |(_, refusal)| matches!(refusal, Refusal::Failed { is_transient, .. } if *is_transient),
    );
    let why = match refusals.as_slice() {
        [(_, Refusal::NoAnswer(waited))] => Obstacle::NoAnswer {
            place,
            wait: plan.wait.min(*waited),
        },
        [(_, Refusal::Failed { message, .. })] => Obstacle::Server {
            place,
            message: message.clone(),
            hint: "",
        },
        several => {
            let each = several.iter().map(|(server, refusal)| match refusal {
                Refusal::NoAnswer(limit) => {
                    format!("{server}: no answer within {} ms", limit.as_millis())
                }
                Refusal::Failed { message, .. } => format!("{server}: {message}"),
            });
            Obstacle::Servers {
                place,
                failures: each.collect::<Vec<_>>().join("; "),
            }
        }
    };
    let why = StoreError::from(why);
    if is_transient {
        Failure::Again(why)
    } else {
        Failure::Clean(why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_of_a_server_outweighs_an_address_without_one() {
        let refused = || Refusal::Failed {
            message: "refused".to_owned(),
            is_transient: false,
            is_of_server: false,
        };
        let said = |message| Refusal::of_server(message, false);
        let silent = || Refusal::NoAnswer(Duration::ZERO);
        let shown = |refusal| match refusal {
            Refusal::NoAnswer(_) => "silent".to_owned(),
            Refusal::Failed { message, .. } => message,
        };
        assert_eq!(shown(said("password").or(refused())), "password");
        assert_eq!(shown(said("password").or(silent())), "password");
        assert_eq!(shown(said("password").or(said("later"))), "later");
        assert_eq!(shown(refused().or(said("password"))), "password");
        assert_eq!(shown(silent().or(refused())), "refused");
        assert_eq!(shown(refused().or(silent())), "silent");
    }

    #[test]
    fn the_time_is_shared_and_some_is_left_for_the_work() {
        let until = Instant::now() + Duration::from_secs(6);
        let takes = |count, spare| {
            let share = share(until, count, spare).saturating_duration_since(Instant::now());
            share.as_millis().div_ceil(100) * 100
        };
        assert_eq!(takes(2, 1), 2000);
        assert_eq!(takes(3, 1), 1500);
        assert_eq!(takes(2, 0), 3000);
        assert_eq!(takes(1, 1), 6500);
    }
}
