//! What the strategies for testers say of what they give is so, also of what it shrinks to.

mod support;

#[path = "support/model.rs"]
mod plain;

use std::collections::{BTreeMap, BTreeSet};

use opportunity_engine::strategies::{
    altered_body, any_body, body_of, empty_body, invalid_add, invalid_add_to, invalid_body,
    invalid_update, mixed_requests, mutated, mutated_body, not_json, opportunity_id, valid_add,
    valid_body, valid_requests, valid_update, venue_id, without,
};
use opportunity_engine::{
    Command, Decoder, Engine, Error, Field, OnAdd, OpportunityId, Outcome, Patch, Rejection,
    Request, Subject, VenueId, ViolationKind, decide,
};
use plain::{Model, Told};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{TestError, TestRunner};
use serde_json::value::RawValue;
use support::runs;

fn config(usual: usize, long: usize) -> ProptestConfig {
    let cases = u32::try_from(runs(usual, long)).unwrap();
    let max_local_rejects = u32::MAX;
    ProptestConfig { cases, max_local_rejects, failure_persistence: None, ..Default::default() }
}

/// An update of any opportunity, of this kind.
fn update_by<T: std::fmt::Debug + 'static>(
    kind: fn(VenueId, OpportunityId) -> BoxedStrategy<T>,
) -> impl Strategy<Value = T> {
    (venue_id(), opportunity_id()).prop_flat_map(move |(venue, id)| kind(venue, id))
}

fn decision(body: &[u8]) -> Result<Command, Rejection> {
    Decoder::new().decode(body).and_then(decide)
}

/// Whether every value of it is well formed: a request with one that is not has no serialised form.
fn is_well_formed(request: &Request) -> bool {
    serde_json::to_value(request).is_ok()
}

proptest! {
    #![proptest_config(config(256, 100_000))]

    /// Seen to fail for an add for a company without its lead contact, and for an update that may clear both owners.
    #[test]
    fn what_is_valid_is_accepted(
        add in valid_add(),
        update in update_by(valid_update),
        body in valid_body(),
    ) {
        let decisions = (decide(add), decide(update));
        let are_right = matches!(decisions, (Ok(Command::Add { .. }), Ok(Command::Update { .. })));
        prop_assert!(are_right, "{:?}", decisions);
        prop_assert!(decision(&body).is_ok(), "{}", String::from_utf8_lossy(&body));
    }

    /// Seen to fail for a lead contact that is malformed in an add for a contact, and for a number in the place of a
    /// text that is written as one.
    #[test]
    fn what_is_invalid_is_refused_with_exactly_what_is_said(
        requests in [invalid_add().boxed(), update_by(invalid_update).boxed()],
        (body, violations) in invalid_body(),
    ) {
        for (request, violations) in requests {
            prop_assert_eq!(decide(request), Err(Rejection::Invalid(violations)));
        }
        let decision = decision(&body);
        prop_assert_eq!(decision, Err(Rejection::Invalid(violations)), "{}", String::from_utf8_lossy(&body));
    }

    #[test]
    fn what_is_altered_is_an_object_still(body in altered_body()) {
        let text = std::str::from_utf8(&body).unwrap();
        prop_assert!(serde_json::from_str::<BTreeMap<String, &RawValue>>(text).is_ok(), "{}", text);
    }

    /// Seen to fail for mutations of the venue, and for values that are not well formed.
    #[test]
    fn what_is_mutated_is_well_formed_and_goes_where_it_went(
        add in mutated(valid_add()),
        update in update_by(valid_update).prop_flat_map(|it| (Just(it.clone()), mutated(Just(it)))),
    ) {
        let (before, after) = update;
        for field in [Field::Id, Field::VenueId] {
            prop_assert_eq!(before.patch(field), after.patch(field));
        }
        for request in [add, after] {
            prop_assert!(is_well_formed(&request));
            let Err(rejection) = decide(request) else { continue };
            for violation in rejection.violations() {
                prop_assert!(matches!(
                    violation.kind(),
                    ViolationKind::Required | ViolationKind::NotClearable | ViolationKind::LastOwner
                ));
            }
        }
    }

    /// Nothing is certain of these but that there is an answer.
    #[test]
    fn whatever_is_posted_is_decided(body in prop_oneof![mutated_body(), any_body()]) {
        drop(decision(&body));
    }
}

proptest! {
    // One in a thousand is cut off at an end.
    #![proptest_config(config(5_000, 1_000_000))]

    /// Seen to fail for a body that is cut off after its last byte, or before its first.
    #[test]
    fn what_is_empty_or_no_json_is_refused_as_such(empty in empty_body(), broken in not_json()) {
        prop_assert_eq!(decision(&empty), Err(Rejection::Empty), "{}", String::from_utf8_lossy(&empty));
        let rejection = decision(&broken).unwrap_err();
        let [violation] = rejection.violations() else { panic!("{rejection}") };
        prop_assert_eq!(violation.subject(), &Subject::Request);
        let is_of_json = matches!(violation.kind(), ViolationKind::MalformedJson { .. });
        prop_assert!(is_of_json, "{}: {}", rejection, String::from_utf8_lossy(&broken));
    }
}

