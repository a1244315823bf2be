//! Pruning: changes that nobody needs any more are deleted, while others write.

use std::thread;
use std::time::{Duration, Instant};

use super::Engine;
use super::checkpoints::{bulk_bytes, move_log};
use crate::domain::Sequence;
use crate::store::{Effort, Operation, StoreError, StoreErrorKind, WriteConnection};

/// The shortest pause between two of these transactions. Who waits for one looks again after 1, 2, 5, 10 …
/// milliseconds: without a pause it would never find the database free.
const MIN_PAUSE: Duration = Duration::from_millis(20);

impl Engine {
    /// Deletes the records up to a sequence: nobody needs them any more. Tells how many there were.
    ///
    /// It is done some thousand at a time, fewer if they are large, those in a transaction of their own, with pauses in
    /// which others write. What was deleted stays deleted if it fails on its way. The write-ahead log keeps its
    /// [cap](crate::Options::log_cap_bytes), but for what those take.
    ///
    /// # Errors
    ///
    /// [`StoreError`], for instance when another process holds the database, or of kind
    /// [`LogFull`](StoreErrorKind::LogFull) when a reader keeps the log from starting over.
    pub fn prune_changes(&self, up_to: Sequence) -> Result<u64, StoreError> {
        let connection = self.shared.readers.writer_apart()?;
        connection.log_size().take_over(self.shared.monitor.snapshot().log_bytes);
        let mut total = 0;
        loop {
            let started = Instant::now();
            self.make_room_in_log(&connection)?;
            let pruned = {
                let _committing = self.committing()?;
                connection.prune_changes(up_to)?
            };
            total += pruned.count as u64;
            self.shared.monitor.set_log_bytes(connection.log_size().bytes());
            if pruned.is_done {
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
