//! rusqlite behind a pool of r2d2.

use std::path::Path;

use peer_harness::blocking::{self, Peer};
use peer_harness::{Body, Result, Stored, sql};
use r2d2_sqlite::SqliteConnectionManager;
use rusqlite::{Connection, TransactionBehavior};

use crate::apply::{PRAGMAS, apply, stored};

mod apply;

struct Pooled(r2d2::Pool<SqliteConnectionManager>);

impl Pooled {
    fn transaction<T>(&self, run: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let mut connection = self.0.get()?;
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let result = run(&transaction)?;
        transaction.commit()?;
        Ok(result)
    }
}

impl Peer for Pooled {
    fn open(folder: &Path) -> Result<Self> {
        let manager = SqliteConnectionManager::file(folder.join("pool.db"))
            .with_init(|connection| connection.execute_batch(PRAGMAS));
        let pool = r2d2::Pool::builder().max_size(sql::CONNECTIONS).build(manager)?;
        pool.get()?.execute_batch(sql::SCHEMA)?;
        Ok(Self(pool))
    }

    fn add_or_update(&self, body: &[u8]) -> Result<i64> {
        let body = Body::decode(body)?;
        self.transaction(|connection| apply(connection, &body))
    }

    fn add_or_update_all(&self, bodies: &[Vec<u8>]) -> Result<Vec<i64>> {
        let bodies = Body::decode_all(bodies)?;
        self.transaction(|connection| bodies.iter().map(|body| apply(connection, body)).collect())
    }

    fn stored(self) -> Result<Vec<Stored>> {
        stored(&*self.0.get()?)
    }
}

fn main() -> Result<()> {
    blocking::main::<Pooled>("rusqlite-r2d2")
}
