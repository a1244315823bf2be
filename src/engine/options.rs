//! How an engine is opened.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::Engine;
use super::scratch::ScratchFolder;
use super::telemetry;
use crate::domain::Timestamp;
use crate::references::References;
use crate::store::{DEFAULT_KEY_LIFETIME, Durability, MAX_REQUEST_BYTES, OpenError, Settings};
use crate::wire::{Decoder, UnknownKeys};

/// Tells the time.
pub(super) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How an engine is opened. Begin with [`Engine::options`], end with [`Options::open`] or
/// [`Options::in_memory`].
///
/// ```
/// use opportunity_engine::{Engine, Timestamp, UnknownKeys};
///
/// let engine = Engine::options()
///     .unknown_keys(UnknownKeys::Ignore)
///     .clock(|| Timestamp::from_millis(1_493_994_600_000))
///     .in_memory()?;
/// # Ok::<(), opportunity_engine::OpenError>(())
/// ```
#[derive(Clone)]
#[must_use = "options open nothing by themselves"]
pub struct Options {
    pub(super) database: Settings,
    pub(super) unknown_keys: UnknownKeys,
    pub(super) clock: Clock,
    pub(super) max_request_bytes: usize,
    pub(super) queue_commands: usize,
    pub(super) queue_bytes: usize,
    pub(super) read_deadline: Duration,
    pub(super) log_cap_bytes: u64,
    /// `None`: no id is looked up.
    pub(super) references: Option<Arc<dyn References>>,
    pub(super) history: Option<bool>,
    pub(super) key_lifetime: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            database: Settings::default(),
            unknown_keys: UnknownKeys::default(),
            clock: Arc::new(|| SystemTime::now().into()),
            max_request_bytes: Decoder::DEFAULT_MAX_BYTES,
            queue_commands: 16_384,
            queue_bytes: 64 << 20,
            read_deadline: Duration::from_secs(5),
            log_cap_bytes: 256 << 20,
            references: None,
            history: None,
            key_lifetime: DEFAULT_KEY_LIFETIME,
        }
    }
}

impl Options {
    /// Whether a database is created where there is no file, or one with nothing in it. By default it is.
    pub const fn create(mut self, create: bool) -> Self {
        self.database.create = create;
        self
    }

    /// What survives which failure. By default every acknowledged change survives a loss of power.
    pub const fn durability(mut self, durability: Durability) -> Self {
        self.database.durability = durability;
        self
    }

    /// What to do with keys of a JSON request that are not known. By default they are violations.
    pub const fn unknown_keys(mut self, unknown_keys: UnknownKeys) -> Self {
        self.unknown_keys = unknown_keys;
        self
    }

    /// Where the time of a change comes from. By default the system's clock.
    ///
    /// It is asked once in each transaction, on the writer's thread; on a caller's by [`Engine::check`], and for a request
    /// under a key if its [references](Options::references) fail. It may stand still or jump: the `modified_at` of an
    /// opportunity never moves backwards. For tests there is
    /// [`ManualClock`](crate::ManualClock).
    pub fn clock(mut self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// The largest request, in bytes; 1 MiB by default, 16 MiB at most. A typed request counts with
    /// the bytes of its texts.
    pub const fn max_request_bytes(mut self, bytes: usize) -> Self {
        self.max_request_bytes = bytes;
        self
    }

    /// How many commands may wait for the writer, and how many bytes they may hold, before a caller
    /// has to wait; 16,384 and 64 MiB by default. The last one that is taken in may overshoot.
    pub const fn queue(mut self, commands: usize, bytes: usize) -> Self {
        self.queue_commands = commands;
        self.queue_bytes = bytes;
        self
    }

    /// How long to wait for another process that holds the database; 5 seconds by default.
    pub const fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.database.busy_timeout = timeout;
        self
    }

    /// How much of the database the writer keeps in memory, in bytes; 32 MiB by default, which holds
    /// the inner pages of a table of ten million rows. Readers keep 2 MiB each.
    pub const fn cache_bytes(mut self, bytes: usize) -> Self {
        self.database.cache_bytes = bytes;
        self
    }

    /// How long a read may take; 5 seconds by default.
    pub const fn read_deadline(mut self, deadline: Duration) -> Self {
        self.read_deadline = deadline;
        self
    }

    /// The size of the write-ahead log, in bytes, past which writes are refused if checkpoints
    /// cannot shorten it; 256 MiB by default. The last group before may overshoot it.
    pub const fn log_cap_bytes(mut self, bytes: u64) -> Self {
        self.log_cap_bytes = bytes;
        self
    }

