//! References: who is asked, when and on which thread, and what a catalog knows.

#[path = "references/queued.rs"]
mod queued;
mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use opportunity_engine::strategies::{body_of, valid_add, valid_update};
use opportunity_engine::{
    Batch, BatchError, Catalog, Code, Engine, Error, Field, Mentions, Patch, References, Request,
    StoreErrorKind, Timestamp, TrySubmitError, Value, VenueId, ViolationKind,
};
use proptest::prelude::*;
use support::{id, lead, venue, within};

type Unknown = Result<Vec<Field>, Box<dyn std::error::Error + Send + Sync>>;

const CATALOG: &str = r#"{
    "107": {
        "types": [18], "stages": {"69": [4], "70": [5]}, "sources": [25], "qualities": [1],
        "industries": [30], "channels": ["web", "7"], "users": [12],
        "companies": {"11": [919], "12": [920]}, "contacts": [918]
    },
    "108": {"types": [19], "stages": {"71": [6]}}
}"#;

fn catalog() -> Catalog {
    Catalog::from_json(CATALOG.as_bytes()).unwrap()
}

fn asking(references: impl References + 'static) -> Engine {
    Engine::options().references(references).in_memory().unwrap()
}

fn messages(error: &Error) -> Vec<String> {
    let Error::Rejected(rejection) = error else { panic!("{error:?}") };
    assert_eq!(rejection.code(), Code::Invalid);
    rejection.violations().iter().map(ToString::to_string).collect()
}

/// What is wrong with a request, the same at both doors and in both kinds of batch.
#[track_caller]
fn refused(engine: &Engine, request: &Request) -> Vec<String> {
    let typed = messages(&engine.add_or_update(request.clone()).unwrap_err());

    let reply = engine.add_or_update_json(&serde_json::to_vec(request).unwrap());
    let json: serde_json::Value = serde_json::from_slice(&reply.to_json()).unwrap();
    assert_eq!((&json["errorCode"], &json["specificCode"]), (&400.into(), &24224.into()));
    assert_eq!(json["additionalMessages"], serde_json::json!(typed));

    let pair = || [lead(), request.clone()];
    let each = engine.add_or_update_all(pair(), Batch::EachOnItsOwn).unwrap();
    assert!(each[0].is_ok(), "{each:?}");
    assert_eq!(messages(each[1].as_ref().unwrap_err()), typed);
    let all = engine.add_or_update_all(pair(), Batch::AllOrNothing).unwrap_err();
    let BatchError::Refused(refused) = all else { panic!("{all:?}") };
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].0, messages(&refused[0].1.clone().into())), (1, typed.clone()));
    typed
}

/// What is unknown here is known in another list. Seen to fail for a source that is looked for among the
/// types too, and for a reason or a lead contact that may be any of the venue.
#[test]
fn each_kind_of_id_is_looked_up_in_its_venue() {
    let engine = asking(catalog());
    let known = lead()
        .company_id(11)
        .company_lead_contact_id(919)
        .quality_id(1)
        .industry_id(30)
        .owner_user_id(12)
        .stage_reason_id(4)
        .channel_id("web");
    engine.add_or_update(known.clone()).unwrap();
    for (request, message) in [
        (known.clone().type_id(25), "'typeId' 25 is unknown in venue 107"),
        (
            known.clone().stage_reason_id(Patch::Clear).stage_id(71),
            "'stageId' 71 is unknown in venue 107",
        ),
        (known.clone().source_id(18), "'sourceId' 18 is unknown in venue 107"),
        (known.clone().contact_id(12), "'contactId' 12 is unknown in venue 107"),
        (known.clone().quality_id(30), "'qualityId' 30 is unknown in venue 107"),
        (known.clone().industry_id(1), "'industryId' 1 is unknown in venue 107"),
        (known.clone().owner_user_id(11), "'ownerUserId' 11 is unknown in venue 107"),
        (known.clone().channel_id("radio"), "'channelId' 'radio' is unknown in venue 107"),
        (known.clone().channel_id(8_u64), "'channelId' '8' is unknown in venue 107"),
        (known.clone().company_id(919), "'companyId' 919 is unknown in venue 107"),
        (known.clone().stage_id(70), "'stageReasonId' 4 is unknown in venue 107 for its 'stageId'"),
        (
            known.clone().company_id(12),
            "'companyLeadContactId' 919 is unknown in venue 107 for its 'companyId'",
        ),
    ] {
        assert_eq!(refused(&engine, &request), [message]);
    }
    // Nobody's contact but a company's, a channel that is sent as a number, and what no catalog has.
    for request in [
        lead().contact_id(920),
        lead().channel_id(7_u64),
        lead().lost_to_competition(1).confirmed_quote_id(2).confirmed_quote_status(0),
    ] {
        engine.add_or_update(request).unwrap();
    }
}

