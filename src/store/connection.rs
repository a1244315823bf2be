//! Connections: how the file is opened, and what every connection is set to.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::limits::Limit;
use rusqlite::{Connection, ErrorCode, MAIN_DB, OpenFlags};

use super::Durability;
use super::checkpoint::{Effort, LogSize};
use super::error::{OpenError, Operation, StoreError, StoreErrorKind};
use super::folder::sync_folder_of;
use super::look::contents_at_once;
use super::migrations::{Contents, migrate};
use super::read_connection::ReadConnection;
use super::sqlite_error::failed;
use super::unsynced::Unsynced;

/// The first SQLite without the bug that can lose commits when the write-ahead log starts over.
const REQUIRED_SQLITE: (&str, i32) = ("3.51.3", 3_051_003);

/// The largest row, and so the largest text, that SQLite handles for us, in bytes. That is the record of
/// an update that replaces three texts, each from a largest request of its own, by those of a fourth; as
/// JSON, in which a byte of them takes six at most.
const MAX_ROW_BYTES: i32 = 6 * 4 * crate::store::MAX_REQUEST_BYTES as i32 + (64 << 10);

/// The size of a page of a new database, in bytes. An update of a random row writes one page, so with
/// pages of 4 KiB, SQLite's default, groups of 600 take 1.7 times as long to commit.
const PAGE_BYTES: &str = "1024";

// Each connection stays with one thread at a time, so SQLite need not lock it.
pub(super) const READ_ONLY: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
pub(super) const READ_WRITE: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

/// A database file and how to talk to it.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    pub(super) path: PathBuf,
    pub(super) settings: Settings,
    /// See [`WriteConnection::checkpoint`].
    pub(super) unsynced: Arc<Unsynced>,
}

/// What an embedder may choose about a database.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// Whether a database is created where there is no file, or one with nothing in it.
    pub(crate) create: bool,
    pub(crate) durability: Durability,
    pub(crate) busy_timeout: Duration,
    /// How many bytes of pages a connection that writes keeps in memory.
    pub(crate) cache_bytes: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            create: true,
            durability: Durability::default(),
            busy_timeout: Duration::from_secs(5),
            cache_bytes: 32 << 20,
        }
    }
}

/// A connection that writes.
#[derive(Debug)]
pub(crate) struct WriteConnection {
    connection: Connection,
    database: Database,
    log_size: LogSize,
    /// Whether there was a log with something in it when the database was opened.
    log_was_left: bool,
}

impl WriteConnection {
    pub(super) const fn connection(&self) -> &Connection {
        &self.connection
    }

    pub(super) const fn database(&self) -> &Database {
        &self.database
    }

    /// How long it waits for others.
    pub(crate) const fn busy_timeout(&self) -> Duration {
        self.database.settings.busy_timeout
    }

    /// Says whether SQLite leaves the log as it is when this is the last connection that is closed, or moves
    /// and removes it. A log that was there when the connection was opened is left until something else is
    /// said, so that to fail to open changes nothing.
    pub(crate) fn keep_log_when_closed(&self, keeps: bool) -> Result<(), StoreError> {
        let flag = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        let set = self.connection.set_db_config(flag, keeps);
        set.map(drop).map_err(failed(Operation::Checkpoint))
    }

    /// Whether there was a log with something in it when the database was opened.
    pub(crate) const fn log_was_left(&self) -> bool {
        self.log_was_left
    }

