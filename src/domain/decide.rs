//! The rules that a request alone can break: add or update, what is required, what may be cleared.

use super::details::{Changes, Details};
use super::field::{Clearing, Field, OnAdd};
use super::field_set::FieldSet;
use super::id::{OpportunityId, VenueId, Version};
use super::patch::Patch;
use super::rejection::{Rejection, Violation, ViolationKind, Violations};
use super::request::Request;

/// What a request asks for, free of every violation that the request alone can tell.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Add an opportunity to the venue.
    #[non_exhaustive]
    Add {
        /// The venue that gets it.
        venue: VenueId,
        /// What describes it.
        details: Details,
    },
    /// Update an opportunity of the venue.
    #[non_exhaustive]
    Update {
        /// The venue in which it is looked for.
        venue: VenueId,
        /// The opportunity.
        id: OpportunityId,
        /// What changes.
        changes: Changes,
        /// The version that it must have, if one was named.
        expected_version: Option<Version>,
    },
}

impl Command {
    /// The venue that it is about.
    #[must_use]
    pub const fn venue(&self) -> VenueId {
        match self {
            Self::Add { venue, .. } | Self::Update { venue, .. } => *venue,
        }
    }
}

/// Decides what a request asks for: a pure function of the request.
///
/// If the id is missing the opportunity is added, otherwise it is updated: the rule of the published
/// call *addOrUpdateOpportunity*. [`Field`] has the table of what is required and what may be
/// cleared. Whether the opportunity exists, and whether the merged result is valid, only the
/// stored state can tell: see [`Opportunity::update`](crate::Opportunity::update).
///
/// # Errors
///
/// [`Rejection::Empty`] when nothing was given but empty fields, else [`Rejection::Invalid`] with
/// *every* violation.
///
/// ```
/// use opportunity_engine::{Code, Command, Request, VenueId, decide};
///
/// let venue = VenueId::new(107)?;
/// let lead = Request::add(venue).name("Lead By API").type_id(18).stage_id(69).contact_id(918);
///
/// let rejection = decide(lead.clone()).unwrap_err();
/// assert_eq!(rejection.code(), Code::Invalid);
/// assert_eq!(rejection.violations()[0].to_string(), "'sourceId' is required");
///
/// assert!(matches!(decide(lead.source_id(25)), Ok(Command::Add { .. })));
/// # Ok::<(), opportunity_engine::InvalidValue>(())
/// ```
pub fn decide(mut request: Request) -> Result<Command, Rejection> {
    let given = request.given();
    if given.is_empty() && !request.has_unknown_keys() {
        return Err(Rejection::Empty);
    }
    let mut violations = if given.contains(Field::Id) {
        broken_by_update(given, request.cleared())
    } else {
        broken_by_add(given)
    };
    if request.expected_version.is_some() && !given.contains(Field::Id) {
        violations.push(Violation::of_request(ViolationKind::ExpectsVersion));
    }
    if request.has_violations() {
        violations.append(&mut request.take_violations());
    }
    match Violations::new(violations) {
        Some(violations) => Err(Rejection::Invalid(violations)),
        None => command(request),
    }
}

/// The command of a request that breaks no rule; without a field that every command has, there is none.
fn command(request: Request) -> Result<Command, Rejection> {
    let missing = |field| {
        let violation = Violation::of_field(field, ViolationKind::Required);
        Rejection::Invalid(violation.into())
    };
    let venue = request.venue.value().ok_or_else(|| missing(Field::VenueId))?;
    match request.id.value() {
        Some(id) => Ok(Command::Update {
            venue,
            id,
            changes: request.draft.into_changes(),
            expected_version: request.expected_version,
        }),
        None => match request.draft.into_details() {
            Ok(details) => Ok(Command::Add { venue, details }),
            Err(field) => Err(missing(field)),
        },
    }
}

/// The same violation of each field.
fn each(fields: FieldSet, kind: ViolationKind) -> impl Iterator<Item = Violation> {
    fields.iter().map(move |field| Violation::of_field(field, kind.clone()))
}

/// An add belongs to a company if it gives the company or its lead contact, else to a contact
/// (the published call: "required when it belongs to a company", "… to a contact").
fn broken_by_add(given: FieldSet) -> Vec<Violation> {
    const REQUIRED: FieldSet = FieldSet::on_add(OnAdd::Required).with_if(true, Field::VenueId);
    const FOR_COMPANY: FieldSet = FieldSet::on_add(OnAdd::ForCompany);
    const FOR_CONTACT: FieldSet = FieldSet::on_add(OnAdd::ForContact);

    let for_owner = if (given & FOR_COMPANY).is_empty() { FOR_CONTACT } else { FOR_COMPANY };
    each((REQUIRED | for_owner) - given, ViolationKind::Required).collect()
}

/// An update names its venue, and clears only what may be cleared.
fn broken_by_update(given: FieldSet, cleared: FieldSet) -> Vec<Violation> {
    const REQUIRED: FieldSet = FieldSet::of(Field::VenueId);
    const NEVER_CLEARED: FieldSet = FieldSet::clearing(Clearing::Never);

    let missing = REQUIRED - given;
    let not_clearable = (NEVER_CLEARED & cleared) - missing;
    let owners = if (OWNERS - cleared).is_empty() { OWNERS } else { FieldSet::EMPTY };
    let mut violations: Vec<_> = each(missing, ViolationKind::Required).collect();
    violations.extend(each(not_clearable, ViolationKind::NotClearable));
    violations.extend(each(owners, ViolationKind::LastOwner));
    violations
}

/// The fields of which one is left.
pub(super) const OWNERS: FieldSet = FieldSet::clearing(Clearing::WhileOwned);

/// The violations of an update whose merged result has no owner: the owners that it clears.
pub(super) fn last_owner_cleared(changes: &Changes) -> Vec<Violation> {
    let cleared = OWNERS.iter().filter(|&field| changes.patch(field) == Patch::Clear);
    each(cleared.collect(), ViolationKind::LastOwner).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Given;

    #[test]
    fn an_empty_field_that_is_given_twice_is_still_not_provided() {
        let mut request = Request::default();
        request.give(Field::VenueId, Given::Number("1".into()));
        for field in [Field::Id, Field::TypeId] {
            request.give(field, Given::Null);
            request.give(field, Given::Text("".into()));
        }
        let rejection = decide(request).unwrap_err();
        let violations: Vec<_> = rejection.violations().iter().map(ToString::to_string).collect();
        assert_eq!(
            violations,
            [
                "'id' is given more than once",
                "'name' is required",
                "'typeId' is required",
                "'typeId' is given more than once",
                "'stageId' is required",
                "'sourceId' is required",
                "'contactId' is required",
            ]
        );
    }
}
