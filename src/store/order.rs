//! What the engine hands to the store.

use crate::domain::{Command, IdempotencyKey, VenueId};

/// A command, and whether it is to be carried out once only.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) command: Command,
    /// Boxed, as most orders have none and the queue holds many of them.
    pub(crate) once: Option<Box<Once>>,
}

/// Carry it out once under this key.
#[derive(Debug, Clone)]
pub(crate) struct Once {
    pub(crate) key: IdempotencyKey,
    /// The request as JSON: another one under the same key is refused.
    pub(crate) request: String,
}

impl Order {
    pub(super) const fn venue(&self) -> VenueId {
        self.command.venue()
    }
}

#[cfg(test)]
impl From<Command> for Order {
    fn from(command: Command) -> Self {
        Self { command, once: None }
    }
}