    /// Moves a log that was found into the database, and lets it start over. The last step of opening:
    /// one that fails leaves the file as it was.
    ///
    /// After a sync that failed the system may show what is not on the disk, and a later sync does not
    /// mend that. What is read from such a log has to be written anew before anything follows it.
    ///
    /// So whoever is in the way has to be waited for: one that only reads has moved nothing.
    pub(crate) fn move_log_that_was_left(&self) -> Result<(), StoreError> {
        let started = Instant::now();
        while self.log_was_left && !self.checkpoint(Effort::Truncate)?.is_complete() {
            if started.elapsed() >= self.busy_timeout() {
                return Err(StoreError::new(Operation::Open, StoreErrorKind::Busy));
            }
            // SQLite waits for who reads or writes, but not for another checkpoint.
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// The size of the write-ahead log, as far as this connection has seen it grow.
    pub(crate) const fn log_size(&self) -> &LogSize {
        &self.log_size
    }
}

/// Faults for the tests of what builds on a connection.
#[cfg(test)]
impl WriteConnection {
    /// Makes the database full at this many pages.
    pub(crate) fn limit_pages(&self, pages: u32) {
        let sql = format!("PRAGMA max_page_count = {pages}");
        self.connection.query_row(&sql, [], |_| Ok(())).unwrap();
    }

    /// Makes the next commits fail, as many as the counter says.
    pub(crate) fn fail_commits(&mut self, count: Arc<std::sync::atomic::AtomicU32>) {
        use std::sync::atomic::Ordering::SeqCst;
        let fails = move || count.try_update(SeqCst, SeqCst, |left| left.checked_sub(1)).is_ok();
        self.connection.commit_hook(Some(fails)).unwrap();
    }
}

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl Database {
    /// The database at a path. Nothing of it is opened yet.
    pub(super) fn at(path: &Path, settings: Settings) -> Result<Self, OpenError> {
        require_sqlite(rusqlite::version(), rusqlite::version_number())?;
        let followed = followed(path).map_err(|error| unusable(path, error))?;
        Ok(Self { path: followed, settings, unsynced: Arc::default() })
    }

    /// Looks at the file, creates or upgrades the database in it, and gives back a connection that
    /// writes. A file that holds something else, or a newer database, is left as it was.
    pub(crate) fn open(
        path: &Path,
        settings: Settings,
    ) -> Result<(Self, WriteConnection), OpenError> {
        let database = Self::at(path, settings)?;
        let log_was_left = database.patiently(|| database.prepare())?;
        let writer = database.patiently(|| {
            let mut connection = database.connect(Access::Write)?;
            let found = migrate(&mut connection).map_err(|error| database.failed(error))?;
            database.refuse_unless_whole(found)?;
            if let Contents::Backup(_) = found {
                // Somebody has put it here since the look at the file.
                let busy = StoreErrorKind::Busy;
                return Err(database.open_error(StoreError::new(Operation::Open, busy)));
            }
            let writer = database.write_connection(connection)?;
            Ok(WriteConnection { log_was_left, ..writer })
        })?;
        if database.settings.durability != Durability::Off {
            // Without their names the file and its log are lost in a loss of power. SQLite asks for that
            // too, but goes on if it fails.
            sync_folder_of(&database.path).map_err(|error| unusable(&database.path, error))?;
        }
        Ok((database, writer))
    }

    /// A further connection that writes, for checkpoints.
    pub(crate) fn writer(&self) -> Result<WriteConnection, OpenError> {
        self.patiently(|| self.write_connection(self.connect(Access::Write)?))
    }

    fn write_connection(&self, mut connection: Connection) -> Result<WriteConnection, OpenError> {
        let log_size = LogSize::watch(&mut connection).map_err(|error| self.failed(error))?;
        Ok(WriteConnection { connection, database: self.clone(), log_size, log_was_left: false })
    }

    /// A further connection that only reads.
    pub(super) fn reader(&self) -> Result<ReadConnection, OpenError> {
        self.patiently(|| self.connect(Access::Read)).map(ReadConnection::of_engine)
    }

    /// Waits for others up to the busy timeout. SQLite does so by itself, but not while somebody
    /// else creates the database, or closes the last connection to it, at the same moment.
    pub(super) fn patiently<T>(
        &self,
        attempt: impl Fn() -> Result<T, OpenError>,
    ) -> Result<T, OpenError> {
        let started = Instant::now();
        loop {
            match attempt() {
                Err(OpenError::Store { source, .. })
                    if source.kind() == StoreErrorKind::Busy
                        && started.elapsed() < self.settings.busy_timeout =>
                {
                    std::thread::sleep(Duration::from_millis(1));
                }
                result => return result,
            }
        }
    }

    pub(super) fn connect(&self, access: Access) -> Result<Connection, OpenError> {
        let has_log = self.has_log();
        let connection = self.open_file(match access {
            Access::Read => READ_ONLY,
            Access::Write if self.settings.create => READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
            Access::Write => READ_WRITE,
        })?;
        self.keep_log_when_closed(&connection, has_log)?;
        self.configure(&connection, access)?;
        // Now that its first page was read, it is the page that says so: no SQLite writes such a one.
        if access == Access::Write && self.is_read_only(&connection)? {
            return Err(self.open_error(StoreError::new(Operation::Open, StoreErrorKind::Damaged)));
        }
        Ok(connection)
    }

    /// Opens the file, and reads nothing yet.
    pub(super) fn open_file(&self, flags: OpenFlags) -> Result<Connection, OpenError> {
        let connection =
            Connection::open_with_flags(&self.path, flags).map_err(|error| self.failed(error))?;
        // SQLite opens a file that may not be written all the same, and would leave a log beside it.
        if flags.contains(OpenFlags::SQLITE_OPEN_READ_WRITE) && self.is_read_only(&connection)? {
            return Err(self.open_error(StoreError::new(Operation::Open, StoreErrorKind::ReadOnly)));
        }
        Ok(connection)
    }

    fn is_read_only(&self, connection: &Connection) -> Result<bool, OpenError> {
        connection.is_readonly(MAIN_DB).map_err(|error| self.failed(error))
    }

    /// Sets what the engine relies on, and reads each setting back.
    fn configure(&self, connection: &Connection, access: Access) -> Result<(), OpenError> {
        let synchronous = match self.settings.durability {
            Durability::Off => "0",
            Durability::Normal => "1",
            Durability::Full => "2",
        };
        // The busy timeout first: the others may have to wait for another process.
        self.set_busy_timeout(connection)?;
        self.harden(connection)?;
        if access == Access::Write {
            // Somebody may have put another file here since the look at it; the log would change it.
            let found = contents_at_once(connection).map_err(|error| self.failed(error))?;
            self.refuse_unless_ours(found)?;
            // Before the log: from then on the size of a page is fixed. A database that exists
            // keeps the size it was created with.
            self.apply(connection, "page_size", PAGE_BYTES)?;
            // Fixed likewise. If a damaged header says otherwise, SQLite writes over a page of rows.
            self.set(connection, "auto_vacuum", "0")?;
        }
        // Before the log, which is written to the file at once: where nothing is to be synced, that is not.
        // The end of the journal that turns the file into one with a log is synced too: left beside that log by
        // a loss of power it would turn the file back, and readers would no longer see the log.
        let while_turned =
            if access == Access::Write && synchronous != "0" { "3" } else { synchronous };
        self.set(connection, "synchronous", while_turned)?;
        self.set(connection, "journal_mode", "wal")?;
        self.set(connection, "synchronous", synchronous)?;
        self.set(connection, "foreign_keys", "1")?;
        // Before any hook on the log: the two share a slot.
        self.set(connection, "wal_autocheckpoint", "0")?;
        match access {
            Access::Read => self.set(connection, "query_only", "1"),
            Access::Write => {
                // A negative number counts in KiB, a positive one in pages.
                let kibibytes = (self.settings.cache_bytes / 1_024).clamp(1, i32::MAX as usize);
                self.set(connection, "cache_size", &format!("-{kibibytes}"))
            }
        }
    }

    /// Sets what guards against a file that is damaged, or made by somebody else.
    pub(super) fn harden(&self, connection: &Connection) -> Result<(), OpenError> {
        self.set(connection, "cell_size_check", "1")?;
        self.set(connection, "trusted_schema", "0")?;
        self.set(connection, "mmap_size", "0")?;
        self.set_flag(connection, "defensive", DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        self.set_flag(connection, "dqs_dml", DbConfig::SQLITE_DBCONFIG_DQS_DML, false)?;
        self.set_flag(connection, "dqs_ddl", DbConfig::SQLITE_DBCONFIG_DQS_DDL, false)?;
        self.set_limit(connection, "limit_length", Limit::SQLITE_LIMIT_LENGTH, MAX_ROW_BYTES)?;
        self.set_limit(connection, "limit_attached", Limit::SQLITE_LIMIT_ATTACHED, 0)
    }

    pub(super) fn set_busy_timeout(&self, connection: &Connection) -> Result<(), OpenError> {
        let timeout = i32::try_from(self.settings.busy_timeout.as_millis()).unwrap_or(i32::MAX);
        self.set(connection, "busy_timeout", &timeout.to_string())
    }

    pub(super) fn set(
        &self,
        connection: &Connection,
        name: &'static str,
        wanted: &str,
    ) -> Result<(), OpenError> {
        self.apply(connection, name, wanted)?;
        let read_back = || {
            connection.query_row(&format!("PRAGMA {name}"), [], |row| {
                Ok(match row.get_ref(0)? {
                    rusqlite::types::ValueRef::Integer(integer) => integer.to_string(),
                    other => other.as_str()?.to_owned(),
                })
            })
        };
        let found = read_back().map_err(|error| self.failed(error))?;
        accept(name, wanted.to_owned(), found)
    }

    fn apply(&self, connection: &Connection, name: &str, wanted: &str) -> Result<(), OpenError> {
        // Some settings answer with a row, some with none. What is written to the file is written after the row:
        // whether that has failed is told by the step to the end alone.
        let apply = || {
            let mut statement = connection.prepare(&format!("PRAGMA {name} = {wanted}"))?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        };
        apply().map_err(|error| self.failed(error))
    }

    /// Whether the last connection leaves the log as it is, in place of moving and removing it.
    pub(super) fn keep_log_when_closed(
        &self,
        connection: &Connection,
        keeps: bool,
    ) -> Result<(), OpenError> {
        let flag = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        self.set_flag(connection, "no_ckpt_on_close", flag, keeps)
    }

    fn set_flag(
        &self,
        connection: &Connection,
        name: &'static str,
        flag: DbConfig,
        wanted: bool,
    ) -> Result<(), OpenError> {
        let apply = || {
            connection.set_db_config(flag, wanted)?;
            connection.db_config(flag)
        };
        let found = apply().map_err(|error| self.failed(error))?;
        accept(name, wanted.to_string(), found.to_string())
    }

    fn set_limit(
        &self,
        connection: &Connection,
        name: &'static str,
        limit: Limit,
        wanted: i32,
    ) -> Result<(), OpenError> {
        let apply = || {
            connection.set_limit(limit, wanted)?;
            connection.limit(limit)
        };
        let found = apply().map_err(|error| self.failed(error))?;
        accept(name, wanted.to_string(), found.to_string())
    }

    /// A failure of the store while the database is opened.
    pub(crate) fn open_error(&self, source: StoreError) -> OpenError {
        OpenError::Store { path: self.path.clone(), source }
    }

    pub(super) fn failed(&self, error: rusqlite::Error) -> OpenError {
        match error {
            rusqlite::Error::SqliteFailure(failure, _) if failure.code == ErrorCode::CannotOpen => {
                unusable(&self.path, std::io::Error::other(failure))
            }
            error => self.open_error(failed(Operation::Open)(error)),
        }
    }
}

impl From<OpenError> for StoreError {
    fn from(error: OpenError) -> Self {
        let kind = match &error {
            OpenError::Store { source, .. } => source.kind(),
            OpenError::Path { .. } => StoreErrorKind::Io,
            _ => StoreErrorKind::Unexpected,
        };
        Self::caused_by(Operation::Open, kind, error)
    }
}

/// Where the file is: absolute, because SQLite reads as a URI what begins with `file:`, and with links followed,
/// because SQLite keeps the log beside the file that they lead to.
fn followed(path: &Path) -> std::io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    match std::fs::canonicalize(&path) {
        // It is yet to be created.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(path),
        followed => followed,
    }
}

pub(super) fn unusable(path: &Path, error: std::io::Error) -> OpenError {
    OpenError::Path { path: path.to_owned(), source: Arc::new(error) }
}

fn accept(name: &'static str, wanted: String, found: String) -> Result<(), OpenError> {
    if found == wanted { Ok(()) } else { Err(OpenError::Setting { name, wanted, found }) }
}

fn require_sqlite(found: &str, number: i32) -> Result<(), OpenError> {
    let (required, least) = REQUIRED_SQLITE;
    if number < least {
        return Err(OpenError::OldSqlite { found: found.to_owned(), required });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database(path: &Path, create: bool) -> Database {
        let settings = Settings { create, durability: Durability::Off, ..Settings::default() };
        Database::at(path, settings).unwrap()
    }

    // Seen to catch: a comparison the other way round.
    #[test]
    fn a_sqlite_with_the_bug_that_loses_data_is_refused() {
        let (required, least) = REQUIRED_SQLITE;
        assert!(require_sqlite(required, least).is_ok());
        assert!(require_sqlite("4.0.0", 4_000_000).is_ok());
        let refused = require_sqlite("3.45.1", 3_045_001).unwrap_err();
        assert!(matches!(refused, OpenError::OldSqlite { .. }), "{refused:?}");
        assert!(require_sqlite("", least - 1).is_err());
    }

    // Seen to catch: a file that is created whatever the option says.
    #[test]
    fn a_file_that_is_gone_after_the_look_at_it_is_created_only_if_that_is_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        for (create, count) in [(false, 0), (true, 1)] {
            let connected = database(&path, create).connect(Access::Write);
            assert_eq!(connected.is_ok(), create, "{connected:?}");
            drop(connected);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), count);
        }
    }

    // Seen to catch: a file that gets a log before anybody has looked whose it is.
    #[test]
    fn somebody_elses_file_that_is_there_after_the_look_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let other = Connection::open(&path).unwrap();
        other.execute_batch("CREATE TABLE t (a)").unwrap();
        other.close().unwrap();
        let before = std::fs::read(&path).unwrap();
        let connected = database(&path, true).connect(Access::Write);
        assert!(matches!(connected, Err(OpenError::Foreign { .. })), "{connected:?}");
        drop(connected);
        assert!(std::fs::read(&path).unwrap() == before);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
