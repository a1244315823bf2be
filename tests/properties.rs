//! The laws, for requests of every kind.

use std::sync::LazyLock;

use opportunity_engine::strategies::{
    body_of, mutated, opportunity_id, valid_add, valid_add_to, valid_update, value_of, venue_id,
    without,
};
use opportunity_engine::{
    ClosedDate, Command, Decoder, Engine, Error, Field, OnAdd, Opportunity, Outcome, Patch,
    Request, VenueId, ViolationKind, decide,
};
use proptest::prelude::*;

/// One engine for all laws: none of them depends on what others have added.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::in_memory().unwrap());

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

fn add(request: Request) -> Opportunity {
    let venue = venue_of(&request);
    let outcome = ENGINE.add_or_update(request).unwrap();
    ENGINE.get(venue, outcome.id()).unwrap().unwrap()
}

fn venue_of(request: &Request) -> VenueId {
    match decide(request.clone()) {
        Ok(Command::Add { venue, .. } | Command::Update { venue, .. }) => venue,
        other => panic!("{other:?}"),
    }
}

fn get(opportunity: &Opportunity) -> Opportunity {
    ENGINE.get(opportunity.venue_id(), opportunity.id()).unwrap().unwrap()
}

/// What the opportunity would be asked to become in order to stay as it is.
fn values(opportunity: &Opportunity) -> Vec<(Field, Option<String>)> {
    let shown = |field| opportunity.value(field).map(|value| format!("{value:?}"));
    Field::DETAILS.iter().map(|&field| (field, shown(field))).collect()
}

/// A law about an opportunity that exists and an update of it.
fn add_and_update() -> impl Strategy<Value = (Opportunity, Request)> {
    valid_add().prop_map(add).prop_flat_map(|opportunity| {
        let update = valid_update(opportunity.venue_id(), opportunity.id());
        (Just(opportunity), update)
    })
}

