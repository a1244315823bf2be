//! The schema of a database: created from `schema.sql`, upgraded step by step.

use rusqlite::{Connection, TransactionBehavior};

/// Marks a database as one of this engine's: "OPTY".
pub(super) const APPLICATION_ID: i64 = 0x4F50_5459;

/// Marks one that is a backup, as long as no engine has opened it: "OPTB". An engine has written no log
/// for such a file, so one beside it belongs to another.
pub(super) const BACKUP_ID: i64 = 0x4F50_5442;
/// The tables that a database of any version known here has.
const TABLES: [&str; 3] = ["opportunity", "opportunity_by_venue", "engine_state"];

/// What a new database gets.
const SCHEMA: &str = include_str!("../../schema.sql");

/// The step from each schema version to the next, the first from version 1. A step that was
/// released is never changed. Their result is what `schema.sql` says.
const UPGRADES: [&str; 0] = [];

/// The schema version that this code reads and writes.
pub(super) const SCHEMA_VERSION: i64 = version_after(&UPGRADES);

/// The schema version that upgrades lead to.
const fn version_after(upgrades: &[&str]) -> i64 {
    1 + upgrades.len() as i64
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Contents {
    /// Nothing yet.
    Nothing,
    /// A database of this engine's, at this schema version.
    Ours(i64),
    /// A backup that no engine has opened yet, at this schema version.
    Backup(i64),
    /// One that lacks some of its tables.
    Incomplete,
    /// Something else.
    Foreign,
}

/// What a database is marked with.
pub(super) fn application_id(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("PRAGMA application_id", [], |row| row.get(0))
}

/// Looks at what a database holds, without changing it.
pub(super) fn contents(connection: &Connection) -> rusqlite::Result<Contents> {
    let application_id = application_id(connection)?;
    let user_version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let is_empty: bool =
        connection
            .query_row("SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)", [], |row| row.get(0))?;
    let marked = match application_id {
        APPLICATION_ID => Some(Contents::Ours(user_version)),
        BACKUP_ID => Some(Contents::Backup(user_version)),
        _ => None,
    };
    Ok(match marked {
        // Nobody here knows what a newer one consists of.
        Some(ours) if user_version > SCHEMA_VERSION => ours,
        Some(ours) if user_version >= 1 => match tables(connection)? {
            0 => Contents::Foreign,
            count if count == TABLES.len() => ours,
            _ => Contents::Incomplete,
        },
        None if (application_id, user_version) == (0, 0) && is_empty => Contents::Nothing,
        _ => Contents::Foreign,
    })
}

/// How many of our tables there are.
fn tables(connection: &Connection) -> rusqlite::Result<usize> {
    let mut names = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
    let mut rows = names.query([])?;
    let mut count = 0;
    while let Some(row) = rows.next()? {
        count += usize::from(TABLES.contains(&row.get_ref(0)?.as_str()?));
    }
    Ok(count)
}

/// Brings the database to [`SCHEMA_VERSION`], in one transaction; tells what it found there.
///
/// A database that is foreign, newer or incomplete is left alone, and so is a backup.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<Contents> {
    migrate_by(&UPGRADES, connection)
}

fn migrate_by(upgrades: &[&str], connection: &mut Connection) -> rusqlite::Result<Contents> {
    let newest = version_after(upgrades);
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = contents(&transaction)?;
    match found {
        Contents::Nothing => {
            transaction.execute_batch(SCHEMA)?;
            transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        }
        Contents::Ours(version) if version < newest => {
            // Proof that it fits: 1 <= version < newest.
            let done = usize::try_from(version - 1).unwrap_or_default();
            for upgrade in upgrades.iter().skip(done) {
                transaction.execute_batch(upgrade)?;
            }
        }
        Contents::Ours(_) | Contents::Backup(_) | Contents::Incomplete | Contents::Foreign => {
            return Ok(found);
        }
    }
    transaction.pragma_update(None, "user_version", newest)?;
    transaction.commit()?;
    Ok(found)
}
