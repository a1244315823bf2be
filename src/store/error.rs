//! What can go wrong with a store, by operation and kind.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use super::findings::Findings;
use super::migrations::SCHEMA_VERSION;

/// A failure of the store: not the fault of a request.
///
/// Its text names neither paths nor SQL; [`source`](Error::source) has what SQLite or the operating
/// system said.
#[derive(Debug, Clone)]
pub struct StoreError {
    operation: Operation,
    kind: StoreErrorKind,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What the store was doing when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// Accepting a command.
    Accept,
    /// Opening the database or a further connection to it.
    Open,
    /// Reading.
    Read,
    /// Starting a transaction.
    Begin,
    /// Applying a command.
    Apply,
    /// Committing.
    Commit,
    /// Moving the write-ahead log into the database.
    Checkpoint,
    /// Copying the database to a backup.
    Backup,
    /// Verifying the database.
    Verify,
    /// Deleting records of the change feed.
    Prune,
}

/// What kind of failure it was, and what the caller can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Another process held the database for longer than the busy timeout.
    Busy,
    /// The disk, or the database, is full.
    Full,
    /// The operating system reported an input or output error. A quota on the disk and a limit on the
    /// size of files show as one too.
    Io,
    /// Memory ran out.
    OutOfMemory,
    /// The database, or its folder, may not be written.
    ReadOnly,
    /// Stored data is not what was written, or breaks the rules or the file format.
    Damaged,
    /// The write-ahead log has reached its cap.
    LogFull,
    /// Too many requests wait for the writer. Only a request that does not wait for room meets it: see
    /// [`TrySubmitError`](crate::TrySubmitError).
    QueueFull,
    /// A read took longer than its deadline.
    DeadlineExceeded,
    /// The id, the version or the sequence of the change feed has reached `i64::MAX`.
    Exhausted,
    /// Another request of the same all-or-nothing batch was refused.
    BatchRefused,
    /// The references that were given to the engine could not tell which ids are known.
    NoReferences,
    /// Code of the embedder, such as its clock or its references, or of the engine panicked.
    Panicked,
    /// A commit and the one made to learn about it failed, or a checkpoint could not sync and the
    /// write-ahead log is at its cap since: writes are refused until the engine is closed and opened anew.
    WritesStopped,
    /// The engine is closed, or its writer is gone.
    Closed,
    /// SQLite reported something that the engine has no name for.
    Unexpected,
}

impl StoreError {
    pub(crate) const fn new(operation: Operation, kind: StoreErrorKind) -> Self {
        Self { operation, kind, source: None }
    }

    pub(crate) fn caused_by(
        operation: Operation,
        kind: StoreErrorKind,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { operation, kind, source: Some(source.into().into()) }
    }

    /// What the store was doing.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// What kind of failure it was.
    #[must_use]
    pub const fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

impl StoreErrorKind {
    /// Whether the same call may succeed a little later, with nobody doing anything about it.
    #[must_use]
    pub const fn is_passing(self) -> bool {
        matches!(
            self,
            Self::Busy
                | Self::OutOfMemory
                | Self::LogFull
                | Self::QueueFull
                | Self::DeadlineExceeded
                | Self::NoReferences
        )
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn Error + 'static))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "could not {}: {}", self.operation, self.kind)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "accept the request",
            Self::Open => "open the database",
            Self::Read => "read",
            Self::Begin => "start a transaction",
            Self::Apply => "apply the change",
            Self::Commit => "commit",
            Self::Checkpoint => "move the write-ahead log into the database",
            Self::Backup => "copy the database",
            Self::Verify => "verify the database",
            Self::Prune => "prune the change feed",
        })
    }
}

impl fmt::Display for StoreErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Busy => "another process holds the database; try again",
            Self::Full => "the disk or the database is full; free some space",
            Self::Io => {
                "the operating system reported an I/O error; check the disk, its quota and the limits of the \
                 process"
            }
            Self::OutOfMemory => "memory ran out; try again under less load",
            Self::ReadOnly => "the database may not be written; check the permissions",
            Self::Damaged => "the database is damaged; restore a backup",
            Self::LogFull => {
                "the write-ahead log has reached its cap; end long reads and check the disk, then try again"
            }
            Self::QueueFull => "the queue is full; send the request again a little later",
            Self::DeadlineExceeded => "the read took longer than its deadline; try again or read less",
            Self::Exhausted => "there is no higher id, version or sequence",
            Self::BatchRefused => {
                "another request of its all-or-nothing batch was refused; correct that one and send the \
                 batch again"
            }
            Self::NoReferences => "its references could not be looked up; try again",
            Self::Panicked => "a panic was caught; this is a bug in the engine or in code given to it",
            Self::WritesStopped => {
                "an earlier commit or sync has an unknown outcome; close the engine and open it anew to write again"
            }
            Self::Closed => "the engine is closed; open it again",
            Self::Unexpected => "SQLite reported an unexpected error; its source has the details",
        })
    }
}

