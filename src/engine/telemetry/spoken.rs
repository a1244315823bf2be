//! What is told where somebody may listen. Without a listener each of these costs a look at a number.

use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use tracing::field::Empty;
use tracing::span::EnteredSpan;
use tracing::{debug, debug_span, error, info, warn};

use crate::engine::health::Writes;
use crate::engine::job::Job;
use crate::engine::stats::OutcomeCounts;
use crate::store::{OpenError, StoreError};

/// What listeners tell our events and spans by.
const TARGET: &str = "opportunity_engine";

/// How long a commit takes that is told of: a hundred times what is usual, and so there are at most ten such
/// events a second.
const SLOW_COMMIT: Duration = Duration::from_millis(100);

/// A group of commands, from the first that is applied until all have their answers.
pub(in crate::engine) struct GroupSpan(Option<EnteredSpan>);

impl GroupSpan {
    pub(in crate::engine) fn enter() -> Self {
        let mut entered = None;
        heard(|| {
            let span = debug_span!(
                target: TARGET,
                "group",
                commands = Empty,
                added = Empty,
                updated = Empty,
                unchanged = Empty,
                refused = Empty,
                aborted = Empty,
                unknown = Empty,
                commit_micros = Empty,
            );
            entered = Some(span.entered());
        });
        Self(entered)
    }

    /// Tells what became of the group, and how long its commits took.
    pub(in crate::engine) fn end(self, jobs: &[Job], committing: Duration) {
        let Some(span) = self.0.as_ref().filter(|span| !span.is_disabled()) else { return };
        let counts = OutcomeCounts::of(jobs);
        heard(|| {
            span.record("commands", counts.total());
            span.record("added", counts.added);
            span.record("updated", counts.updated);
            span.record("unchanged", counts.unchanged);
            span.record("refused", counts.refused.total());
            span.record("aborted", counts.aborted);
            span.record("unknown", counts.unknown);
            span.record("commit_micros", micros(committing));
        });
    }
}

impl Drop for GroupSpan {
    fn drop(&mut self) {
        let span = self.0.take();
        heard(|| drop(span));
    }
}

pub(in crate::engine) fn committed(commands: usize, took: Duration) {
    if took >= SLOW_COMMIT {
        heard(|| {
            let micros = micros(took);
            warn!(target: TARGET, commands, commit_micros = micros, "a commit was slow");
        });
    }
}

/// Tells of a commit that failed, and whether it is settled that nothing of it is left.
pub(in crate::engine) fn commit_failed(error: &StoreError, is_settled: bool) {
    heard(|| {
        if is_settled {
            warn!(target: TARGET, %error, "a commit failed, and nothing of it is left");
        } else {
            error!(target: TARGET, %error, "a commit failed, and nobody knows whether it will be there");
        }
    });
}

/// Tells why a group failed at first, and what became of its commands after they were run again, where
/// that helps.
pub(in crate::engine) fn group_failed(error: &StoreError, jobs: &[Job]) {
    heard(|| {
        let counts = OutcomeCounts::of(jobs);
        let OutcomeCounts { aborted, unknown, .. } = counts;
        let commands = counts.total();
        if aborted + unknown < commands {
            let text = "a group failed, and was run again in parts";
            warn!(target: TARGET, %error, commands, aborted, unknown, "{text}");
        } else {
            warn!(target: TARGET, %error, commands, aborted, unknown, "a group failed");
        }
    });
}

/// Tells that writes are taken from now on, or are not.
pub(in crate::engine) fn writes_are(writes: Writes) {
    heard(|| match writes {
        Writes::Accepted => info!(target: TARGET, "writes are accepted again"),
        Writes::RefusedLogFull => {
            warn!(target: TARGET, "writes are refused: the write-ahead log has reached its cap");
        }
        Writes::RefusedUntilReopened => {
            error!(target: TARGET, "writes are refused until the engine is reopened");
        }
        Writes::Closed => debug!(target: TARGET, "writes are closed"),
    });
}

pub(in crate::engine) fn checkpoint_failed(error: &StoreError) {
    heard(|| warn!(target: TARGET, %error, "a checkpoint failed"));
}

pub(in crate::engine) fn checkpoints_go_on() {
    heard(|| info!(target: TARGET, "checkpoints succeed again"));
}

pub(in crate::engine) fn open_refused(error: &OpenError) {
    let cause = error.source().map(ToString::to_string);
    heard(|| error!(target: TARGET, %error, cause, "an engine could not be opened"));
}

/// Lets a listener hear of something. Its panic is its own affair.
fn heard(tell: impl FnOnce()) {
    drop(catch_unwind(AssertUnwindSafe(tell)));
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
