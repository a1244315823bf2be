//! The aggregate.

use super::closed_date::ClosedDate;
use super::damage::Damage;
use super::decide::last_owner_cleared;
use super::details::{Changes, Details, borrowed_member};
use super::field::{Field, with_fields};
use super::id::*; // so that the table of fields may name any of them
use super::rejection::{Conflict, Rejection, Violations};
use super::text::{ChannelId, Name, Text};
use super::timestamp::Timestamp;
use super::value::Value;

/// A sales opportunity of a venue, at one version.
///
/// It always has a name, a type, a stage and a source, and belongs to a company or to a contact.
///
/// It serialises to an object with the wire names, `version`, `createdAt` and `modifiedAt`; a
/// field without a value is `null`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opportunity {
    id: OpportunityId,
    venue: VenueId,
    version: Version,
    created_at: Timestamp,
    modified_at: Timestamp,
    details: Details,
}

/// Whom an opportunity belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BelongsTo {
    /// A company.
    Company(CompanyId),
    /// A contact without a company.
    Contact(ContactId),
}

impl Opportunity {
    /// The opportunity that an add makes, at its first version.
    #[must_use]
    pub const fn create(
        id: OpportunityId,
        venue: VenueId,
        details: Details,
        at: Timestamp,
    ) -> Self {
        Self { id, venue, version: Version::FIRST, created_at: at, modified_at: at, details }
    }

    /// The next version, with the changes of an update merged in; `None` if they change nothing.
    ///
    /// `modified_at` never moves backwards, whatever `at` says.
    ///
    /// # Errors
    ///
    /// [`Rejection::Invalid`] when neither a company nor a contact would be left.
    pub fn update(&self, changes: &Changes, at: Timestamp) -> Result<Option<Self>, Rejection> {
        let Some(details) = self.details.merged(changes) else { return Ok(None) };
        // There was an owner, so if there is none now, the changes clear one: a violation.
        if details.owner().is_none()
            && let Some(violations) = Violations::new(last_owner_cleared(changes))
        {
            return Err(Rejection::Invalid(violations));
        }
        Ok(Some(Self {
            version: self.version.next(),
            modified_at: at.max(self.modified_at),
            details,
            id: self.id,
            venue: self.venue,
            created_at: self.created_at,
        }))
    }

    /// Refuses an update that expects another version.
    ///
    /// # Errors
    ///
    /// [`Rejection::Conflict`] tells the version that it has.
    pub fn check_version(&self, expected: Option<Version>) -> Result<(), Rejection> {
        match expected {
            Some(expected) if expected != self.version => {
                let (id, current) = (self.id, self.version);
                Err(Rejection::Conflict(Conflict::Version { id, expected, current }))
            }
            _ => Ok(()),
        }
    }

    /// Refuses an update that was held against other values of fields that it leaves as they are.
    pub(crate) fn check_beside(
        &self,
        beside: &[(Field, Option<Value<'static>>)],
    ) -> Result<(), Rejection> {
        match beside.iter().find(|(field, value)| self.value(*field) != *value) {
            Some(&(field, _)) => Err(Rejection::Conflict(Conflict::Pair { id: self.id, field })),
            None => Ok(()),
        }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> OpportunityId {
        self.id
    }

    /// The venue that it is found in.
    #[must_use]
    pub const fn venue_id(&self) -> VenueId {
        self.venue
    }

    /// How often it has been written.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }

    /// When it was added.
    #[must_use]
    pub const fn created_at(&self) -> Timestamp {
        self.created_at
    }

    /// When it was last changed.
    #[must_use]
    pub const fn modified_at(&self) -> Timestamp {
        self.modified_at
    }

    /// What describes it.
    #[must_use]
    pub const fn details(&self) -> &Details {
        &self.details
    }

    /// Whom it belongs to: the company if there is one, else the contact.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "the proof stands beside it"
    )]
    pub fn belongs_to(&self) -> BelongsTo {
        // Proof: `create` gets details that passed `decide`, which requires an owner; `update`,
        // `restore` and records check for one; nothing else makes an opportunity.
        self.details.owner().expect("an opportunity has an owner")
    }

    /// The value of a field; `None` if it has none.
    #[must_use]
    pub fn value(&self, field: Field) -> Option<Value<'_>> {
        match field {
            Field::Id => Some(Value::Integer(self.id.get())),
            Field::VenueId => Some(Value::Integer(self.venue.get())),
            detail => self.details.value(detail),
        }
    }

    /// An opportunity that keeps the rules on the whole: it has an owner, and was not changed before it was
    /// added. The caller has checked both.
    pub(super) const fn of_checked_parts(
        id: OpportunityId,
        venue: VenueId,
        version: Version,
        created_at: Timestamp,
        modified_at: Timestamp,
        details: Details,
    ) -> Self {
        Self { id, venue, version, created_at, modified_at, details }
    }

    /// An opportunity from its stored parts, which pass the same checks again.
    pub(crate) fn restore<'a>(
        system: SystemColumns,
        value: impl FnMut(Field) -> Result<Option<Value<'a>>, Damage>,
    ) -> Result<Self, Damage> {
        let SystemColumns { id, venue_id, version, created_at, modified_at } = system;
        let moment = |column, millis| {
            Timestamp::from_stored_millis(millis).ok_or_else(|| Damage::of(column))
        };
        let opportunity = Self {
            id: OpportunityId::new(id).map_err(|_| Damage::of("id"))?,
            venue: VenueId::new(venue_id).map_err(|_| Damage::of("venue_id"))?,
            version: Version::new(version).map_err(|_| Damage::of("version"))?,
            created_at: moment("created_at", created_at)?,
            modified_at: moment("modified_at", modified_at)?,
            details: Details::from_values(value)?,
        };
        if opportunity.modified_at < opportunity.created_at {
            return Err(Damage::of("modified_at"));
        }
        if opportunity.details.owner().is_none() {
            return Err(Damage::of(Field::CompanyId.column()));
        }
        Ok(opportunity)
    }
}

/// What the engine adds to a row, as it was stored; times in milliseconds since the epoch, UTC.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SystemColumns {
    pub(crate) id: i64,
    pub(crate) venue_id: i64,
    pub(crate) version: i64,
    pub(crate) created_at: i64,
    pub(crate) modified_at: i64,
}

macro_rules! define_accessors {
    (
        keys { $($keys:tt)* }
        details { $($Field:ident $member:ident $wire:literal $Type:ident $OnAdd:ident $Clearing:ident $doc:literal;)* }
    ) => {
        /// One accessor a field of the details.
        impl Opportunity {
            $(
                #[doc = $doc]
                #[must_use]
                pub const fn $member(&self) -> borrowed_member!($OnAdd $Type) {
                    self.details.$member()
                }
            )*
        }
    };
}
with_fields!(define_accessors);
