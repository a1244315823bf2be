//! Section 1.6: what the engine adds to a row; and the serialised forms.

use opportunity_engine::{Opportunity, Patch, Request};
use serde_json::json;

use super::{LEAD, World, done, lead, update, update_json};

#[test]
fn ids_are_assigned_from_one_and_a_refusal_takes_none() {
    let world = World::new();
    for expected in 1..=3 {
        world.post("{'venueId':107,'name':'no stage'}").unwrap_err();
        world.typed.add_or_update(Request::default()).unwrap_err();
        world.post("{'id':99,'venueId':107,'name':'x'}").unwrap_err();
        assert_eq!(done(world.send(lead(), LEAD)), ("added", expected, 1));
    }
}

#[test]
fn ids_are_shared_by_the_venues() {
    let world = World::new();
    assert_eq!(done(world.post(LEAD)).1, 1);
    assert_eq!(done(world.post(&LEAD.replace("107", "108"))).1, 2);
}

#[test]
fn versions_count_effective_updates() {
    let world = World::with_a_lead();
    for (version, name) in [(2, "a"), (3, "b"), (3, "b"), (4, "a")] {
        let answer = world.send(update().name(name), &update_json(&format!("'name':'{name}'")));
        assert_eq!(done(answer).2, version);
        assert_eq!(world.stored().version().get(), version);
    }
}

#[test]
fn times_come_from_the_clock_and_never_move_backwards() {
    let world = World::new();
    world.at(5_000).send(lead(), LEAD).unwrap();
    let times = |expected_created, expected_modified| {
        let stored = world.stored();
        assert_eq!(stored.created_at().as_millis(), expected_created);
        assert_eq!(stored.modified_at().as_millis(), expected_modified);
    };
    times(5_000, 5_000);
    world.at(7_000).send(update().name("a"), &update_json("'name':'a'")).unwrap();
    times(5_000, 7_000);
    world.at(6_000).send(update().name("b"), &update_json("'name':'b'")).unwrap();
    times(5_000, 7_000);
    world.at(i64::MIN).send(update().name("c"), &update_json("'name':'c'")).unwrap();
    times(5_000, 7_000);
    world.at(9_000).send(update().name("c"), &update_json("'name':'c'")).unwrap();
    times(5_000, 7_000);
    world.at(i64::MAX).send(update().name("d"), &update_json("'name':'d'")).unwrap();
    times(5_000, 253_402_300_799_999);
}

/// An opportunity and its serialised form.
fn example() -> (Opportunity, serde_json::Value) {
    let world = World::new();
    world
        .at(1_493_994_600_123)
        .post(
            "{'venueId':107,'name':'Lead By API','companyId':9,'companyLeadContactId':1009,'typeId':18,\
             'sourceId':25,'stageId':69,'confirmedQuoteStatus':0,'channelId':12,'closedDate':'2017-05-05 10:00:00'}",
        )
        .unwrap();
    let stored = world.json.get(super::venue(107), super::opportunity(1)).unwrap().unwrap();
    let json = json!({
        "id": 1, "venueId": 107, "name": "Lead By API", "typeId": 18, "stageId": 69, "sourceId": 25,
        "companyId": 9, "companyLeadContactId": 1009, "contactId": null, "qualityId": null,
        "industryId": null, "confirmedQuoteId": null, "confirmedQuoteStatus": 0, "cancelledQuoteId": null,
        "lostToCompetition": null, "closedDate": "2017-05-05 10:00:00 UTC", "ownerUserId": null,
        "stageReasonId": null, "channelId": "12", "description": null, "version": 1,
        "createdAt": "2017-05-05T14:30:00.123Z", "modifiedAt": "2017-05-05T14:30:00.123Z",
    });
    (stored, json)
}

#[test]
fn an_opportunity_serialises_with_the_wire_names_and_comes_back() {
    let (stored, json) = example();
    assert_eq!(serde_json::to_value(&stored).unwrap(), json);
    let text = serde_json::to_string(&stored).unwrap();
    assert!(
        text.starts_with(r#"{"id":1,"venueId":107,"name":"Lead By API","typeId":18,"stageId":69,"#)
    );
    assert_eq!(serde_json::from_str::<Opportunity>(&text).unwrap(), stored);
    assert_eq!(serde_json::from_value::<Opportunity>(json).unwrap(), stored);
}

#[test]
fn an_opportunity_that_breaks_a_rule_does_not_come_back() {
    let (_, json) = example();
    for (key, value, message) in [
        ("id", json!(0), "'id' must be an integer from 1 to 9223372036854775807"),
        ("id", json!(null), "'id' is required"),
        ("venueId", json!(null), "'venueId' is required"),
        ("version", json!(0), "'version' must be an integer from 1 to 9223372036854775807"),
        ("name", json!(" "), "'name' must hold something other than white space"),
        ("name", json!(null), "'name' is required"),
        ("companyId", json!(null), "'contactId' is required"),
        (
            "createdAt",
            json!("2017-05-05T14:30:00.124Z"),
            "'modifiedAt' must not be before 'createdAt'",
        ),
        (
            "createdAt",
            json!("yesterday"),
            "'createdAt' must be a time like 2017-05-05T14:30:00.123Z (RFC 3339), no finer than a millisecond, in the years \
             0001 to 9999",
        ),
        ("colour", json!("red"), "'colour' is not a known field"),
    ] {
        let mut broken = json.clone();
        broken[key] = value;
        let error = serde_json::from_value::<Opportunity>(broken).unwrap_err();
        assert_eq!(error.to_string(), message, "{key}");
    }
    for key in ["version", "createdAt", "modifiedAt"] {
        let mut broken = json.clone();
        broken.as_object_mut().unwrap().remove(key);
        let error = serde_json::from_value::<Opportunity>(broken).unwrap_err();
        assert_eq!(error.to_string(), format!("'{key}' is required"));
    }
}

#[test]
fn a_request_serialises_what_it_gives_and_comes_back() {
    let request =
        update().name("New").quality_id(Patch::Clear).closed_date("2017-05-05").channel_id(7_u64);
    let json = json!({
        "id": 1, "venueId": 107, "name": "New", "qualityId": null, "closedDate": "2017-05-05",
        "channelId": "7",
    });
    assert_eq!(serde_json::to_value(&request).unwrap(), json);
    assert_eq!(serde_json::from_value::<Request>(json).unwrap(), request);
}

#[test]
fn a_request_with_violations_has_no_serialised_form() {
    let error = serde_json::to_string(&update().quality_id(0)).unwrap_err();
    assert_eq!(error.to_string(), "a request that holds violations cannot be serialised");
}

#[test]
fn a_request_from_serde_keeps_its_violations_for_the_decision() {
    let request: Request = serde_json::from_value(json!({
        "venueId": 107, "name": 5, "typeId": 1.5, "stageId": [1], "sourceId": true, "contactId": -1, "x": {},
    }))
    .unwrap();
    let violations = opportunity_engine::decide(request).unwrap_err();
    let id = "must be an integer from 1 to 9223372036854775807";
    assert_eq!(
        violations.to_string(),
        format!(
            "the opportunity details are invalid: 'name' must be text; 'typeId' {id}; 'stageId' {id}; \
             'sourceId' {id}; 'contactId' {id}; 'x' is not a known field"
        )
    );
}
