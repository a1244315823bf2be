//! What can be wrong with one request: the change that makes it wrong, and the violations that this leads to.

use proptest::prelude::*;
use proptest::sample::select;

use super::edit::with;
use super::malformed::{Malformed, malformed_of};
use super::valid::owners;
use super::values::of_any;
use crate::domain::{Clearing, Field, Given, OnAdd, Patch, Request, Violation, ViolationKind};

/// One fault.
#[derive(Debug, Clone)]
pub(super) enum Fault {
    /// A value is not well formed.
    Malformed(Field, Malformed),
    /// A required field is left out, or empty.
    Missing { field: Field, is_empty: bool },
    /// A field that always has a value is cleared.
    Cleared(Field),
    /// Both owners are cleared.
    Ownerless,
}

/// A fault in a certain request.
#[derive(Debug, Clone)]
pub(super) struct Broken {
    /// What is given for these fields in place of what the request says; `None`: nothing.
    pub(super) edits: Vec<(Field, Option<Given<'static>>)>,
    pub(super) violations: Vec<Violation>,
}

impl Broken {
    pub(super) fn apply(&self, request: &Request) -> Request {
        let edit = |request: Request, (field, given): &(Field, Option<Given<'static>>)| {
            with(&request, *field, given.clone())
        };
        self.edits.iter().fold(request.clone(), edit)
    }
}

/// Faults of adds.
pub(super) fn of_adds() -> BoxedStrategy<Fault> {
    prop_oneof![missing(), malformed()].boxed()
}

/// Faults of updates.
pub(super) fn of_updates() -> BoxedStrategy<Fault> {
    let is_kept = |field: &Field| field.clearing() == Clearing::Never;
    let kept: Vec<_> = Field::DETAILS.iter().copied().filter(is_kept).collect();
    let unnamed =
        any::<bool>().prop_map(|is_empty| Fault::Missing { field: Field::VenueId, is_empty });
    prop_oneof![
        2 => unnamed,
        3 => select(kept).prop_map(Fault::Cleared),
        1 => Just(Fault::Ownerless),
        6 => malformed(),
    ]
    .boxed()
}

fn missing() -> impl Strategy<Value = Fault> {
    let may_be_required = |field: &Field| {
        *field == Field::VenueId || field.on_add().is_some_and(|rule| rule != OnAdd::Optional)
    };
    let fields: Vec<_> = Field::ALL.iter().copied().filter(may_be_required).collect();
    (select(fields), any::<bool>()).prop_map(|(field, is_empty)| Fault::Missing { field, is_empty })
}

fn malformed() -> impl Strategy<Value = Fault> {
    of_any(Field::ALL, malformed_of).prop_map(|(field, it)| Fault::Malformed(field, it))
}

impl Fault {
    /// The fault in a request that breaks no rule; `None` if it would be none there, or more than one.
    pub(super) fn in_request(&self, request: &Request) -> Option<Broken> {
        let one = |field, given, kind| Broken {
            edits: vec![(field, given)],
            violations: vec![Violation::of_field(field, kind)],
        };
        match self.clone() {
            Self::Malformed(field, _) if makes_it_another(request, field) => None,
            Self::Malformed(field, (given, why)) => {
                Some(one(field, Some(given), ViolationKind::Malformed(why)))
            }
            Self::Missing { field, .. } if !is_required(request, field) => None,
            Self::Missing { field, is_empty } => {
                Some(one(field, is_empty.then_some(Given::Null), ViolationKind::Required))
            }
            Self::Cleared(field) => {
                Some(one(field, Some(Given::Null), ViolationKind::NotClearable))
            }
            Self::Ownerless => Some(Broken {
                edits: owners().into_iter().map(|field| (field, Some(Given::Null))).collect(),
                violations: owners()
                    .into_iter()
                    .map(|field| Violation::of_field(field, ViolationKind::LastOwner))
                    .collect(),
            }),
        }
    }
}

fn is_set(request: &Request, field: Field) -> bool {
    matches!(request.patch(field), Patch::Set(_))
}

fn is_add(request: &Request) -> bool {
    !is_set(request, Field::Id)
}

/// Whether a value for the field, whatever it is, would give the add another kind of owner, which needs more.
fn makes_it_another(request: &Request, field: Field) -> bool {
    let names_company = field.on_add() == Some(OnAdd::ForCompany);
    is_add(request) && names_company && !is_set(request, Field::CompanyId)
}

fn is_required(request: &Request, field: Field) -> bool {
    match field.on_add() {
        None => field == Field::VenueId,
        _ if !is_add(request) => false,
        Some(OnAdd::Required) => true,
        Some(OnAdd::ForCompany) => is_set(request, Field::CompanyId),
        Some(OnAdd::ForContact) => !is_set(request, Field::CompanyId),
        Some(OnAdd::Optional) => false,
    }
}
