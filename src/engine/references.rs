//! Asking for what a request mentions, on the thread of the caller.

use super::caught::caught;
use super::job::Decided;
use crate::references::{Mentions, References};
use crate::store::{Operation, Order, StoreError, StoreErrorKind};

/// Refuses an order that mentions what is not known. What mentions nothing is not looked up.
pub(super) fn look_up(references: &dyn References, order: Order) -> Result<Decided, StoreError> {
    let mentions = Mentions::new(&order.command);
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
