//! The writer: the one thread that changes the database.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::{JoinHandle, ThreadId};

use super::answers::Answers;
use super::checkpoints::Checkpoints;
use super::group::GroupCommit;
use super::health::{Monitor, Writes};
use super::options::Options;
use super::queue::Queue;
use crate::store::{
    Database, Effort, OpenError, Operation, StoreError, StoreErrorKind, WriteConnection, WriteStore,
};

/// How many commands go into one transaction, unless a batch brings more: the first of them should
/// not wait for too many others.
const MAX_GROUP: usize = 4_096;

/// The thread that writes, and the one that answers for it.
pub(super) struct Writer {
    /// Its result is how its last checkpoint went.
    thread: JoinHandle<Result<(), StoreError>>,
    answers: Option<ThreadId>,
}

impl Writer {
    /// Waits until it has ended, unless it is on one of its own threads, by a waker that drops the last
    /// handle of an engine: it cannot wait for itself, and ends on its own once the queue is empty.
    pub(super) fn join(self) -> Result<(), StoreError> {
        let current = std::thread::current().id();
        if self.thread.thread().id() == current || self.answers == Some(current) {
            return Ok(());
        }
        self.thread.join().unwrap_or_else(|_| {
            Err(StoreError::new(Operation::Checkpoint, StoreErrorKind::Panicked))
        })
    }
}

/// Starts the writer and waits until it is ready.
pub(super) fn start(
    database: &Database,
    connection: WriteConnection,
    options: Options,
    queue: Arc<Queue>,
    monitor: Arc<Monitor>,
) -> Result<Writer, OpenError> {
    let second = database.writer()?;
    let (report, ready) = sync_channel(1);
    let serve = move || {
        let last_words = LastWords { queue, monitor };
        let LastWords { queue, monitor } = &last_words;
        let started = WriteStore::new(&connection).map_err(Failed::Store).and_then(|store| {
            let cap = options.log_cap_bytes;
            let checkpoints = Checkpoints::start(&connection, second, cap, Arc::clone(monitor))
                .map_err(Failed::Thread)?;
            Ok((store, checkpoints, Answers::start().map_err(Failed::Thread)?))
        });
        let (store, checkpoints, answers) = match started {
            Ok(started) => started,
            Err(failed) => {
                // The one who waits for it is there until it comes.
                drop(report.send(Err(failed)));
                return Ok(());
            }
        };
        drop(report.send(Ok(answers.thread_id())));
        drop(report);
        let group = GroupCommit::new(store, options.clock, options.database.durability);
        write_until_closed(queue, monitor, group, checkpoints, &answers);
        drop(answers);
        connection.remove_log_when_closed()?;
        connection.checkpoint(Effort::Truncate).map(drop)
    };
    let thread = std::thread::Builder::new()
        .name("opportunity-writer".to_owned())
        .spawn(serve)
        .map_err(|source| OpenError::Thread { source: Arc::new(source) })?;
    let error = match ready.recv() {
        Ok(Ok(answers)) => return Ok(Writer { thread, answers }),
        Ok(Err(Failed::Store(error))) => database.open_error(error),
        Ok(Err(Failed::Thread(source))) => OpenError::Thread { source: Arc::new(source) },
        Err(_) => {
            let panicked = StoreError::new(Operation::Open, StoreErrorKind::Panicked);
            database.open_error(panicked)
        }
    };
    // Who is told that it failed may put another file in its place, so it has to be closed by then. A
    // panic of the thread has printed its message.
    drop(thread.join());
    Err(error)
}

/// Why the writer did not get ready.
enum Failed {
    Store(StoreError),
    Thread(std::io::Error),
}

/// Writes group after group until the queue is closed and empty.
fn write_until_closed(
    queue: &Queue,
    monitor: &Monitor,
    mut commit: GroupCommit<'_>,
    mut checkpoints: Checkpoints<'_>,
    answers: &Answers,
) {
    while let Some(mut jobs) = queue.take(MAX_GROUP) {
        match checkpoints.make_room() {
            Ok(()) => {
                commit.run(&mut jobs, |taken| queue.take_more(MAX_GROUP, taken));
            }
            Err(error) => commit.refuse(&mut jobs, error),
        }
        if commit.is_stopped() {
            monitor.set_writes(Writes::RefusedUntilReopened);
        }
        monitor.set_commits(commit.commits());
        answers.give(jobs);
        checkpoints.tend();
    }
}

/// Leaves nobody waiting, however the thread ends. Jobs that it had taken answer for themselves:
/// a promise that is dropped says that the outcome is unknown.
struct LastWords {
    queue: Arc<Queue>,
    monitor: Arc<Monitor>,
}

impl Drop for LastWords {
    fn drop(&mut self) {
        self.queue.close();
        self.monitor.set_writes(Writes::Closed);
        while let Some(jobs) = self.queue.take(MAX_GROUP) {
            for job in jobs {
                job.answer();
            }
        }
    }
}
