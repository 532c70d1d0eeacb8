//! How reqwest connects, what its errors mean, and the time of tokio.

mod clock;
mod config;
mod errors;
mod mark;
mod paused;

pub use self::{
    clock::TokioClock,
    config::{Names, config},
    errors::transport_error,
    mark::{Mark, given_up},
    paused::{Held, awake, sleep},
};
