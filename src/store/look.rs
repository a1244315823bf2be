//! The look at a file before it is opened: what it holds, and what lies beside it.

use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::connection::{Database, READ_ONLY, READ_WRITE, unusable};
use super::error::{OpenError, Operation, StoreError, StoreErrorKind};
use super::migrations::{
    APPLICATION_ID, BACKUP_ID, Contents, SCHEMA_VERSION, application_id, contents,
};
use super::read_connection::ReadConnection;
use super::verify::first_problem;

/// What the names of the files that SQLite keeps beside a database add to its name.
pub(super) const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What a rollback journal begins with.
const JOURNAL_MAGIC: [u8; 8] = [0xD9, 0xD5, 0x05, 0xF9, 0x20, 0xA1, 0x63, 0xD7];

/// The path of a file that SQLite keeps beside a database.
pub(super) fn companion(database: &Path, suffix: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

impl Database {
    /// Looks at the file before it is opened for writing: refuses what is not ours and what was damaged
    /// when the last process ended uncleanly, and makes a plain database of a backup. Tells whether
    /// there was a log.
    pub(super) fn prepare(&self) -> Result<bool, OpenError> {
        if !self.exists_or_may_be_created()? {
            return Ok(false);
        }
        let (contents, has_log) = self.look()?;
        self.refuse_unless_whole(contents)?;
        let has_journal = has_bytes(&companion(&self.path, "-journal"));
        // A journal undoes the conversion of a backup that was not finished.
        let may_be_backup = matches!(contents, Contents::Backup(_)) || has_journal;
        if may_be_backup && !has_log {
            self.make_plain()?;
        }
        if has_log || has_journal {
            self.refuse_damage()?;
        }
        Ok(has_log)
    }

    /// What the file holds, and whether there is a log beside it, unless one of the two is to be
    /// refused.
    fn look(&self) -> Result<(Contents, bool), OpenError> {
        // In this order: a backup is made plain before it gets a log, so a log that was there when
        // the file still bore the mark is not its own, whoever opens it at this moment.
        let has_log = self.has_log();
        let journal = self.journal();
        if (has_log || journal.is_some())
            && let Some((mark, pages)) = self.mark_and_pages()
        {
            // Looked for again: whoever was making the database meanwhile has removed its journal by now.
            let is_anothers =
                journal.is_some_and(|before| before != pages) && self.journal() == journal;
            if has_log && mark == BACKUP_ID || is_anothers {
                return Err(OpenError::StaleLog { path: self.path.clone() });
            }
        }
        let contents = self.peek(has_log)?;
        self.refuse_unless_ours(contents)?;
        Ok((contents, has_log))
    }

    /// Whether there is a file with something in it that stays. If not, whether a database may be created
    /// in its place, or it is refused.
    fn exists_or_may_be_created(&self) -> Result<bool, OpenError> {
        let path = || self.path.clone();
        // Looked for before the file: whoever writes a log has written to the file by then.
        let has_log = self.has_log();
        match self.length()? {
            // SQLite takes a single byte for nothing, and would write over it.
            Some(1) => Err(OpenError::Foreign { path: path() }),
            Some(2..) => Ok(!self.will_be_emptied()),
            None | Some(0) if has_log => Err(OpenError::LogAlone { path: path() }),
            None | Some(0) if !self.settings.create => Err(OpenError::Missing { path: path() }),
            length => self.refuse_unfit_place(length.is_none()).map(|()| false),
        }
    }

    /// The length of the file, if there is one. What is there and no file is refused.
    fn length(&self) -> Result<Option<u64>, OpenError> {
        match std::fs::metadata(&self.path) {
            Ok(file) if file.is_file() => Ok(Some(file.len())),
            Ok(folder) if folder.is_dir() => Err(self.unusable(ErrorKind::IsADirectory.into())),
            // To open a pipe may take for ever, and a device takes in whatever it is given.
            Ok(_) => Err(self.unusable(std::io::Error::other("it is not a regular file"))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.unusable(error)),
        }
    }

    /// Refuses to create a database where that would fail and leave something behind. Whether it can be
    /// created else is for SQLite to find out.
    fn refuse_unfit_place(&self, is_missing: bool) -> Result<(), OpenError> {
        if is_missing && let Some(Err(error)) = self.path.parent().map(std::fs::metadata) {
            return Err(self.unusable(error));
        }
        // The longest name that SQLite will need: it creates the file first, under the shortest.
        match std::fs::symlink_metadata(companion(&self.path, "-journal")) {
            Err(error) if error.kind() == ErrorKind::InvalidFilename => Err(self.unusable(error)),
            _ => Ok(()),
        }
    }

    fn unusable(&self, error: std::io::Error) -> OpenError {
        unusable(&self.path, error)
    }

    /// Whether there is a write-ahead log with something in it.
    pub(super) fn has_log(&self) -> bool {
        has_bytes(&companion(&self.path, "-wal"))
    }

    /// Whether a rollback journal says that there was no page before: then SQLite empties the file
    /// when it is opened for writing, whatever a loss of power has left in it.
    fn will_be_emptied(&self) -> bool {
        self.journal() == Some(0)
            && self.mark_and_pages().is_none()
            && !matches!(self.contents_alone(), Ok(Contents::Foreign))
    }

    /// What the file holds without what lies beside it.
    fn contents_alone(&self) -> rusqlite::Result<Contents> {
        contents_at_once(&self.open_immutable()?)
    }

    /// How many pages the file had when a change to it was begun, if a rollback journal tells of one.
    fn journal(&self) -> Option<u32> {
        // The magic number, the number of records, a checksum's seed, the number of pages before. Nobody
        // locks a journal, so opening it here takes no lock away.
        let mut header = [0; 20];
        let mut journal = File::open(companion(&self.path, "-journal")).ok()?;
        journal.read_exact(&mut header).ok()?;
        let pages = header.last_chunk().copied().map(u32::from_be_bytes);
        pages.filter(|_| header.starts_with(&JOURNAL_MAGIC))
    }

    /// What the file alone, whatever lies beside it, is marked with, if that is a mark of ours, and how
    /// many pages it has.
    fn mark_and_pages(&self) -> Option<(i64, u32)> {
        // A file that a loss of power has torn may be unreadable without its log. That proves nothing,
        // and the looks with the log come after this one.
        let connection = self.open_immutable().ok()?;
        let mark = application_id(&connection).ok()?;
        let pages = connection.query_row("PRAGMA page_count", [], |row| row.get(0)).ok()?;
        [APPLICATION_ID, BACKUP_ID].contains(&mark).then_some((mark, pages))
    }

    /// What the file holds, seen through connections that change nothing.
    fn peek(&self, has_log: bool) -> Result<Contents, OpenError> {
        // Even a reader leaves a log and its index beside a database in that mode, unless it is told
        // that nobody writes. If somebody does, the looks after this one tell; and what looks broken
        // may be a file that another process is changing.
        let alone = self.contents_alone();
        // Nothing in a log makes a foreign database ours, or a newer one older.
        let is_settled = match alone {
            Ok(Contents::Foreign) => true,
            Ok(Contents::Ours(found) | Contents::Backup(found)) => found > SCHEMA_VERSION,
            Ok(Contents::Nothing | Contents::Incomplete) | Err(_) => false,
        };
        let seen = if is_settled {
            alone
        } else if has_log {
            // To find out whether it may be written.
            self.open_file(READ_WRITE)?;
            self.peek_with_log()
        } else {
            alone.or_else(|error| self.peek_among_others(error))
        };
        match seen {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                Ok(Contents::Foreign)
            }
            result => result.map_err(|error| self.failed(error)),
        }
    }

    fn peek_with_log(&self) -> rusqlite::Result<Contents> {
        let connection = Connection::open_with_flags(&self.path, READ_ONLY)?;
        connection.busy_timeout(self.settings.busy_timeout)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        contents_at_once(&connection)
    }

    /// Looks again, with the locks by which others keep off while they change the file.
    fn peek_among_others(&self, alone: rusqlite::Error) -> rusqlite::Result<Contents> {
        // One that could write takes away again what it has to put beside a file. But it would also play
        // back a journal that was left, and nobody knows yet whose file it is.
        let has_journal = has_bytes(&companion(&self.path, "-journal"));
        let flags = if has_journal { READ_ONLY } else { READ_WRITE };
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(self.settings.busy_timeout)?;
        match contents_at_once(&connection) {
            Err(error) if is_read_only(&error) => Err(alone),
            result => result,
        }
    }

    /// Refuses what an engine cannot open.
    pub(super) fn refuse_unless_whole(&self, contents: Contents) -> Result<(), OpenError> {
        if contents == Contents::Incomplete {
            let damaged = StoreError::new(Operation::Open, StoreErrorKind::Damaged);
            return Err(self.open_error(damaged));
        }
        self.refuse_unless_ours(contents)
    }

    pub(super) fn refuse_unless_ours(&self, contents: Contents) -> Result<(), OpenError> {
        let path = || self.path.clone();
        match contents {
            Contents::Foreign => Err(OpenError::Foreign { path: path() }),
            Contents::Ours(found) | Contents::Backup(found) if found > SCHEMA_VERSION => {
                Err(OpenError::Newer { path: path(), found })
            }
            Contents::Ours(_) | Contents::Backup(_) | Contents::Incomplete | Contents::Nothing => {
                Ok(())
            }
        }
    }

    /// Takes the mark of a backup off the file, if it is still there.
    ///
    /// That is durable before the file gets a log: without a log, and with the end of the journal
    /// synced too. So a crash at any moment leaves a backup without a log, or a plain database.
    pub(super) fn make_plain(&self) -> Result<(), OpenError> {
        let connection = Connection::open_with_flags(&self.path, READ_WRITE);
        let mut connection = connection.map_err(|error| self.failed(error))?;
        self.set_busy_timeout(&connection)?;
        if application_id(&connection).map_err(|error| self.failed(error))? != BACKUP_ID {
            return Ok(());
        }
        self.set(&connection, "journal_mode", "delete")?;
        self.set(&connection, "synchronous", "3")?;
        let mut take_off = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            if application_id(&transaction)? == BACKUP_ID {
                transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
            }
            transaction.commit()
        };
        take_off().map_err(|error| self.failed(error))
    }

    /// Refuses a file that is damaged. To be called after an unclean end, before anything is written.
    fn refuse_damage(&self) -> Result<(), OpenError> {
        let connection = self.inspector()?;
        let problem = first_problem(&connection).map_err(|error| self.open_error(error))?;
        problem.map_or(Ok(()), |problem| {
            let damaged = StoreErrorKind::Damaged;
            Err(self.open_error(StoreError::caused_by(Operation::Open, damaged, problem)))
        })
    }

    /// A connection that looks at a database, and changes neither the file nor its log. Nobody has to
    /// have opened it before.
    pub(super) fn inspect(&self) -> Result<ReadConnection, OpenError> {
        self.patiently(|| {
            let is_empty = !self.exists_or_may_be_created()? || self.look()?.0 == Contents::Nothing;
            if is_empty {
                return Err(OpenError::Foreign { path: self.path.clone() });
            }
            self.inspector()
        })
    }

    /// The same, of a database that lacks nothing.
    pub(super) fn inspect_whole(&self) -> Result<ReadConnection, OpenError> {
        let connection = self.inspect()?;
        let contents = contents_at_once(&connection).map_err(|error| self.failed(error))?;
        self.refuse_unless_whole(contents)?;
        Ok(connection)
    }

    fn inspector(&self) -> Result<ReadConnection, OpenError> {
        let connection = self.inspecting_connection()?;
        Ok(ReadConnection::of_onlooker(connection, &self.path))
    }

    fn inspecting_connection(&self) -> Result<Connection, OpenError> {
        if self.has_log() {
            let connection = Connection::open_with_flags(&self.path, READ_ONLY);
            let connection = self.inspecting(connection)?;
            self.keep_log_when_closed(&connection, true)?;
            return Ok(connection);
        }
        // One that could write takes the empty log away again that comes with it.
        let connection = self.inspecting(Connection::open_with_flags(&self.path, READ_WRITE))?;
        match application_id(&connection) {
            // Where no log can be made nobody else has one either, so nobody writes.
            Err(error) if is_read_only(&error) => self.inspecting(self.open_immutable()),
            Err(error) => Err(self.failed(error)),
            Ok(_) => Ok(connection),
        }
    }

    fn inspecting(&self, opened: rusqlite::Result<Connection>) -> Result<Connection, OpenError> {
        let connection = opened.map_err(|error| self.failed(error))?;
        self.set_busy_timeout(&connection)?;
        self.set(&connection, "query_only", "1")?;
        self.harden(&connection)?;
        Ok(connection)
    }

    fn open_immutable(&self) -> rusqlite::Result<Connection> {
        let flags = READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
        Connection::open_with_flags(immutable_uri(&self.path), flags)
    }
}

/// Whether there is a file with something in it.
pub(super) fn has_bytes(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.len() > 0)
}

/// What a database holds at one moment. Between two transactions others may write, unseen by a connection
/// that takes no locks, and what is half new would look foreign.
pub(super) fn contents_at_once(connection: &Connection) -> rusqlite::Result<Contents> {
    let snapshot = connection.unchecked_transaction()?;
    let found = contents(&snapshot)?;
    // By itself it would be dropped, and whether that worked would be told to nobody.
    snapshot.rollback()?;
    Ok(found)
}

/// Whether SQLite failed because it may not write to a file or to its folder.
fn is_read_only(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly))
}

/// The URI by which SQLite reads a file that it may take for unchanging.
fn immutable_uri(path: &Path) -> String {
    let mut uri = "file:".to_owned();
    for &byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(byte.into());
            }
            _ => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    uri
}
