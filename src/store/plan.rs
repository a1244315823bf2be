//! What a command will do to the rows: decided by the domain, before anything is written.

use super::error::{Operation, StoreError, StoreErrorKind};
use super::order::Order;
use crate::domain::{
    Changes, Command, Details, Opportunity, OpportunityId, Outcome, Rejection, Timestamp, VenueId,
    Version,
};

/// What a command will do.
#[expect(
    clippy::large_enum_variant,
    reason = "the large one is half of what there is, and a box costs"
)]
pub(crate) enum Plan {
    Insert(Opportunity),
    Update {
        before: Opportunity,
        after: Opportunity,
    },
    /// It was done before, under the same key.
    Repeat(Outcome),
    /// It changes nothing of what is there.
    Nothing {
        id: OpportunityId,
        version: Version,
    },
}

/// What is there when an order is planned.
pub(super) trait Present {
    /// What was answered to the order before, if it was carried out under its key.
    fn recall(
        &mut self,
        order: &Order,
        at: Timestamp,
    ) -> Result<Option<Result<Outcome, Rejection>>, StoreError>;

    /// The id that was assigned last.
    fn last_id(&mut self) -> Result<i64, StoreError>;

    fn load(
        &mut self,
        venue: VenueId,
        id: OpportunityId,
    ) -> Result<Option<Opportunity>, StoreError>;
}

impl Plan {
    /// What an order will do to what is there. A refusal is the inner `Err`.
    pub(super) fn of(
        order: &Order,
        present: &mut impl Present,
        at: Timestamp,
    ) -> Result<Result<Self, Rejection>, StoreError> {
        if let Some(recalled) = present.recall(order, at)? {
            return Ok(recalled.map(Self::Repeat));
        }
        if let Some(otherwise) = order.otherwise() {
            return otherwise.clone().map(Err);
        }
        match &order.command {
            Command::Add { venue, details } => {
                Self::of_add(present.last_id()?, *venue, details, at).map(Ok)
            }
            Command::Update { venue, id, changes, expected_version } => {
                let Some(before) = present.load(*venue, *id)? else {
                    return Ok(Err(Rejection::NotFound { venue: *venue, id: *id }));
                };
                let relied_on = before.check_version(*expected_version);
                match relied_on.and_then(|()| before.check_beside(&order.beside)) {
                    Ok(()) => Self::of_update(before, changes, at),
                    Err(rejection) => Ok(Err(rejection)),
                }
            }
        }
    }

    /// An add, after the id that was assigned last.
    fn of_add(
        last_id: i64,
        venue: VenueId,
        details: &Details,
        at: Timestamp,
    ) -> Result<Self, StoreError> {
        let id = last_id.checked_add(1).and_then(|next| OpportunityId::new(next).ok());
        let id = id.ok_or_else(exhausted)?;
        Ok(Self::Insert(Opportunity::create(id, venue, details.clone(), at)))
    }

    fn of_update(
        before: Opportunity,
        changes: &Changes,
        at: Timestamp,
    ) -> Result<Result<Self, Rejection>, StoreError> {
        match before.update(changes, at) {
            Ok(Some(after)) if after.version() == before.version() => Err(exhausted()),
            Ok(Some(after)) => Ok(Ok(Self::Update { before, after })),
            Ok(None) => Ok(Ok(Self::Nothing { id: before.id(), version: before.version() })),
            Err(rejection) => Ok(Err(rejection)),
        }
    }

    /// The row that it will write.
    pub(super) const fn written(&self) -> Option<&Opportunity> {
        match self {
            Self::Insert(row) | Self::Update { after: row, .. } => Some(row),
            Self::Repeat(_) | Self::Nothing { .. } => None,
        }
    }

    /// What is answered once it is done.
    pub(crate) const fn outcome(&self) -> Outcome {
        match self {
            Self::Insert(new) => Outcome::Added { id: new.id(), version: new.version() },
            Self::Update { after, .. } => {
                Outcome::Updated { id: after.id(), version: after.version() }
            }
            Self::Repeat(outcome) => *outcome,
            Self::Nothing { id, version } => Outcome::Unchanged { id: *id, version: *version },
        }
    }
}

/// There is no further id or version.
const fn exhausted() -> StoreError {
    StoreError::new(Operation::Apply, StoreErrorKind::Exhausted)
}