#[test]
fn all_that_is_unknown_is_told_at_once_in_the_order_of_the_table() {
    let engine = asking(catalog());
    let request = Request::add(VenueId::new(109).unwrap())
        .description("x")
        .channel_id("web")
        .company_lead_contact_id(919)
        .company_id(11)
        .stage_id(69)
        .source_id(25)
        .type_id(18)
        .name("Lead");
    let error = engine.add_or_update(request).unwrap_err();
    assert_eq!(
        messages(&error),
        [
            "'typeId' 18 is unknown in venue 109",
            "'stageId' 69 is unknown in venue 109",
            "'sourceId' 25 is unknown in venue 109",
            "'companyId' 11 is unknown in venue 109",
            "'companyLeadContactId' 919 is unknown in venue 109",
            "'channelId' 'web' is unknown in venue 109",
        ]
    );
    let Error::Rejected(rejection) = error else { unreachable!() };
    let first = &rejection.violations()[0];
    assert_eq!(first.field(), Some(Field::TypeId));
    let kind = ViolationKind::UnknownReference {
        venue: VenueId::new(109).unwrap(),
        id: Value::Integer(18),
        within: None,
    };
    assert_eq!(first.kind(), &kind);
}

/// What is stored of the other one of the pair, which the update leaves as it is, counts.
///
/// Seen to fail for an update of which only what it gives itself is asked.
#[test]
fn an_update_of_one_of_a_pair_has_to_fit_to_the_other_that_is_there() {
    let engine = asking(catalog());
    let added = engine.add_or_update(lead().company_id(11).company_lead_contact_id(919)).unwrap();
    let update = || Request::update(venue(), added.id());
    let foreign_reason = "'stageReasonId' 5 is unknown in venue 107 for its 'stageId'";
    assert_eq!(refused(&engine, &update().stage_reason_id(5)), [foreign_reason]);
    engine.add_or_update(update().stage_reason_id(4)).unwrap();
    let reason_left = "'stageReasonId' 4 is unknown in venue 107 for its 'stageId'";
    assert_eq!(refused(&engine, &update().stage_id(70)), [reason_left]);
    engine.add_or_update(update().stage_id(70).stage_reason_id(5)).unwrap();
    engine.add_or_update(update().stage_reason_id(Patch::Clear).stage_id(69)).unwrap();
    // No reason is left that would have to fit.
    engine.add_or_update(update().stage_id(70)).unwrap();

    let foreign_lead = "'companyLeadContactId' 920 is unknown in venue 107 for its 'companyId'";
    assert_eq!(refused(&engine, &update().company_lead_contact_id(920)), [foreign_lead]);
    let lead_left = "'companyLeadContactId' 919 is unknown in venue 107 for its 'companyId'";
    assert_eq!(refused(&engine, &update().company_id(12)), [lead_left]);
    engine.add_or_update(update().company_id(12).company_lead_contact_id(920)).unwrap();
    // To clear one of them is no violation, and without the company any contact will do.
    engine.add_or_update(update().contact_id(918).company_id(Patch::Clear)).unwrap();
    engine.add_or_update(update().company_lead_contact_id(919)).unwrap();
    engine.add_or_update(update().company_lead_contact_id(Patch::Clear).company_id(12)).unwrap();
}

/// What the venues know changes, and what they do not know may have been imported. Seen to fail for a partner that is asked
/// about although nothing is changed beside it, and for one that is there, is not known and is held against the
/// request.
#[test]
fn what_an_update_leaves_as_it_is_is_not_held_against_it() {
    let source = Engine::in_memory().unwrap();
    source.add_or_update(lead().stage_reason_id(5)).unwrap();
    source.add_or_update(lead().stage_id(99).stage_reason_id(5)).unwrap();
    let mut lines = Vec::new();
    source.export(&mut lines).unwrap();
    let engine = asking(catalog());
    engine.import(&*lines).unwrap();
    let alien = || Request::update(venue(), id(1));
    engine.add_or_update(alien().stage_id(69).name("the same stage")).unwrap();
    engine.add_or_update(alien().stage_reason_id(5).name("the same reason")).unwrap();
    let unknown_stage = || Request::update(venue(), id(2));
    // Of a stage that is unknown itself it may be any reason.
    engine.add_or_update(unknown_stage().stage_reason_id(4)).unwrap();
    let message = "'stageReasonId' 6 is unknown in venue 107";
    assert_eq!(refused(&engine, &unknown_stage().stage_reason_id(6)), [message]);
}

