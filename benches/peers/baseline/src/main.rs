//! The baseline of the crate's own benchmark, on the driver of the peers.

use std::path::Path;

use peer_harness::blocking::{self, Peer};
use peer_harness::{Result, Stored, sql};

use crate::baseline::Baseline;

#[path = "../../../throughput/baseline.rs"]
mod baseline;

impl Peer for Baseline {
    fn open(folder: &Path) -> Result<Self> {
        Ok(Self::open(&folder.join("baseline.db")))
    }

    fn add_or_update(&self, body: &[u8]) -> Result<i64> {
        Ok(self.add_or_update(body))
    }

    fn add_or_update_all(&self, bodies: &[Vec<u8>]) -> Result<Vec<i64>> {
        Ok(self.add_or_update_all(bodies))
    }

    fn stored(self) -> Result<Vec<Stored>> {
        let connection = self.close();
        let mut statement = connection.prepare(sql::STORED)?;
        let rows = statement.query_map([], |row| row.try_into())?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn main() -> Result<()> {
    blocking::main::<Baseline>("baseline")
}
