//! Group commit: many commands in one transaction, each with its own true answer.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::error::{BatchError, Error, Failure};
use super::job::Unit;
use super::options::Clock;
use crate::store::{Durability, Operation, StoreError, StoreErrorKind, WriteStore};

/// Runs groups of commands on the store.
pub(super) struct GroupCommit<'c> {
    store: WriteStore<'c>,
    clock: Clock,
    durability: Durability,
    /// Set when neither a commit nor the fence after it went through: from then on nobody knows
    /// what the file holds, and nothing more is written.
    is_stopped: bool,
}

/// Why an attempt to run a group failed; the transaction is rolled back.
enum Failed {
    /// Before any command ran: running fewer of them would fail the same way.
    Begin(StoreError),
    /// While a command ran.
    Apply(StoreError),
    /// While committing: the changes may or may not be there after a restart.
    Commit(StoreError),
}

impl<'c> GroupCommit<'c> {
    pub(super) const fn new(store: WriteStore<'c>, clock: Clock, durability: Durability) -> Self {
        Self { store, clock, durability, is_stopped: false }
    }

    pub(super) const fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Runs a group and gives each unit its answer, which then is final.
    ///
    /// A failure of the store while commands run is usually the fault of one of them, which is
    /// too large for the disk, say. The group is rolled back and run again in halves, until that
    /// one stands alone and its neighbours are done.
    pub(super) fn run(&mut self, units: &mut [Unit<'_>]) {
        let failure = if self.is_stopped {
            Failure::Aborted(StoreError::new(Operation::Accept, StoreErrorKind::WritesStopped))
        } else {
            match self.attempt(units) {
                Ok(()) => return,
                Err(Failed::Apply(_)) if units.len() > 1 => {
                    let (left, right) = units.split_at_mut(units.len() / 2);
                    self.run(left);
                    self.run(right);
                    return;
                }
                Err(Failed::Begin(error) | Failed::Apply(error)) => Failure::Aborted(error),
                Err(Failed::Commit(error)) => self.after_failed_commit(error),
            }
        };
        for unit in units {
            unit.fail(failure.clone());
        }
    }

    /// Runs a group in one transaction. A panic, the clock's for instance, is caught and is a
    /// failure like any other.
    fn attempt(&mut self, units: &mut [Unit<'_>]) -> Result<(), Failed> {
        let stage = Cell::new(Operation::Begin);
        let outcome = catch_unwind(AssertUnwindSafe(|| self.run_in_transaction(units, &stage)));
        let result =
            outcome.unwrap_or_else(|_| Err(StoreError::new(stage.get(), StoreErrorKind::Panicked)));
        result.map_err(|error| match stage.get() {
            Operation::Begin => Failed::Begin(error),
            Operation::Apply => Failed::Apply(error),
            _ => Failed::Commit(error),
        })
    }

    fn run_in_transaction(
        &mut self,
        units: &mut [Unit<'_>],
        stage: &Cell<Operation>,
    ) -> Result<(), StoreError> {
        let at = (self.clock)();
        let mut group = self.store.begin()?;
        stage.set(Operation::Apply);
        for unit in units {
            match unit {
                Unit::One(command, answer) => {
                    **answer = group.apply(command, at)?.map_err(Error::Rejected);
                }
                Unit::All(commands, answer) => {
                    **answer = group.apply_all(commands, at)?.map_err(BatchError::Refused);
                }
            }
        }
        group.save_counter()?;
        stage.set(Operation::Commit);
        group.commit()
    }

    /// Finds out what a failed commit means. After a failed `fsync` the connection shows a rollback
    /// while the changes may still come back after a loss of power. A further commit that goes
    /// through overwrites them in the log and is synced itself, which settles that they are gone;
    /// where commits are not synced it settles nothing.
    fn after_failed_commit(&mut self, error: StoreError) -> Failure {
        match self.store.write_fence() {
            Ok(()) if self.durability == Durability::Full => Failure::Aborted(error),
            Ok(()) => Failure::Unknown(error),
            Err(_) => {
                self.is_stopped = true;
                Failure::Unknown(error)
            }
        }
    }
}