    /// Who tells which ids of a request are known in its venue: a [`Catalog`](crate::Catalog), or the
    /// service's own [`References`]. By default nobody is asked, at no cost.
    ///
    /// They are asked once a request, on the thread of the caller, when the request breaks no other rule
    /// and before it is queued.
    pub fn references(mut self, references: impl References + 'static) -> Self {
        self.references = Some(Arc::new(references));
        self
    }

    /// Whether each change is recorded, in its own transaction, for [`Engine::changes`].
    ///
    /// The database remembers it: until an engine is opened that says otherwise, every engine that writes
    /// to it records what it changes, in whatever process. By default it stays as it is, which is off
    /// in a new database. What was there when it was turned on has no records, and what changes while it is off
    /// gets none: where it is turned on again a sequence is left out. Records are kept until
    /// [`Engine::prune_changes`]; each takes about as much space as the values that it holds.
    ///
    /// It costs a quarter to a third of the throughput (`benches/RESULTS.md`).
    pub const fn history(mut self, history: bool) -> Self {
        self.history = Some(history);
        self
    }

    /// How long a request that this engine carries out is remembered under its
    /// [`idempotency_key`](crate::Request::idempotency_key), by whatever engine and by its clock; 24 hours by
    /// default. Records that have expired are deleted as new ones are made.
    pub const fn key_lifetime(mut self, lifetime: Duration) -> Self {
        self.key_lifetime = lifetime;
        self
    }

    /// Opens the database at a path, creating or upgrading it.
    ///
    /// The path is always a path of the file system, whatever it begins with. The folder must
    /// exist, on a file system that locks files and can share memory between processes (not on a
    /// network). Beside the file SQLite keeps its write-ahead log (`-wal`) and an index of it
    /// (`-shm`); after a clean end neither is left.
    ///
    /// A log with something in it is what an unclean end leaves. Then the file is verified in
    /// [`Quick`](crate::Verification::Quick) before anything is written to it. While another process has
    /// the database open there is a log too, and it cannot be told from one that was left: so whoever
    /// joins pays for the same check, about a second for a million opportunities. Then the log is moved into the
    /// database. A long read is in the way of that: it is waited for, and past the
    /// [`busy_timeout`](Self::busy_timeout) the error is [`Busy`](crate::StoreErrorKind::Busy).
    ///
    /// A backup that was put in the place of a database is opened like any other; if the log of that
    /// database is still beside it, it is refused with [`OpenError::StaleLog`]. See
    /// [`Engine::backup_to`].
    ///
    /// # Errors
    ///
    /// [`OpenError`] tells why not; a file that holds something else is left as it was.
    pub fn open(self, path: impl AsRef<Path>) -> Result<Engine, OpenError> {
        let opened = self.check().and_then(|()| Engine::start(path.as_ref(), self, None));
        opened.inspect_err(telemetry::open_refused)
    }

    /// Opens an empty database that is gone with the last handle: a private temporary file, without
    /// syncs. For tests; the contract is the same.
    ///
    /// # Errors
    ///
    /// [`OpenError`], for instance when there is no folder for temporary files.
    pub fn in_memory(self) -> Result<Engine, OpenError> {
        let scratch = self.check().and_then(|()| ScratchFolder::new());
        let opened = scratch.and_then(|scratch| {
            let options = self.durability(Durability::Off);
            Engine::start(&scratch.database(), options, Some(scratch))
        });
        opened.inspect_err(telemetry::open_refused)
    }

    pub(super) fn decoder(&self) -> Decoder {
        Decoder::new().max_bytes(self.max_request_bytes).unknown_keys(self.unknown_keys)
    }

    fn check(&self) -> Result<(), OpenError> {
        let invalid = |name, requirement| Err(OpenError::Option { name, requirement });
        if !(1..=MAX_REQUEST_BYTES).contains(&self.max_request_bytes) {
            return invalid("max_request_bytes", "from 1 byte to 16 MiB");
        }
        if self.queue_commands == 0 || self.queue_bytes == 0 {
            return invalid("queue", "at least 1 command and 1 byte");
        }
        Ok(())
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("database", &self.database)
            .field("unknown_keys", &self.unknown_keys)
            .field("max_request_bytes", &self.max_request_bytes)
            .field("queue_commands", &self.queue_commands)
            .field("queue_bytes", &self.queue_bytes)
            .field("read_deadline", &self.read_deadline)
            .field("log_cap_bytes", &self.log_cap_bytes)
            .field("history", &self.history)
            .field("key_lifetime", &self.key_lifetime)
            .finish_non_exhaustive()
    }
}
