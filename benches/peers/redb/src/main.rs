//! redb: rows as JSON under their ids, and an index.

use std::path::Path;

use peer_harness::blocking::{self, Peer};
use peer_harness::{Body, Opportunity, Result, Stored};
use redb::{Database, ReadableDatabase, ReadableTable, Table, TableDefinition};

const OPPORTUNITIES: TableDefinition<i64, &[u8]> = TableDefinition::new("opportunities");

/// Venue and id.
const BY_VENUE: TableDefinition<(i64, i64), ()> = TableDefinition::new("by_venue");

struct Opened(Database);

impl Opened {
    fn transaction<T>(&self, run: impl FnOnce(&mut Tables<'_>) -> Result<T>) -> Result<T> {
        let transaction = self.0.begin_write()?;
        let result = run(&mut Tables {
            opportunities: transaction.open_table(OPPORTUNITIES)?,
            by_venue: transaction.open_table(BY_VENUE)?,
        })?;
        transaction.commit()?;
        Ok(result)
    }
}

impl Peer for Opened {
    fn open(folder: &Path) -> Result<Self> {
        Ok(Self(Database::create(folder.join("opportunities.redb"))?))
    }

    fn add_or_update(&self, body: &[u8]) -> Result<i64> {
        let body = Body::decode(body)?;
        self.transaction(|tables| tables.apply(body))
    }

    fn add_or_update_all(&self, bodies: &[Vec<u8>]) -> Result<Vec<i64>> {
        let bodies = Body::decode_all(bodies)?;
        self.transaction(|tables| bodies.into_iter().map(|body| tables.apply(body)).collect())
    }

    fn stored(self) -> Result<Vec<Stored>> {
        let table = self.0.begin_read()?.open_table(OPPORTUNITIES)?;
        let rows = table.iter()?.map(|row| {
            let (id, json) = row?;
            let row: Opportunity = serde_json::from_slice(json.value())?;
            Ok((id.value(), row.venue_id, row.version))
        });
        rows.collect()
    }
}

/// The tables in a transaction.
struct Tables<'a> {
    opportunities: Table<'a, i64, &'static [u8]>,
    by_venue: Table<'a, (i64, i64), ()>,
}

impl Tables<'_> {
    fn apply(&mut self, body: Body) -> Result<i64> {
        match body.id {
            Some(id) => self.update(id, body),
            None => self.add(body),
        }
    }

    fn add(&mut self, body: Body) -> Result<i64> {
        let opportunity = Opportunity::added(body)?;
        let last = self.opportunities.last()?.map_or(0, |(id, _)| id.value());
        let id = last + 1;
        self.opportunities.insert(id, serde_json::to_vec(&opportunity)?.as_slice())?;
        self.by_venue.insert((opportunity.venue_id, id), ())?;
        Ok(id)
    }

    fn update(&mut self, id: i64, body: Body) -> Result<i64> {
        let found = self.opportunities.get(id)?.ok_or("the opportunity does not exist")?;
        let opportunity: Opportunity = serde_json::from_slice(found.value())?;
        drop(found);
        let updated = opportunity.updated(body)?;
        self.opportunities.insert(id, serde_json::to_vec(&updated)?.as_slice())?;
        Ok(id)
    }
}

fn main() -> Result<()> {
    blocking::main::<Opened>("redb")
}
