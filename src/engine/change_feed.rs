//! The change feed: what was changed, and a way to wait for what comes next.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::Engine;
use super::promise::{Lost, Waiter};
use crate::domain::{Change, Sequence};
use crate::store::{Operation, StoreError, StoreErrorKind};

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

    /// Waits until there is a change after a sequence, on a thread or as a future. Where no history is kept, that
    /// is until the engine is closed.
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
