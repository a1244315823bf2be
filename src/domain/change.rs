//! What a command has changed, as a record.

use super::difference::FieldChange;
use super::id::{OpportunityId, Sequence, VenueId, Version};
use super::timestamp::Timestamp;

/// A record of the change feed: what one effective command has changed.
///
/// It serialises to an object with the keys `sequence`, `venueId`, `id`, `version`, `kind`, `changedAt`,
/// `createdAt` and `fields`, which holds for the wire name of each changed field an array of its old and its new value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Change {
    /// Its place among all changes, of all venues: 1, 2, 3 … in the order of the commits, without gaps
    /// as long as a history is kept.
    pub sequence: Sequence,
    /// The venue of the opportunity.
    pub venue: VenueId,
    /// The opportunity.
    pub id: OpportunityId,
    /// The version that it has since.
    pub version: Version,
    /// What happened to it.
    pub kind: ChangeKind,
    /// Its [`modified_at`](super::Opportunity::modified_at) since.
    pub changed_at: Timestamp,
    /// Its [`created_at`](super::Opportunity::created_at) if it was added now, else `None`. An import keeps the
    /// time that it had.
    pub created_at: Option<Timestamp>,
    /// The fields that have another value since, in the order of the table; of an opportunity that was
    /// added all that have one.
    pub fields: Vec<FieldChange>,
}

/// What happened to an opportunity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChangeKind {
    /// It was added, by a request or by an import, which keeps the version and the times that it had.
    Added,
    /// It was updated.
    Updated,
}

impl ChangeKind {
    /// Every kind.
    pub const ALL: [Self; 2] = [Self::Added, Self::Updated];

    /// Its name, in a serialised change and in the database.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Updated => "updated",
        }
    }
}
