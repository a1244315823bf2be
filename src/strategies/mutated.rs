//! Requests that were changed in passing.

use proptest::collection::vec;
use proptest::prelude::*;

use super::edit::{given, with};
use super::values::{of_any, value_of};
use crate::Patch;
use crate::domain::{Field, Request, Value};

/// Requests with up to four of their details set, cleared or left out. The id and the venue stay.
///
/// Whether they still keep the rules is for [`decide`](crate::decide) and the engine to tell, or for a model of one's
/// own; but every value that is set is well formed, so what those that were valid can be refused for is a field that is
/// missing or may not be cleared.
///
/// ```
/// use opportunity_engine::{ViolationKind, decide, strategies};
/// use proptest::prelude::*;
///
/// let requests = strategies::mutated(strategies::valid_add());
/// proptest!(ProptestConfig::with_cases(16), |(request in requests)| {
///     if let Err(rejection) = decide(request) {
///         prop_assert!(rejection.violations().iter().all(|it| *it.kind() == ViolationKind::Required));
///     }
/// });
/// ```
pub fn mutated(requests: impl Strategy<Value = Request> + 'static) -> BoxedStrategy<Request> {
    let change = |request: Request, (field, patch)| with(&request, field, given(patch));
    (requests, vec(changes(), 0..=4))
        .prop_map(move |(request, changes)| changes.into_iter().fold(request, change))
        .boxed()
}

/// What a detail is to say instead.
fn changes() -> BoxedStrategy<(Field, Patch<Value<'static>>)> {
    of_any(Field::DETAILS, |field| {
        let set = value_of(field).prop_map(Patch::Set);
        prop_oneof![Just(Patch::Keep), Just(Patch::Clear), set].boxed()
    })
}
