//! The orders of a list, and the places in it.

use super::opportunity::Opportunity;

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum ListOrder {
    /// By id: in the order in which they were added to this database, but for imported ones, which keep the ids
    /// that they had.
    #[default]
    Id,
    /// By the moment of the last change, then by id.
    LastChange,
}

/// A place in a list: after an opportunity, whether that is listed or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Position {
    /// In the order of ids: after this one.
    Id(i64),
    /// In the order of the last change.
    LastChange {
        /// Milliseconds since 1970-01-01T00:00:00Z.
        modified_at: i64,
        id: i64,
    },
}

impl Position {
    /// The place before every opportunity.
    pub(crate) const fn start(order: ListOrder) -> Self {
        match order {
            ListOrder::Id => Self::Id(0),
            ListOrder::LastChange => Self::LastChange { modified_at: i64::MIN, id: 0 },
        }
    }

    /// The place of an opportunity in the order of the last change.
    pub(crate) fn by_last_change(opportunity: &Opportunity) -> Self {
        let modified_at = opportunity.modified_at().as_millis();
        Self::LastChange { modified_at, id: opportunity.id().get() }
    }

    pub(crate) const fn order(self) -> ListOrder {
        match self {
            Self::Id(_) => ListOrder::Id,
            Self::LastChange { .. } => ListOrder::LastChange,
        }
    }

    pub(crate) const fn id(self) -> i64 {
        match self {
            Self::Id(id) | Self::LastChange { id, .. } => id,
        }
    }
}
