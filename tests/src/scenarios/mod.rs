//! The list of scenarios, one module for each theme.

use crate::scenario::Scenario;

pub mod actions;
pub mod bodies;
pub mod doubt;
pub mod echo;
pub mod heads;
pub mod keep_alive;
pub mod limits;
pub mod location;
pub mod not_found;
pub mod plain;
pub mod polls;
pub mod proxy;
pub mod quota;
pub mod redirect;
pub mod resume;
pub mod retry_after;
pub mod statuses;
pub mod stop;
pub mod throttle;
pub mod tls;
pub mod tokens;
pub mod unreachable;

/// Every scenario of the list.
#[must_use]
pub fn all() -> Vec<Scenario> {
    [
        plain::scenarios(),
        actions::scenarios(),
        location::scenarios(),
        redirect::scenarios(),
        statuses::scenarios(),
        doubt::scenarios(),
        heads::scenarios(),
        bodies::scenarios(),
        polls::scenarios(),
        tokens::scenarios(),
        echo::scenarios(),
        retry_after::scenarios(),
        throttle::scenarios(),
        not_found::scenarios(),
        limits::scenarios(),
        unreachable::scenarios(),
        tls::scenarios(),
        keep_alive::scenarios(),
        quota::scenarios(),
        stop::scenarios(),
        resume::scenarios(),
        proxy::scenarios(),
    ]
    .concat()
}
