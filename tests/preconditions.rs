//! An update that names the version it expects.

mod support;

use std::thread;

use opportunity_engine::{
    Batch, BatchError, Code, Conflict, Engine, Error, OpportunityId, Outcome, Rejection, Reply,
    Request, Version, decide,
};
use support::{id, lead, venue};

fn version(number: i64) -> Version {
    Version::new(number).unwrap()
}

/// An engine with one opportunity, at version 3.
fn engine() -> Engine {
    let engine = Engine::in_memory().unwrap();
    engine.add_or_update(lead()).unwrap();
    for name in ["second", "third"] {
        engine.add_or_update(update().name(name)).unwrap();
    }
    engine
}

fn update() -> Request {
    Request::update(venue(), id(1))
}

fn conflict(id: OpportunityId, expected: i64, current: i64) -> Rejection {
    let (expected, current) = (version(expected), version(current));
    Rejection::Conflict(Conflict::Version { id, expected, current })
}

fn rejection(result: Result<Outcome, Error>) -> Rejection {
    match result {
        Err(Error::Rejected(rejection)) => rejection,
        other => panic!("{other:?}"),
    }
}

/// Seen to fail for a check that takes any version up to the current one.
#[test]
fn an_update_is_refused_unless_the_opportunity_has_the_expected_version() {
    let engine = engine();
    for expected in [1, 2, 4, i64::MAX] {
        let told =
            engine.add_or_update(update().name("fourth").expected_version(version(expected)));
        assert_eq!(rejection(told), conflict(id(1), expected, 3));
    }
    assert_eq!(engine.get(venue(), id(1)).unwrap().unwrap().name().as_str(), "third");
    let done = engine.add_or_update(update().name("fourth").expected_version(version(3))).unwrap();
    assert_eq!(done, Outcome::Updated { id: id(1), version: version(4) });
}

#[test]
fn an_update_that_would_change_nothing_conflicts_all_the_same() {
    let engine = engine();
    let same = |expected| update().name("third").expected_version(version(expected));
    assert_eq!(rejection(engine.add_or_update(same(2))), conflict(id(1), 2, 3));
    let unchanged = Outcome::Unchanged { id: id(1), version: version(3) };
    assert_eq!(engine.add_or_update(same(3)).unwrap(), unchanged);
}

/// What the request alone can tell comes first, then existence, then the version, then the merged result.
#[test]
fn a_conflict_has_its_place_in_the_order_of_checks() {
    let engine = engine();
    let wrong = version(9);
    let code = |request: Request| rejection(engine.add_or_update(request)).code();
    let nowhere = Request::update(venue(), id(7)).name("n").expected_version(wrong);
    assert_eq!(code(nowhere), Code::NotFound);
    assert_eq!(code(update().name("").expected_version(wrong)), Code::Invalid);
    let ownerless = || update().contact_id(opportunity_engine::Patch::Clear);
    assert_eq!(code(ownerless().expected_version(wrong)), Code::Conflict);
    assert_eq!(code(ownerless().expected_version(version(3))), Code::Invalid);
}

#[test]
fn an_add_cannot_expect_a_version() {
    let rejection = decide(lead().expected_version(Version::FIRST)).unwrap_err();
    assert_eq!(rejection.code(), Code::Invalid);
    let violations: Vec<_> = rejection.violations().iter().map(ToString::to_string).collect();
    assert_eq!(violations, ["the request must not expect a version of what it adds"]);
    let empty = Request::default().expected_version(Version::FIRST);
    assert_eq!(decide(empty).unwrap_err().code(), Code::Empty);
}

#[test]
fn on_the_wire_a_conflict_is_409_and_has_no_number() {
    let reply =
        Reply::from(engine().add_or_update(update().name("n").expected_version(version(2))));
    assert_eq!(reply.status(), 409);
    assert_eq!(
        String::from_utf8(reply.to_json()).unwrap(),
        r#"{"success":false,"id":null,"errorCode":409,"specificCode":null,"message":"opportunity 1 has version 3, not the expected 2","additionalMessages":[]}"#
    );
}

/// A request of a batch expects what earlier ones of the batch have left.
#[test]
fn in_batches_each_request_has_its_own_expectation() {
    let engine = engine();
    let step = |name: &str, expected| update().name(name).expected_version(version(expected));
    let told = engine
        .add_or_update_all([step("a", 3), step("b", 3), step("c", 4)], Batch::EachOnItsOwn)
        .unwrap();
    assert_eq!(told[0].as_ref().unwrap().version(), version(4));
    assert_eq!(rejection(told[1].clone()), conflict(id(1), 3, 4));
    assert_eq!(told[2].as_ref().unwrap().version(), version(5));

    let together = |second| [step("d", 5), step("e", second)];
    match engine.add_or_update_all(together(5), Batch::AllOrNothing) {
        Err(BatchError::Refused(refused)) => assert_eq!(refused, [(1, conflict(id(1), 5, 6))]),
        other => panic!("{other:?}"),
    }
    assert_eq!(engine.get(venue(), id(1)).unwrap().unwrap().version(), version(5));
    engine.add_or_update_all(together(6), Batch::AllOrNothing).unwrap();
    assert_eq!(engine.get(venue(), id(1)).unwrap().unwrap().version(), version(7));
}

/// Read, change, write, and again after a conflict: no change is lost. Seen to fail without the check.
#[test]
fn of_callers_that_read_and_write_none_undoes_what_another_did() {
    const CALLERS: usize = 8;
    const ROUNDS: usize = 25;
    let engine = engine();
    engine.add_or_update(update().description("")).unwrap();
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| (0..ROUNDS).for_each(|_| append(&engine)));
        }
    });
    let stored = engine.get(venue(), id(1)).unwrap().unwrap();
    assert_eq!(stored.description().unwrap().as_str().len(), CALLERS * ROUNDS);
}

fn append(engine: &Engine) {
    loop {
        let stored = engine.get(venue(), id(1)).unwrap().unwrap();
        let text = stored.description().map_or(String::new(), |text| text.as_str().to_owned());
        let update = update().description(text + "x").expected_version(stored.version());
        match engine.add_or_update(update) {
            Ok(_) => return,
            Err(error) => assert_eq!(rejection(Err(error)).code(), Code::Conflict),
        }
    }
}
