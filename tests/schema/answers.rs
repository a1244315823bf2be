//! What the engine answers and holds has the forms that the schemas say.

use std::collections::BTreeSet;
use std::sync::LazyLock;
use std::time::Duration;

use jsonschema::Validator;
use opportunity_engine::strategies::{any_body, body_of, mixed_request, venue_id};
use opportunity_engine::{
    Batch, Engine, Error, IdempotencyKey, Mentions, Reply, Request, VenueId, Version, schema,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use super::bodies::one_change_each;
use super::support::{hold_write_lock, id, lead, runs, venue};

static REPLY: LazyLock<Validator> = LazyLock::new(|| validator(&schema::reply()));
static OPPORTUNITY: LazyLock<Validator> = LazyLock::new(|| validator(&schema::opportunity()));
static CHANGE: LazyLock<Validator> = LazyLock::new(|| validator(&schema::change()));

fn validator(schema: &Value) -> Validator {
    jsonschema::validator_for(schema).unwrap()
}

/// Fails for a reply that does not validate.
fn checked(reply: &Reply) -> Value {
    let json: Value = serde_json::from_slice(&reply.to_json()).unwrap();
    assert!(REPLY.is_valid(&json), "{json}");
    // Its status in the text is that of the reply.
    assert_eq!(
        json.get("errorCode").map_or(200, |code| code.as_u64().unwrap()),
        u64::from(reply.status())
    );
    json
}

/// Seen to fail for a reply schema with other codes, for an opportunity schema whose optional fields may
/// not be null, and for a change schema that wants old values not to be.
#[test]
fn whatever_is_answered_held_and_recorded_validates() {
    let engine = Engine::options().history(true).in_memory().unwrap();
    let mut random = TestRunner::deterministic();
    let known = mixed_request((venue_id(), (1..40_i64).prop_map(id)));
    let bodies = prop_oneof![3 => any_body(), 1 => known.prop_flat_map(|it| body_of(&it))];
    let bodies = (0..runs(1_000, 100_000)).map(|_| bodies.new_tree(&mut random).unwrap().current());
    let statuses = bodies.chain(one_change_each()).map(|body| {
        let reply = engine.add_or_update_json(&body);
        checked(&reply);
        reply.status()
    });
    assert_eq!(statuses.collect::<BTreeSet<_>>(), BTreeSet::from([200, 400, 404]));

    let mut held = 0;
    for venue in (1..=5).chain([107, 7]).map(|number| VenueId::new(number).unwrap()) {
        for id in engine.ids(venue, None, usize::MAX).unwrap() {
            let opportunity = engine.get(venue, id).unwrap().unwrap();
            let json = serde_json::to_value(&opportunity).unwrap();
            assert!(OPPORTUNITY.is_valid(&json), "{json}");
            held += 1;
        }
    }
    let changes = engine.changes(None, usize::MAX).unwrap();
    for change in &changes {
        let json = serde_json::to_value(change).unwrap();
        assert!(CHANGE.is_valid(&json), "{json}");
    }
    let updates = changes.len() - held;
    assert!(held > 300 && updates > 20, "{held} {updates}");
}

/// A reply of each status.
pub(crate) fn one_of_each_status() -> Vec<Reply> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let engine = Engine::options().busy_timeout(Duration::ZERO).open(&path).unwrap();
    let send = |request: Request| Reply::from(engine.add_or_update(request));
    let keyed = lead().idempotency_key(IdempotencyKey::new("5f2b2c7e").unwrap());
    let update = Request::update(venue(), id(1)).name("New");
    let mut replies = vec![
        send(keyed.clone()),
        send(keyed.name("Another")),
        send(update.clone().expected_version(Version::new(9).unwrap())),
        send(Request::update(venue(), id(9))),
        send(Request::default()),
        send(Request::add(venue())),
        send(update),
    ];
    replies
        .extend(engine.reply_to_all([Ok(lead()), Ok(Request::add(venue()))], Batch::AllOrNothing));
    let unreachable = Engine::options()
        .references(|_: &Mentions<'_>| Err("nobody there".into()))
        .in_memory()
        .unwrap();
    replies.push(Reply::from(unreachable.add_or_update(lead())));

    let lock = hold_write_lock(&path);
    replies.push(send(lead()));
    drop(lock);
    let other = engine.clone();
    other.close().unwrap();
    replies.push(send(lead()));
    replies
}

/// Seen to fail for a reply schema without status 424.
#[test]
fn refusals_conflicts_and_failures_of_the_store_validate() {
    let replies = one_of_each_status();
    replies.iter().for_each(|reply| drop(checked(reply)));
    assert!(replies.iter().any(|reply| matches!(reply.result(), Err(Error::Aborted(_)))));
}

/// The same object with each of its values in turn spoiled in each way, or missing; and with one more.
fn spoiled(object: &Value) -> Vec<Value> {
    let object = object.as_object().unwrap();
    let wrong = [json!(true), json!([]), json!({}), json!(""), json!(-1), json!(1.5), json!("x\0")];
    let mut all = Vec::new();
    for key in object.keys() {
        let mut without = object.clone();
        without.remove(key);
        all.push(without);
        all.extend(wrong.iter().map(|value| {
            let mut changed = object.clone();
            changed.insert(key.clone(), value.clone());
            changed
        }));
    }
    let mut more = object.clone();
    more.insert("subtypeId".to_owned(), json!(1));
    all.push(more);
    all.into_iter().map(Value::from).collect()
}

/// Seen to fail for an opportunity schema without its owners, for one that allows more keys, and for a change schema
/// that does not say how many values a field has.
#[test]
fn what_is_never_written_does_not_validate() {
    let engine = Engine::options().history(true).in_memory().unwrap();
    engine.add_or_update(lead().description("x").closed_date("2017-05-05")).unwrap();
    let opportunity = serde_json::to_value(engine.get(venue(), id(1)).unwrap()).unwrap();
    let change = serde_json::to_value(&engine.changes(None, 1).unwrap()[0]).unwrap();
    assert!(OPPORTUNITY.is_valid(&opportunity) && CHANGE.is_valid(&change));
    for json in spoiled(&opportunity) {
        assert!(!OPPORTUNITY.is_valid(&json), "{json}");
    }
    for json in spoiled(&change) {
        assert!(!CHANGE.is_valid(&json), "{json}");
    }
    let set = |base: &Value, path: &str, value: Value| {
        let mut changed = base.clone();
        *changed.pointer_mut(path).unwrap() = value;
        changed
    };
    for (path, value) in [
        ("/contactId", Value::Null),
        ("/name", Value::Null),
        ("/name", json!(" ")),
        ("/stageId", json!(0)),
        ("/closedDate", json!("2017-05-05 00:00:00 UTC")),
        ("/closedDate", json!("2017-05-05 14:30:00")),
        ("/createdAt", json!("2017-05-05T14:30:00Z")),
        ("/version", json!("1")),
    ] {
        assert!(!OPPORTUNITY.is_valid(&set(&opportunity, path, value)), "{path}");
    }
    for (path, value) in [
        ("/kind", json!("deleted")),
        ("/fields/name", json!([null])),
        ("/fields/name", json!([null, null])),
        ("/fields/name", json!([null, "a", "b"])),
        ("/fields/name", json!(["a", 1])),
        ("/fields/typeId", json!(["a", 1])),
    ] {
        assert!(!CHANGE.is_valid(&set(&change, path, value)), "{path}");
    }
}

/// Seen to fail for a schema of refusals with any `specificCode`, and for one that says nothing of messages.
#[test]
fn what_is_never_answered_does_not_validate() {
    let done = json!({ "success": true, "id": 1 });
    let invalid = json!({
        "success": false, "id": null, "errorCode": 400, "specificCode": 24224, "message": "x",
        "additionalMessages": ["x"],
    });
    assert!(REPLY.is_valid(&done) && REPLY.is_valid(&invalid));
    for (reply, key, value) in [
        (&done, "id", json!(0)),
        (&done, "id", Value::Null),
        (&done, "success", json!(false)),
        (&done, "errorCode", json!(200)),
        (&invalid, "success", json!(true)),
        (&invalid, "id", json!(1)),
        (&invalid, "errorCode", json!(404)),
        (&invalid, "errorCode", json!(418)),
        (&invalid, "specificCode", json!(24_221)),
        (&invalid, "specificCode", json!(24_222)),
        (&invalid, "specificCode", Value::Null),
        (&invalid, "message", Value::Null),
        (&invalid, "additionalMessages", json!([])),
        (&invalid, "additionalMessages", json!([1])),
        (&invalid, "additionalMessages", json!("x")),
        (&invalid, "more", json!(1)),
    ] {
        let mut changed = reply.clone();
        changed[key] = value;
        assert!(!REPLY.is_valid(&changed), "{changed}");
    }
}
