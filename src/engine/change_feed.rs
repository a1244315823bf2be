//! The change feed: what was changed, and a way to wait for what comes next.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use super::Engine;
use super::checkpoints::{bulk_bytes, move_log};
use super::promise::{Lost, Promise, Waiter, promise};
use crate::domain::{Change, Sequence};
use crate::store::{Effort, Operation, StoreError, StoreErrorKind, WriteConnection};

/// How many records are deleted in one transaction: a writer waits for it some milliseconds.
const PRUNED_AT_ONCE: usize = 1_000;

/// The shortest pause between two of these transactions. Who waits for one looks again after 1, 2, 5, 10 …
/// milliseconds: without a pause it would never find the database free.
const MIN_PAUSE: Duration = Duration::from_millis(20);

impl Engine {
    /// The recorded changes of all venues after a sequence, in order, as of the last commit: at most `limit`,
    /// and no more once they take 16 MiB. Go on with the sequence of the last one, until there is none.
    ///
    /// Changes are recorded while a history is kept: see [`Options::history`](crate::Options::history). A change that
    /// does not come right after the one before, or right after `after`, says that those between were pruned, or
    /// that no history was kept for a while.
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when a record is damaged.
    ///
    /// ```
    /// use opportunity_engine::{ChangeKind, Engine, Request, VenueId};
    ///
    /// let engine = Engine::options().history(true).in_memory()?;
    /// let venue = VenueId::new(107)?;
    /// let lead = Request::add(venue).name("Lead").contact_id(918).type_id(18).source_id(25).stage_id(69);
    /// let id = engine.add_or_update(lead)?.id();
    /// engine.add_or_update(Request::update(venue, id).stage_id(70))?;
    ///
    /// let changes = engine.changes(None, 100)?;
    /// assert_eq!(changes[0].kind, ChangeKind::Added);
    /// assert_eq!(changes[1].kind, ChangeKind::Updated);
    /// assert_eq!(
    ///     serde_json::to_value(&changes[1])?["fields"],
    ///     serde_json::json!({ "stageId": [69, 70] })
    /// );
    /// assert!(engine.changes(Some(changes[1].sequence), 100)?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn changes(
        &self,
        after: Option<Sequence>,
        limit: usize,
    ) -> Result<Vec<Change>, StoreError> {
        self.shared.readers.changes(after, limit)
    }

    /// The sequence of the last change that was recorded, even if it was pruned; `None` before the first.
    ///
    /// Who begins to follow asks for it first, then reads what there is, by [`list`](Engine::list) or
    /// [`export`](Engine::export), and goes on with the changes after it. Those that were made meanwhile are
    /// met twice: leave out each whose version is not higher than the one that was read.
    ///
    /// If it is lower than what a follower has seen, the database is an older one: a backup was restored. Then
    /// that follower has to begin anew, since sequences are given out again.
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when the database is damaged.
    ///
    /// ```
    /// use opportunity_engine::{Engine, Request, VenueId};
    ///
    /// let engine = Engine::options().history(true).in_memory()?;
    /// assert_eq!(engine.last_change()?, None);
    /// let lead = Request::add(VenueId::new(107)?).name("Lead").contact_id(918);
    /// engine.add_or_update(lead.type_id(18).source_id(25).stage_id(69))?;
    /// assert_eq!(engine.last_change()?.unwrap().get(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn last_change(&self) -> Result<Option<Sequence>, StoreError> {
        self.shared.readers.last_change()
    }

    /// Waits until there is a change after a sequence, on a thread or as a future.
    ///
    /// What another process changes is noticed with the next change of this engine: who shares the file
    /// should use [`NextChange::wait_for`] and look again.
    ///
    /// ```
    /// use opportunity_engine::{Engine, Request, VenueId};
    ///
    /// let engine = Engine::options().history(true).in_memory()?;
    /// let follower = engine.clone();
    /// let follows = std::thread::spawn(move || {
    ///     follower.next_change(None).wait()?;
    ///     follower.changes(None, 100)
    /// });
    /// let lead = Request::add(VenueId::new(107)?).name("Lead").contact_id(918);
    /// engine.add_or_update(lead.type_id(18).source_id(25).stage_id(69))?;
    /// assert_eq!(follows.join().unwrap()?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn next_change(&self, after: Option<Sequence>) -> NextChange {
        let waiter = self.shared.followers.wait_after(after);
        // Only now: what is committed from here on is announced to who waits.
        let there = self.shared.readers.has_changes(after);
        NextChange { waiter, there }
    }

    /// Deletes the records up to a sequence: nobody needs them any more. Tells how many there were.
    ///
    /// It is done a thousand at a time, each thousand in a transaction of its own, with pauses in which others
    /// write. What was deleted stays deleted if it fails on its way. The write-ahead log keeps its
    /// [cap](crate::Options::log_cap_bytes), but for what a thousand take.
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when another process holds the database, or of kind
    /// [`LogFull`](StoreErrorKind::LogFull) when a reader keeps the log from starting over.
    pub fn prune_changes(&self, up_to: Sequence) -> Result<u64, StoreError> {
        let connection = self.shared.readers.writer_apart()?;
        let mut total = 0;
        loop {
            let started = Instant::now();
            self.make_room_in_log(&connection)?;
            let pruned = {
                let _committing = self.committing()?;
                connection.prune_changes(up_to, PRUNED_AT_ONCE)?
            };
            total += pruned as u64;
            self.shared.monitor.set_log_bytes(connection.log_size().bytes());
            if pruned < PRUNED_AT_ONCE {
                return Ok(total);
            }
            thread::sleep(MIN_PAUSE.max(2 * started.elapsed()));
        }
    }

    /// Keeps the log short, and below its cap, as the writer does for its groups.
    fn make_room_in_log(&self, connection: &WriteConnection) -> Result<(), StoreError> {
        let (log, cap_bytes) = (connection.log_size(), self.shared.log_cap_bytes);
        let started = Instant::now();
        while log.bytes() > bulk_bytes(cap_bytes) {
            let moved = move_log(connection, Effort::Restart, &self.shared.monitor)?;
            if moved.is_complete() || log.bytes() <= cap_bytes {
                break;
            }
            if started.elapsed() < connection.busy_timeout() {
                // Another checkpoint may be under way, or the writer is about to commit.
                thread::sleep(MIN_PAUSE);
            } else {
                return Err(StoreError::new(Operation::Prune, StoreErrorKind::LogFull));
            }
        }
        Ok(())
    }
}

