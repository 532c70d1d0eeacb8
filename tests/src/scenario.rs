//! A scenario as data.

use std::time::Duration;

use crate::{stage::When, tokens::Given, turn::Turn};

/// What the caller does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Starts a run, and no more.
    Start,
    /// Starts a run and follows it to its end, poll by poll.
    Run,
    /// Waits for the operation of every scenario until it is done.
    OperationPoll,
    /// Takes up the wait of a resume token, polling at once.
    Resume,
    /// Takes up the wait of a resume token that was made for the foreign server.
    ResumeForeign,
    /// Starts a run and drops the future at this moment. Asynchronous only.
    DropStart(When),
}

/// How the base is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// `http://127.0.0.1:PORT/beta`.
    Ip,
    /// `http://localhost:PORT/beta`.
    Localhost,
    /// `https://127.0.0.1:PORT/beta`, though the server speaks no TLS.
    Https,
    /// A port at which nobody listens.
    Closed,
    /// A listener that never accepts.
    Deaf,
}

/// One thing that a scenario may come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// How the last step ends, as in [`Scenario::step`].
    pub step: &'static str,
    /// Starts that count: confirmed, and in doubt.
    pub books: (u32, u32),
    /// The requests that reached the base, a small letter for each that the script read in part; `None` for any.
    pub wire: Option<String>,
}

/// What a server does, what a caller does, and what must come of it.
#[derive(Clone, Debug)]
pub struct Scenario {
    pub(crate) name: String,
    pub(crate) covers: &'static str,
    pub(crate) turns: Vec<Turn>,
    pub(crate) steps: Vec<(Do, String)>,
    pub(crate) tokens: Vec<Given>,
    pub(crate) address: Address,
    pub(crate) request_limit: Duration,
    pub(crate) time_limit: Duration,
    pub(crate) poll_every: Duration,
    pub(crate) wait_for_slot: bool,
    pub(crate) proxied: bool,
    pub(crate) stop: Option<When>,
    pub(crate) books_fail_at: Vec<usize>,
    pub(crate) wire: Option<String>,
    pub(crate) books: Option<(u32, u32)>,
    pub(crate) ends: Vec<End>,
    pub(crate) sqlite: bool,
    pub(crate) closed: bool,
    pub(crate) warns: bool,
    pub(crate) asked: Option<Vec<Option<String>>>,
    pub(crate) statuses: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) says: Vec<String>,
    pub(crate) gaps: Vec<(usize, Duration)>,
    pub(crate) within: Duration,
}

impl Scenario {
    /// A scenario and the threats it stands for (`reliability.md`).
    #[must_use]
    pub fn new(name: impl Into<String>, covers: &'static str) -> Self {
        Self {
            name: name.into(),
            covers,
            turns: Vec::new(),
            steps: Vec::new(),
            tokens: vec![Given::Token(1)],
            address: Address::Ip,
            request_limit: Duration::from_secs(5),
            time_limit: Duration::from_secs(60),
            poll_every: Duration::from_millis(10),
            wait_for_slot: false,
            proxied: false,
            stop: None,
            books_fail_at: Vec::new(),
            wire: None,
            books: None,
            ends: Vec::new(),
            sqlite: false,
            closed: false,
            warns: false,
            asked: None,
            statuses: None,
            target: None,
            says: Vec::new(),
            gaps: Vec::new(),
            within: Duration::from_secs(20),
        }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The threats it stands for.
    #[must_use]
    pub const fn covers(&self) -> &'static str {
        self.covers
    }

    /// Whether it can only be played by an asynchronous client.
    #[must_use]
    pub fn is_async_only(&self) -> bool {
        self.steps
            .iter()
            .any(|(does, _)| matches!(does, Do::DropStart(_)))
            || self
                .tokens
                .iter()
                .any(|given| matches!(given, Given::Never))
    }

    /// The limit it is to be ended by, if one is set.
    pub(crate) fn bound(&self) -> Option<Duration> {
        let limit = self.request_limit.min(self.time_limit);
        (limit < Duration::from_secs(5)).then_some(limit)
    }

    /// What the server does next.
    #[must_use]
    pub fn turn(mut self, turn: Turn) -> Self {
        self.turns.push(turn);
        self
    }

