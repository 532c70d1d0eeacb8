//! A scenario, as data.

use std::time::Duration;

use crate::{stage::When, tokens::Given, turn::Turn};

/// One action of the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Do {
    /// Starts a run and does not poll.
    Start,
    /// Starts a run and polls its operation, one `progress` at a time, until it ends.
    Run,
    /// Polls the operation [`OPERATION`](crate::OPERATION) by its URL until it ends.
    OperationPoll,
    /// Validates the data connector [`CONNECTOR`](crate::CONNECTOR), and polls its operation until it ends.
    Validate,
    /// Resets the provisioning flow [`FLOW`](crate::FLOW), and polls its operation, if it has one, until it ends.
    Reset,
    /// Resumes polling with a resume token.
    Resume,
    /// Resumes polling with a resume token that was made for the foreign server.
    ResumeForeign,
    /// Starts a run and drops the future at this moment. Only for the asynchronous flavour.
    DropStart(When),
}

/// The address of the base URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// `http://127.0.0.1:PORT/beta`.
    Ip,
    /// `http://localhost:PORT/beta`.
    Localhost,
    /// `https://127.0.0.1:PORT/beta`, although the server does not speak TLS.
    Https,
    /// A port that refuses connections.
    Closed,
    /// A listener that never accepts a connection.
    Deaf,
}

/// One allowed outcome of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// How the last step ends, as in [`Scenario::step`].
    pub step: &'static str,
    /// Starts that count in the ledger: confirmed, and in doubt.
    pub ledger: (u32, u32),
    /// The requests that reached the base, as in [`Scenario::wire`]; a lower-case letter for a request that the script
    /// read in part. `None` allows any.
    pub wire: Option<String>,
}

/// What the server does, what the caller does, and the expected results.
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
    pub(crate) ledger_fails_at: Vec<usize>,
    pub(crate) wire: Option<String>,
    pub(crate) ledger: Option<(u32, u32)>,
    pub(crate) ends: Vec<End>,
    pub(crate) sqlite: bool,
    pub(crate) throttled: bool,
    pub(crate) warns: bool,
    pub(crate) asked: Option<Vec<Option<String>>>,
    pub(crate) statuses: Option<String>,
    pub(crate) target: Option<String>,
    pub(crate) says: Vec<String>,
    pub(crate) gaps: Vec<(usize, Duration)>,
    pub(crate) within: Duration,
}

