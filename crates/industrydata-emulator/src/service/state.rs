//! The service's state, and the passing of time.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;

use crate::{
    config::{Config, Grant},
    fault::{Fault, Script},
    model::{
        AcceptedStarts, Ids, Issued, Operation, RequestLog, Run, Timetable, Tokens, push_bounded,
    },
    time::scaled,
};

/// The longest request body that is read. The response to a longer one is a 413.
pub const MAX_BODY: usize = 64 * 1024;

/// How many operations and how many runs are kept at least.
pub(super) const KEPT: usize = 2048;

/// The emulated service as a value.
///
/// It has no clock: every call that depends on the time takes the time as an argument. Time never goes back: a call
/// with an earlier time than a previous one happens at the previous time.
///
/// ```
/// use http::Request;
/// use industrydata_emulator::{Config, Service};
/// use jiff::Timestamp;
///
/// let mut service = Service::new(Config::default(), Timestamp::UNIX_EPOCH);
/// let request = Request::get("/beta/external/industryData/runs")
///     .header("authorization", "Bearer emulator-token")
///     .body(Vec::new())?;
/// assert_eq!(service.serve(&request, Timestamp::UNIX_EPOCH).response.status(), 200);
/// # Ok::<(), http::Error>(())
/// ```
#[derive(Clone)]
pub struct Service {
    pub(super) config: Config,
    pub(super) now: Timestamp,
    pub(super) ids: Ids,
    pub(super) tokens: Tokens,
    pub(super) issued: Issued,
    pub(super) starts: AcceptedStarts,
    pub(super) starts_by_caller: BTreeMap<String, u64>,
    pub(super) timetable: Timetable,
    pub(super) operations: Vec<Operation>,
    pub(super) runs: Vec<Run>,
    pub(super) script: Script,
    pub(super) log: RequestLog,
}

impl fmt::Debug for Service {
    /// Without the tokens that it knows.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Service")
            .field("base", &self.config.base)
            .field("now", &self.now)
            .field("operations", &self.operations.len())
            .field("runs", &self.runs.len())
            .finish_non_exhaustive()
    }
}

impl Service {
    /// Creates a service that begins at this time.
    #[must_use]
    pub fn new(mut config: Config, now: Timestamp) -> Self {
        config
            .base
            .truncate(config.base.trim_end_matches('/').len());
        let (timetable, past) = Timetable::new(config.schedule.clone(), now);
        let mut service = Self {
            now,
            ids: Ids::new(config.seed),
            tokens: Tokens::default(),
            issued: Issued::new("emulator-identity-header"),
            starts: AcceptedStarts::new(config.throttle.clone()),
            starts_by_caller: BTreeMap::new(),
            timetable,
            operations: Vec::new(),
            runs: Vec::new(),
            script: Script::default(),
            log: RequestLog::default(),
            config,
        };
        for grant in service.config.tokens.clone() {
            service.tokens.add(grant, None);
        }
        service.begin_scheduled(&past);
        service
    }

    /// Moves the service to this time: the scheduled runs that are due begin. An earlier time changes nothing.
    pub fn advance_to(&mut self, now: Timestamp) {
        self.now = self.now.max(now);
        let due = self.timetable.advance_to(self.now);
        self.begin_scheduled(&due);
    }

    /// Adds a fault after those already scripted.
    pub fn script(&mut self, fault: Fault) {
        self.script.add(fault);
    }

    /// Removes the pending faults.
    pub fn clear_faults(&mut self) {
        self.script.clear();
    }

    /// Makes a token valid without expiry, even one that was revoked.
    pub fn accept_token(&mut self, grant: Grant) {
        self.tokens.add(grant, None);
    }

    /// Revokes every token. With claims, as JSON text, the 401 for such a token is a claims challenge.
    pub fn revoke_tokens(&mut self, claims: Option<&str>) {
        self.tokens.revoke(claims);
    }

    /// The base URL split in front of its path: `("http://127.0.0.1:8085", "/beta")`.
    pub(super) fn authority_and_root(&self) -> (&str, &str) {
        let base = self.config.base.as_str();
        let host = base.find("://").map_or(0, |at| at + "://".len());
        let path = base
            .get(host..)
            .and_then(|rest| rest.find('/'))
            .map_or(base.len(), |at| host + at);
        base.split_at_checked(path).unwrap_or((base, ""))
    }

    fn begin_scheduled(&mut self, times: &[Timestamp]) {
        let duration = scaled(self.config.run_takes, self.config.speed);
        for at in times {
            let run = Run::new(self.ids.guid(), *at, duration, true);
            push_bounded(&mut self.runs, run, KEPT);
        }
    }
}
