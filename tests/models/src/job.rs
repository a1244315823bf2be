//! Stands for the engine's `job`: one command of a caller.

use super::promise::{Promise, Waiter, promise};

/// Which caller's, and which of its commands.
pub(super) type Name = (usize, usize);

pub(super) struct Job {
    pub(super) name: Name,
    promise: Promise<Name>,
}

impl Job {
    pub(super) fn new(name: Name) -> (Self, Waiter<Name>) {
        let (promise, waiter) = promise();
        (Self { name, promise }, waiter)
    }

    pub(super) const fn len(&self) -> usize {
        1
    }

    pub(super) const fn bytes(&self) -> usize {
        1
    }

    /// Answers with its name.
    pub(super) fn answer(self) {
        self.promise.fulfil(self.name);
    }
}
