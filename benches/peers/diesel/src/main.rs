//! diesel behind its pool of r2d2.

use std::path::Path;

use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, CustomizeConnection, Pool};
use peer_harness::blocking::{self, Peer};
use peer_harness::{Body, Result, Stored, sql};

use crate::schema::opportunity::dsl::{id, opportunity, venue_id, version};
use crate::schema::{Added, Changes};

mod schema;

struct Pooled(Pool<ConnectionManager<SqliteConnection>>);

impl Pooled {
    fn transaction<T>(&self, run: impl FnOnce(&mut SqliteConnection) -> Result<T>) -> Result<T> {
        self.0.get()?.immediate_transaction(run)
    }
}

/// Sets every connection up.
#[derive(Debug)]
struct Durable;

impl CustomizeConnection<SqliteConnection, diesel::r2d2::Error> for Durable {
    fn on_acquire(&self, connection: &mut SqliteConnection) -> Result<(), diesel::r2d2::Error> {
        let pragmas =
            "PRAGMA busy_timeout = 30000; PRAGMA journal_mode = wal; PRAGMA synchronous = full";
        connection.batch_execute(pragmas).map_err(diesel::r2d2::Error::QueryError)
    }
}

impl Peer for Pooled {
    fn open(folder: &Path) -> Result<Self> {
        let path = folder.join("diesel.db");
        let manager = ConnectionManager::new(path.to_str().ok_or("the path is not Unicode")?);
        let pool = Pool::builder()
            .max_size(sql::CONNECTIONS)
            .connection_customizer(Box::new(Durable))
            .build(manager)?;
        pool.get()?.batch_execute(sql::SCHEMA)?;
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
        Ok(opportunity.select((id, venue_id, version)).load(&mut self.0.get()?)?)
    }
}

fn apply(connection: &mut SqliteConnection, body: &Body) -> Result<i64> {
    let Some(existing) = body.id else {
        let insert = diesel::insert_into(opportunity).values(Added::new(body)?);
        return Ok(insert.returning(id).get_result(connection)?);
    };
    let of_venue = opportunity.filter(id.eq(existing).and(venue_id.eq(body.venue()?)));
    let found = of_venue.select(id).first::<i64>(connection).optional()?;
    found.ok_or("the opportunity does not exist")?;
    diesel::update(of_venue)
        .set((version.eq(version + 1), Changes::new(body)))
        .execute(connection)?;
    Ok(existing)
}

fn main() -> Result<()> {
    blocking::main::<Pooled>("diesel")
}
