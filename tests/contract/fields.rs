//! Sections 1.1 and 1.2: the table of fields; absent, empty, given.

use opportunity_engine::{Field, Opportunity, Patch, Request, Value, ViolationKind};

use super::{LEAD, World, code, done, lead, messages, update, update_json, venue, violations};

/// The contract's own table: a field, two values for it in JSON, whether every add requires it, and
/// whether it may be cleared while the other owner remains.
const TABLE: [(Field, &str, &str, &str, bool, bool); 18] = [
    (Field::Name, "name", "'One'", "'Two'", true, false),
    (Field::TypeId, "typeId", "11", "12", true, false),
    (Field::StageId, "stageId", "11", "12", true, false),
    (Field::SourceId, "sourceId", "11", "12", true, false),
    (Field::CompanyId, "companyId", "11", "12", false, true),
    (Field::CompanyLeadContactId, "companyLeadContactId", "11", "12", false, true),
    (Field::ContactId, "contactId", "11", "12", false, true),
    (Field::QualityId, "qualityId", "11", "12", false, true),
    (Field::IndustryId, "industryId", "11", "12", false, true),
    (Field::ConfirmedQuoteId, "confirmedQuoteId", "11", "12", false, true),
    (Field::ConfirmedQuoteStatus, "confirmedQuoteStatus", "0", "12", false, true),
    (Field::CancelledQuoteId, "cancelledQuoteId", "11", "12", false, true),
    (Field::LostToCompetition, "lostToCompetition", "11", "12", false, true),
    (Field::ClosedDate, "closedDate", "'2017-05-05'", "'2017-05-06 10:00:00 UTC'", false, true),
    (Field::OwnerUserId, "ownerUserId", "11", "12", false, true),
    (Field::StageReasonId, "stageReasonId", "11", "12", false, true),
    (Field::ChannelId, "channelId", "'web'", "'phone'", false, true),
    (Field::Description, "description", "'One'", "'Two'", false, true),
];

/// Says of one field what the JSON value says, through the typed setters.
fn set(request: Request, field: Field, json: &str) -> Request {
    if json == "null" || json == "''" {
        return clear(request, field);
    }
    let text = json.trim_matches('\'');
    let number: i64 = json.parse().unwrap_or_default();
    match field {
        Field::Name => request.name(text),
        Field::TypeId => request.type_id(number),
        Field::StageId => request.stage_id(number),
        Field::SourceId => request.source_id(number),
        Field::CompanyId => request.company_id(number),
        Field::CompanyLeadContactId => request.company_lead_contact_id(number),
        Field::ContactId => request.contact_id(number),
        Field::QualityId => request.quality_id(number),
        Field::IndustryId => request.industry_id(number),
        Field::ConfirmedQuoteId => request.confirmed_quote_id(number),
        Field::ConfirmedQuoteStatus => request.confirmed_quote_status(number),
        Field::CancelledQuoteId => request.cancelled_quote_id(number),
        Field::LostToCompetition => request.lost_to_competition(number),
        Field::ClosedDate => request.closed_date(text),
        Field::OwnerUserId => request.owner_user_id(number),
        Field::StageReasonId => request.stage_reason_id(number),
        Field::ChannelId => request.channel_id(text),
        Field::Description => request.description(text),
        other => panic!("{other} is no detail"),
    }
}

fn clear(request: Request, field: Field) -> Request {
    match field {
        Field::Name => request.name(Patch::Clear),
        Field::TypeId => request.type_id(Patch::Clear),
        Field::StageId => request.stage_id(Patch::Clear),
        Field::SourceId => request.source_id(Patch::Clear),
        Field::CompanyId => request.company_id(Patch::Clear),
        Field::CompanyLeadContactId => request.company_lead_contact_id(Patch::Clear),
        Field::ContactId => request.contact_id(Patch::Clear),
        Field::QualityId => request.quality_id(Patch::Clear),
        Field::IndustryId => request.industry_id(Patch::Clear),
        Field::ConfirmedQuoteId => request.confirmed_quote_id(Patch::Clear),
        Field::ConfirmedQuoteStatus => request.confirmed_quote_status(Patch::Clear),
        Field::CancelledQuoteId => request.cancelled_quote_id(Patch::Clear),
        Field::LostToCompetition => request.lost_to_competition(Patch::Clear),
        Field::ClosedDate => request.closed_date(Patch::Clear),
        Field::OwnerUserId => request.owner_user_id(Patch::Clear),
        Field::StageReasonId => request.stage_reason_id(Patch::Clear),
        Field::ChannelId => request.channel_id(Patch::Clear),
        Field::Description => request.description(Patch::Clear),
        other => panic!("{other} is no detail"),
    }
}