/// Why an engine could not be opened. What the file held is as it was; one that was to be created may be
/// left empty.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The SQLite that is linked has a bug that loses data in the write-ahead log.
    #[error("SQLite {found} is too old: link {required} or newer")]
    OldSqlite {
        /// The version that is linked.
        found: String,
        /// The first version that will do.
        required: &'static str,
    },
    /// The path cannot be used: it leads to no file, or to one that may not be opened, for instance.
    #[error("{path:?} cannot be used; check the path and its permissions")]
    Path {
        /// The path.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<std::io::Error>,
    },
    /// There is no file, or nothing in it, and the options say not to create a database.
    #[error("{path:?} does not exist or is empty; check the path, or let an engine create it")]
    Missing {
        /// The path.
        path: PathBuf,
    },
    /// There is no file, or nothing in it, but beside it is a write-ahead log with changes, which a new
    /// database would destroy.
    #[error(
        "{path:?} does not exist or is empty, but its write-ahead log is there and may hold changes; \
         restore the file, or remove the log"
    )]
    LogAlone {
        /// The path.
        path: PathBuf,
    },
    /// The file holds something else. A database whose first bytes are damaged looks like that too.
    #[error(
        "{path:?} is not an opportunity database, or its beginning is damaged; choose another path, or \
         restore a backup"
    )]
    Foreign {
        /// The path.
        path: PathBuf,
    },
    /// The database was written by a newer version of this crate.
    #[error(
        "{path:?} has schema version {found}, and this engine knows versions up to {supported}; use a newer \
         engine",
        supported = SCHEMA_VERSION
    )]
    Newer {
        /// The path.
        path: PathBuf,
        /// The schema version of the database.
        found: i64,
    },
    /// The file was put into the place of another database, a backup for instance, and the log or the journal
    /// of that one is still beside it. To use the two together would damage the data.
    #[error(
        "the log or journal beside {path:?} is of another database; remove the files with that name and \
         -wal, -shm or -journal at its end, and open it again"
    )]
    StaleLog {
        /// The path of the backup.
        path: PathBuf,
    },
    /// A setting that the engine relies on did not take effect.
    #[error(
        "SQLite did not accept the setting {name}: it should be {wanted} and is {found}; if the file was \
         used elsewhere before, restore a backup, else link the SQLite of this crate"
    )]
    Setting {
        /// The setting.
        name: &'static str,
        /// The value that the engine needs.
        wanted: String,
        /// The value that it has.
        found: String,
    },
    /// An option has a value that makes no sense.
    #[error("the option {name} must be {requirement}")]
    Option {
        /// The option.
        name: &'static str,
        /// What it has to be.
        requirement: &'static str,
    },
    /// The operating system did not give the engine a thread.
    #[error("no thread could be started; check the limits of the process")]
    Thread {
        /// What the operating system said.
        source: Arc<std::io::Error>,
    },
    /// The store failed.
    #[error("{path:?} could not be opened")]
    Store {
        /// The path.
        path: PathBuf,
        /// The failure.
        source: StoreError,
    },
}

/// Why no backup was made. Nothing is left of it.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// There is something at the path, or beside it with a name that SQLite would use. It is as it was.
    #[error("{path:?} exists; choose another path for the backup")]
    Exists {
        /// What is there.
        path: PathBuf,
    },
    /// The path leads to the database itself, or to a file that SQLite keeps beside it.
    #[error("{path:?} belongs to the database itself; choose another path for the backup")]
    OwnPath {
        /// The path.
        path: PathBuf,
    },
    /// The file could not be made, synced or given its name.
    #[error("no backup can be kept at {path:?}; check its folder, the permissions and the space")]
    Path {
        /// The path.
        path: PathBuf,
        /// What the operating system said.
        source: Arc<std::io::Error>,
    },
    /// The copy does not stand its verification. As a rule that is because the database does not
    /// either: see [`Engine::verify`](crate::Engine::verify).
    #[error("the copy is damaged, and so may be the database; verify it: {}", first(.findings))]
    Damaged {
        /// What is wrong with the copy.
        findings: Findings,
    },
    /// The database could not be read, or the copy could not be written.
    #[error("the backup failed")]
    Store(#[from] StoreError),
}

/// The first problem.
fn first(findings: &Findings) -> String {
    findings.problems.first().map(ToString::to_string).unwrap_or_default()
}
