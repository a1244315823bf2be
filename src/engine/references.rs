//! Asking for what a request mentions, on the thread of the caller.

use super::Engine;
use super::caught::caught;
use super::job::Decided;
use crate::domain::{Command, Opportunity, Rejection, Value};
use crate::references::{Mentions, References};
use crate::store::{Operation, Order, StoreError, StoreErrorKind};

impl Engine {
    /// Refuses an order that mentions what is not known.
    ///
    /// Not if it was carried out before under its key: then it is answered as it was, whatever has become of what
    /// it mentions. Whether it was can be told in its transaction alone, where the key may have expired, or that of a
    /// double have been recorded. So what would be answered else goes along.
    pub(super) fn look_up(
        &self,
        references: &dyn References,
        mut order: Order,
    ) -> Result<Decided, StoreError> {
        let stored = self.updated_by_half_of_a_pair(&order.command)?;
        let mentions = Mentions::new(&order.command);
        let mentions = stored.as_ref().map_or(mentions, |stored| mentions.beside(stored));
        order.beside = mentions
            .relied_on()
            .map(|(field, value)| (field, value.map(Value::into_owned)))
            .collect();
        let otherwise = match unknown_in(references, &mentions) {
            Ok(None) => return Ok(Ok(order)),
            Ok(Some(refusal)) => Ok(refusal),
            // That may go on for a while, and is not for the writer to find out for each request.
            Err(failure) if !self.is_repeat(&order)? => return Err(failure),
            Err(failure) => Err(failure),
        };
        match &mut order.once {
            Some(once) => once.otherwise = Some(otherwise),
            None => return otherwise.map(Err),
        }
        Ok(Ok(order))
    }

    /// What a command updates, as of the last commit, if it gives one of a pair and leaves the other one as it is.
    fn updated_by_half_of_a_pair(
        &self,
        command: &Command,
    ) -> Result<Option<Opportunity>, StoreError> {
        match command {
            Command::Update { venue, id, .. }
                if Mentions::new(command).relied_on().next().is_some() =>
            {
                self.shared.readers.get(*venue, *id)
            }
            _ => Ok(None),
        }
    }
}

/// The refusal of what is mentioned and not known. What mentions nothing is not looked up.
fn unknown_in(
    references: &dyn References,
    mentions: &Mentions<'_>,
) -> Result<Option<Rejection>, StoreError> {
    if mentions.iter().next().is_none() {
        return Ok(None);
    }
    let failed =
        |error| StoreError::caused_by(Operation::Accept, StoreErrorKind::NoReferences, error);
    let unknown = caught(|| Operation::Accept, || references.unknown(mentions).map_err(failed))?;
    Ok(mentions.refusal(&unknown))
}