/// The value of a field as JSON, single quotes for double ones.
fn shown(opportunity: &Opportunity, field: Field) -> String {
    match opportunity.value(field) {
        None => "null".to_owned(),
        Some(Value::Integer(integer)) => integer.to_string(),
        Some(Value::Text(text)) => format!("'{text}'"),
        Some(Value::Date(date)) => format!("'{date}'"),
        Some(other) => panic!("{other:?}"),
    }
}

/// An add that gives every field its first value, in JSON.
fn full_add(without: &[&str]) -> String {
    let members: Vec<_> = TABLE
        .iter()
        .filter(|(_, name, ..)| !without.contains(name))
        .map(|(_, name, value, ..)| format!("'{name}':{value}"))
        .collect();
    format!("{{'venueId':107,{}}}", members.join(","))
}

/// The same, typed.
fn full_request(without: &[&str]) -> Request {
    TABLE
        .iter()
        .filter(|(_, name, ..)| !without.contains(name))
        .fold(Request::add(venue(107)), |request, (field, _, value, ..)| {
            set(request, *field, value)
        })
}

#[test]
fn the_table_lists_every_field_in_this_order() {
    let names: Vec<_> = Field::DETAILS.iter().map(|field| field.wire_name()).collect();
    assert_eq!(names, TABLE.map(|(_, name, ..)| name));
    let all: Vec<_> = Field::ALL.iter().map(|field| field.wire_name()).collect();
    assert_eq!(all[..2], ["id", "venueId"]);
}

#[test]
fn every_field_that_an_add_gives_is_kept() {
    let world = World::new();
    assert_eq!(done(world.send(full_request(&[]), &full_add(&[]))), ("added", 1, 1));
    let stored = world.stored();
    for (field, _, value, ..) in TABLE {
        assert_eq!(shown(&stored, field), value, "{field}");
    }
}

#[test]
fn an_add_without_a_required_field_is_refused_for_that_alone() {
    for (field, name, _, _, required, _) in TABLE {
        let world = World::new();
        let answer = world.send(full_request(&[name]), &full_add(&[name]));
        // A company and its lead contact go together; the contact is not needed beside them.
        if required || name == "companyId" || name == "companyLeadContactId" {
            assert_eq!(violations(answer), [(Some(field), ViolationKind::Required)], "{name}");
        } else {
            assert_eq!(done(answer), ("added", 1, 1), "{name}");
            assert_eq!(shown(&world.stored(), field), "null");
        }
    }
}

#[test]
fn on_add_an_empty_field_is_not_provided() {
    for empty in ["null", "''"] {
        for (field, name, value, _, required, _) in TABLE {
            let json =
                full_add(&[]).replace(&format!("'{name}':{value}"), &format!("'{name}':{empty}"));
            let world = World::new();
            let answer = world.send(set(full_request(&[]), field, empty), &json);
            if required || name == "companyId" || name == "companyLeadContactId" {
                assert_eq!(violations(answer), [(Some(field), ViolationKind::Required)], "{json}");
            } else {
                assert_eq!(done(answer), ("added", 1, 1), "{json}");
            }
        }
    }
}

#[test]
fn on_update_every_field_is_optional_and_what_is_absent_stays() {
    for (changed, name, _, value, ..) in TABLE {
        let world = World::new();
        world.send(full_request(&[]), &full_add(&[])).unwrap();
        let answer =
            world.send(set(update(), changed, value), &update_json(&format!("'{name}':{value}")));
        assert_eq!(done(answer), ("updated", 1, 2), "{name}");
        let stored = world.stored();
        for (field, _, first, second, ..) in TABLE {
            let expected = if field == changed { second } else { first };
            assert_eq!(shown(&stored, field), expected, "{field} after an update of {changed}");
        }
    }
}

