//! What a caller hands to the writer: commands, and the promise of their answers.

use std::time::Instant;

use super::error::{BatchError, Error, Failure};
use super::promise::{Promise, Waiter, promise};
use super::stats::OutcomeCounts;
use crate::domain::{Outcome, Rejection, Timestamp};
use crate::store::{Group, Operation, Order, StoreError, StoreErrorKind};

/// An order, or why its request was refused before it could become one.
pub(super) type Decided = Result<Order, Rejection>;

/// The answer to a command.
pub(super) type Answer = Result<Outcome, Error>;

/// The answer to an all-or-nothing batch.
pub(super) type BatchAnswer = Result<Vec<Outcome>, BatchError>;

/// Commands that were handed over together.
#[expect(clippy::large_enum_variant, reason = "the large one is the usual one, and a box costs")]
pub(super) enum Job {
    /// A command.
    One(Task<Order, Answer>),
    /// Commands that succeed or fail each on its own; some may be refused already.
    Each(Task<Vec<Decided>, Vec<Answer>>),
    /// Commands that all succeed or change nothing; some may be refused already.
    All(Task<Vec<Decided>, BatchAnswer>),
}

/// Commands, and their answer of type `A` to come.
pub(super) struct Task<C, A> {
    commands: C,
    /// How much memory the commands hold, in bytes.
    bytes: usize,
    /// When it was made, to be queued at once.
    submitted: Instant,
    /// Means nothing before the commands were run.
    answer: A,
    promise: Promise<A>,
}

impl<C, A> Task<C, A> {
    fn new(commands: C, bytes: usize, unanswered: A) -> (Self, Waiter<A>) {
        let (promise, waiter) = promise();
        let submitted = Instant::now();
        (Self { commands, bytes, submitted, answer: unanswered, promise }, waiter)
    }

    fn fulfil(self) {
        self.promise.fulfil(self.answer);
    }
}

/// Stands in an answer until there is one.
fn unanswered() -> Failure {
    Failure::Aborted(StoreError::new(Operation::Accept, StoreErrorKind::Closed))
}

impl Job {
    pub(super) fn one(order: Order, bytes: usize) -> (Self, Waiter<Answer>) {
        let (task, waiter) = Task::new(order, bytes, Err(unanswered().into()));
        (Self::One(task), waiter)
    }

    pub(super) fn each(commands: Vec<Decided>, bytes: usize) -> (Self, Waiter<Vec<Answer>>) {
        let unanswered = |decided: &Decided| match decided {
            Ok(_) => Err(unanswered().into()),
            Err(rejection) => Err(rejection.clone().into()),
        };
        let answers = commands.iter().map(unanswered).collect();
        let (task, waiter) = Task::new(commands, bytes, answers);
        (Self::Each(task), waiter)
    }

    pub(super) fn all(commands: Vec<Decided>, bytes: usize) -> (Self, Waiter<BatchAnswer>) {
        let (task, waiter) = Task::new(commands, bytes, Err(unanswered().into()));
        (Self::All(task), waiter)
    }

    /// How many commands it holds.
    pub(super) const fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Each(task) => task.commands.len(),
            Self::All(task) => task.commands.len(),
        }
    }

    /// How much memory its commands hold, in bytes.
    pub(super) const fn bytes(&self) -> usize {
        match self {
            Self::One(task) => task.bytes,
            Self::Each(task) => task.bytes,
            Self::All(task) => task.bytes,
        }
    }

    pub(super) const fn submitted(&self) -> Instant {
        match self {
            Self::One(task) => task.submitted,
            Self::Each(task) => task.submitted,
            Self::All(task) => task.submitted,
        }
    }

    /// Counts the answers that its units hold.
    pub(super) fn count(&self, counts: &mut OutcomeCounts) {
        match self {
            Self::One(task) => counts.count(&task.answer),
            Self::Each(task) => task.answer.iter().for_each(|answer| counts.count(answer)),
            Self::All(task) => counts.count_all(&task.answer, task.commands.len()),
        }
    }

    /// Adds its parts that succeed or fail as one to a group.
    pub(super) fn join<'j>(&'j mut self, group: &mut Vec<Unit<'j>>) {
        match self {
            Self::One(task) => group.push(Unit::One(&task.commands, &mut task.answer)),
            Self::Each(task) => {
                let commands = task.commands.iter().zip(&mut task.answer);
                group.extend(
                    commands
                        .filter_map(|(decided, to)| Some(Unit::One(decided.as_ref().ok()?, to))),
                );
            }
            Self::All(task) => group.push(Unit::All(&task.commands, &mut task.answer)),
        }
    }

    /// Hands out the answers that its units hold.
    pub(super) fn answer(self) {
        match self {
            Self::One(task) => task.fulfil(),
            Self::Each(task) => task.fulfil(),
            Self::All(task) => task.fulfil(),
        }
    }
}

/// What succeeds or fails as one, and where its answer goes.
pub(super) enum Unit<'j> {
    One(&'j Order, &'j mut Answer),
    All(&'j [Decided], &'j mut BatchAnswer),
}

impl Unit<'_> {
    /// How many commands it holds; what was refused before is none.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(..) => 1,
            Self::All(commands, _) => commands.iter().filter(|it| it.is_ok()).count(),
        }
    }

    /// Applies it and keeps its answer, which stands once the group is committed. After an `Err` the
    /// whole group has to be given up. That is not for what has failed before it was queued, where nothing was done.
    pub(super) fn apply(
        &mut self,
        group: &mut Group<'_, '_>,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let applied = match self {
            Self::One(order, answer) => {
                group.apply(order, at).map(|applied| **answer = applied.map_err(Error::Rejected))
            }
            Self::All(commands, answer) => group
                .apply_all(commands, at)
                .map(|applied| **answer = applied.map_err(BatchError::Refused)),
        };
        match applied {
            Err(error) if error.operation() == Operation::Accept => {
                self.fail(Failure::Aborted(error));
                Ok(())
            }
            applied => applied,
        }
    }

    pub(super) fn fail(&mut self, failure: Failure) {
        match self {
            Self::One(_, answer) => **answer = Err(failure.into()),
            Self::All(_, answer) => **answer = Err(failure.into()),
        }
    }
}
