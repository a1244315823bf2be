//! The writer: the one thread that changes the database.

use std::sync::mpsc::sync_channel;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{JoinHandle, ThreadId};

use super::answers::Answers;
use super::checkpoints::Checkpoints;
use super::followers::Followers;
use super::group::GroupCommit;
use super::health::{Monitor, Writes};
use super::job::Job;
use super::options::Options;
use super::queue::Queue;
use super::stats::Statistics;
use super::unanswered::Unanswered;
use crate::fault_points::{Point, inherited, reach};
use crate::store::{
    Database, Effort, OpenError, Operation, StoreError, StoreErrorKind, WriteConnection, WriteStore,
};

/// How many commands go into one transaction, unless a batch brings more: the first of them should
/// not wait for too many others.
const MAX_GROUP: usize = 4_096;

/// The thread that writes.
pub(super) struct Writer {
    state: Mutex<State>,
    /// The thread, and the one that answers for it.
    threads: [Option<ThreadId>; 2],
}

enum State {
    Running(JoinHandle<Result<(), StoreError>>),
    /// How its last checkpoint went.
    Ended(Result<(), StoreError>),
}

impl Writer {
    /// Waits until it has ended and tells how, unless it is on one of its own threads, by a waker that
    /// closes an engine or drops its last handle: it cannot wait for itself, and ends on its own once
    /// the queue is empty.
    pub(super) fn join(&self) -> Result<(), StoreError> {
        if self.threads.contains(&Some(std::thread::current().id())) {
            return Ok(());
        }
        // Held while waiting, so that whoever else stops the engine waits too.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = match std::mem::replace(&mut *state, State::Ended(Ok(()))) {
            State::Running(thread) => thread.join().unwrap_or_else(|_| {
                Err(StoreError::new(Operation::Checkpoint, StoreErrorKind::Panicked))
            }),
            State::Ended(ended) => ended,
        };
        *state = State::Ended(ended.clone());
        ended
    }
}

/// Starts the writer and waits until it is ready.
pub(super) fn start(
    database: &Database,
    connection: WriteConnection,
    options: Options,
    queue: Arc<Queue>,
    monitor: Arc<Monitor>,
    followers: Arc<Followers>,
    statistics: Arc<Statistics>,
) -> Result<Writer, OpenError> {
    let second = database.writer()?;
    let (report, ready) = sync_channel(1);
    let serve = move || {
        let _releases_log = connection.release_log_at_the_end();
        // Whatever ends the thread leaves the log to whoever opens the database next, unless it was moved. This
        // comes first: it has SQLite prepare anew whatever was prepared before.
        let kept = connection.keep_log_when_closed(true);
        let store = kept.and_then(|()| WriteStore::new(&connection)).map_err(Failed::Store);
        let started = store.and_then(|mut store| {
            store.set_key_lifetime(options.key_lifetime);
            let cap = options.log_cap_bytes;
            let checkpoints = Checkpoints::start(&connection, second, cap, Arc::clone(&monitor))
                .map_err(Failed::Thread)?;
            let answers = Answers::start(Arc::clone(&statistics)).map_err(Failed::Thread)?;
            connection.move_log_that_was_left().map_err(Failed::Store)?;
            if let Some(is_kept) = options.history {
                connection.keep_history(is_kept).map_err(Failed::Store)?;
            }
            // What is there already, and may be pruned, is not told of with the first group.
            followers.announce(connection.last_change().map_err(Failed::Store)?);
            Ok((store, checkpoints, answers))
        });
        let (store, checkpoints, answers) = match started {
            Ok(started) => started,
            Err(failed) => {
                // Without one at the beginning nothing was written: it is taken away again.
                drop(connection.keep_log_when_closed(connection.log_was_left()));
                // The one who waits for it is there until it comes.
                drop(report.send(Err(failed)));
                return Ok(());
            }
        };
        reach(Point::Start);
        drop(report.send(Ok(answers.thread_id())));
        drop(report);
        let durability = options.database.durability;
        let counted = Arc::clone(&statistics);
        let group = GroupCommit::new(store, options.clock, durability, counted);
        let in_hand = InHand {
            queue: &queue,
            monitor: &monitor,
            followers: &followers,
            statistics: &statistics,
            jobs: Vec::new(),
        };
        write_until_closed(group, checkpoints, &answers, in_hand);
        drop(answers);
        reach(Point::End);
        let moved = connection.checkpoint(Effort::Truncate);
        monitor.note_checkpoint(&moved);
        moved?;
        connection.keep_log_when_closed(false)
    };
    let thread = std::thread::Builder::new()
        .name("opportunity-writer".to_owned())
        .spawn(inherited(serve))
        .map_err(|source| OpenError::Thread { source: Arc::new(source) })?;
    let error = match ready.recv() {
        Ok(Ok(answers)) => {
            return Ok(Writer {
                threads: [Some(thread.thread().id()), answers],
                state: Mutex::new(State::Running(thread)),
            });
        }
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
    mut commit: GroupCommit<'_>,
    mut checkpoints: Checkpoints<'_>,
    answers: &Answers,
    // The first to be dropped: nobody waits for what ends with the others.
    mut in_hand: InHand<'_>,
) {
    let InHand { queue, monitor, followers, statistics, .. } = in_hand;
    while let Some(jobs) = queue.take(MAX_GROUP) {
        in_hand.jobs = jobs;
        reach(Point::Taken);
        // What is stopped refuses all the same, and for another reason.
        let room = if commit.is_stopped() { Ok(()) } else { checkpoints.make_room() };
        let stopped = StoreErrorKind::WritesStopped;
        let is_log_needed = matches!(&room, Err(error) if error.kind() == stopped);
        let mut group = Unanswered::new(std::mem::take(&mut in_hand.jobs), statistics);
        match room {
            Ok(()) => commit.run(&mut group.jobs, |taken| queue.take_more(MAX_GROUP, taken)),
            Err(error) => commit.refuse(&mut group.jobs, error),
        }
        in_hand.jobs = group.take();
        if commit.is_stopped() || is_log_needed {
            monitor.set_writes(Writes::RefusedUntilReopened);
            followers.close();
        }
        monitor.set_commits(commit.commits());
        reach(Point::Unanswered);
        answers.give(std::mem::take(&mut in_hand.jobs));
        reach(Point::Answered);
        // After the answers: there may be many followers, and their wakers are foreign code.
        followers.announce(commit.last_change());
        checkpoints.tend();
    }
}

/// What the writer has to do. Leaves nobody waiting, however the thread ends: what was not begun is
/// aborted.
struct InHand<'q> {
    queue: &'q Queue,
    monitor: &'q Monitor,
    followers: &'q Followers,
    statistics: &'q Statistics,
    /// Jobs that hold a true answer: they are not run yet, or not any more. Those that are being run
    /// are not here; if they get lost, their outcome is unknown.
    jobs: Vec<Job>,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.queue.close();
        self.monitor.set_writes(Writes::Closed);
        self.followers.close();
        let mut jobs = std::mem::take(&mut self.jobs);
        loop {
            Unanswered::new(jobs, self.statistics).answer();
            match self.queue.take(MAX_GROUP) {
                Some(waiting) => jobs = waiting,
                None => return,
            }
        }
    }
}