proptest! {
    #![proptest_config(cases(256))]

    /// What was added is what is read.
    #[test]
    fn an_add_survives_the_store(request in valid_add()) {
        let stored = add(request.clone());
        prop_assert_eq!(stored.version().get(), 1);
        for &field in Field::DETAILS {
            prop_assert_eq!(request.patch(field).value(), stored.value(field), "{}", field);
        }
    }

    /// Merge patch: what is given is there, what is cleared is gone, what is absent is untouched.
    #[test]
    fn an_update_does_what_it_says_and_nothing_else((before, update) in add_and_update()) {
        match ENGINE.add_or_update(update.clone()) {
            Ok(outcome) => {
                let after = get(&before);
                for &field in Field::DETAILS {
                    let expected = match update.patch(field) {
                        Patch::Keep => before.value(field),
                        Patch::Clear => None,
                        Patch::Set(value) => Some(value),
                    };
                    prop_assert_eq!(after.value(field), expected, "{}", field);
                }
                let changed = values(&before) != values(&after);
                prop_assert_eq!(matches!(outcome, Outcome::Updated { .. }), changed);
                prop_assert_eq!(after.version().get(), before.version().get() + i64::from(changed));
            }
            Err(Error::Rejected(rejection)) => {
                prop_assert!(rejection.violations().iter().all(|it| *it.kind() == ViolationKind::LastOwner));
                prop_assert_eq!(get(&before), before);
            }
            Err(failure) => panic!("{failure:?}"),
        }
    }

    /// Merge patch is idempotent: the second time nothing changes.
    #[test]
    fn an_update_twice_is_the_update_once((before, update) in add_and_update()) {
        if let Ok(first) = ENGINE.add_or_update(update.clone()) {
            let after = get(&before);
            let second = ENGINE.add_or_update(update).unwrap();
            prop_assert_eq!(second, Outcome::Unchanged { id: first.id(), version: first.version() });
            prop_assert_eq!(get(&before), after);
        }
    }

    /// The last writer wins, field by field.
    #[test]
    fn the_last_update_wins(
        (before, first) in add_and_update(),
        field in proptest::sample::select(Field::DETAILS),
        seed in any::<proptest::sample::Index>(),
    ) {
        let last = add_of_one(&before, field, seed);
        drop(ENGINE.add_or_update(first));
        ENGINE.add_or_update(last.clone()).unwrap();
        let after = get(&before);
        prop_assert_eq!(after.value(field), last.patch(field).value());
    }

    /// A required field that is missing is that violation, always and only.
    #[test]
    fn a_missing_required_field_is_that_violation_alone(request in valid_add()) {
        for &field in Field::ALL {
            let owned_by_company = request.patch(Field::CompanyId) != Patch::Keep;
            let required = match field.on_add() {
                None => field == Field::VenueId,
                Some(OnAdd::Required) => true,
                Some(OnAdd::ForCompany) => owned_by_company,
                Some(OnAdd::ForContact) => !owned_by_company,
                _ => false,
            };
            let decision = decide(without(&request, field));
            if required {
                let rejection = decision.unwrap_err();
                let [violation] = rejection.violations() else { panic!("{rejection}") };
                prop_assert_eq!(violation.field(), Some(field));
                prop_assert_eq!(violation.kind(), &ViolationKind::Required);
            } else {
                prop_assert!(decision.is_ok(), "{}: {:?}", field, decision);
            }
        }
    }

    /// Both doors lead to the same decision, however the JSON is written.
    #[test]
    fn typed_and_json_agree(
        (request, body) in prop_oneof![
            valid_add(),
            mutated(valid_add()),
            (venue_id(), opportunity_id()).prop_flat_map(|(venue, id)| valid_update(venue, id)),
        ]
        .prop_flat_map(|request| (Just(request.clone()), body_of(&request))),
    ) {
        let decoded = Decoder::new().decode(&body);
        prop_assert_eq!(decoded.and_then(decide), decide(request), "{}", String::from_utf8_lossy(&body));
    }

    /// Requests and opportunities survive their serialised forms.
    #[test]
    fn serialised_forms_come_back((opportunity, update) in add_and_update()) {
        let json = serde_json::to_string(&opportunity).unwrap();
        prop_assert_eq!(serde_json::from_str::<Opportunity>(&json).unwrap(), opportunity);
        let json = serde_json::to_vec(&update).unwrap();
        prop_assert_eq!(&serde_json::from_slice::<Request>(&json).unwrap(), &update);
        prop_assert_eq!(&Decoder::new().decode(&json).unwrap(), &update);
        let value = serde_json::to_value(&update).unwrap();
        prop_assert_eq!(serde_json::from_value::<Request>(value).unwrap(), update);
    }

    /// A date prints what it reads.
    #[test]
    fn dates_come_back(date in value_of(Field::ClosedDate)) {
        let opportunity_engine::Value::Date(date) = date else { panic!("{date:?}") };
        let text = date.to_string();
        prop_assert_eq!(text.parse(), Ok(date));
        prop_assert_eq!(ClosedDate::from_seconds(date.as_seconds()), Ok(date));
        prop_assert_eq!(format!("{date} 00:00:00").parse::<ClosedDate>().is_ok(), text.len() == 10);
    }
}

/// An update that says of one field what another valid add of the same venue says of it.
fn add_of_one(before: &Opportunity, field: Field, seed: proptest::sample::Index) -> Request {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut tree = valid_add_to(before.venue_id()).new_tree(&mut runner).unwrap();
    for _ in 0..seed.index(20) {
        tree = valid_add_to(before.venue_id()).new_tree(&mut runner).unwrap();
    }
    let other = proptest::strategy::ValueTree::current(&tree);
    let rest = Field::DETAILS
        .iter()
        .filter(|it| **it != field)
        .fold(other, |other, it| without(&other, *it));
    let json = serde_json::to_value(&rest).unwrap();
    let mut json = json.as_object().unwrap().clone();
    json.insert("id".into(), before.id().get().into());
    json.entry(field.wire_name()).or_insert(match field {
        Field::CompanyId | Field::ContactId => 1.into(),
        _ => serde_json::Value::Null,
    });
    serde_json::from_value(json.into()).unwrap()
}