#[test]
fn an_update_of_what_is_not_there_is_asked_about_by_itself() {
    let engine = asking(catalog());
    let nobodys = || Request::update(venue(), id(99));
    // What is unknown is told before it is looked for the opportunity.
    assert_eq!(refused(&engine, &nobodys().stage_id(71)), ["'stageId' 71 is unknown in venue 107"]);
    let Err(Error::Rejected(rejection)) = engine.add_or_update(nobodys().stage_reason_id(5)) else {
        panic!("it is there");
    };
    assert_eq!(rejection.code(), Code::NotFound);
}

#[test]
fn all_that_an_update_gives_is_asked_about() {
    let engine = asking(catalog());
    let added = engine.add_or_update(lead()).unwrap().id();
    let update = || Request::update(venue(), added);
    assert_eq!(
        refused(&engine, &update().stage_reason_id(6).company_lead_contact_id(921)),
        [
            "'companyLeadContactId' 921 is unknown in venue 107",
            "'stageReasonId' 6 is unknown in venue 107 for its 'stageId'",
        ]
    );
    assert_eq!(
        refused(&engine, &update().company_id(11).company_lead_contact_id(918)),
        ["'companyLeadContactId' 918 is unknown in venue 107 for its 'companyId'"]
    );
    // The stage itself is what is unknown here.
    assert_eq!(
        refused(&engine, &update().stage_id(71).stage_reason_id(4)),
        ["'stageId' 71 is unknown in venue 107"]
    );
}

/// Notes who asks.
#[derive(Default)]
struct Spy {
    asked: Mutex<Vec<(ThreadId, Vec<Field>)>>,
}

impl Spy {
    fn take(&self) -> Vec<(ThreadId, Vec<Field>)> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl References for Spy {
    fn unknown(&self, mentions: &Mentions<'_>) -> Unknown {
        let fields = mentions.iter().map(|(field, _)| field).collect();
        self.asked.lock().unwrap().push((thread::current().id(), fields));
        Ok(Vec::new())
    }
}

/// Seen to fail for references that are asked twice.
#[test]
fn they_are_asked_once_on_the_thread_of_the_caller_and_not_for_what_is_refused_already() {
    let spy = Arc::new(Spy::default());
    let engine = asking(Arc::clone(&spy));
    let here = thread::current().id();
    let mentioned = vec![Field::TypeId, Field::StageId, Field::SourceId, Field::ContactId];
    let once = vec![(here, mentioned.clone())];

    let added = engine.add_or_update(lead()).unwrap().id();
    assert_eq!(spy.take(), once);
    assert!(engine.add_or_update_json(&serde_json::to_vec(&lead()).unwrap()).result().is_ok());
    assert_eq!(spy.take(), once);
    engine.try_submit(lead()).unwrap().wait().unwrap();
    assert_eq!(spy.take(), once);
    for batch in [Batch::EachOnItsOwn, Batch::AllOrNothing] {
        engine.add_or_update_all([lead(), lead(), lead()], batch).unwrap();
        assert_eq!(spy.take(), vec![(here, mentioned.clone()); 3]);
    }

    // Beside a stage alone, the reason that is there.
    engine.add_or_update(Request::update(venue(), added).stage_reason_id(4)).unwrap();
    assert_eq!(spy.take(), vec![(here, vec![Field::StageId, Field::StageReasonId])]);
    engine.add_or_update(Request::update(venue(), added).stage_id(70)).unwrap();
    assert_eq!(spy.take(), vec![(here, vec![Field::StageId, Field::StageReasonId])]);

    let too_large = lead().description("x".repeat(2 << 20));
    let named =
        Request::update(venue(), added).name("Mentions nothing").stage_reason_id(Patch::Clear);
    engine.add_or_update(named).unwrap();
    for refused in [lead().name(""), lead().stage_id(0), Request::default(), too_large] {
        engine.add_or_update(refused.clone()).unwrap_err();
        let batch = engine.add_or_update_all([refused], Batch::EachOnItsOwn).unwrap();
        assert!(batch[0].is_err());
    }
    assert!(engine.add_or_update_json(b"{").result().is_err());
    assert_eq!(spy.take(), []);
}

#[test]
fn a_forecast_asks_them_too() {
    let spy = Arc::new(Spy::default());
    let engine = asking(Arc::clone(&spy));
    engine.check(lead()).unwrap();
    assert_eq!(spy.take().len(), 1);
    let error = asking(catalog()).check(lead().stage_id(71)).unwrap_err();
    assert_eq!(messages(&error), ["'stageId' 71 is unknown in venue 107"]);
    let error = asking(failing).check(lead().source_id(26)).unwrap_err();
    assert_eq!(error.status(), 503);
}

/// A field that is named twice, or that the request does not mention, makes no further violation.
#[test]
fn only_what_is_mentioned_is_refused_and_once() {
    let engine = asking(|_: &Mentions<'_>| -> Unknown {
        Ok(vec![Field::ChannelId, Field::SourceId, Field::Name, Field::StageId, Field::SourceId])
    });
    assert_eq!(
        messages(&engine.add_or_update(lead()).unwrap_err()),
        ["'stageId' 69 is unknown in venue 107", "'sourceId' 25 is unknown in venue 107"]
    );
}

