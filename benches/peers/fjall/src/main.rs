//! fjall: rows as JSON under their ids, and an index.

use std::path::Path;

use fjall::{
    KeyspaceCreateOptions, PersistMode, Readable, SingleWriterTxDatabase, SingleWriterTxKeyspace,
    SingleWriterWriteTx,
};
use peer_harness::blocking::{self, Peer};
use peer_harness::{Body, Opportunity, Result, Stored};

struct Opened {
    database: SingleWriterTxDatabase,
    opportunities: SingleWriterTxKeyspace,
    /// Venue and id.
    by_venue: SingleWriterTxKeyspace,
}

impl Opened {
    fn transaction<T>(
        &self,
        run: impl FnOnce(&mut SingleWriterWriteTx<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut transaction = self.database.write_tx().durability(Some(PersistMode::SyncAll));
        let result = run(&mut transaction)?;
        transaction.commit()?;
        Ok(result)
    }

    fn apply(&self, transaction: &mut SingleWriterWriteTx<'_>, body: Body) -> Result<i64> {
        match body.id {
            Some(id) => self.update(transaction, id, body),
            None => self.add(transaction, body),
        }
    }

    fn add(&self, transaction: &mut SingleWriterWriteTx<'_>, body: Body) -> Result<i64> {
        let opportunity = Opportunity::added(body)?;
        let last = transaction.last_key_value(&self.opportunities);
        let id = last.map_or(Ok(0), |last| id_of(&last.key()?))? + 1;
        let key = id.to_be_bytes();
        transaction.insert(&self.opportunities, key, serde_json::to_vec(&opportunity)?);
        let of_venue = [opportunity.venue_id.to_be_bytes(), key].concat();
        transaction.insert(&self.by_venue, of_venue, []);
        Ok(id)
    }

    fn update(
        &self,
        transaction: &mut SingleWriterWriteTx<'_>,
        id: i64,
        body: Body,
    ) -> Result<i64> {
        let key = id.to_be_bytes();
        let found = transaction.get(&self.opportunities, key)?;
        let found = found.ok_or("the opportunity does not exist")?;
        let opportunity: Opportunity = serde_json::from_slice(&found)?;
        let updated = opportunity.updated(body)?;
        transaction.insert(&self.opportunities, key, serde_json::to_vec(&updated)?);
        Ok(id)
    }
}

/// Keys are in the order of the ids, which are positive.
fn id_of(key: &[u8]) -> Result<i64> {
    Ok(i64::from_be_bytes(key.try_into()?))
}

impl Peer for Opened {
    fn open(folder: &Path) -> Result<Self> {
        let database = SingleWriterTxDatabase::builder(folder.join("fjall")).open()?;
        let opportunities = database.keyspace("opportunities", KeyspaceCreateOptions::default)?;
        let by_venue = database.keyspace("by_venue", KeyspaceCreateOptions::default)?;
        Ok(Self { database, opportunities, by_venue })
    }

    fn add_or_update(&self, body: &[u8]) -> Result<i64> {
        let body = Body::decode(body)?;
        self.transaction(|transaction| self.apply(transaction, body))
    }

    fn add_or_update_all(&self, bodies: &[Vec<u8>]) -> Result<Vec<i64>> {
        let bodies = Body::decode_all(bodies)?;
        self.transaction(|transaction| {
            bodies.into_iter().map(|body| self.apply(transaction, body)).collect()
        })
    }

    fn stored(self) -> Result<Vec<Stored>> {
        let rows = self.database.read_tx().iter(&self.opportunities).map(|row| {
            let (key, json) = row.into_inner()?;
            let row: Opportunity = serde_json::from_slice(&json)?;
            Ok((id_of(&key)?, row.venue_id, row.version))
        });
        rows.collect()
    }
}

fn main() -> Result<()> {
    blocking::main::<Opened>("fjall")
}