proptest! {
    #![proptest_config(config(64, 10_000))]

    /// Seen to fail for an update that does not look at the owners that are left, and for one that names the opportunity
    /// after its own.
    #[test]
    fn valid_requests_are_carried_out_one_after_the_other(requests in valid_requests(12)) {
        prop_assert!((1..=12).contains(&requests.len()));
        prop_assert_eq!(first_refused(&requests), None);
    }

    /// Whether typed or as JSON, an engine does with them what a plain map does.
    #[test]
    fn what_is_mixed_leads_where_a_plain_map_says(
        sent in mixed_requests(12).prop_flat_map(|requests| {
            let bodies: Vec<_> = requests.iter().map(body_of).collect();
            (Just(requests), bodies)
        }),
    ) {
        let (requests, bodies) = sent;
        let (typed, json) = (Engine::in_memory().unwrap(), Engine::in_memory().unwrap());
        let mut model = Model::default();
        for (request, body) in requests.into_iter().zip(bodies) {
            prop_assert!(is_well_formed(&request));
            let expected = model.apply(&request);
            prop_assert_eq!(told(json.add_or_update_json(&body).result()), expected);
            prop_assert_eq!(told(typed.add_or_update(request).as_ref()), expected);
        }
    }
}

/// The place of the first of these requests that an empty engine refuses, if there is one.
fn first_refused(requests: &[Request]) -> Option<usize> {
    let engine = Engine::in_memory().unwrap();
    requests.iter().position(|request| engine.add_or_update(request.clone()).is_err())
}

fn told(result: Result<&Outcome, &Error>) -> Told {
    match result {
        Ok(outcome) => Ok((outcome.id().get(), outcome.version().get())),
        Err(Error::Rejected(rejection)) => Err(rejection.code().number().unwrap()),
        Err(failure) => panic!("{failure:?}"),
    }
}

/// What is wrong, without what only one value tells.
fn kind_of(kind: &ViolationKind) -> String {
    let shown = format!("{kind:?}");
    shown.split([' ', '{', '(']).next().unwrap().to_owned()
}

/// Every fault that there can be is drawn, in each field that can have it. Seen to fail for a strategy of updates that
/// never clears both owners, and for one of bodies that never gives a key twice.
#[test]
fn every_kind_of_fault_is_among_the_invalid_ones() {
    let mut found = BTreeSet::new();
    let mut random = TestRunner::deterministic();
    let mut note = |door: &'static str, violations: &opportunity_engine::Violations| {
        found.extend(violations.iter().map(|it| (door, kind_of(it.kind()), it.field())));
    };
    let (venue, id) = (support::venue(), support::id(7));
    let (adds, updates, bodies) =
        (invalid_add_to(venue), invalid_update(venue, id), invalid_body());
    for _ in 0..2_500 {
        note("add", &adds.new_tree(&mut random).unwrap().current().1);
        note("update", &updates.new_tree(&mut random).unwrap().current().1);
        note("body", &bodies.new_tree(&mut random).unwrap().current().1);
    }
    let mut expected = BTreeSet::new();
    let mut expect = |doors: &[&'static str], kind: &str, field: Option<Field>| {
        expected.extend(doors.iter().map(|door| (*door, kind.to_owned(), field)));
    };
    expect(&["add"], "ExpectsVersion", None);
    expect(&["body"], "UnknownKey", None);
    for &field in Field::ALL {
        expect(&["add", "update", "body"], "Malformed", Some(field));
        expect(&["body"], "Duplicate", Some(field));
        match field.on_add() {
            None if field == Field::Id => {}
            None => expect(&["add", "update", "body"], "Required", Some(field)),
            Some(OnAdd::Optional) => {}
            Some(OnAdd::Required) => {
                expect(&["add", "body"], "Required", Some(field));
                expect(&["update", "body"], "NotClearable", Some(field));
            }
            Some(_) => expect(&["add", "body"], "Required", Some(field)),
        }
    }
    for owner in [Field::CompanyId, Field::ContactId] {
        expect(&["update", "body"], "LastOwner", Some(owner));
    }
    assert_eq!(found, expected);
}

/// Of what is mixed, enough is accepted and enough is refused, for each reason. Seen to fail for ids as high as there are
/// requests: too few were those of something.
#[test]
fn what_is_mixed_is_refused_for_every_reason_and_mostly_accepted() {
    let mut random = TestRunner::deterministic();
    let mut counts = BTreeMap::<String, usize>::new();
    let lists = mixed_requests(24);
    for _ in 0..150 {
        let engine = Engine::in_memory().unwrap();
        for request in lists.new_tree(&mut random).unwrap().current() {
            let reason = match engine.add_or_update(request) {
                Ok(Outcome::Added { .. }) => "added".to_owned(),
                Ok(Outcome::Updated { .. }) => "updated".to_owned(),
                Ok(_) => "unchanged".to_owned(),
                Err(Error::Rejected(Rejection::Invalid(violations))) => {
                    kind_of(violations[0].kind())
                }
                Err(error) => format!("{:?}", code_of(&error)),
            };
            *counts.entry(reason).or_default() += 1;
        }
    }
    let expected =
        ["LastOwner", "NotClearable", "NotFound", "Required", "added", "unchanged", "updated"];
    assert!(counts.keys().eq(expected), "{counts:?}");
    assert!(counts.values().all(|&count| count >= 20), "{counts:?}");
}

