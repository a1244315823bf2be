//! Importing: opportunities as they are, with their ids, in one transaction of their own.

use rusqlite::{Connection, Statement, Transaction, TransactionBehavior, ffi};

use super::connection::WriteConnection;
use super::error::{Operation, StoreError};
use super::history::History;
use super::plan::Plan;
use super::row::{self, WRITES};
use super::sqlite_error::failed;
use super::state::State;
use super::venue_index::{INSERT_ENTRY, complete};
use crate::domain::{Opportunity, Sequence};

/// There is an opportunity with this id already.
pub(crate) struct Taken;

/// An import in progress. Dropped without a commit it is rolled back.
pub(crate) struct Import<'c> {
    transaction: Transaction<'c>,
    insert: Statement<'c>,
    insert_entry: Statement<'c>,
    history: History<'c>,
    /// What the database says before the import.
    saved: State,
    last_id: i64,
    count: u64,
}

impl<'c> Import<'c> {
    /// Starts one, waiting for whoever writes up to the busy timeout.
    pub(crate) fn begin(connection: &'c WriteConnection) -> Result<Self, StoreError> {
        let begin = failed(Operation::Begin);
        let connection: &Connection = connection.connection();
        let immediate = TransactionBehavior::Immediate;
        let transaction = Transaction::new_unchecked(connection, immediate).map_err(&begin)?;
        let mut select = connection.prepare(State::SELECT).map_err(&begin)?;
        let saved = State::read(&mut select, Operation::Begin)?;
        let mut history = History::new(connection).map_err(&begin)?;
        history.begin()?;
        Ok(Self {
            transaction,
            insert: connection.prepare(&WRITES.insert).map_err(&begin)?,
            insert_entry: connection.prepare(INSERT_ENTRY).map_err(&begin)?,
            history,
            saved,
            last_id: saved.last_id,
            count: 0,
        })
    }

    /// Inserts an opportunity. After an `Err` of either kind the import has to be given up.
    pub(crate) fn insert(
        &mut self,
        opportunity: Opportunity,
    ) -> Result<Result<(), Taken>, StoreError> {
        let apply = failed(Operation::Apply);
        row::bind(&mut self.insert, &opportunity).map_err(&apply)?;
        match self.insert.raw_execute() {
            Err(error) if is_taken(&error) => return Ok(Err(Taken)),
            inserted => inserted.map(drop).map_err(&apply)?,
        }
        let id = opportunity.id().get();
        if self.saved.index.is_past(id) {
            let entry = [opportunity.venue_id().get(), id];
            self.insert_entry.execute(entry).map_err(&apply)?;
        }
        self.history.record(&Plan::Insert(opportunity))?;
        self.last_id = self.last_id.max(id);
        self.count += 1;
        Ok(Ok(()))
    }

    /// Writes what the import leaves beside its rows: the rest of the index, the counters. After an `Err` the import
    /// has to be given up.
    pub(crate) fn finish(&mut self) -> Result<(), StoreError> {
        if self.count == 0 {
            return Ok(());
        }
        let apply = failed(Operation::Apply);
        self.history.save()?;
        let index = complete(&self.transaction, self.saved.index, self.last_id).map_err(&apply)?;
        let state = State { last_id: self.last_id, index };
        self.transaction.execute(State::UPDATE, state.values()).map(drop).map_err(&apply)
    }

    /// Makes the import durable; tells how many opportunities there were, and the last change that was
    /// recorded. After an `Err` it may or may not be there after a restart.
    pub(crate) fn commit(self) -> Result<(u64, Option<Sequence>), StoreError> {
        self.transaction.commit().map_err(failed(Operation::Commit))?;
        Ok((self.count, self.history.last()))
    }
}

/// Whether a row could not be inserted because there is one with its id.
fn is_taken(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|failure| failure.extended_code);
    matches!(code, Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use super::*;
    use crate::domain::{Command, OpportunityId, Request, Timestamp, VenueId, decide};
    use crate::store::{Database, Durability, Settings, StoreErrorKind};

    fn opportunity(id: i64) -> Opportunity {
        let venue = VenueId::new(107).unwrap();
        let lead = Request::add(venue).name("n").contact_id(1).type_id(1).stage_id(1).source_id(1);
        let Command::Add { details, .. } = decide(lead).unwrap() else { panic!() };
        Opportunity::create(OpportunityId::new(id).unwrap(), venue, details, Timestamp::MIN)
    }

    fn import(connection: &WriteConnection, count: i64) -> Result<u64, StoreError> {
        let mut import = Import::begin(connection)?;
        for id in 1..=count {
            assert!(import.insert(opportunity(id))?.is_ok());
        }
        import.finish()?;
        import.commit().map(|(count, _)| count)
    }

    fn rows(connection: &WriteConnection) -> (i64, i64, i64) {
        let select = "SELECT (SELECT count(*) FROM opportunity),
                             (SELECT count(*) FROM opportunity_by_venue), last_id FROM engine_state";
        let rows = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        connection.connection().query_row(select, [], rows).unwrap()
    }

    /// A connection to which the store did something bad is as good as any afterwards. Seen to fail for a
    /// transaction that commits when it is dropped.
    #[test]
    fn an_import_that_is_given_up_or_has_no_room_or_no_commit_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let settings =
            Settings { durability: Durability::Off, cache_bytes: 1 << 16, ..Settings::default() };
        let (_, mut connection) = Database::open(&folder.path().join("a.db"), settings).unwrap();

        connection.limit_pages(50);
        let error = import(&connection, 10_000).unwrap_err();
        assert_eq!((error.operation(), error.kind()), (Operation::Apply, StoreErrorKind::Full));
        assert_eq!(rows(&connection), (0, 0, 0));

        connection.limit_pages(1 << 20);
        let mut given_up = Import::begin(&connection).unwrap();
        assert!(given_up.insert(opportunity(1)).unwrap().is_ok());
        given_up.finish().unwrap();
        drop(given_up);
        assert_eq!(rows(&connection), (0, 0, 0));

        let failures = Arc::new(AtomicU32::new(1));
        connection.fail_commits(Arc::clone(&failures));
        let error = import(&connection, 10).unwrap_err();
        assert_eq!(error.operation(), Operation::Commit);
        assert_eq!((rows(&connection), failures.load(SeqCst)), ((0, 0, 0), 0));

        assert_eq!(import(&connection, 10_000).unwrap(), 10_000);
        assert_eq!(rows(&connection), (10_000, 10_000, 10_000));
    }
}
