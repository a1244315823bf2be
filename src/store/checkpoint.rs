//! The write-ahead log: its size, and moving it into the database.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rusqlite::{Connection, ffi};

use super::connection::{Database, WriteConnection};
use super::error::{Operation, StoreError};
use super::sqlite_error::failed;

/// What the log needs for a page beside the page itself, in bytes.
const FRAME_HEADER_BYTES: u64 = 24;

/// The size of the log, as of the last commit that wrote to it.
#[derive(Debug, Clone)]
pub(crate) struct LogSize {
    pages: Arc<AtomicU32>,
    frame_bytes: u64,
}

impl LogSize {
    /// Watches the commits of a connection. Only after the connection was configured: turning off
    /// automatic checkpoints and this hook share a slot in SQLite, and the last one holds it.
    pub(super) fn watch(connection: &mut Connection) -> rusqlite::Result<Self> {
        let page_bytes: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0))?;
        let pages = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&pages);
        connection.wal_hook(Some(move |_: &mut _, count: i32| {
            seen.store(u32::try_from(count).unwrap_or_default(), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self { pages, frame_bytes: u64::from(page_bytes) + FRAME_HEADER_BYTES })
    }

    pub(crate) fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }

    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.pages()) * self.frame_bytes
    }

    /// Takes over what others know of it, before the first commit of its own connection.
    pub(crate) fn take_over(&self, bytes: u64) {
        let pages = u32::try_from(bytes / self.frame_bytes).unwrap_or(u32::MAX);
        self.pages.store(pages, Ordering::Relaxed);
    }

    /// Says that the log starts over with the next commit.
    pub(crate) fn reset(&self) {
        self.pages.store(0, Ordering::Relaxed);
    }
}

/// How hard a checkpoint tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effort {
    /// Moves what it can without waiting for anybody.
    Passive,
    /// Moves all, and makes the log start over with the next commit; gives up at once if a reader
    /// or another process is in the way.
    Restart,
    /// Moves all, and cuts the log to nothing; waits for others as long as the busy timeout.
    Truncate,
}

/// What a checkpoint came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Whether a reader or another process kept it from finishing.
    was_blocked: bool,
    /// The pages in the log.
    log_pages: u32,
    /// How many of them are in the database too.
    moved_pages: u32,
}

impl Progress {
    /// How many pages of the log are in the database too.
    pub(crate) const fn moved_pages(self) -> u32 {
        self.moved_pages
    }

    pub(crate) const fn is_complete(self) -> bool {
        !self.was_blocked && self.moved_pages == self.log_pages
    }
}

impl WriteConnection {
    /// Moves the log into the database.
    ///
    /// Once a sync has failed here, it fails until the database is opened anew, and the log keeps all that it
    /// has. What a checkpoint moves without a sync, because commits go on, SQLite takes for moved. The system
    /// may forget it when a sync fails, and a later sync does not mend that; only who opens the database
    /// when nobody else has it open moves the log from its beginning.
    pub(crate) fn checkpoint(&self, effort: Effort) -> Result<Progress, StoreError> {
        let unsynced = &self.database().unsynced;
        if let Some(error) = unsynced.error() {
            unsynced.hold_log(self.database());
            return Err(error.clone());
        }
        let run = |sql| self.connection().query_row(sql, [], progress);
        let result = match effort {
            Effort::Passive => run("PRAGMA wal_checkpoint(PASSIVE)"),
            Effort::Truncate => run("PRAGMA wal_checkpoint(TRUNCATE)"),
            Effort::Restart => self.without_waiting(|| run("PRAGMA wal_checkpoint(RESTART)")),
        };
        result.map_err(|error| {
            let is_unsynced = is_failed_sync(&error);
            let error = failed(Operation::Checkpoint)(error);
            if is_unsynced {
                unsynced.note(&error);
                unsynced.hold_log(self.database());
            }
            error
        })
    }

    /// Whether a checkpoint could not sync: the log is needed until the database is opened anew.
    pub(crate) fn needs_its_log(&self) -> bool {
        self.database().unsynced.error().is_some()
    }

    /// Lets others have the log that was needed once this is dropped, however the thread ends: nothing is written
    /// any more, and who opens the database next moves it from its beginning.
    pub(crate) fn release_log_at_the_end(&self) -> impl Drop {
        struct Release(Database);
        impl Drop for Release {
            fn drop(&mut self) {
                self.0.unsynced.release();
            }
        }
        Release(self.database().clone())
    }

    fn without_waiting<T>(&self, run: impl FnOnce() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        self.connection().busy_timeout(Duration::ZERO)?;
        let result = run();
        self.connection().busy_timeout(self.busy_timeout())?;
        result
    }
}

fn is_failed_sync(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|failure| failure.extended_code);
    code == Some(ffi::SQLITE_IOERR_FSYNC)
}

fn progress(row: &rusqlite::Row<'_>) -> rusqlite::Result<Progress> {
    // The numbers are -1 where there is no log.
    let pages = |count: i64| u32::try_from(count).unwrap_or_default();
    Ok(Progress {
        was_blocked: row.get::<_, i64>(0)? != 0,
        log_pages: pages(row.get(1)?),
        moved_pages: pages(row.get(2)?),
    })
}
