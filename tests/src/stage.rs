//! The sockets, the ledger and the tokens of a scenario while it is played.

use std::{
    net::SocketAddr,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use industrydata_core::wire::BaseUrl;
use industrydata_ledger::SqliteStore;
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

use crate::{
    deaf::Deaf,
    recorder::Recorder,
    scenario::{Address, Scenario},
    server::Server,
    tokens::Tokens,
};

/// How often to check whether a moment has come.
const TICK: Duration = Duration::from_millis(5);
/// How long to wait for a moment.
const MOMENT: Duration = Duration::from_secs(15);

/// A moment of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once this many requests have reached the base.
    Requests(usize),
    /// A short time after this many changes were made to the ledger.
    Changes(usize),
    /// Once the server has stalled a connection this many times.
    Stalled(usize),
    /// Once the token source was called this many times.
    Asked(usize),
}

/// Everything that a scenario needs while it is played.
#[derive(Debug)]
pub struct Stage {
    /// The server at the base.
    pub server: Server,
    /// A server that must not receive the token.
    pub foreign: Server,
    /// The base URL that the client is given.
    pub base: BaseUrl,
    /// The base URL of the foreign server.
    pub foreign_base: BaseUrl,
    /// The store of the ledger.
    pub ledger: Arc<Recorder>,
    /// The token source.
    pub tokens: Arc<Tokens>,
    _deaf: Option<Deaf>,
    _closed: Option<Socket>,
    _folder: Option<TempDir>,
}

impl Stage {
    /// The stage of a scenario; `None` if this operating system cannot provide its sockets.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Option<Self> {
        let foreign = Server::silent();
        let foreign_base = format!("http://{}/beta", foreign.address());
        let server = Server::start(
            scenario.turns.clone(),
            &[
                ("foreign", &foreign_base),
                ("foreign-authority", &foreign.address().to_string()),
            ],
        );
        let (mut deaf, mut closed) = (None, None);
        let base = match scenario.address {
            Address::Ip => format!("http://{}/beta", server.address()),
            Address::Localhost => format!("http://localhost:{}/beta", server.address().port()),
            Address::Https => format!("https://{}/beta", server.address()),
            Address::Closed => {
                // The socket is kept, so that no other program can listen on the port.
                let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
                let any = SocketAddr::from(([127, 0, 0, 1], 0));
                socket.bind(&any.into()).unwrap();
                let address = socket.local_addr().unwrap().as_socket().unwrap();
                closed = Some(socket);
                format!("http://{address}/beta")
            }
            Address::Deaf => {
                let listener = Deaf::start()?;
                let base = format!("http://{}/beta", listener.address());
                deaf = Some(listener);
                base
            }
        };
        let (folder, sqlite) = match scenario.sqlite {
            true => {
                let folder = tempfile::tempdir().unwrap();
                let sqlite = SqliteStore::open(folder.path().join("ledger.sqlite3")).unwrap();
                (Some(folder), Some(sqlite))
            }
            false => (None, None),
        };
        let recorder = Recorder::failing_at(&scenario.ledger_fails_at);
        Some(Self {
            server,
            foreign,
            base: BaseUrl::parse(&base).unwrap(),
            foreign_base: BaseUrl::parse(&foreign_base).unwrap(),
            ledger: Arc::new(match sqlite {
                Some(sqlite) => recorder.over(sqlite),
                None => recorder,
            }),
            tokens: Arc::new(Tokens::new(scenario.tokens.clone())),
            _deaf: deaf,
            _closed: closed,
            _folder: folder,
        })
    }

    /// Whether the moment has come.
    #[must_use]
    pub fn has_come(&self, when: When) -> bool {
        match when {
            When::Requests(count) => self.server.has_seen(count),
            When::Stalled(count) => self.server.has_stalled(count),
            When::Changes(count) => self.ledger.calls() >= count,
            When::Asked(count) => self.tokens.asked().len() >= count,
        }
    }

    /// Waits for a moment, for a bounded time.
    pub fn wait_for(&self, when: When) {
        let began = Instant::now();
        while !self.has_come(when) && began.elapsed() < MOMENT {
            thread::sleep(TICK);
        }
        if matches!(when, When::Changes(_)) {
            thread::sleep(20 * TICK);
        }
    }

    /// Waits for a moment, for a bounded time, within a runtime.
    pub async fn come(&self, when: When) {
        let began = Instant::now();
        while !self.has_come(when) && began.elapsed() < MOMENT {
            tokio::time::sleep(TICK).await;
        }
    }
}
