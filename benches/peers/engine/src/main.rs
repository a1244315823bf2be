//! The crate itself.

use std::path::{Path, PathBuf};

use opportunity_engine::{Batch, Engine, Reply};
use peer_harness::blocking::{self, Peer};
use peer_harness::{Arguments, Result, Stored, sql};
#[cfg(feature = "in-flight")]
use peer_harness::{Mode, tasks};
use rusqlite::Connection;

struct Opened {
    engine: Engine,
    path: PathBuf,
}

impl Opened {
    fn new(folder: &Path) -> Result<Self> {
        let path = folder.join("engine.db");
        Ok(Self { engine: Engine::open(&path)?, path })
    }

    fn reply_to_all(&self, bodies: &[Vec<u8>]) -> Result<Vec<i64>> {
        let requests = bodies.iter().map(|body| self.engine.decode(body));
        self.engine.reply_to_all(requests, Batch::EachOnItsOwn).iter().map(id_of).collect()
    }

    fn stored(&self) -> Result<Vec<Stored>> {
        let connection = Connection::open(&self.path)?;
        let mut statement = connection.prepare(sql::STORED)?;
        let rows = statement.query_map([], |row| row.try_into())?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

fn id_of(reply: &Reply) -> Result<i64> {
    let outcome = reply.result().map_err(ToString::to_string)?;
    Ok(outcome.id().get())
}

impl Peer for Opened {
    fn open(folder: &Path) -> Result<Self> {
        Self::new(folder)
    }

    fn add_or_update(&self, body: &[u8]) -> Result<i64> {
        id_of(&self.engine.add_or_update_json(body))
    }

    fn add_or_update_all(&self, bodies: &[Vec<u8>]) -> Result<Vec<i64>> {
        self.reply_to_all(bodies)
    }

    fn stored(self) -> Result<Vec<Stored>> {
        Self::stored(&self)
    }
}

#[cfg(feature = "in-flight")]
impl tasks::Peer for Opened {
    async fn open(folder: &Path) -> Result<Self> {
        Self::new(folder)
    }

    async fn add_or_update(&self, body: &[u8]) -> Result<i64> {
        id_of(&self.engine.submit_json(body).await)
    }

    async fn add_or_update_all(&self, bodies: &[Vec<u8>]) -> Result<Vec<i64>> {
        self.reply_to_all(bodies)
    }

    async fn stored(&self) -> Result<Vec<Stored>> {
        Self::stored(self)
    }
}

fn main() -> Result<()> {
    let arguments = Arguments::parse()?;
    #[cfg(feature = "in-flight")]
    if arguments.mode == Mode::InFlight {
        return tasks::run::<Opened>("engine", &arguments);
    }
    blocking::run::<Opened>("engine", &arguments)
}
