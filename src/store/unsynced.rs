//! A checkpoint that could not sync: from then on the log has to keep all that it has.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use rusqlite::Connection;

use super::connection::{Access, Database};
use super::error::{OpenError, StoreError};
use super::state::State;

/// Whether a checkpoint could not sync. The connections of an engine share it.
#[derive(Debug, Default)]
pub(super) struct Unsynced {
    error: OnceLock<StoreError>,
    hold: Mutex<Hold>,
}

/// What keeps everybody from making the log start over: another engine, in this process or another, would take
/// for moved what the system may have forgotten.
#[derive(Debug, Default)]
enum Hold {
    #[default]
    None,
    /// It reads as long as it is there.
    Reader(#[expect(dead_code, reason = "it is there")] Connection),
    /// Nothing is written any more: whoever opens the database next moves the log from its beginning.
    Released,
}

impl Unsynced {
    /// Why a checkpoint could not sync, if one could not.
    pub(super) fn error(&self) -> Option<&StoreError> {
        self.error.get()
    }

    pub(super) fn note(&self, error: &StoreError) {
        self.error.get_or_init(|| error.clone());
    }

    /// Makes sure that the log stays as it is until [`release`](Self::release). If the disk fails for that
    /// too, it is tried again with the next checkpoint.
    pub(super) fn hold_log(&self, database: &Database) {
        let mut hold = self.hold();
        if let (Hold::None, Ok(reader)) = (&*hold, read_without_end(database)) {
            *hold = Hold::Reader(reader);
        }
    }

    /// Lets others have the log, for good: nothing is written any more.
    pub(super) fn release(&self) {
        *self.hold() = Hold::Released;
    }

    fn hold(&self) -> MutexGuard<'_, Hold> {
        // It is replaced as a whole.
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection in a transaction that has begun to read.
fn read_without_end(database: &Database) -> Result<Connection, OpenError> {
    let reader = database.connect(Access::Read)?;
    database.keep_log_when_closed(&reader, true)?;
    let begin = || {
        reader.execute_batch("BEGIN")?;
        reader.query_row(State::SELECT, [], |_| Ok(()))
    };
    begin().map_err(|error| database.failed(error))?;
    Ok(reader)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Durability, Effort, Settings};

    /// Seen to fail for a log that is held anew by a checkpoint after the end, of an import for instance.
    #[test]
    fn a_log_that_was_let_go_is_not_held_again() {
        let folder = tempfile::tempdir().unwrap();
        let settings = Settings { durability: Durability::Off, ..Settings::default() };
        let (database, connection) =
            Database::open(&folder.path().join("a.db"), settings.clone()).unwrap();
        let (_, other) = Database::open(&folder.path().join("a.db"), settings).unwrap();
        let write = || {
            let update = "UPDATE engine_state SET fences = fences + 1";
            connection.connection().execute(update, []).unwrap();
        };
        let starts_over = || {
            write();
            other.checkpoint(Effort::Restart).unwrap().is_complete()
        };
        let unsynced = &database.unsynced;
        assert!(starts_over());
        write();
        unsynced.hold_log(&database);
        assert!(!starts_over());
        unsynced.release();
        assert!(starts_over());
        unsynced.hold_log(&database);
        assert!(starts_over());
    }
}
