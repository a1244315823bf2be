//! What the engine hands to the store.

use super::error::StoreError;
use crate::domain::{Command, Field, IdempotencyKey, Rejection, Value, VenueId};

/// A command, and whether it is to be carried out once only.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) command: Command,
    /// Boxed, as most orders have none and the queue holds many of them.
    pub(crate) once: Option<Box<Once>>,
    /// What the opportunity is taken to have in fields that an update leaves as they are: what it gives was held
    /// against that.
    pub(crate) beside: Vec<(Field, Option<Value<'static>>)>,
}

/// Carry it out once under this key.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    pub(crate) key: IdempotencyKey,
    /// The request as JSON: another one under the same key is refused.
    pub(crate) request: String,
    /// What is to be answered if it was not carried out before: a refusal, or a failure. It was found before, and
    /// does not concern a repeat.
    pub(crate) otherwise: Option<Result<Rejection, StoreError>>,
}

impl Order {
    /// What is to be answered, once it is known that it was not carried out before.
    pub(super) fn otherwise(&self) -> Option<&Result<Rejection, StoreError>> {
        self.once.as_ref()?.otherwise.as_ref()
    }

    pub(super) const fn venue(&self) -> VenueId {
        self.command.venue()
    }
}

#[cfg(test)]
impl From<Command> for Order {
    fn from(command: Command) -> Self {
        Self { command, once: None, beside: Vec::new() }
    }
}
