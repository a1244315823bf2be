//! Asking for what a request mentions, on the thread of the caller.

use super::Engine;
use super::caught::caught;
use super::job::Decided;
use crate::domain::{Command, Opportunity};
use crate::references::{Mentions, References};
use crate::store::{Operation, Order, StoreError, StoreErrorKind};

impl Engine {
    /// Refuses an order that mentions what is not known.
    pub(super) fn look_up(
        &self,
        references: &dyn References,
        order: Order,
    ) -> Result<Decided, StoreError> {
        let stored = self.updated_by_half_of_a_pair(&order.command)?;
        look_up(references, order, stored.as_ref())
    }

    /// What a command updates, as of the last commit, if it gives one of a pair and leaves the other one as it is.
    fn updated_by_half_of_a_pair(
        &self,
        command: &Command,
    ) -> Result<Option<Opportunity>, StoreError> {
        match command {
            Command::Update { venue, id, .. } if Mentions::new(command).is_half_of_a_pair() => {
                self.shared.readers.get(*venue, *id)
            }
            _ => Ok(None),
        }
    }
}

/// What mentions nothing is not looked up.
fn look_up(
    references: &dyn References,
    order: Order,
    stored: Option<&Opportunity>,
) -> Result<Decided, StoreError> {
    let mentions = Mentions::new(&order.command);
    let mentions = stored.map_or(mentions, |stored| mentions.beside(stored));
    if mentions.iter().next().is_none() {
        return Ok(Ok(order));
    }
    let unknown = caught(
        || Operation::Accept,
        || {
            let failed = |error| {
                StoreError::caused_by(Operation::Accept, StoreErrorKind::NoReferences, error)
            };
            references.unknown(&mentions).map_err(failed)
        },
    )?;
    let refusal = mentions.refusal(&unknown);
    Ok(refusal.map_or(Ok(order), Err))
}
