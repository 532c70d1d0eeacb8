//! A plain connection to the server, for what a store would never do.

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

pub(crate) struct Admin {
    runtime: Runtime,
    client: Client,
}

impl Admin {
    pub(crate) fn connect(url: &str) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (client, connection) = runtime
            .block_on(tokio_postgres::connect(url, NoTls))
            .unwrap();
        runtime.spawn(connection);
        Self { runtime, client }
    }

    pub(crate) fn run(&self, sql: &str) {
        self.runtime
            .block_on(self.client.batch_execute(sql))
            .unwrap();
    }

    /// The first column of each row.
    pub(crate) fn ask(&self, sql: &str) -> Vec<String> {
        let rows = self
            .runtime
            .block_on(self.client.simple_query(sql))
            .unwrap();
        rows.iter()
            .filter_map(|row| {
                let SimpleQueryMessage::Row(row) = row else {
                    return None;
                };
                Some(row.get(0).unwrap_or_default().to_owned())
            })
            .collect()
    }

    pub(crate) fn ask_one(&self, sql: &str) -> String {
        let rows = self.ask(sql);
        assert_eq!(rows.len(), 1, "{sql}: {rows:?}");
        rows.into_iter().next().unwrap()
    }
}