impl Scenario {
    /// A scenario with a name and the numbers of the rules and threats that it covers (`docs/protocol.md`).
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
            ledger_fails_at: Vec::new(),
            wire: None,
            ledger: None,
            ends: Vec::new(),
            sqlite: false,
            throttled: false,
            warns: false,
            asked: None,
            statuses: None,
            target: None,
            says: Vec::new(),
            gaps: Vec::new(),
            within: Duration::from_secs(20),
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The rules and threats that the scenario covers.
    #[must_use]
    pub const fn covers(&self) -> &'static str {
        self.covers
    }

    /// Whether only an asynchronous client can play the scenario.
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

    /// The time limit that should end the scenario, if a short one is set.
    pub(crate) fn bound(&self) -> Option<Duration> {
        let limit = self.request_limit.min(self.time_limit);
        (limit < Duration::from_secs(5)).then_some(limit)
    }

    /// Adds a turn of the server.
    #[must_use]
    pub fn turn(mut self, turn: Turn) -> Self {
        self.turns.push(turn);
        self
    }

    /// Adds an action of the caller and its expected end: `accepted`, `succeeded`, `dropped`, `start KIND`, `action KIND`,
    /// `poll KIND` or `resume KIND`, where KIND is the error's kind. `|` separates alternatives, for cases that the flavours report
    /// differently. An empty text allows any end.
    #[must_use]
    pub fn step(mut self, does: Do, end: impl Into<String>) -> Self {
        self.steps.push((does, end.into()));
        self
    }

    /// The requests that reach the base: `P` for each POST, `G` for each GET. A final `*` allows any number of repeats of
    /// the last letter. If this is not set, the requests are not checked.
    #[must_use]
    pub fn wire(mut self, wire: impl Into<String>) -> Self {
        self.wire = Some(wire.into());
        self
    }

    /// Starts that count in the ledger after the last step: confirmed, and in doubt. None may be in flight.
    #[must_use]
    pub const fn ledger(mut self, confirmed: u32, in_doubt: u32) -> Self {
        self.ledger = Some((confirmed, in_doubt));
        self
    }

    /// The allowed outcomes, where there are several. The actual outcome must equal one of them in all parts.
    #[must_use]
    pub fn ends(mut self, ends: impl Into<Vec<End>>) -> Self {
        self.ends = ends.into();
        self
    }

    /// Keeps the ledger in an SQLite file.
    #[must_use]
    pub const fn sqlite(mut self) -> Self {
        self.sqlite = true;
        self
    }

    /// After the last step, a 429 of the service holds back further starts.
    #[must_use]
    pub const fn throttled(mut self) -> Self {
        self.throttled = true;
        self
    }

    /// A result carries the warning that an outcome is not in the ledger.
    #[must_use]
    pub const fn warns(mut self) -> Self {
        self.warns = true;
        self
    }

    /// What the token source returns, call by call.
    #[must_use]
    pub fn tokens(mut self, given: &[Given]) -> Self {
        self.tokens = given.to_vec();
        self
    }

    /// The claims with which the token source is called, one for each call.
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

    /// The address of the base URL.
    #[must_use]
    pub const fn address(mut self, address: Address) -> Self {
        self.address = address;
        self
    }

    /// The time limit of one request, in milliseconds.
    #[must_use]
    pub const fn request_limit(mut self, milliseconds: u64) -> Self {
        self.request_limit = Duration::from_millis(milliseconds);
        self
    }

    /// The time limit of a start and its polls together, in milliseconds.
    #[must_use]
    pub const fn time_limit(mut self, milliseconds: u64) -> Self {
        self.time_limit = Duration::from_millis(milliseconds);
        self
    }

    /// The poll interval, in milliseconds.
    #[must_use]
    pub const fn poll_every(mut self, milliseconds: u64) -> Self {
        self.poll_every = Duration::from_millis(milliseconds);
        self
    }

    /// Starts wait for a free slot.
    #[must_use]
    pub const fn wait_for_slot(mut self) -> Self {
        self.wait_for_slot = true;
        self
    }

    /// The HTTP client configuration that the caller passes in uses the foreign server as a proxy for all requests.
    #[must_use]
    pub const fn proxied(mut self) -> Self {
        self.proxied = true;
        self
    }

    /// Stops the client at this moment.
    #[must_use]
    pub const fn stop(mut self, when: When) -> Self {
        self.stop = Some(when);
        self
    }

    /// Lets the store fail at the changes with these numbers, counted from 0.
    #[must_use]
    pub fn ledger_fails_at(mut self, calls: &[usize]) -> Self {
        self.ledger_fails_at = calls.to_vec();
        self
    }

    /// The operation statuses reported, in order, separated by spaces.
    #[must_use]
    pub fn statuses(mut self, statuses: &str) -> Self {
        self.statuses = Some(statuses.to_owned());
        self
    }

    /// The request target of every GET.
    #[must_use]
    pub fn target(mut self, target: impl Into<String>) -> Self {
        self.target = Some(target.into());
        self
    }

    /// Some text that the caller received contains this one.
    #[must_use]
    pub fn says(mut self, text: impl Into<String>) -> Self {
        self.says.push(text.into());
        self
    }

    /// At least this many milliseconds pass between the request with this number, counted from 0, and the next one.
    #[must_use]
    pub fn gap(mut self, after: usize, milliseconds: u64) -> Self {
        self.gaps.push((after, Duration::from_millis(milliseconds)));
        self
    }

    /// The scenario takes at most this many milliseconds; 20 s by default.
    #[must_use]
    pub const fn within(mut self, milliseconds: u64) -> Self {
        self.within = Duration::from_millis(milliseconds);
        self
    }
}
