//! tokio-rusqlite: one connection on a thread of its own.

use std::path::Path;

use peer_harness::tasks::{self, Peer};
use peer_harness::{Body, Error, Result, Stored, sql};
use rusqlite::TransactionBehavior;
use tokio_rusqlite::Connection;

use crate::apply::{PRAGMAS, apply, stored};

// The requests are those of rusqlite behind a pool.
#[path = "../../rusqlite-r2d2/src/apply.rs"]
mod apply;

struct Background(Connection);

impl Background {
    /// Runs something in a transaction on the thread of the connection.
    async fn transaction<T: Send + 'static>(
        &self,
        run: impl FnOnce(&rusqlite::Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let result = self.0.call(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = run(&transaction)?;
            transaction.commit()?;
            Ok(result)
        });
        result.await.map_err(flatten)
    }
}

/// The error of what was run, or that the connection is closed.
fn flatten(error: tokio_rusqlite::Error<Error>) -> Error {
    match error {
        tokio_rusqlite::Error::Error(error) => error,
        other => other.to_string().into(),
    }
}

impl Peer for Background {
    async fn open(folder: &Path) -> Result<Self> {
        let connection = Connection::open(folder.join("background.db")).await?;
        let set_up = connection.call(|connection| {
            connection.execute_batch(PRAGMAS)?;
            connection.execute_batch(sql::SCHEMA)
        });
        set_up.await?;
        Ok(Self(connection))
    }

    async fn add_or_update(&self, body: &[u8]) -> Result<i64> {
        let body = Body::decode(body)?;
        self.transaction(move |connection| apply(connection, &body)).await
    }

    async fn add_or_update_all(&self, bodies: &[Vec<u8>]) -> Result<Vec<i64>> {
        let bodies = Body::decode_all(bodies)?;
        let apply_all = move |connection: &rusqlite::Connection| {
            bodies.iter().map(|body| apply(connection, body)).collect()
        };
        self.transaction(apply_all).await
    }

    async fn stored(&self) -> Result<Vec<Stored>> {
        self.0.call(|connection| stored(connection)).await.map_err(flatten)
    }
}

fn main() -> Result<()> {
    tasks::main::<Background>("tokio-rusqlite")
}
