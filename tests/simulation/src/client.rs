//! A client: a process on a machine with its own clocks, and what it keeps on disk from one process to the next.

use std::{collections::VecDeque, time::Duration};

use industrydata_core::Timestamp;
use industrydata_core::auth::AccessToken;
use industrydata_core::auth::Challenge;
use industrydata_core::auth::KeptToken;
use industrydata_core::auth::TokenError;

use crate::{
    fate::{Fate, StoreFate, TokenFate},
    poll,
    script::{Clock, On},
    sim::Sim,
    world::utc,
};

/// How long a token is valid, in ms of true time.
pub(crate) const TOKEN_LIFE: u64 = 3_599_000;
/// How long a token source takes, in ms.
const TOKEN_TAKES: u64 = 150;

/// A client, and the faults that the script has scheduled for it.
#[derive(Debug)]
pub(crate) struct Client {
    clock: Clock,
    /// By how much the wall clock has jumped in total, in ms.
    jumped: i64,
    /// By how many seconds the wall clock was ahead at most.
    pub(crate) most_ahead: i64,
    /// When the process began, in true time.
    born: u64,
    pub(crate) is_dead: bool,
    kept: KeptToken,
    /// A file with the resume tokens of operations that have not ended.
    pub(crate) disk: Vec<String>,
    pub(crate) fates: Vec<(On, Fate)>,
    pub(crate) store_fates: VecDeque<StoreFate>,
    pub(crate) token_fates: VecDeque<TokenFate>,
    /// Steps until the process dies, and the time until it starts again, in ms.
    pub(crate) dies_in: Option<(u32, u64)>,
    /// Steps until the client's futures are dropped.
    pub(crate) drops_in: Option<u32>,
}

impl Client {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            jumped: 0,
            most_ahead: clock.offset,
            born: 0,
            is_dead: false,
            kept: KeptToken::default(),
            disk: Vec::new(),
            fates: Vec::new(),
            store_fates: VecDeque::new(),
            token_fates: VecDeque::new(),
            dies_in: None,
            drops_in: None,
        }
    }

    /// The wall clock at a moment of true time.
    pub(crate) fn utc(&self, now: u64) -> Timestamp {
        let now = now as i64;
        utc(now + now * self.clock.drift / 1_000_000 + self.clock.offset * 1000 + self.jumped)
    }

    /// The steady clock at a moment of true time.
    pub(crate) fn steady(&self, now: u64) -> Duration {
        let lived = now.saturating_sub(self.born) as i64;
        let ticked = lived + lived * self.clock.drift / 1_000_000;
        Duration::from_millis(1000 + ticked.max(0) as u64)
    }

    /// Converts a duration of the steady clock to true time in ms, rounded up.
    pub(crate) fn true_time(&self, steady: Duration) -> u64 {
        let ms = steady.as_micros().div_ceil(1000) as i64;
        let slow = ms * -self.clock.drift / 1_000_000;
        (ms + slow + i64::from(self.clock.drift != 0 && ms > 0)).max(0) as u64
    }

    pub(crate) fn jump(&mut self, seconds: i64) {
        self.jumped += seconds * 1000;
        self.most_ahead = self.most_ahead.max(self.ahead());
    }

    /// By how many seconds the wall clock is ahead.
    pub(crate) const fn ahead(&self) -> i64 {
        self.clock.offset + self.jumped / 1000
    }
}

/// Starts the process again. It resumes polling from the tokens on its disk.
pub(crate) fn restart(sim: &Sim, client: usize) {
    let disk = {
        let mut world = sim.world();
        let now = world.now;
        let own = &mut world.clients[client];
        own.is_dead = false;
        own.born = now;
        own.kept = KeptToken::default();
        own.disk.clone()
    };
    for token in disk {
        let task = poll::resume(sim.clone(), client, token);
        sim.spawn(client, Box::pin(task));
    }
}

/// A token for a request: the cached one, or a new one from the source.
pub(crate) async fn token(
    sim: &Sim,
    client: usize,
    challenge: Option<&Challenge>,
    limit: Duration,
) -> Result<AccessToken, TokenError> {
    let fate = {
        let mut world = sim.world();
        let utc = world.at(client).utc;
        if let Some(token) = world.clients[client].kept.usable(challenge, utc) {
            return Ok(token);
        }
        let healed = world.now >= world.script.world.heals;
        let fate = world.clients[client].token_fates.pop_front();
        fate.filter(|_| !healed)
    };
    let limit = limit.as_millis() as u64;
    let takes = match fate {
        Some(TokenFate::Slow(ms)) => ms,
        Some(TokenFate::Unavailable | TokenFate::Same) | None => TOKEN_TAKES,
    };
    sim.sleep(takes.min(limit)).await;
    let mut world = sim.world();
    let answer = match fate {
        Some(TokenFate::Unavailable) => Err(TokenError::unavailable("no token just now")),
        Some(TokenFate::Same) if challenge.is_some() => challenge
            .map(|it| it.refused().clone())
            .ok_or_else(|| TokenError::unavailable("there was none")),
        Some(TokenFate::Same | TokenFate::Slow(_)) | None if takes <= limit => {
            Ok(world.issue(client))
        }
        Some(TokenFate::Same | TokenFate::Slow(_)) | None => {
            Err(TokenError::unavailable("the token source took too long"))
        }
    };
    let utc = world.at(client).utc;
    world.clients[client].kept.renewed(answer, challenge, utc)
}