/// A change to come: [`wait`](NextChange::wait) for it on a thread, or `await` it on any runtime.
#[must_use = "it does nothing unless it is waited for"]
pub struct NextChange {
    waiter: Waiter<()>,
    /// Whether there was one already.
    there: Result<bool, StoreError>,
}

impl NextChange {
    /// Blocks until there is a change.
    ///
    /// # Errors
    ///
    /// [`StoreError`] of kind [`Closed`](StoreErrorKind::Closed) when the engine was closed or writes no
    /// more, or why the feed could not be read.
    pub fn wait(self) -> Result<(), StoreError> {
        if self.there? {
            return Ok(());
        }
        self.waiter.wait().map_err(closed)
    }

    /// Blocks until there is a change, but no longer than this. Tells whether there is one.
    ///
    /// # Errors
    ///
    /// Those of [`NextChange::wait`].
    pub fn wait_for(self, timeout: Duration) -> Result<bool, StoreError> {
        if self.there? {
            return Ok(true);
        }
        self.waiter.wait_for(timeout).map(|change| change.is_some()).map_err(closed)
    }
}

impl Future for NextChange {
    type Output = Result<(), StoreError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &self.there {
            Ok(true) => Poll::Ready(Ok(())),
            Ok(false) => self.waiter.poll(context).map_err(closed),
            Err(error) => Poll::Ready(Err(error.clone())),
        }
    }
}

impl std::fmt::Debug for NextChange {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NextChange").field("there", &self.there).finish_non_exhaustive()
    }
}

fn closed(Lost: Lost) -> StoreError {
    StoreError::new(Operation::Read, StoreErrorKind::Closed)
}

/// Those who wait for changes.
#[derive(Default)]
pub(super) struct Followers {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What was announced last.
    last: Option<Sequence>,
    waiting: Vec<(Option<Sequence>, Promise<()>)>,
    /// How many of them make it worth while to look for those who have gone away: twice as many as were left
    /// the last time, so that in all it takes a look or two for each.
    many: usize,
    is_closed: bool,
}

impl Followers {
    fn wait_after(&self, after: Option<Sequence>) -> Waiter<()> {
        let (promise, waiter) = promise();
        let mut state = self.lock();
        if !state.is_closed {
            // Those who have gone away are not kept until the next change, which may never come.
            if state.waiting.len() >= state.many {
                state.waiting.retain(|(_, promise)| promise.is_awaited());
                state.many = 2 * state.waiting.len();
            }
            state.waiting.push((after, promise));
        }
        waiter
    }

    /// Says that this is the last change that was committed.
    pub(super) fn announce(&self, last: Option<Sequence>) {
        let mut state = self.lock();
        if last <= state.last {
            return;
        }
        state.last = last;
        let waiting = std::mem::take(&mut state.waiting);
        let (ready, waiting) = waiting.into_iter().partition(|(after, _)| last > *after);
        state.waiting = waiting;
        drop(state);
        // Outside of the lock: a waker is foreign code and may ask for the next change.
        let ready: Vec<_> = ready;
        ready.into_iter().for_each(|(_, promise)| promise.fulfil(()));
    }

    /// Tells those who wait that nothing comes any more.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic runs under the lock but the allocator, before anything is changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Seen to catch: waiters that are kept until the next change.
    #[test]
    fn who_gives_up_is_forgotten_when_others_come() {
        let followers = Followers::default();
        let kept: Vec<_> = (0..10).map(|_| followers.wait_after(None)).collect();
        for _ in 0..1_000 {
            drop(followers.wait_after(None));
        }
        assert!(followers.lock().waiting.len() <= 2 * (kept.len() + 1));
    }
}