/// Fails, or panics, for the source 26.
fn failing(mentions: &Mentions<'_>) -> Unknown {
    match mentions.id(Field::SourceId) {
        Some(Value::Integer(26)) => Err("the directory is down".into()),
        Some(Value::Integer(27)) => panic!("a bug of the directory's"),
        _ => Ok(Vec::new()),
    }
}

/// Seen to fail for answers of a batch that are not put back to their places, for a panic that is let
/// through, and for replies to an all-or-nothing batch that end with the request that could not be looked up.
#[test]
fn who_cannot_tell_aborts_its_own_request_alone() {
    let engine = asking(failing);
    for (source, kind, status) in
        [(26, StoreErrorKind::NoReferences, 503), (27, StoreErrorKind::Panicked, 500)]
    {
        let bad = || lead().source_id(source);
        let told = |error: &Error| {
            let Error::Aborted(failure) = error else { panic!("{error:?}") };
            assert_eq!((failure.kind(), error.status()), (kind, status));
            std::error::Error::source(failure).map(ToString::to_string)
        };
        let cause = (source == 26).then(|| "the directory is down".to_owned());
        assert_eq!(told(&engine.add_or_update(bad()).unwrap_err()), cause);
        let TrySubmitError::Failed(error) = engine.try_submit(bad()).unwrap_err() else { panic!() };
        assert_eq!(told(&error), cause);
        let reply = engine.add_or_update_json(&serde_json::to_vec(&bad()).unwrap());
        assert_eq!(told(reply.result().unwrap_err()), cause);

        let requests = [bad(), lead(), lead().name(""), bad(), bad(), lead(), bad()];
        let answers = engine.add_or_update_all(requests.clone(), Batch::EachOnItsOwn).unwrap();
        let is_as_expected = |(request, answer): (&Request, &Result<_, Error>)| match answer {
            Ok(_) => *request == lead(),
            Err(Error::Rejected(_)) => *request == lead().name(""),
            Err(error) => *request == bad() && told(error) == cause,
        };
        assert!(requests.iter().zip(&answers).all(is_as_expected), "{answers:?}");
        assert_eq!(answers.len(), requests.len());

        let last = engine.ids(venue(), None, usize::MAX).unwrap();
        match engine.add_or_update_all([lead(), bad()], Batch::AllOrNothing) {
            Err(BatchError::Aborted(failure)) => assert_eq!(failure.kind(), kind),
            other => panic!("{other:?}"),
        }
        let replies = engine.reply_to_all(requests.clone().map(Ok), Batch::AllOrNothing);
        assert_eq!(replies.len(), requests.len());
        for reply in replies {
            assert_eq!(told(reply.result().unwrap_err()), cause);
        }
        assert_eq!(engine.ids(venue(), None, usize::MAX).unwrap(), last);
    }
    engine.close().unwrap();
}