#[test]
fn on_update_an_empty_field_is_cleared_if_it_may_be() {
    for empty in ["null", "''"] {
        for (field, name, _, _, _, clearable) in TABLE {
            let world = World::new();
            world.send(full_request(&[]), &full_add(&[])).unwrap();
            let json = update_json(&format!("'{name}':{empty}"));
            let answer = world.send(set(update(), field, empty), &json);
            if clearable {
                assert_eq!(done(answer), ("updated", 1, 2), "{json}");
                assert_eq!(shown(&world.stored(), field), "null");
            } else {
                assert_eq!(
                    violations(answer),
                    [(Some(field), ViolationKind::NotClearable)],
                    "{json}"
                );
                assert_eq!(world.stored().version().get(), 1);
            }
        }
    }
}

#[test]
fn clearing_what_is_empty_changes_nothing() {
    let world = World::with_a_lead();
    let answer = world.send(update().quality_id(Patch::Clear), &update_json("'qualityId':null"));
    assert_eq!(done(answer), ("unchanged", 1, 1));
}

#[test]
fn an_id_that_is_null_or_empty_means_add() {
    let world = World::new();
    for (number, id) in (1..).zip(["null", "''"]) {
        let json = LEAD.replacen('{', &format!("{{'id':{id},"), 1);
        assert_eq!(done(world.post(&json)), ("added", number, 1));
    }
}

#[test]
fn an_id_means_update_whatever_else_is_there() {
    let world = World::new();
    let full = Request::update(venue(107), super::opportunity(7)).name("Lead").contact_id(918);
    let json = "{'id':7,'venueId':107,'name':'Lead','contactId':918}";
    assert_eq!(code(world.send(full, json)), 24_222);
}

#[test]
fn the_venue_is_required_on_add_and_on_update() {
    let world = World::with_a_lead();
    assert_eq!(
        messages(world.post(&LEAD.replace("'venueId':107,", ""))),
        ["'venueId' is required"]
    );
    assert_eq!(messages(world.post(&LEAD.replace("107", "null"))), ["'venueId' is required"]);
    assert_eq!(messages(world.post("{'id':1,'name':'x'}")), ["'venueId' is required"]);
    assert_eq!(messages(world.post("{'id':1,'venueId':'','name':'x'}")), ["'venueId' is required"]);
}

#[test]
fn an_opportunity_is_only_ever_found_within_its_venue() {
    let world = World::with_a_lead();
    let elsewhere = Request::update(venue(108), super::opportunity(1)).name("x");
    assert_eq!(code(world.send(elsewhere, "{'id':1,'venueId':108,'name':'x'}")), 24_222);
    assert!(world.json.get(venue(108), super::opportunity(1)).unwrap().is_none());
    assert_eq!(world.stored().version().get(), 1);
}

#[test]
fn fields_of_the_growing_call_are_unknown_today() {
    let world = World::new();
    for name in
        ["subtypeId", "campaignId", "referralId", "customFields", "name ", "Name", "belongsTo"]
    {
        let json = LEAD.replacen('{', &format!("{{'{name}':1,"), 1);
        assert_eq!(messages(world.post(&json)), [format!("'{name}' is not a known field")]);
    }
}

#[test]
fn there_is_no_stage_machine_and_no_link_between_stage_and_closing_date() {
    let world = World::with_a_lead();
    for stage in [1, 99, 2, 1] {
        let json = update_json(&format!("'stageId':{stage}"));
        assert_eq!(done(world.send(update().stage_id(stage), &json)).0, "updated");
    }
    let json = update_json("'closedDate':'9999-12-31'");
    assert_eq!(done(world.send(update().closed_date("9999-12-31"), &json)).0, "updated");
}

#[test]
fn there_is_no_longest_name() {
    let world = World::new();
    let name = "ü".repeat(200_000);
    let json = LEAD.replace("Lead By API", &name);
    assert_eq!(done(world.send(lead().name(name.as_str()), &json)).0, "added");
    assert_eq!(world.stored().name().as_str(), name);
}

#[test]
fn a_setter_that_is_called_again_replaces_what_it_said() {
    let world = World::new();
    let answer = world.send(lead().name("").name("a\0").name("Lead By API"), LEAD);
    assert_eq!(done(answer), ("added", 1, 1));
}
