//! What has changed between the look at a request's ids and the request's turn.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opportunity_engine::{
    Batch, BatchError, Conflict, Engine, Error, Field, Forecast, IdempotencyKey, ManualClock,
    Mentions, Options, Rejection, Reply, Request, Timestamp,
};

use super::support::{hold_write_lock, id, lead, venue};
use super::{Unknown, asking, catalog};

/// What the directory of a service says of stages.
#[derive(Debug, Clone, Copy)]
enum Says {
    Known,
    Unknown,
    Nothing,
}

/// Options of an engine whose directory says what it is told to.
fn told_by(says: &Arc<Mutex<Says>>) -> Options {
    let says = Arc::clone(says);
    Engine::options().references(move |_: &Mentions<'_>| -> Unknown {
        match *says.lock().unwrap() {
            Says::Known => Ok(Vec::new()),
            Says::Unknown => Ok(vec![Field::StageId]),
            Says::Nothing => Err("the directory is down".into()),
        }
    })
}

fn under(key: &str) -> Request {
    lead().idempotency_key(IdempotencyKey::new(key).unwrap())
}

/// Seen to fail for an engine that refuses, or fails, before it is known whether a request is a repeat.
#[test]
fn what_was_carried_out_under_a_key_is_answered_whatever_becomes_of_its_ids() {
    let says = Arc::new(Mutex::new(Says::Known));
    let engine = told_by(&says).in_memory().unwrap();
    let added = engine.add_or_update(under("a")).unwrap();
    for now in [Says::Unknown, Says::Nothing] {
        *says.lock().unwrap() = now;
        assert_eq!(engine.add_or_update(under("a")).unwrap(), added, "{now:?}");
        assert_eq!(engine.check(under("a")).unwrap(), Forecast::Repeated(added), "{now:?}");
        let refused = engine.add_or_update(under("b")).unwrap_err();
        assert_eq!(
            matches!(refused, Error::Rejected(_)),
            matches!(now, Says::Unknown),
            "{refused:?}"
        );
        assert_eq!(engine.check(under("b")).unwrap_err().to_string(), refused.to_string());
    }
    *says.lock().unwrap() = Says::Unknown;
    let batch = engine.add_or_update_all([under("a"), under("b")], Batch::AllOrNothing);
    let Err(BatchError::Refused(refused)) = batch else { panic!("{batch:?}") };
    assert_eq!(refused.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [1]);
    assert_eq!(engine.ids(venue(), None, 10).unwrap(), [added.id()]);
}

/// Seen to fail for an engine that lets by what was a repeat when its caller looked.
#[test]
fn a_key_that_expires_in_the_queue_lets_no_unknown_id_in() {
    for now in [Says::Unknown, Says::Nothing] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let says = Arc::new(Mutex::new(Says::Known));
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let options = told_by(&says).key_lifetime(Duration::from_secs(1)).clock(clock.source());
        let engine = patient(options, &path);
        let added = engine.add_or_update(under("a")).unwrap();
        *says.lock().unwrap() = now;
        let lock = hold_write_lock(&path);
        let (again, neighbour) =
            (engine.submit(under("a")).unwrap(), Request::update(venue(), added.id()));
        let neighbour = engine.submit(neighbour.name("a neighbour")).unwrap();
        clock.advance(Duration::from_secs(2));
        drop(lock);
        let error = again.wait().unwrap_err();
        assert_eq!(matches!(error, Error::Rejected(_)), matches!(now, Says::Unknown), "{error:?}");
        assert_eq!(neighbour.wait().unwrap().version().get(), 2);
        assert_eq!(engine.ids(venue(), None, 10).unwrap(), [added.id()]);
    }
}

/// Seen to fail for an engine that refuses a double as long as the first is on its way.
#[test]
fn a_double_of_what_is_queued_is_answered_like_it_although_its_ids_are_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let says = Arc::new(Mutex::new(Says::Known));
    let engine = patient(told_by(&says), &path);
    let lock = hold_write_lock(&path);
    let first = engine.submit(under("a")).unwrap();
    *says.lock().unwrap() = Says::Unknown;
    let double = engine.submit(under("a")).unwrap();
    drop(lock);
    assert_eq!(first.wait().unwrap(), double.wait().unwrap());
}

