//! Requests that break no rule.

use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::edit::{add_of, given, update_of};
use super::values::{value_of, venue_id};
use crate::domain::{Clearing, Field, OnAdd, Request, Value};
use crate::{OpportunityId, Patch, VenueId};

/// Adds that break no rule, to any of a few venues.
pub fn valid_add() -> BoxedStrategy<Request> {
    (venue_id(), added()).prop_map(|(venue, details)| add_of(venue, &details)).boxed()
}

/// Adds to a venue that break no rule: for a company, for a contact, or for both.
pub fn valid_add_to(venue: VenueId) -> BoxedStrategy<Request> {
    added().prop_map(move |details| add_of(venue, &details)).boxed()
}

/// Updates of an opportunity that break no rule that the request alone can tell: each field is
/// left, cleared if it may be, or set. Both owners are never cleared together.
///
/// Whether the opportunity exists, and whether an owner is left, is for the engine to tell.
pub fn valid_update(venue: VenueId, id: OpportunityId) -> BoxedStrategy<Request> {
    changes().prop_map(move |details| update_of(venue, id, &details)).boxed()
}

/// What an add may say of the details, without a venue.
pub(super) fn added() -> BoxedStrategy<Request> {
    let values: Vec<_> = Field::DETAILS.iter().map(|&field| (field, value_of(field))).collect();
    let with = |for_company: bool, density: f64| {
        let chance = |field: Field| match field.on_add() {
            Some(OnAdd::Required) => 1.0,
            Some(OnAdd::ForCompany) => f64::from(for_company),
            Some(OnAdd::ForContact) if !for_company => 1.0,
            _ => density,
        };
        let values = values.iter().cloned();
        values.map(|(field, value)| sometimes(chance(field), value)).collect::<Vec<_>>()
    };
    // The first is what others shrink to.
    prop_oneof![with(false, 0.2), with(true, 0.2), with(false, 0.9), with(true, 0.9)]
        .prop_map(|values| details(values.into_iter().map(|it| it.map_or(Patch::Keep, Patch::Set))))
        .boxed()
}

/// A value with this chance, which may be certain either way.
fn sometimes(
    chance: f64,
    value: BoxedStrategy<Value<'static>>,
) -> BoxedStrategy<Option<Value<'static>>> {
    match chance {
        ..=0.0 => Just(None).boxed(),
        1.0.. => value.prop_map(Some).boxed(),
        _ => option::weighted(chance, value).boxed(),
    }
}

/// What an update may say of the details, without an id and a venue.
pub(super) fn changes() -> BoxedStrategy<Request> {
    let patches = Field::DETAILS.iter().map(|&field| {
        let set = value_of(field).prop_map(Patch::Set);
        let keep = Just(Patch::Keep);
        match field.clearing() {
            Clearing::Always => prop_oneof![4 => keep, 1 => Just(Patch::Clear), 1 => set].boxed(),
            Clearing::Never | Clearing::WhileOwned => prop_oneof![5 => keep, 1 => set].boxed(),
        }
    });
    (patches.collect::<Vec<_>>(), option::weighted(0.1, select(owners())))
        .prop_map(|(patches, disowned)| {
            let patches = Field::DETAILS.iter().zip(patches);
            let clears = |field| disowned == Some(field);
            details(patches.map(|(&it, patch)| if clears(it) { Patch::Clear } else { patch }))
        })
        .boxed()
}

/// A request that says this of the details, in the order of the table, and nothing of the id and the venue.
fn details(patches: impl Iterator<Item = Patch<Value<'static>>>) -> Request {
    let mut request = Request::default();
    for (&field, patch) in Field::DETAILS.iter().zip(patches) {
        if let Some(given) = given(patch) {
            request.give(field, given);
        }
    }
    request
}

/// The fields of which one is left.
pub(super) fn owners() -> Vec<Field> {
    let is_owner = |field: &Field| field.clearing() == Clearing::WhileOwned;
    Field::DETAILS.iter().copied().filter(is_owner).collect()
}
