//! When checkpoints happen, so that the write-ahead log neither grows without end nor slows commits.
//!
//! A thread with a connection of its own moves the bulk of the log, and syncs the database, while
//! commits go on. It cannot catch up with a busy writer, so the writer moves the small rest between two
//! groups, after it has handed out the answers; then the log starts over, and its pages are overwritten
//! instead of appended.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::caught::caught;
use super::health::{Monitor, Writes};
use crate::fault_points::{Point, inherited, reach};
use crate::store::{
    Effort, LogSize, Operation, Progress, StoreError, StoreErrorKind, WriteConnection,
};

/// The growth of the log, in bytes, after which its bulk is moved, if its cap leaves room for that.
/// A page that changes again until then is moved once, and neighbours are moved together: on a table
/// of a million rows batches are half again as fast as with 16 MiB, on a small one nothing is faster,
/// but the slowest hundredth of batches takes a third less. More would cost reads, which look a page
/// up in each 4,096 pages of the log.
const BULK_BYTES: u64 = 64 << 20;

/// The size of a log with this cap, in bytes, from which on it is moved.
pub(super) fn bulk_bytes(cap_bytes: u64) -> u64 {
    BULK_BYTES.min(cap_bytes / 2)
}

/// Moves the log, and makes health tell how that went and what is left of it.
pub(super) fn move_log(
    connection: &WriteConnection,
    effort: Effort,
    monitor: &Monitor,
) -> Result<Progress, StoreError> {
    let moved = connection.checkpoint(effort);
    monitor.note_checkpoint(&moved);
    if matches!(moved, Ok(progress) if progress.is_complete()) {
        connection.log_size().reset();
    }
    monitor.set_log_bytes(connection.log_size().bytes());
    moved
}

/// How often the thread passes over the log, at most, before it leaves the rest to the writer, also if
/// that has to sync the database then. Ten passes are usual.
const MAX_PASSES: u32 = 40;

/// To how many times its size the log may grow meanwhile, before the rest is left to the writer: where the
/// disk is slower than whoever writes, further passes would not catch up.
const MAX_GROWTH: u32 = 2;

/// The writer's side: decides when to checkpoint, and whether the log has room for another group.
pub(super) struct Checkpoints<'c> {
    connection: &'c WriteConnection,
    cap_bytes: u64,
    monitor: Arc<Monitor>,
    bulk: Arc<Bulk>,
    bulk_bytes: u64,
    /// The size of the log, in bytes, at which its bulk is moved next.
    next_bulk: u64,
    thread: Option<JoinHandle<()>>,
}

impl<'c> Checkpoints<'c> {
    /// Starts the thread, which gets the connection `second`.
    pub(super) fn start(
        connection: &'c WriteConnection,
        second: WriteConnection,
        cap_bytes: u64,
        monitor: Arc<Monitor>,
    ) -> std::io::Result<Self> {
        let bulk = Arc::new(Bulk::default());
        let bulk_bytes = bulk_bytes(cap_bytes);
        let thread = {
            let (bulk, monitor) = (Arc::clone(&bulk), Arc::clone(&monitor));
            let log = connection.log_size().clone();
            std::thread::Builder::new()
                .name("opportunity-checkpoints".to_owned())
                .spawn(inherited(move || bulk.serve(&second, &log, &monitor)))?
        };
        Ok(Self {
            connection,
            cap_bytes,
            monitor,
            bulk,
            bulk_bytes,
            next_bulk: bulk_bytes,
            thread: Some(thread),
        })
    }

    /// Makes sure that the log is below its cap before a group is written.
    pub(super) fn make_room(&self) -> Result<(), StoreError> {
        if self.log().bytes() <= self.cap_bytes {
            return Ok(());
        }
        self.bulk.wait_until_idle();
        reach(Point::MakeRoom);
        let result = move_log(self.connection, Effort::Restart, &self.monitor);
        if matches!(result, Ok(progress) if progress.is_complete()) {
            self.monitor.set_writes(Writes::Accepted);
            return Ok(());
        }
        if self.connection.needs_its_log() {
            return Err(StoreError::new(Operation::Accept, StoreErrorKind::WritesStopped));
        }
        self.monitor.set_writes(Writes::RefusedLogFull);
        Err(result.err().map_or_else(
            || StoreError::new(Operation::Accept, StoreErrorKind::LogFull),
            |error| StoreError::caused_by(Operation::Accept, StoreErrorKind::LogFull, error),
        ))
    }

