//! Reading every opportunity, one at a time.

use std::path::Path;

use rusqlite::Connection;

use super::connection::{Database, Settings};
use super::error::{Operation, StoreError};
use super::row::{self, SELECTS};
use super::sqlite_error::{damaged, failed};
use crate::domain::{Damage, Opportunity};

/// Hands every opportunity of a database that need not be opened to `visit`, as [`scan`] does.
pub(crate) fn scan_file<E: From<StoreError>>(
    path: &Path,
    settings: Settings,
    visit: impl FnMut(&Opportunity) -> Result<(), E>,
) -> Result<u64, E> {
    let database = Database::at(path, settings).map_err(StoreError::from)?;
    let connection = database.inspect_whole().map_err(StoreError::from)?;
    scan(&connection, visit)
}

/// Hands every opportunity that a connection sees at this moment to `visit`, by id; tells how many there
/// were.
pub(super) fn scan<E: From<StoreError>>(
    connection: &Connection,
    mut visit: impl FnMut(&Opportunity) -> Result<(), E>,
) -> Result<u64, E> {
    let read = failed(Operation::Read);
    // One statement reads one snapshot.
    let select = SELECTS.of(connection).map_err(&read)?;
    let mut statement = connection.prepare(&select.all).map_err(&read)?;
    let mut rows = statement.query([]).map_err(&read)?;
    let (mut count, mut last) = (0, 0);
    while let Some(row) = rows.next().map_err(&read)? {
        let opportunity = row::read(row).map_err(damaged(Operation::Read))?;
        let id = opportunity.id().get();
        // SQLite goes by the order of its pages, and does not compare.
        if id <= last {
            return Err(damaged(Operation::Read)(Damage::of("id")).into());
        }
        visit(&opportunity)?;
        (count, last) = (count + 1, id);
    }
    Ok(count)
}
