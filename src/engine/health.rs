//! How an engine is doing.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Serialize, Serializer};

use super::telemetry;
use crate::store::{Progress, StoreError};

/// Whether an engine can go on, and what is in its way, at one moment. See
/// [`Engine::health`](crate::Engine::health).
///
/// Its serialised form is for those who watch a service: the error in it is its text, which names no path.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Health {
    /// Whether writes are taken, and if not, why.
    pub writes: Writes,
    /// How many commands wait for the writer.
    pub queued: usize,
    /// The size of the write-ahead log, in bytes.
    pub log_bytes: u64,
    /// The size of the log past which writes are refused, in bytes.
    pub log_cap_bytes: u64,
    /// How many checkpoints in a row did not finish, because they failed or because a read kept
    /// them from it. A few are usual under load; a number that grows is not.
    pub unfinished_checkpoints: u64,
    /// How the last checkpoint failed, if it did.
    #[serde(serialize_with = "as_text")]
    pub checkpoint_error: Option<StoreError>,
    /// How many groups of commands were committed since the engine was opened. With
    /// [`Durability::Full`](crate::Durability::Full) each has synced the log once, unless nothing in it
    /// was effective.
    pub commits: u64,
}

fn as_text<S: Serializer>(error: &Option<StoreError>, serializer: S) -> Result<S::Ok, S::Error> {
    error.as_ref().map(StoreError::to_string).serialize(serializer)
}

/// Whether an engine takes writes. Serialised it is its name, such as `refusedLogFull`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Writes {
    /// They are taken.
    Accepted,
    /// The log has reached its cap: they are refused until a checkpoint gets through.
    RefusedLogFull,
    /// A commit and the one made to learn about it failed, or a checkpoint could not sync and the log has reached
    /// its cap: they are refused until the engine is closed and opened anew.
    RefusedUntilReopened,
    /// The engine is closed, or its writer is gone.
    Closed,
}

/// What the threads of an engine report.
#[derive(Debug)]
pub(super) struct Monitor {
    state: Mutex<State>,
}

#[derive(Debug, Clone)]
pub(super) struct State {
    pub(super) writes: Writes,
    pub(super) log_bytes: u64,
    pub(super) unfinished_checkpoints: u64,
    pub(super) checkpoint_error: Option<StoreError>,
    pub(super) commits: u64,
}

impl Monitor {
    pub(super) const fn new() -> Self {
        Self {
            state: Mutex::new(State {
                writes: Writes::Accepted,
                log_bytes: 0,
                unfinished_checkpoints: 0,
                checkpoint_error: None,
                commits: 0,
            }),
        }
    }

    pub(super) fn snapshot(&self) -> State {
        self.lock().clone()
    }

    pub(super) fn set_writes(&self, writes: Writes) {
        let before = std::mem::replace(&mut self.lock().writes, writes);
        if before != writes {
            telemetry::writes_are(writes);
        }
    }

    pub(super) fn set_log_bytes(&self, bytes: u64) {
        self.lock().log_bytes = bytes;
    }

    pub(super) fn set_commits(&self, commits: u64) {
        self.lock().commits = commits;
    }

    pub(super) fn note_checkpoint(&self, result: &Result<Progress, StoreError>) {
        let (before, after) = {
            let mut state = self.lock();
            let before = state.checkpoint_error.as_ref().map(StoreError::kind);
            match result {
                Ok(progress) if progress.is_complete() => {
                    state.unfinished_checkpoints = 0;
                    state.checkpoint_error = None;
                }
                Ok(_) => state.unfinished_checkpoints += 1,
                Err(error) => {
                    state.unfinished_checkpoints += 1;
                    state.checkpoint_error = Some(error.clone());
                }
            }
            (before, state.checkpoint_error.clone())
        };
        // Once, not for each that fails: where the log is at its cap that would be one for each group.
        match after {
            Some(error) if before != Some(error.kind()) => telemetry::checkpoint_failed(&error),
            None if before.is_some() => telemetry::checkpoints_go_on(),
            _ => {}
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Plain values are set under the lock; none is ever half-made.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Operation, StoreErrorKind};

    #[test]
    fn the_serialised_form_has_every_figure_and_the_text_of_the_error() {
        let cause = std::io::Error::other("/data/a.db");
        let error = StoreError::caused_by(Operation::Checkpoint, StoreErrorKind::Io, cause);
        let mut health = Health {
            writes: Writes::RefusedLogFull,
            queued: 1,
            log_bytes: 2,
            log_cap_bytes: 3,
            unfinished_checkpoints: 4,
            checkpoint_error: Some(error.clone()),
            commits: 5,
        };
        let mut expected = serde_json::json!({
            "writes": "refusedLogFull", "queued": 1, "logBytes": 2, "logCapBytes": 3,
            "unfinishedCheckpoints": 4, "checkpointError": error.to_string(), "commits": 5,
        });
        assert_eq!(serde_json::to_value(&health).unwrap(), expected);
        health.checkpoint_error = None;
        expected["checkpointError"] = serde_json::Value::Null;
        assert_eq!(serde_json::to_value(&health).unwrap(), expected);
    }
}
