//! Handing out the answers of a group without keeping the writer from the next one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::{JoinHandle, ThreadId};

use super::job::Job;
use super::stats::Statistics;
use super::unanswered::Unanswered;
use crate::fault_points::{Point, inherited, reach};

/// How many answers the writer hands out itself: waking another thread costs about as much.
const AT_ONCE: usize = 2;

/// How many groups may wait for the thread; the writer answers a further one itself.
const MAX_WAITING: usize = 4;

/// A thread that answers. To wake those who wait takes as long as a third of a commit, for 64 of
/// them; meanwhile the writer commits the next group. With 64 callers that gives a fifth more
/// requests. When too many groups wait, the writer answers a younger one before them.
pub(super) struct Answers {
    /// `None` once it is dropped.
    groups: Option<SyncSender<Vec<Job>>>,
    thread: Option<JoinHandle<()>>,
    statistics: Arc<Statistics>,
}

impl Answers {
    pub(super) fn start(statistics: Arc<Statistics>) -> std::io::Result<Self> {
        let counted = Arc::clone(&statistics);
        let (groups, jobs) = sync_channel::<Vec<Job>>(MAX_WAITING);
        let thread = std::thread::Builder::new().name("opportunity-answers".to_owned()).spawn(
            inherited(move || {
                for group in jobs {
                    let group = Unanswered::new(group, &counted);
                    // A panic loses the answers of this group, but not those of the next, which may be
                    // here already.
                    drop(catch_unwind(AssertUnwindSafe(|| {
                        reach(Point::Answering);
                        group.answer();
                    })));
                }
            }),
        )?;
        Ok(Self { groups: Some(groups), thread: Some(thread), statistics })
    }

    /// The thread, unless it has ended.
    pub(super) fn thread_id(&self) -> Option<ThreadId> {
        self.thread.as_ref().map(|thread| thread.thread().id())
    }

    /// Gives every job of a group the answer that it holds.
    pub(super) fn give(&self, group: Vec<Job>) {
        let Some(groups) = self.groups.as_ref().filter(|_| group.len() > AT_ONCE) else {
            return self.answer(group);
        };
        if let Err(TrySendError::Full(group) | TrySendError::Disconnected(group)) =
            groups.try_send(group)
        {
            self.answer(group);
        }
    }

    fn answer(&self, group: Vec<Job>) {
        Unanswered::new(group, &self.statistics).answer();
    }
}

impl Drop for Answers {
    fn drop(&mut self) {
        drop(self.groups.take());
        if let Some(thread) = self.thread.take() {
            // It ends in no panic.
            drop(thread.join());
        }
    }
}
