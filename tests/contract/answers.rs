//! Section 1.5: answers.

use opportunity_engine::{Request, VenueId};

use super::{LEAD, World, code, done, messages, update, update_json};

#[test]
fn success_has_two_keys_and_no_error_code() {
    let world = World::new();
    assert_eq!(world.reply(LEAD), r#"{"success":true,"id":1}"#);
    assert_eq!(world.reply(&update_json("'name':'New'")), r#"{"success":true,"id":1}"#);
    assert_eq!(
        world.reply(&update_json("'name':'New'")),
        r#"{"success":true,"id":1}"#,
        "unchanged"
    );
}

#[test]
fn a_refusal_has_six_keys_in_this_order() {
    let world = World::new();
    assert_eq!(
        world.reply("{}"),
        r#"{"success":false,"id":null,"errorCode":400,"specificCode":24221,"message":"the request is empty","additionalMessages":[]}"#
    );
    assert_eq!(
        world.reply("{'id':755,'venueId':107}"),
        r#"{"success":false,"id":null,"errorCode":404,"specificCode":24222,"message":"opportunity 755 does not exist in venue 107","additionalMessages":[]}"#
    );
    assert_eq!(
        world.reply("{'venueId':107,'name':'x','typeId':1,'contactId':'\\n'}"),
        r#"{"success":false,"id":null,"errorCode":400,"specificCode":24224,"message":"the opportunity details are invalid","additionalMessages":["'stageId' is required","'sourceId' is required","'contactId' must be an integer from 1 to 9223372036854775807"]}"#
    );
}

#[test]
fn the_class_of_an_outcome_is_that_of_http() {
    let world = World::with_a_lead();
    for (json, status) in [
        (LEAD, 200),
        ("{'id':1,'venueId':107,'name':'New'}", 200),
        ("{'id':1,'venueId':107}", 200),
        ("", 400),
        ("{'id':99,'venueId':107}", 404),
        ("{'venueId':107}", 400),
        ("not json", 400),
    ] {
        let body = json.replace('\'', "\"");
        assert_eq!(world.json.add_or_update_json(body.as_bytes()).status(), status, "{json}");
    }
}

#[test]
fn a_request_is_empty_when_nothing_is_given() {
    let world = World::with_a_lead();
    for json in [
        "",
        " ",
        "\r\n\t ",
        "null",
        " null ",
        "{}",
        "{ }",
        "[]",
        " [ \n ] ",
        "{'id':null}",
        "{'id':''}",
        "{'name':null,'venueId':'','id':null}",
        "{'name':'','name':null}",
        "{'na\\u006de':'\\u0020'}",
    ] {
        let expected = if json.contains("0020") { 24_224 } else { 24_221 };
        assert_eq!(code(world.post(json)), expected, "{json:?}");
    }
    assert_eq!(code(super::plain(world.typed.add_or_update(Request::default()))), 24_221);
}

#[test]
fn a_typed_request_with_a_venue_alone_is_not_empty() {
    let world = World::new();
    let answer = world.send(Request::add(VenueId::new(107).unwrap()), "{'venueId':107}");
    assert_eq!(
        messages(answer),
        [
            "'name' is required",
            "'typeId' is required",
            "'stageId' is required",
            "'sourceId' is required",
            "'contactId' is required",
        ]
    );
}

#[test]
fn all_violations_are_reported_at_once_in_the_order_of_the_table() {
    let world = World::new();
    let id = "must be an integer from 1 to 9223372036854775807";
    let answer = world.post(
        "{'zebra':1,'description':5,'channelId':-1,'closedDate':'soon','typeId':'x','name':' ',\
         'companyId':0,'venueId':1.5,'confirmedQuoteStatus':-1,'qualityId':true,'qualityId':1}",
    );
    assert_eq!(
        messages(answer),
        [
            format!("'venueId' {id}"),
            "'name' must hold something other than white space".into(),
            format!("'typeId' {id}"),
            "'stageId' is required".into(),
            "'sourceId' is required".into(),
            format!("'companyId' {id}"),
            "'companyLeadContactId' is required".into(),
            format!("'qualityId' {id}"),
            "'qualityId' is given more than once".into(),
            "'confirmedQuoteStatus' must be an integer from 0 to 9223372036854775807".into(),
            "'closedDate' must be a date yyyy-mm-dd or a timestamp yyyy-mm-dd HH:mm:ss, optionally followed \
             by ' UTC', in the years 0001 to 9999"
                .into(),
            "'channelId' must be text, or an integer without a sign".into(),
            "'description' must be text".into(),
            "'zebra' is not a known field".into(),
        ]
    );
}

#[test]
fn an_update_reports_all_violations_too() {
    let world = World::new();
    let answer = world.post(
        "{'id':'x','name':null,'typeId':'','stageId':0,'companyId':null,'contactId':null,'sourceId':null}",
    );
    let id = "must be an integer from 1 to 9223372036854775807";
    assert_eq!(
        messages(answer),
        [
            format!("'id' {id}"),
            "'venueId' is required".into(),
            "'name' may not be cleared".into(),
            "'typeId' may not be cleared".into(),
            format!("'stageId' {id}"),
            "'sourceId' may not be cleared".into(),
            "'companyId' may be cleared only if 'contactId' remains".into(),
            "'contactId' may be cleared only if 'companyId' remains".into(),
        ]
    );
}

#[test]
fn what_the_request_alone_can_tell_comes_before_existence() {
    let world = World::new();
    assert_eq!(code(world.post("{'id':99,'venueId':107,'name':null}")), 24_224);
    assert_eq!(code(world.post("{'id':99,'venueId':107,'foo':1}")), 24_224);
    assert_eq!(code(world.post("{'id':99,'venueId':107,'name':'x'}")), 24_222);
}

#[test]
fn an_update_that_changes_nothing_succeeds_and_writes_nothing() {
    let world = World::with_a_lead();
    let before = world.stored();
    world.at(5_000);
    for (typed, members) in [
        (update(), ""),
        (update().name("Lead By API"), "'name':'Lead By API'"),
        (update().type_id(18).stage_id(69), "'typeId':'018','stageId':69"),
    ] {
        assert_eq!(
            done(world.send(typed, &update_json(members))),
            ("unchanged", 1, 1),
            "{members}"
        );
    }
    assert_eq!(world.stored(), before);
}

#[test]
fn the_published_examples_work() {
    let world = World::new();
    let add = "{'venueId':'107','name':'Lead By API','contactId':'918','typeId':'18','sourceId':'25',\
               'stageId':'69','industryId':'77','stageReasonId':'127','closedDate':'2017-05-05'}";
    assert_eq!(world.reply(add), r#"{"success":true,"id":1}"#);
    assert_eq!(
        world.reply("{'id':'1','venueId':'107','name':'Updated Name'}"),
        r#"{"success":true,"id":1}"#
    );
}
