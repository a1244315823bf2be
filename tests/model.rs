//! The engine against a plain map: random adds, updates, batches and reopenings.

use std::collections::BTreeMap;

use opportunity_engine::strategies::{mixed_request, valid_add_to};
use opportunity_engine::{
    Batch, BatchError, Durability, Engine, Error, ManualClock, OpportunityId, Outcome, Rejection,
    Request, Timestamp, VenueId,
};
use plain::{Model, Row, Told};
use proptest::prelude::*;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tempfile::TempDir;

#[path = "support/model.rs"]
mod plain;

#[derive(Debug, Clone)]
enum Step {
    One(Box<Request>),
    /// Several tickets at once.
    Submit(Vec<Request>),
    Each(Vec<Request>),
    All(Vec<Request>),
    Reopen,
    /// What the clock says from now on: it may go back.
    Clock(i64),
}

fn venue() -> impl Strategy<Value = VenueId> {
    (107..=108_i64).prop_map(|id| VenueId::new(id).unwrap())
}

/// Adds, updates of what exists and of what does not, and requests that are refused by themselves.
fn request(rows: i64) -> impl Strategy<Value = Request> {
    mixed_request((venue(), (1..=rows + 2).prop_map(|id| OpportunityId::new(id).unwrap())))
}

/// Requests of which few are refused, so that whole batches get through.
fn batch(rows: i64) -> impl Strategy<Value = Vec<Request>> {
    let add = venue().prop_flat_map(valid_add_to);
    prop_oneof![
        proptest::collection::vec(request(rows), 0..6),
        proptest::collection::vec(add, 0..6),
    ]
}

impl ReferenceStateMachine for Model {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        Just(Self::default()).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Step> {
        let rows = i64::try_from(state.rows.len()).unwrap();
        prop_oneof![
            8 => request(rows).prop_map(|request| Step::One(Box::new(request))),
            3 => batch(rows).prop_map(Step::Submit),
            3 => batch(rows).prop_map(Step::Each),
            4 => batch(rows).prop_map(Step::All),
            1 => Just(Step::Reopen),
            1 => (-5_000..5_000_i64).prop_map(Step::Clock),
        ]
        .boxed()
    }

    fn apply(mut state: Self, step: &Step) -> Self {
        match step {
            Step::One(request) => {
                state.apply(request).ok();
            }
            Step::Submit(requests) | Step::Each(requests) => {
                for request in requests {
                    state.apply(request).ok();
                }
            }
            Step::All(requests) => drop(state.apply_all(requests)),
            Step::Reopen | Step::Clock(_) => {}
        }
        state
    }
}

struct System {
    folder: TempDir,
    engine: Option<Engine>,
    clock: ManualClock,
    /// The model as the steps so far have left it, and when each opportunity was last changed.
    model: Model,
    modified_at: BTreeMap<i64, Timestamp>,
}

impl System {
    fn open(&mut self) {
        let engine = Engine::options()
            .durability(Durability::Off)
            .clock(self.clock.source())
            .open(self.folder.path().join("a.db"));
        self.engine = Some(engine.unwrap());
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    /// Every opportunity is as the model says, and there is no other.
    fn check(&mut self) {
        let last = i64::try_from(self.model.rows.len()).unwrap();
        for id in 1..=last + 1 {
            for venue in [107, 108] {
                let expected = self.model.rows.get(&id).filter(|row| row.venue == venue);
                let found = self
                    .engine()
                    .get(VenueId::new(venue).unwrap(), OpportunityId::new(id).unwrap())
                    .unwrap();
                let row = found.as_ref().map(Row::from);
                assert_eq!(row.as_ref(), expected, "opportunity {id} in venue {venue}");
                if let Some(found) = found {
                    assert_eq!(found.id().get(), id);
                    let before = self.modified_at.insert(id, found.modified_at());
                    assert!(
                        before.is_none_or(|before| before <= found.modified_at()),
                        "time went back"
                    );
                    assert!(found.created_at() <= found.modified_at());
                }
            }
        }
    }
}

fn told(result: Result<Outcome, Error>) -> Told {
    match result {
        Ok(outcome) => Ok((outcome.id().get(), outcome.version().get())),
        Err(Error::Rejected(rejection)) => Err(rejection.code().number().unwrap()),
        Err(failure) => panic!("{failure:?}"),
    }
}

fn codes(refused: &[(usize, Rejection)]) -> Vec<(usize, u16)> {
    refused.iter().map(|(index, why)| (*index, why.code().number().unwrap())).collect()
}

impl StateMachineTest for System {
    type SystemUnderTest = Self;
    type Reference = Model;

    fn init_test(_: &Model) -> Self {
        let mut system = Self {
            folder: tempfile::tempdir().unwrap(),
            engine: None,
            clock: ManualClock::new(Timestamp::from_millis(0)),
            model: Model::default(),
            modified_at: BTreeMap::new(),
        };
        system.open();
        system
    }

    fn apply(mut system: Self, reference: &Model, step: Step) -> Self {
        let mut model = std::mem::take(&mut system.model);
        match step {
            Step::One(request) => {
                assert_eq!(
                    told(system.engine().add_or_update((*request).clone())),
                    model.apply(&request)
                );
            }
            Step::Submit(requests) => {
                // A request that is refused by itself is refused at once.
                let submitted: Vec<_> = requests
                    .iter()
                    .map(|request| system.engine().submit(request.clone()))
                    .collect();
                for (request, ticket) in requests.iter().zip(submitted) {
                    let result = ticket.and_then(opportunity_engine::Ticket::wait);
                    assert_eq!(told(result), model.apply(request));
                }
            }
            Step::Each(requests) => {
                let expected: Vec<_> =
                    requests.iter().map(|request| model.apply(request)).collect();
                let results =
                    system.engine().add_or_update_all(requests, Batch::EachOnItsOwn).unwrap();
                assert_eq!(results.into_iter().map(told).collect::<Vec<_>>(), expected);
            }
            Step::All(requests) => {
                let expected = model.apply_all(&requests);
                match system.engine().add_or_update_all(requests, Batch::AllOrNothing) {
                    Ok(results) => {
                        let results: Vec<_> =
                            results.into_iter().map(|result| told(result).unwrap()).collect();
                        assert_eq!(Ok(results), expected);
                    }
                    Err(BatchError::Refused(refused)) => assert_eq!(Err(codes(&refused)), expected),
                    Err(failure) => panic!("{failure:?}"),
                }
            }
            Step::Reopen => {
                system.engine.take().unwrap().close().unwrap();
                system.open();
            }
            Step::Clock(millis) => system.clock.set(Timestamp::from_millis(millis)),
        }
        system.model = model;
        assert_eq!(system.model.rows, reference.rows);
        system.check();
        system
    }
}

prop_state_machine! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Seen to catch: an all-or-nothing batch whose requests do not see what earlier ones of it did.
    #[test]
    fn the_engine_does_what_a_plain_map_would(sequential 1..40 => System);
}
