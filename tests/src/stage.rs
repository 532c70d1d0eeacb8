//! The sockets, the books and the tokens of one scenario while it is played.

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
    books::Recorder,
    deaf::Deaf,
    scenario::{Address, Scenario},
    server::Server,
    tokens::Tokens,
};

/// How often a moment is looked for.
const TICK: Duration = Duration::from_millis(5);
/// How long a moment is waited for.
const MOMENT: Duration = Duration::from_secs(15);

/// A moment of a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Once so many requests have reached the base.
    Requests(usize),
    /// Once so many changes were made to the books, and a little later.
    Changes(usize),
    /// Once the server has held a connection so often without answering.
    Stalled(usize),
    /// Once the source of tokens was asked so many times.
    Asked(usize),
}

/// What a scenario is played on.
#[derive(Debug)]
pub struct Stage {
    /// The server at the base.
    pub server: Server,
    /// A server the token must not reach.
    pub foreign: Server,
    /// The base as the client is given it.
    pub base: BaseUrl,
    /// The foreign server as if it were a base.
    pub foreign_base: BaseUrl,
    /// The books.
    pub books: Arc<Recorder>,
    /// The tokens.
    pub tokens: Arc<Tokens>,
    _deaf: Option<Deaf>,
    _closed: Option<Socket>,
    _folder: Option<TempDir>,
}

impl Stage {
    /// The stage of a scenario; `None` where this system cannot give it.
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
                // Held, so that nobody else comes to listen there.
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
        let (folder, kept) = match scenario.sqlite {
            true => {
                let folder = tempfile::tempdir().unwrap();
                let kept = SqliteStore::open(folder.path().join("books.sqlite3")).unwrap();
                (Some(folder), Some(kept))
            }
            false => (None, None),
        };
        let recorder = Recorder::failing_at(&scenario.books_fail_at);
        Some(Self {
            server,
            foreign,
            base: BaseUrl::parse(&base).unwrap(),
            foreign_base: BaseUrl::parse(&foreign_base).unwrap(),
            books: Arc::new(match kept {
                Some(kept) => recorder.over(kept),
                None => recorder,
            }),
            tokens: Arc::new(Tokens::new(scenario.tokens.clone())),
            _deaf: deaf,
            _closed: closed,
            _folder: folder,
        })
    }

    /// Whether this moment has come.
    #[must_use]
    pub fn has_come(&self, when: When) -> bool {
        match when {
            When::Requests(count) => self.server.has_seen(count),
            When::Stalled(count) => self.server.has_stalled(count),
            When::Changes(count) => self.books.calls() >= count,
            When::Asked(count) => self.tokens.asked().len() >= count,
        }
    }

    /// Waits for a moment; in the end without it.
    pub fn wait_for(&self, when: When) {
        let began = Instant::now();
        while !self.has_come(when) && began.elapsed() < MOMENT {
            thread::sleep(TICK);
        }
        if matches!(when, When::Changes(_)) {
            thread::sleep(20 * TICK);
        }
    }

    /// Waits for a moment, beside a runtime.
    pub async fn come(&self, when: When) {
        let began = Instant::now();
        while !self.has_come(when) && began.elapsed() < MOMENT {
            tokio::time::sleep(TICK).await;
        }
    }
}