#[test]
fn who_takes_its_time_holds_up_its_caller_alone() {
    within(Duration::from_secs(60), || {
        let (waiting, is_waiting) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel::<()>();
        let may_go_on = Mutex::new(may_go_on);
        let engine = asking(move |mentions: &Mentions<'_>| -> Unknown {
            if mentions.id(Field::SourceId) == Some(Value::Integer(26)) {
                waiting.send(()).unwrap();
                may_go_on.lock().unwrap().recv().unwrap();
            }
            Ok(Vec::new())
        });
        thread::scope(|scope| {
            let slow = scope.spawn(|| engine.add_or_update(lead().source_id(26)));
            is_waiting.recv().unwrap();
            for _ in 0..10 {
                engine.add_or_update(lead()).unwrap();
            }
            go_on.send(()).unwrap();
            assert_eq!(slow.join().unwrap().unwrap().id(), id(11));
        });
    });
}

/// An iterator of requests that panics is the caller's own matter, and the engine works on.
#[test]
fn a_panic_beside_the_references_leaves_the_engine_at_work() {
    let engine = asking(catalog());
    let requests = [lead(), lead()].into_iter().inspect(|_| panic!("a bug of the caller's"));
    let batch = AssertUnwindSafe(|| engine.add_or_update_all(requests, Batch::EachOnItsOwn));
    assert!(catch_unwind(batch).is_err());
    engine.add_or_update(lead()).unwrap();
}

#[test]
fn a_catalog_that_is_none_tells_where() {
    for (json, message) in [
        ("", "line 1, column 0: EOF while parsing a value"),
        ("[]", "line 1, column 0: invalid type: sequence, expected an object whose keys are ids"),
        (
            "{\n  \"107\": {\"stagez\": {}}\n}",
            "line 2, column 18: unknown field `stagez`, expected one of `types`, `stages`, `sources`, \
             `qualities`, `industries`, `channels`, `users`, `companies`, `contacts`",
        ),
        (
            "{\n  \"107\": {\"types\": [18, 0]}\n}",
            "line 2, column 26: the value must be an integer from 1 to 9223372036854775807",
        ),
        (
            "{\n  \"0\": {}\n}",
            "line 2, column 5: the value must be an integer from 1 to 9223372036854775807",
        ),
        (
            "{\"107\": {\"channels\": [7]}}",
            "line 1, column 23: invalid type: integer `7`, expected a string",
        ),
        ("{\"107\": {\"channels\": [\"\"]}}", "line 1, column 25: the value must not be empty"),
        ("{\"107\": {}, \"107\": {}}", "line 1, column 22: an id is given more than once"),
        ("{\"107\": {\"stages\": {\"69\": [], \"069\": []}}}", "line 1, column 33: invalid number"),
        (
            "{\"107\": {\"stages\": {\"69\": [], \"69\": []}}}",
            "line 1, column 39: an id is given more than once",
        ),
        ("{\"107\": {\"types\": [], \"types\": []}}", "line 1, column 29: duplicate field `types`"),
        ("{} {}", "line 1, column 4: trailing characters"),
    ] {
        let error = Catalog::from_json(json.as_bytes()).unwrap_err();
        let expected = format!("the catalog is not valid at {message}; correct it there");
        assert_eq!(error.to_string(), expected, "{json}");
    }
    assert!(Catalog::from_json(b"{}").is_ok());
}

fn outcome_of(engine: &Engine, request: &Request) -> String {
    format!("{:?}", engine.add_or_update(request.clone()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// With references that know everything nothing changes.
    #[test]
    fn who_knows_everything_changes_nothing(
        requests in proptest::collection::vec(
            prop_oneof![
                3 => valid_add(),
                2 => (1..4_i64, 1..6_i64).prop_flat_map(|(at, of)| {
                    valid_update(VenueId::new(at).unwrap(), id(of))
                }),
            ],
            1..8,
        ),
        body in valid_add().prop_flat_map(|request| body_of(&request)),
    ) {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let clock = || Timestamp::from_millis(0);
        let with = Engine::options()
            .clock(clock)
            .references(move |_: &Mentions<'_>| -> Unknown { count.fetch_add(1, SeqCst); Ok(Vec::new()) })
            .in_memory()
            .unwrap();
        let without = Engine::options().clock(clock).in_memory().unwrap();
        for request in &requests {
            prop_assert_eq!(outcome_of(&with, request), outcome_of(&without, request));
        }
        prop_assert_eq!(
            with.add_or_update_json(&body).to_json(),
            without.add_or_update_json(&body).to_json()
        );
        prop_assert!(asked.load(SeqCst) > 0);
    }
}
