//! Asking for what a request mentions, on the thread of the caller.

use super::caught::caught;
use super::job::Decided;
use crate::references::{Mentions, References};
use crate::store::{Operation, StoreError, StoreErrorKind};

/// Refuses an order that mentions what is not known. What is refused already is not looked up, nor
/// what mentions nothing.
pub(super) fn look_up(
    references: &dyn References,
    decided: Decided,
) -> Result<Decided, StoreError> {
    let Ok(order) = decided else { return Ok(decided) };
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
