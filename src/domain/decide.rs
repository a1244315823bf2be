//! The rules that a request alone can break: add or update, what is required, what may be cleared.

use super::details::{Changes, Details};
use super::field::{Clearing, Field, OnAdd};
use super::id::{OpportunityId, VenueId};
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
    },
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
    if request.is_empty() {
        return Err(Rejection::Empty);
    }
    let mut violations =
        if request.gives(Field::Id) { broken_by_update(&request) } else { broken_by_add(&request) };
    violations.append(&mut request.take_violations());
    match Violations::new(violations) {
        Some(violations) => Err(Rejection::Invalid(violations)),
        None => command(request).map_err(|missing| Rejection::Invalid(required(missing).into())),
    }
}

/// The command of a request that breaks no rule; a field without which there is none is an `Err`.
fn command(request: Request) -> Result<Command, Field> {
    let venue = request.venue.value().ok_or(Field::VenueId)?;
    Ok(match request.id.value() {
        Some(id) => Command::Update { venue, id, changes: request.draft.into_changes() },
        None => Command::Add { venue, details: request.draft.into_details()? },
    })
}

fn required(field: Field) -> Violation {
    Violation::of_field(field, ViolationKind::Required)
}

/// An add belongs to a company if it gives the company or its lead contact, else to a contact
/// (the published call: "required when it belongs to a company", "… to a contact").
fn broken_by_add(request: &Request) -> Vec<Violation> {
    let for_company = Field::DETAILS
        .iter()
        .any(|&field| field.on_add() == Some(OnAdd::ForCompany) && request.gives(field));
    let is_required = |field: Field| match field.on_add() {
        None => field == Field::VenueId,
        Some(OnAdd::Required) => true,
        Some(OnAdd::ForCompany) => for_company,
        Some(OnAdd::ForContact) => !for_company,
        Some(OnAdd::Optional) => false,
    };
    let missing = |field: &Field| is_required(*field) && !request.gives(*field);
    Field::ALL.iter().copied().filter(missing).map(required).collect()
}

/// An update names its venue, and clears only what may be cleared.
fn broken_by_update(request: &Request) -> Vec<Violation> {
    let clears = |field: Field| request.state(field) == Patch::Clear;
    let clears_every_owner = Field::DETAILS
        .iter()
        .all(|&field| field.clearing() != Clearing::WhileOwned || clears(field));
    let broken = |&field: &Field| {
        let kind = match field.clearing() {
            _ if field == Field::VenueId && !request.gives(field) => ViolationKind::Required,
            Clearing::Never if clears(field) => ViolationKind::NotClearable,
            Clearing::WhileOwned if clears_every_owner => ViolationKind::LastOwner,
            Clearing::Never | Clearing::WhileOwned | Clearing::Always => return None,
        };
        Some(Violation::of_field(field, kind))
    };
    Field::ALL.iter().filter_map(broken).collect()
}

/// The violations of an update whose merged result has no owner: the owners that it clears.
pub(super) fn last_owner_cleared(changes: &Changes) -> Vec<Violation> {
    Field::DETAILS
        .iter()
        .filter(|field| field.clearing() == Clearing::WhileOwned)
        .filter(|field| changes.patch(**field) == Patch::Clear)
        .map(|&field| Violation::of_field(field, ViolationKind::LastOwner))
        .collect()
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
