//! Checkpoints: moving the write-ahead log into the database.

use rusqlite::Connection;

use super::error::{Operation, StoreError};
use super::sqlite_error::failed;

/// How hard a checkpoint tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Moves what it can without waiting for anybody.
    Passive,
    /// Moves all, and makes the log start over with the next commit.
    Restart,
    /// Moves all, and cuts the log to nothing.
    Truncate,
}

/// What a checkpoint came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Whether a reader or another process kept it from finishing.
    pub(crate) was_blocked: bool,
    /// The pages in the log.
    pub(crate) log_pages: u32,
    /// How many of them are in the database too.
    pub(crate) moved_pages: u32,
}

/// Moves the log into the database.
pub(crate) fn checkpoint(connection: &Connection, effort: Effort) -> Result<Progress, StoreError> {
    let sql = match effort {
        Effort::Passive => "PRAGMA wal_checkpoint(PASSIVE)",
        Effort::Restart => "PRAGMA wal_checkpoint(RESTART)",
        Effort::Truncate => "PRAGMA wal_checkpoint(TRUNCATE)",
    };
    connection
        .query_row(sql, [], |row| {
            // The numbers are -1 where there is no log.
            let pages = |count: i64| u32::try_from(count).unwrap_or_default();
            Ok(Progress {
                was_blocked: row.get::<_, i64>(0)? != 0,
                log_pages: pages(row.get(1)?),
                moved_pages: pages(row.get(2)?),
            })
        })
        .map_err(failed(Operation::Checkpoint))
}
