//! Batches: results in the order of the requests; all or nothing.

use opportunity_engine::{Batch, BatchError, Engine, Patch, Rejection, Request};

use super::{done, lead, opportunity, plain, venue};

fn engine() -> Engine {
    let engine = Engine::in_memory().unwrap();
    engine.add_or_update(lead()).unwrap();
    engine
}

fn update(id: i64) -> Request {
    Request::update(venue(107), opportunity(id))
}

fn refused(engine: &Engine, requests: Vec<Request>) -> Vec<(usize, u16)> {
    match engine.add_or_update_all(requests, Batch::AllOrNothing) {
        Err(BatchError::Refused(refused)) => {
            refused.iter().map(|(index, why)| (*index, why.code().number().unwrap())).collect()
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_on_its_own_answers_in_order_and_sees_what_came_before() {
    let engine = engine();
    let requests = [
        update(2).name("too early"),
        lead(),
        Request::add(venue(107)),
        update(2).name("New"),
        update(2).name("New"),
        update(2).contact_id(Patch::Clear),
        lead(),
    ];
    let answers: Vec<_> = engine
        .add_or_update_all(requests, Batch::EachOnItsOwn)
        .unwrap()
        .into_iter()
        .map(|answer| plain(answer).map_err(|rejection| rejection.code().number().unwrap()))
        .collect();
    let codes: Vec<_> = answers.iter().map(|answer| answer.as_ref().err().copied()).collect();
    assert_eq!(codes, [Some(24_222), None, Some(24_224), None, None, Some(24_224), None]);
    let outcomes: Vec<_> = answers.into_iter().flatten().map(|outcome| done(Ok(outcome))).collect();
    assert_eq!(
        outcomes,
        [("added", 2, 1), ("updated", 2, 2), ("unchanged", 2, 2), ("added", 3, 1)]
    );
}

#[test]
fn all_or_nothing_applies_all_in_order() {
    let engine = engine();
    let requests = [lead(), update(2).name("a"), update(2).name("b"), update(1), lead()];
    let outcomes: Vec<_> = engine
        .add_or_update_all(requests, Batch::AllOrNothing)
        .unwrap()
        .into_iter()
        .map(|answer| done(plain(answer)))
        .collect();
    assert_eq!(
        outcomes,
        [
            ("added", 2, 1),
            ("updated", 2, 2),
            ("updated", 2, 3),
            ("unchanged", 1, 1),
            ("added", 3, 1)
        ]
    );
    let stored = engine.get(venue(107), opportunity(2)).unwrap().unwrap();
    assert_eq!((stored.name().as_str(), stored.version().get()), ("b", 3));
}

#[test]
fn one_refusal_changes_nothing_and_every_refusal_is_told() {
    let engine = engine();
    let before = engine.get(venue(107), opportunity(1)).unwrap();
    let by_itself = || Request::add(venue(107)).name("no stage");
    let by_state = || update(99).name("nobody");
    assert_eq!(refused(&engine, vec![lead(), update(1).name("x"), by_itself()]), [(2, 24_224)]);
    assert_eq!(refused(&engine, vec![by_state(), lead(), update(1).name("x")]), [(0, 24_222)]);
    assert_eq!(
        refused(&engine, vec![by_itself(), by_state(), lead(), by_itself(), by_state()]),
        [(0, 24_224), (1, 24_222), (3, 24_224), (4, 24_222)]
    );
    assert_eq!(
        refused(
            &engine,
            vec![
                update(1).company_id(9),
                update(1).contact_id(Patch::Clear),
                update(1).company_id(Patch::Clear)
            ]
        ),
        [(2, 24_224)],
        "the last owner is judged after the requests before it"
    );
    assert_eq!(engine.get(venue(107), opportunity(1)).unwrap(), before);
    assert!(engine.get(venue(107), opportunity(2)).unwrap().is_none());
    assert_eq!(engine.add_or_update(lead()).unwrap().id(), opportunity(2), "no id was used up");
}

#[test]
fn a_venue_is_respected_within_a_batch() {
    let engine = engine();
    let elsewhere = Request::update(venue(108), opportunity(2)).name("x");
    assert_eq!(refused(&engine, vec![lead(), elsewhere]), [(1, 24_222)]);
}

#[test]
fn an_empty_batch_is_fine() {
    let engine = engine();
    for batch in [Batch::EachOnItsOwn, Batch::AllOrNothing] {
        assert!(engine.add_or_update_all([], batch).unwrap().is_empty());
        assert!(engine.reply_to_all([], batch).is_empty());
    }
}

#[test]
fn a_large_batch_keeps_its_order() {
    let engine = Engine::in_memory().unwrap();
    for (round, batch) in [Batch::EachOnItsOwn, Batch::AllOrNothing].into_iter().enumerate() {
        let answers = engine.add_or_update_all((0..5_000).map(|_| lead()), batch).unwrap();
        let first = 1 + 5_000 * round as i64;
        for (expected, answer) in (first..).zip(answers) {
            assert_eq!(answer.unwrap().id(), opportunity(expected));
        }
    }
}

#[test]
fn replies_to_a_batch_are_in_the_order_of_its_requests() {
    let engine = engine();
    let decode = |body: &[u8]| engine.decode(body);
    let bodies = || {
        [
            decode(b"{\"id\":1,\"venueId\":107,\"name\":\"New\"}"),
            decode(b"not json"),
            decode(b"{\"id\":9,\"venueId\":107}"),
            Err(Rejection::Empty),
        ]
    };
    let statuses = |batch| -> Vec<_> {
        engine.reply_to_all(bodies(), batch).iter().map(opportunity_engine::Reply::status).collect()
    };
    assert_eq!(statuses(Batch::AllOrNothing), [424, 400, 404, 400]);
    let unchanged = engine.get(venue(107), opportunity(1)).unwrap().unwrap();
    assert_eq!(unchanged.version().get(), 1);
    assert_eq!(statuses(Batch::EachOnItsOwn), [200, 400, 404, 400]);
}