    /// Keeps the log short; called between two groups, when the answers of the first are out.
    pub(super) fn tend(&mut self) {
        let bytes = self.log().bytes();
        self.monitor.set_log_bytes(bytes);
        if self.bulk.finish() {
            reach(Point::Rest);
            // The thread has moved the bulk, so this is short.
            let result = self.connection.checkpoint(Effort::Passive);
            self.monitor.note_checkpoint(&result);
            // A reader in the way may be gone soon.
            let is_complete = matches!(result, Ok(progress) if progress.is_complete());
            let pause = if is_complete { self.bulk_bytes } else { self.bulk_bytes / 8 };
            self.next_bulk = bytes + pause;
        } else if bytes + self.bulk_bytes < self.next_bulk {
            // The log has started over.
            self.next_bulk = self.bulk_bytes;
        }
        if bytes >= self.next_bulk {
            self.bulk.request();
        }
    }

    const fn log(&self) -> &LogSize {
        self.connection.log_size()
    }
}

impl Drop for Checkpoints<'_> {
    fn drop(&mut self) {
        self.bulk.stop();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has printed its message; there is nothing left to clean up.
            drop(thread.join());
        }
    }
}

/// Moves the log but for a short rest, although it grows meanwhile, and has the database synced.
///
/// SQLite syncs the database in a pass that has moved the whole log by its end, so in none into which
/// a commit falls. A log that has not grown during a pass shows that the sync is done: all that it cost
/// was on this thread, up to 0.4 s on a table of 10,000,000 rows, where the writer used to wait for it.
fn move_bulk(connection: &WriteConnection, log: &LogSize) -> Result<Progress, StoreError> {
    reach(Point::Bulk);
    let max_pages = log.pages().saturating_mul(MAX_GROWTH);
    let mut progress = connection.checkpoint(Effort::Passive)?;
    for _ in 1..MAX_PASSES {
        if log.pages() <= progress.moved_pages() || log.pages() > max_pages {
            break;
        }
        progress = connection.checkpoint(Effort::Passive)?;
    }
    Ok(progress)
}

/// What the writer and the thread tell each other.
#[derive(Default)]
struct Bulk {
    step: Mutex<Step>,
    changed: Condvar,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Step {
    #[default]
    Idle,
    Requested,
    Running,
    /// The bulk is moved; the writer may move the rest.
    Moved,
    Stopped,
}

impl Bulk {
    fn serve(&self, connection: &WriteConnection, log: &LogSize, monitor: &Monitor) {
        let mut step = self.lock();
        loop {
            match *step {
                Step::Stopped => return,
                Step::Requested => {
                    *step = Step::Running;
                    drop(step);
                    // The writer waits for what is running, so this must not end in a panic.
                    let moved = caught(|| Operation::Checkpoint, || move_bulk(connection, log));
                    monitor.note_checkpoint(&moved);
                    step = self.lock();
                    if *step == Step::Running {
                        *step = Step::Moved;
                    }
                    self.changed.notify_all();
                }
                Step::Idle | Step::Running | Step::Moved => {
                    step = self.changed.wait(step).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }

    fn request(&self) {
        self.advance(Step::Idle, Step::Requested);
    }

    /// Whether the bulk has been moved since the last call.
    fn finish(&self) -> bool {
        self.advance(Step::Moved, Step::Idle)
    }

    fn stop(&self) {
        *self.lock() = Step::Stopped;
        self.changed.notify_all();
    }

    fn wait_until_idle(&self) {
        let mut step = self.lock();
        while matches!(*step, Step::Requested | Step::Running) {
            step = self.changed.wait(step).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn advance(&self, from: Step, to: Step) -> bool {
        let mut step = self.lock();
        let advances = *step == from;
        if advances {
            *step = to;
            self.changed.notify_all();
        }
        advances
    }

    fn lock(&self) -> MutexGuard<'_, Step> {
        // A step is replaced as a whole.
        self.step.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
