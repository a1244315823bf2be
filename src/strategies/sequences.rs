//! Requests that are sent one after the other, and meet in the same opportunities.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::edit::{add_of, copy, update_of, with, without};
use super::mutated::mutated;
use super::valid::{added, changes, owners, valid_add};
use crate::domain::{Field, Given, Request};
use crate::{OpportunityId, Patch, VenueId};

/// One to `most` requests: adds to a few venues, and updates of what was added before. Sent one after the other to an
/// engine that is empty, each is carried out: it adds, updates, or changes nothing.
///
/// The updates name the ids that such an engine gives: 1, 2, 3 … in the order of the adds. However the list
/// shrinks, each update is one of something that is added before it.
///
/// ```
/// use opportunity_engine::{Engine, strategies};
/// use proptest::prelude::*;
///
/// proptest!(ProptestConfig::with_cases(16), |(requests in strategies::valid_requests(8))| {
///     let engine = Engine::in_memory().unwrap();
///     for request in requests {
///         prop_assert!(engine.add_or_update(request).is_ok());
///     }
/// });
/// ```
pub fn valid_requests(most: usize) -> BoxedStrategy<Vec<Request>> {
    (valid_add(), vec(step(), 0..most.max(1)))
        .prop_map(|(first, steps)| {
            let mut history = History::default();
            history.take(Step::Add(first));
            steps.into_iter().for_each(|step| history.take(step));
            history.requests
        })
        .boxed()
}

/// What is to be sent, before it is known what was added by then.
#[derive(Debug, Clone)]
enum Step {
    Add(Request),
    /// Changes of one of those that were added before.
    Update(Index, Request),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        2 => valid_add().prop_map(Step::Add),
        3 => (any::<Index>(), changes()).prop_map(|(of, changes)| Step::Update(of, changes)),
    ]
}

/// What was sent by now.
#[derive(Default)]
struct History {
    requests: Vec<Request>,
    added: Vec<Added>,
}

/// What is known of an opportunity.
struct Added {
    by: Request,
    /// The fields of its owners that have a value.
    owners: Vec<Field>,
}

impl History {
    fn take(&mut self, step: Step) {
        match step {
            Step::Add(request) => {
                let owners = owners_after(&[], &request);
                self.requests.push(request.clone());
                self.added.push(Added { by: request, owners });
            }
            Step::Update(of, changes) => self.update(of.index(self.added.len()), changes),
        }
    }

    fn update(&mut self, nth: usize, mut changes: Request) {
        let opportunity = &mut self.added[nth];
        if owners_after(&opportunity.owners, &changes).is_empty() {
            changes = owners().iter().fold(changes, |changes, owner| without(&changes, *owner));
        }
        opportunity.owners = owners_after(&opportunity.owners, &changes);
        let mut request = Request::default();
        request.give(Field::Id, Given::Number((nth + 1).to_string().into()));
        copy(&opportunity.by, &mut request, &[Field::VenueId]);
        copy(&changes, &mut request, Field::DETAILS);
        self.requests.push(request);
    }
}

/// The owners that have a value once the request was carried out.
fn owners_after(before: &[Field], request: &Request) -> Vec<Field> {
    let has_value = |field: &Field| match request.patch(*field) {
        Patch::Keep => before.contains(field),
        Patch::Clear => false,
        Patch::Set(_) => true,
    };
    owners().into_iter().filter(has_value).collect()
}

/// A request to one of these venues, an add or an update of the id that comes with it, which may be refused: because
/// there is no such opportunity, a required field is missing, a field that always has a value or the last owner is
/// cleared. Some ask for nothing.
///
/// Every value is well formed, so a model of one's own has to know the rules, but not the forms of values.
pub fn mixed_request(
    of: impl Strategy<Value = (VenueId, OpportunityId)> + 'static,
) -> BoxedStrategy<Request> {
    (of, mixed()).prop_map(|((venue, id), (way, details))| way.of(venue, id, &details)).boxed()
}

/// Up to `most` requests to two venues, about a few opportunities: they refer to what was added before, most of them, and
/// some are refused, as [`mixed_request`] says.
pub fn mixed_requests(most: usize) -> BoxedStrategy<Vec<Request>> {
    // A third of them are adds.
    let highest = i64::try_from(most / 4).unwrap_or(i64::MAX).max(1);
    let place = (1..=2_i64, 1..=highest).prop_filter_map("every one is an id", |(venue, id)| {
        Some((VenueId::new(venue).ok()?, OpportunityId::new(id).ok()?))
    });
    vec(mixed_request(place), 0..=most).boxed()
}

/// What is done with details.
#[derive(Debug, Clone, Copy)]
enum Way {
    Add,
    Update,
}

impl Way {
    fn of(self, venue: VenueId, id: OpportunityId, details: &Request) -> Request {
        match self {
            Self::Add => add_of(venue, details),
            Self::Update => update_of(venue, id, details),
        }
    }
}

/// What a mixed request says of the details.
fn mixed() -> BoxedStrategy<(Way, Request)> {
    let disown =
        owners().into_iter().map(|owner| with(&Request::default(), owner, Some(Given::Null)));
    let add = |details: Request| (Way::Add, details);
    let update = |details: Request| (Way::Update, details);
    prop_oneof![
        4 => added().prop_map(add),
        6 => changes().prop_map(update),
        2 => mutated(added()).prop_map(add),
        2 => mutated(changes()).prop_map(update),
        2 => select(disown.collect::<Vec<_>>()).prop_map(update),
        1 => Just(Request::default()).prop_map(update),
    ]
    .boxed()
}