/// However long a lock is held.
fn patient(options: Options, path: &Path) -> Engine {
    options.busy_timeout(Duration::from_secs(60)).open(path).unwrap()
}

fn pair_conflict(field: Field) -> Rejection {
    Rejection::Conflict(Conflict::Pair { id: id(1), field })
}

/// The other one of a pair may be changed by somebody whose request is queued already. Seen to fail for an engine that
/// does not look again when it is the request's turn.
#[test]
fn what_is_changed_after_an_update_was_held_against_it_is_a_conflict() {
    let update = || Request::update(venue(), id(1));
    let lead_of =
        |company: i64, contact: i64| update().company_id(company).company_lead_contact_id(contact);
    for (before, queued, then, conflict) in [
        (update(), update().stage_id(70), update().stage_reason_id(4), Some(Field::StageId)),
        (update(), update().stage_reason_id(4), update().stage_id(70), Some(Field::StageReasonId)),
        (
            update(),
            update().stage_id(70).stage_reason_id(5),
            update().stage_id(69),
            Some(Field::StageId),
        ),
        (
            lead_of(11, 919),
            lead_of(12, 920),
            update().company_lead_contact_id(919),
            Some(Field::CompanyLeadContactId),
        ),
        // Whatever else was changed is no concern of the pair's.
        (update(), update().name("other").quality_id(1), update().stage_reason_id(4), None),
        (update(), update().stage_id(69), update().stage_reason_id(4), None),
        (update(), update().stage_id(70), update().stage_id(69).stage_reason_id(4), None),
        // What gives the stage that is there leaves the pair as it is.
        (update(), update().stage_reason_id(4), update().stage_id(69), None),
        (update(), update().stage_id(70), update().stage_id(69), Some(Field::StageId)),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let engine = patient(Engine::options().references(catalog()), &path);
        engine.add_or_update(lead()).unwrap();
        engine.add_or_update(before.name("before")).unwrap();
        let lock = hold_write_lock(&path);
        let (first, second) = [&queued, &then].map(|it| engine.submit(it.clone()).unwrap()).into();
        drop(lock);
        first.wait().unwrap();
        match (second.wait(), conflict) {
            (Ok(_), None) => {}
            (Err(Error::Rejected(rejection)), Some(field)) => {
                assert_eq!(rejection, pair_conflict(field), "{then:?}");
            }
            other => panic!("{other:?} for {then:?}"),
        }
    }
}

/// Seen to fail for an engine that relies on nothing where there is nothing yet.
#[test]
fn what_comes_after_an_update_was_looked_up_is_a_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = patient(Engine::options().references(catalog()), &path);
    let lock = hold_write_lock(&path);
    let added = engine.submit(lead()).unwrap();
    let update = Request::update(venue(), id(1)).stage_reason_id(5);
    let updated = engine.submit(update).unwrap();
    drop(lock);
    assert_eq!(added.wait().unwrap().id(), id(1));
    let Err(Error::Rejected(rejection)) = updated.wait() else { panic!() };
    assert_eq!(rejection, pair_conflict(Field::StageId));
}

/// Seen to fail for an engine that does not look again when it is the request's turn.
#[test]
fn within_a_batch_too_a_reason_belongs_to_its_stage() {
    let engine = asking(catalog());
    engine.add_or_update(lead()).unwrap();
    let update = || Request::update(venue(), id(1));
    let halves = [update().stage_id(70), update().stage_reason_id(4)];
    let refused = engine.add_or_update_all(halves.clone(), Batch::AllOrNothing).unwrap_err();
    let BatchError::Refused(refused) = refused else { panic!("{refused:?}") };
    assert_eq!(refused, [(1, pair_conflict(Field::StageId))]);
    let results = engine.add_or_update_all(halves, Batch::EachOnItsOwn).unwrap();
    let reply = Reply::from(results[1].clone());
    assert_eq!((results[0].is_ok(), reply.status()), (true, 409));
    // Together they are held against each other alone.
    let both = update().stage_id(69).stage_reason_id(4);
    engine.add_or_update_all([update().stage_id(70), both], Batch::AllOrNothing).unwrap();
    let stored = engine.get(venue(), id(1)).unwrap().unwrap();
    let (stage, reason) = (stored.stage_id().get(), stored.stage_reason_id().unwrap().get());
    assert_eq!((stage, reason), (69, 4));
}