fn code_of(error: &Error) -> opportunity_engine::Code {
    match error {
        Error::Rejected(rejection) => rejection.code(),
        failure => panic!("{failure:?}"),
    }
}

/// The least value that is drawn and meets a condition, as a test that fails would show it.
fn least<T: std::fmt::Debug + Clone>(
    strategy: impl Strategy<Value = T>,
    condition: impl Fn(&T) -> bool,
) -> T {
    let mut runner = TestRunner::new(ProptestConfig { cases: 10_000, ..config(0, 0) });
    let run = runner.run(&strategy, |value| {
        if condition(&value) { Err(TestCaseError::fail("found")) } else { Ok(()) }
    });
    match run {
        Err(TestError::Fail(_, least)) => least,
        other => panic!("{other:?}"),
    }
}

fn given(request: &Request) -> Vec<Field> {
    let is_given = |field: &&Field| request.patch(**field) != Patch::Keep;
    Field::ALL.iter().filter(is_given).copied().collect()
}

/// Seen to fail for bodies that are drawn once their request is (`prop_flat_map`), and for adds that shrink to those for
/// a company.
#[test]
fn what_fails_shrinks_to_the_few_requests_that_matter() {
    let required = [
        Field::VenueId,
        Field::Name,
        Field::TypeId,
        Field::StageId,
        Field::SourceId,
        Field::ContactId,
    ];
    let add = least(valid_add(), |_| true);
    assert_eq!(given(&add), required);

    let clears = |request: &Request| request.patch(Field::QualityId) == Patch::Clear;
    let requests = least(valid_requests(24), |requests| requests.iter().any(clears));
    assert_eq!(first_refused(&requests), None);
    let [add, update] = &requests[..] else { panic!("{requests:?}") };
    assert_eq!(given(add), required);
    assert_eq!(given(update), [Field::Id, Field::VenueId, Field::QualityId]);

    let (body, violations) = least(invalid_body(), |(_, violations)| {
        matches!(violations[0].kind(), ViolationKind::UnknownKey)
    });
    assert_eq!(decision(&body), Err(Rejection::Invalid(violations)));
    assert!(body.len() < 160, "{}", String::from_utf8_lossy(&body));
}

/// What is certain stays so on each way down: at each turn the smaller value is kept, or given up, at random.
#[test]
fn what_is_certain_is_so_of_whatever_it_shrinks_to() {
    let (lists, bodies) = (valid_requests(12), invalid_body());
    let mut random = TestRunner::deterministic();
    for seed in 0..runs(60, 5_000) as u64 {
        let mut coin = fastrand::Rng::with_seed(seed);
        let mut requests = lists.new_tree(&mut random).unwrap();
        let mut body = bodies.new_tree(&mut random).unwrap();
        for _ in 0..60 {
            if coin.bool() {
                requests.simplify()
            } else {
                requests.complicate()
            };
            if coin.bool() {
                body.simplify()
            } else {
                body.complicate()
            };
            let mut model = Model::default();
            let requests = requests.current();
            assert!(requests.iter().all(|it| model.apply(it).is_ok()), "seed {seed}");
            let (body, violations) = body.current();
            assert_eq!(decision(&body), Err(Rejection::Invalid(violations)), "seed {seed}");
        }
    }
}

/// A request without a field keeps the rest: its key and the version that it expects too.
#[test]
fn without_a_field_the_rest_is_as_it_was() {
    let key = opportunity_engine::IdempotencyKey::new("5f2b2c7e").unwrap();
    let version = opportunity_engine::Version::new(3).unwrap();
    let update = Request::update(support::venue(), support::id(7)).expected_version(version);
    let update = update.idempotency_key(key);
    assert_eq!(without(&update.clone().name("x").quality_id(3), Field::Name), update.quality_id(3));
}

/// Whatever is wrong with the other fields stays too, and of the field nothing does. Seen to fail for a copy of what is
/// well formed, and for a field that leaves its violations behind.
#[test]
fn without_a_field_the_rest_is_as_wrong_as_it_was() {
    for (value, times) in [("7", 1), ("null", 1), ("true", 1), ("7", 2), ("true", 2)] {
        let request = |fields: &[Field]| {
            let member =
                |field: &Field| format!(",\"{}\":{value}", field.wire_name()).repeat(times);
            let members: String = fields.iter().map(member).collect();
            Decoder::new().decode(format!("{{\"colour\":1{members}}}").as_bytes()).unwrap()
        };
        let all = request(Field::ALL);
        for field in Field::ALL {
            let others: Vec<_> = Field::ALL.iter().copied().filter(|it| it != field).collect();
            assert_eq!(without(&all, *field), request(&others), "{value} {times} {field:?}");
        }
    }
}
