//! Importing: opportunities as they are, with their ids, in one transaction of their own.

use rusqlite::{Connection, Statement, Transaction, TransactionBehavior, ffi};

use super::connection::WriteConnection;
use super::error::{Operation, StoreError};
use super::row::{self, STATEMENTS};
use super::sqlite_error::failed;
use super::state::State;
use super::venue_index::{INSERT_ENTRY, complete};
use crate::domain::Opportunity;

/// There is an opportunity with this id already.
pub(crate) struct Taken;

/// An import in progress. Dropped without a commit it is rolled back.
pub(crate) struct Import<'c> {
    transaction: Transaction<'c>,
    insert: Statement<'c>,
    insert_entry: Statement<'c>,
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
        Ok(Self {
            transaction,
            insert: connection.prepare(&STATEMENTS.insert).map_err(&begin)?,
            insert_entry: connection.prepare(INSERT_ENTRY).map_err(&begin)?,
            saved,
            last_id: saved.last_id,
            count: 0,
        })
    }

    /// Inserts an opportunity. After an `Err` of either kind the import has to be given up.
    pub(crate) fn insert(
        &mut self,
        opportunity: &Opportunity,
    ) -> Result<Result<(), Taken>, StoreError> {
        let apply = failed(Operation::Apply);
        row::bind(&mut self.insert, opportunity).map_err(&apply)?;
        match self.insert.raw_execute() {
            Err(error) if is_taken(&error) => return Ok(Err(Taken)),
            inserted => inserted.map(drop).map_err(&apply)?,
        }
        let id = opportunity.id().get();
        if self.saved.index.is_past(id) {
            let entry = [opportunity.venue_id().get(), id];
            self.insert_entry.execute(entry).map_err(&apply)?;
        }
        self.last_id = self.last_id.max(id);
        self.count += 1;
        Ok(Ok(()))
    }

    /// Writes the rest of the index and the counter. After an `Err` the import has to be given up.
    pub(crate) fn finish(&mut self) -> Result<(), StoreError> {
        if self.count == 0 {
            return Ok(());
        }
        let apply = failed(Operation::Apply);
        let index = complete(&self.transaction, self.saved.index, self.last_id).map_err(&apply)?;
        let state = State { last_id: self.last_id, index };
        self.transaction.execute(State::UPDATE, state.values()).map(drop).map_err(&apply)
    }

    /// Makes the import durable; tells how many opportunities there were. After an `Err` it may or may
    /// not be there after a restart.
    pub(crate) fn commit(self) -> Result<u64, StoreError> {
        self.transaction.commit().map_err(failed(Operation::Commit))?;
        Ok(self.count)
    }
}

/// Whether a row could not be inserted because there is one with its id.
fn is_taken(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error().map(|failure| failure.extended_code);
    matches!(code, Some(ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID))
}
