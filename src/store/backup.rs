//! Backups: a copy of one snapshot, verified before it gets its name.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OptionalExtension};

use super::connection::{Database, READ_WRITE, Settings};
use super::error::{BackupError, Operation, StoreError, StoreErrorKind};
use super::findings::{Problem, Verification};
use super::history;
use super::look::{COMPANIONS, companion};
use super::migrations::{BACKUP_ID, application_id};
use super::partial_file::PartialFile;
use super::sqlite_error::failed;
use super::verify::verify;

/// Copies a database that need not be opened, and leaves it as it is: a backup, say.
pub(crate) fn back_up_file(
    source: &Path,
    settings: Settings,
    path: &Path,
) -> Result<(), BackupError> {
    let database = Database::at(source, settings).map_err(StoreError::from)?;
    let connection = database.inspect().map_err(StoreError::from)?;
    back_up(&database, &connection, path)
}

/// Copies what `source`, a connection to the database, sees at this moment to a new file.
pub(super) fn back_up(
    database: &Database,
    source: &Connection,
    path: &Path,
) -> Result<(), BackupError> {
    let unusable = |source| BackupError::Path { path: path.to_owned(), source: Arc::new(source) };
    let path = resolved(path).map_err(unusable)?;
    refuse_taken(&database.path, &path)?;
    let folder = path.parent().unwrap_or(&path);
    let partial = PartialFile::new(folder, &database.path).map_err(unusable)?;
    let copied = copy(source, partial.path())?;
    verify_copy(database, partial.path(), &copied)?;
    partial.publish(&path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => BackupError::Exists { path: path.clone() },
        _ => unusable(error),
    })
}

/// The path with its folder as it really is; the file need not be there.
fn resolved(path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(ErrorKind::InvalidFilename.into());
    };
    Ok(folder.canonicalize()?.join(name))
}

/// Refuses a path that there is something at, or that SQLite will take for a part of a database.
fn refuse_taken(database: &Path, path: &Path) -> Result<(), BackupError> {
    let real = database.canonicalize().unwrap_or_else(|_| database.to_owned());
    let mut own = COMPANIONS.iter().map(|suffix| companion(&real, suffix));
    if is_same_file(database, path) || own.any(|own| own == path) {
        return Err(BackupError::OwnPath { path: path.to_owned() });
    }
    let companions = COMPANIONS.iter().map(|suffix| companion(path, suffix));
    match std::iter::once(path.to_owned()).chain(companions).find(|path| is_taken(path)) {
        Some(path) => Err(BackupError::Exists { path }),
        None => Ok(()),
    }
}

/// Whether there is something, be it a link that leads nowhere.
fn is_taken(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

/// Whether both lead to one file, under two names perhaps.
#[cfg(unix)]
fn is_same_file(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let identity = |path: &Path| path.metadata().map(|file| (file.dev(), file.ino())).ok();
    identity(one).is_some_and(|one| identity(other) == Some(one))
}

#[cfg(not(unix))]
fn is_same_file(one: &Path, other: &Path) -> bool {
    one.canonicalize().is_ok_and(|one| other.canonicalize().is_ok_and(|other| one == other))
}

/// Copies a snapshot to an empty file, and makes it a database that is one file without a log and
/// marked as a backup.
fn copy(source: &Connection, path: &Path) -> Result<Snapshot, StoreError> {
    let copy = failed(Operation::Backup);
    let mut target = Connection::open_with_flags(path, READ_WRITE).map_err(&copy)?;
    // Nobody else knows of the file, and if the copy fails it is removed: so no journal, no locks that
    // others see, and no syncs before the last one.
    let settings =
        "PRAGMA journal_mode = memory; PRAGMA synchronous = off; PRAGMA locking_mode = exclusive";
    target.execute_batch(settings).map_err(&copy)?;

    let snapshot = source.unchecked_transaction().map_err(&copy)?;
    let copied = Snapshot::of(&snapshot).map_err(&copy)?;
    // All pages in one step. Between two steps SQLite looks whether somebody has written, and if so
    // begins anew: under load that never ends.
    match Backup::new(&snapshot, &mut target).and_then(|pages| pages.step(-1)).map_err(&copy)? {
        StepResult::Done => {}
        _ => return Err(StoreError::new(Operation::Backup, StoreErrorKind::Busy)),
    }
    drop(snapshot);

    target.pragma_update(None, "application_id", BACKUP_ID).map_err(&copy)?;
    target.execute_batch("PRAGMA journal_mode = delete").map_err(&copy)?;
    target.close().map_err(|(_, error)| copy(error))?;
    Ok(copied)
}

/// Makes sure that the copy is what it should be, through a connection of its own.
fn verify_copy(database: &Database, path: &Path, copied: &Snapshot) -> Result<(), BackupError> {
    let copy = Database::at(path, database.settings.clone()).map_err(StoreError::from)?;
    let connection = copy.inspect().map_err(StoreError::from)?;
    let mut findings = verify(&connection, Verification::Full)?;
    let is_the_snapshot = || {
        let journal_mode: String =
            connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
        Ok(journal_mode == "delete"
            && application_id(&connection)? == BACKUP_ID
            && Snapshot::of(&connection)? == *copied)
    };
    if findings.is_sound() && !is_the_snapshot().map_err(failed(Operation::Backup))? {
        findings.push(Problem::Format("it is not what was copied".to_owned()));
    }
    if findings.is_sound() { Ok(()) } else { Err(BackupError::Damaged { findings }) }
}

/// What tells one snapshot from another, beside its rows.
#[derive(Debug, PartialEq, Eq)]
struct Snapshot {
    schema_version: i64,
    /// If the counters are there.
    last_id: Option<i64>,
    /// If there is a change feed.
    last_sequence: Option<i64>,
}

impl Snapshot {
    fn of(connection: &Connection) -> rusqlite::Result<Self> {
        let last_id = "SELECT last_id FROM engine_state";
        Ok(Self {
            schema_version: connection.query_row("PRAGMA user_version", [], |row| row.get(0))?,
            last_id: connection.query_row(last_id, [], |row| row.get(0)).optional()?,
            last_sequence: history::last_sequence(connection)?,
        })
    }
}
