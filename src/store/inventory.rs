//! What is in a database, and how large it is, in numbers.

use std::fs;

use rusqlite::Connection;
use serde::Serialize;

use super::connection::Database;
use super::error::{Operation, StoreError};
use super::look::companion;
use super::sqlite_error::failed;
use super::state::State;
use super::{history, migrations};
use crate::domain::{OpportunityId, Sequence};

/// What is in a database, and how large it is. See [`Reader::inventory`](crate::Reader::inventory).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Inventory {
    /// How many opportunities there are.
    pub opportunities: u64,
    /// How many venues they are of.
    pub venues: u64,
    /// The id that was given out last, and so the highest; `None` before the first.
    pub last_id: Option<OpportunityId>,
    /// Whether what is changed is recorded: see [`Options::history`](crate::Options::history).
    pub keeps_history: bool,
    /// How many changes are recorded.
    pub changes: u64,
    /// The first change that is recorded.
    pub first_change: Option<Sequence>,
    /// The last change that was recorded, even if it was pruned.
    pub last_change: Option<Sequence>,
    /// How many idempotency keys are held, those among them that have expired and are not deleted yet.
    pub idempotency_keys: u64,
    /// The size of the file, in bytes.
    pub file_bytes: u64,
    /// The size of the write-ahead log beside it, in bytes; 0 if there is none.
    pub log_bytes: u64,
    /// The size of a page, in bytes.
    pub page_bytes: u64,
    /// How many pages hold nothing: they are used again before the file grows.
    pub free_pages: u64,
    /// The version of the schema.
    pub schema_version: u64,
    /// The version of the SQLite that has read it.
    pub sqlite_version: &'static str,
}

impl Inventory {
    /// The size of the pages that hold nothing, in bytes.
    #[must_use]
    pub const fn free_bytes(&self) -> u64 {
        self.free_pages * self.page_bytes
    }
}

/// Takes the inventory of what a connection sees at this moment. The sizes of the files are those of a moment
/// later.
pub(super) fn take(database: &Database, connection: &Connection) -> Result<Inventory, StoreError> {
    let snapshot = connection.unchecked_transaction().map_err(failed(Operation::Read))?;
    let count = |sql: &str| count(&snapshot, sql);
    let feed = history::extent(&snapshot)?;
    let size = |path| fs::metadata(path).map_or(0, |file| file.len());
    Ok(Inventory {
        opportunities: count("SELECT count(*) FROM opportunity")?,
        venues: count("SELECT count(DISTINCT venue_id) FROM opportunity")?,
        last_id: last_id(&snapshot)?,
        keeps_history: feed.is_kept,
        changes: feed.records,
        first_change: feed.first,
        last_change: feed.last,
        idempotency_keys: idempotency_keys(&snapshot)?,
        file_bytes: size(database.path.clone()),
        log_bytes: size(companion(&database.path, "-wal")),
        page_bytes: count("PRAGMA page_size")?,
        free_pages: count("PRAGMA freelist_count")?,
        schema_version: count("PRAGMA user_version")?,
        sqlite_version: rusqlite::version(),
    })
}

fn last_id(connection: &Connection) -> Result<Option<OpportunityId>, StoreError> {
    let mut select = connection.prepare(State::SELECT).map_err(failed(Operation::Read))?;
    // 0 before the first, and never less.
    Ok(OpportunityId::new(State::read(&mut select, Operation::Read)?.last_id).ok())
}

fn idempotency_keys(connection: &Connection) -> Result<u64, StoreError> {
    let has_keys = migrations::has(connection, "idempotency_key");
    if !has_keys.map_err(failed(Operation::Read))? {
        return Ok(0);
    }
    count(connection, "SELECT count(*) FROM idempotency_key")
}

/// The number that a statement gives: none of them gives a negative one.
fn count(connection: &Connection, sql: &str) -> Result<u64, StoreError> {
    let number = connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    number.map(i64::unsigned_abs).map_err(failed(Operation::Read))
}
