//! What became of a command.

use super::id::{OpportunityId, Version};

/// What became of a request that was carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// The opportunity was added, with this id.
    Added {
        /// The id that it was given.
        id: OpportunityId,
        /// Its version: the first.
        version: Version,
    },
    /// The opportunity was changed.
    Updated {
        /// Its id.
        id: OpportunityId,
        /// Its new version.
        version: Version,
    },
    /// The update changed nothing: no write, no new version.
    Unchanged {
        /// Its id.
        id: OpportunityId,
        /// The version that it has.
        version: Version,
    },
}

impl Outcome {
    /// The opportunity that it is about.
    #[must_use]
    pub const fn id(&self) -> OpportunityId {
        match *self {
            Self::Added { id, .. } | Self::Updated { id, .. } | Self::Unchanged { id, .. } => id,
        }
    }

    /// The version that the opportunity has after it.
    #[must_use]
    pub const fn version(&self) -> Version {
        match *self {
            Self::Added { version, .. }
            | Self::Updated { version, .. }
            | Self::Unchanged { version, .. } => version,
        }
    }
}
