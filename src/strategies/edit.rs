//! Requests, changed field by field.

use crate::domain::{Field, Given, OpportunityId, Patch, Request, Value, VenueId};

/// The same request without a field, and without what was wrong with that one. Whatever is wrong with the rest of it, a
/// key that is not known for instance, stays.
pub fn without(request: &Request, field: Field) -> Request {
    let mut rest = request.clone();
    rest.forget(field);
    rest
}

/// Says of some fields in one request what another says of them.
pub(super) fn copy(from: &Request, into: &mut Request, fields: &[Field]) {
    for &field in fields {
        if let Some(given) = given(from.patch(field)) {
            into.give(field, given);
        }
    }
}

/// The same request with this given for the field, or without it.
pub(super) fn with(request: &Request, field: Field, given: Option<Given<'static>>) -> Request {
    let mut changed = without(request, field);
    if let Some(given) = given {
        changed.give(field, given);
    }
    changed
}

/// An add to the venue that says of the details what another request says of them.
pub(super) fn add_of(venue: VenueId, details: &Request) -> Request {
    let mut request = Request::add(venue);
    copy(details, &mut request, Field::DETAILS);
    request
}

/// An update that says of the details what another request says of them.
pub(super) fn update_of(venue: VenueId, id: OpportunityId, details: &Request) -> Request {
    let mut request = Request::update(venue, id);
    copy(details, &mut request, Field::DETAILS);
    request
}

/// What a client gives who asks for this; nothing, to keep the field as it is.
pub(super) fn given(patch: Patch<Value<'_>>) -> Option<Given<'static>> {
    match patch {
        Patch::Keep => None,
        Patch::Clear => Some(Given::Null),
        Patch::Set(Value::Integer(integer)) => Some(Given::Number(integer.to_string().into())),
        Patch::Set(Value::Text(text)) => Some(Given::Text(text.into_owned().into())),
        Patch::Set(Value::Date(date)) => Some(Given::Text(date.to_string().into())),
    }
}