    /// What the caller does next, and how it ends: `accepted`, `succeeded`, `start KIND`, `wait KIND`, `resume KIND`;
    /// several with `|` between them where the flavours may tell the same thing differently; nothing where any will do.
    #[must_use]
    pub fn step(mut self, does: Do, end: impl Into<String>) -> Self {
        self.steps.push((does, end.into()));
        self
    }

    /// What reaches the base: a `P` for each POST, a `G` for each GET; a `*` at the end repeats the last one any number
    /// of times. Without it, nothing is said of the number of requests.
    #[must_use]
    pub fn wire(mut self, wire: impl Into<String>) -> Self {
        self.wire = Some(wire.into());
        self
    }

    /// Starts that count in the end: confirmed, and in doubt. None is in flight.
    #[must_use]
    pub const fn books(mut self, confirmed: u32, in_doubt: u32) -> Self {
        self.books = Some((confirmed, in_doubt));
        self
    }

    /// What the whole may come to, where it may come to more than one thing: one of these, in all of its parts.
    #[must_use]
    pub fn ends(mut self, ends: impl Into<Vec<End>>) -> Self {
        self.ends = ends.into();
        self
    }

    /// The books are kept in an SQLite file.
    #[must_use]
    pub const fn sqlite(mut self) -> Self {
        self.sqlite = true;
        self
    }

    /// The books are closed in the end, because the service said so.
    #[must_use]
    pub const fn closed(mut self) -> Self {
        self.closed = true;
        self
    }

    /// The caller is told that an outcome could not be written down.
    #[must_use]
    pub const fn warns(mut self) -> Self {
        self.warns = true;
        self
    }

    /// What the source of tokens gives.
    #[must_use]
    pub fn tokens(mut self, given: &[Given]) -> Self {
        self.tokens = given.to_vec();
        self
    }

    /// The claims with which the source of tokens is called, one a call.
    #[must_use]
    pub fn asked(mut self, asked: &[Option<&str>]) -> Self {
        self.asked = Some(
            asked
                .iter()
                .map(|claims| claims.map(str::to_owned))
                .collect(),
        );
        self
    }

    /// Another address of the base.
    #[must_use]
    pub const fn address(mut self, address: Address) -> Self {
        self.address = address;
        self
    }

    /// The limit of one request, in milliseconds.
    #[must_use]
    pub const fn request_limit(mut self, milliseconds: u64) -> Self {
        self.request_limit = Duration::from_millis(milliseconds);
        self
    }

    /// The limit of a start and its wait, in milliseconds.
    #[must_use]
    pub const fn time_limit(mut self, milliseconds: u64) -> Self {
        self.time_limit = Duration::from_millis(milliseconds);
        self
    }

    /// The pause between polls, in milliseconds.
    #[must_use]
    pub const fn poll_every(mut self, milliseconds: u64) -> Self {
        self.poll_every = Duration::from_millis(milliseconds);
        self
    }

    /// The start waits for a slot.
    #[must_use]
    pub const fn wait_for_slot(mut self) -> Self {
        self.wait_for_slot = true;
        self
    }

    /// The caller's own configuration names the foreign server as a proxy for everything.
    #[must_use]
    pub const fn proxied(mut self) -> Self {
        self.proxied = true;
        self
    }

    /// The client is stopped at this moment.
    #[must_use]
    pub const fn stop(mut self, when: When) -> Self {
        self.stop = Some(when);
        self
    }

    /// The books fail at the changes of these numbers, counted from 0.
    #[must_use]
    pub fn books_fail_at(mut self, calls: &[usize]) -> Self {
        self.books_fail_at = calls.to_vec();
        self
    }

    /// The statuses seen, each time one was told.
    #[must_use]
    pub fn statuses(mut self, statuses: &str) -> Self {
        self.statuses = Some(statuses.to_owned());
        self
    }

    /// The target of every GET.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Some text that the caller was given has this in it.
    #[must_use]
    pub fn says(mut self, text: impl Into<String>) -> Self {
        self.says.push(text.into());
        self
    }

    /// At least so many milliseconds lie between this request, counted from 0, and the next.
    #[must_use]
    pub fn gap(mut self, after: usize, milliseconds: u64) -> Self {
        self.gaps.push((after, Duration::from_millis(milliseconds)));
        self
    }

    /// The whole takes no longer than this, in milliseconds; 20 s where nothing is said.
    #[must_use]
    pub const fn within(mut self, milliseconds: u64) -> Self {
        self.within = Duration::from_millis(milliseconds);
        self
    }
}
