//! A connection that reads, and what becomes of the log when it is closed.

use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::look::{companion, has_bytes};

/// A connection that reads.
#[derive(Debug)]
pub(super) struct ReadConnection {
    connection: Connection,
    /// The log, if it is not to be moved by this connection, whoever has written it.
    kept_log: Option<PathBuf>,
}

impl ReadConnection {
    /// One of an engine's.
    pub(super) const fn of_engine(connection: Connection) -> Self {
        Self { connection, kept_log: None }
    }

    /// One that only looks at a database.
    pub(super) fn of_onlooker(connection: Connection, database: &Path) -> Self {
        Self { connection, kept_log: Some(companion(database, "-wal")) }
    }
}

/// SQLite moves the log when the last connection is closed. Where there was none in the beginning and is one
/// now, whoever wrote it was killed meanwhile, and the next engine has to see that.
impl Drop for ReadConnection {
    fn drop(&mut self) {
        if self.kept_log.as_ref().is_some_and(|log| has_bytes(log)) {
            let flag = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
            // A flag in memory, which SQLite has accepted for every connection before.
            drop(self.connection.set_db_config(flag, true));
        }
    }
}

impl Deref for ReadConnection {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl DerefMut for ReadConnection {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}
