//! Section 1.3: whom an opportunity belongs to.

use opportunity_engine::{BelongsTo, CompanyId, ContactId, Field, Patch, Request, ViolationKind};

use super::{Answer, World, code, done, messages, update, update_json, venue, violations};

/// An add with these owners, through both doors. 0 is not well formed.
fn add(
    world: &World,
    company: Option<i64>,
    lead_contact: Option<i64>,
    contact: Option<i64>,
) -> Answer {
    let mut typed = Request::add(venue(107)).name("n").type_id(1).stage_id(1).source_id(1);
    let mut json = "{'venueId':107,'name':'n','typeId':1,'stageId':1,'sourceId':1".to_owned();
    if let Some(id) = company {
        typed = typed.company_id(id);
        json += &format!(",'companyId':{id}");
    }
    if let Some(id) = lead_contact {
        typed = typed.company_lead_contact_id(id);
        json += &format!(",'companyLeadContactId':{id}");
    }
    if let Some(id) = contact {
        typed = typed.contact_id(id);
        json += &format!(",'contactId':{id}");
    }
    world.send(typed, &(json + "}"))
}

fn company(id: i64) -> BelongsTo {
    BelongsTo::Company(CompanyId::new(id).unwrap())
}

fn contact(id: i64) -> BelongsTo {
    BelongsTo::Contact(ContactId::new(id).unwrap())
}

const REQUIRED: ViolationKind = ViolationKind::Required;

#[test]
fn a_company_and_its_lead_contact_own_it() {
    let world = World::new();
    assert_eq!(done(add(&world, Some(9), Some(1009), None)), ("added", 1, 1));
    assert_eq!(world.stored().belongs_to(), company(9));
}

#[test]
fn a_contact_owns_it_when_there_is_no_company() {
    let world = World::new();
    assert_eq!(done(add(&world, None, None, Some(918))), ("added", 1, 1));
    assert_eq!(world.stored().belongs_to(), contact(918));
}

#[test]
fn with_company_lead_contact_and_contact_the_company_owns_it_and_the_contact_is_kept() {
    let world = World::new();
    assert_eq!(done(add(&world, Some(9), Some(1009), Some(918))), ("added", 1, 1));
    let stored = world.stored();
    assert_eq!(stored.belongs_to(), company(9));
    assert_eq!(stored.contact_id().map(|id| id.get()), Some(918));
    assert_eq!(stored.company_lead_contact_id().map(|id| id.get()), Some(1009));
}

#[test]
fn a_company_needs_a_lead_contact_even_beside_a_contact() {
    let world = World::new();
    let lead_contact = [(Some(Field::CompanyLeadContactId), REQUIRED)];
    assert_eq!(violations(add(&world, Some(9), None, None)), lead_contact);
    assert_eq!(violations(add(&world, Some(9), None, Some(918))), lead_contact);
}

#[test]
fn a_lead_contact_needs_a_company_even_beside_a_contact() {
    let world = World::new();
    assert_eq!(
        violations(add(&world, None, Some(1009), None)),
        [(Some(Field::CompanyId), REQUIRED)]
    );
    assert_eq!(
        violations(add(&world, None, Some(1009), Some(918))),
        [(Some(Field::CompanyId), REQUIRED)]
    );
}

#[test]
fn without_any_owner_the_contact_is_required() {
    let world = World::new();
    assert_eq!(violations(add(&world, None, None, None)), [(Some(Field::ContactId), REQUIRED)]);
}

#[test]
fn an_owner_that_is_not_well_formed_is_given_all_the_same() {
    let world = World::new();
    let id = "must be an integer from 1 to 9223372036854775807";
    assert_eq!(
        messages(add(&world, Some(0), None, None)),
        [format!("'companyId' {id}"), "'companyLeadContactId' is required".to_owned()]
    );
    assert_eq!(messages(add(&world, Some(0), Some(1009), None)), [format!("'companyId' {id}")]);
    assert_eq!(messages(add(&world, None, None, Some(0))), [format!("'contactId' {id}")]);
}

#[test]
fn an_update_merges_owners_field_by_field() {
    let world = World::new();
    add(&world, None, None, Some(918)).unwrap();
    let answer = world.send(update().company_id(9), &update_json("'companyId':9"));
    assert_eq!(done(answer), ("updated", 1, 2), "a lead contact is not required on update");
    assert_eq!(world.stored().belongs_to(), company(9));
    let answer =
        world.send(update().company_lead_contact_id(7), &update_json("'companyLeadContactId':7"));
    assert_eq!(done(answer), ("updated", 1, 3));
}

#[test]
fn a_company_may_be_cleared_if_a_contact_remains() {
    let world = World::new();
    add(&world, Some(9), Some(1009), Some(918)).unwrap();
    let answer = world.send(update().company_id(Patch::Clear), &update_json("'companyId':null"));
    assert_eq!(done(answer), ("updated", 1, 2));
    let stored = world.stored();
    assert_eq!(stored.belongs_to(), contact(918));
    assert_eq!(
        stored.company_lead_contact_id().map(|id| id.get()),
        Some(1009),
        "it is its own field"
    );
}

#[test]
fn the_last_owner_may_not_be_cleared() {
    let world = World::new();
    add(&world, Some(9), Some(1009), None).unwrap();
    let answer = world.send(update().company_id(Patch::Clear), &update_json("'companyId':''"));
    assert_eq!(messages(answer), ["'companyId' may be cleared only if 'contactId' remains"]);

    let world = World::new();
    add(&world, None, None, Some(918)).unwrap();
    let answer = world.send(update().contact_id(Patch::Clear), &update_json("'contactId':null"));
    assert_eq!(messages(answer), ["'contactId' may be cleared only if 'companyId' remains"]);
    assert_eq!(world.stored().version().get(), 1);
}

#[test]
fn owners_may_change_places_in_one_update() {
    let world = World::new();
    add(&world, Some(9), Some(1009), None).unwrap();
    let typed = update().company_id(Patch::Clear).contact_id(5);
    let answer = world.send(typed, &update_json("'companyId':null,'contactId':5"));
    assert_eq!(done(answer), ("updated", 1, 2));
    assert_eq!(world.stored().belongs_to(), contact(5));
}

#[test]
fn clearing_both_owners_is_refused_by_the_request_alone() {
    let world = World::new();
    let typed = update().company_id(Patch::Clear).contact_id(Patch::Clear);
    let json = update_json("'companyId':null,'contactId':null");
    let both = [
        (Some(Field::CompanyId), ViolationKind::LastOwner),
        (Some(Field::ContactId), ViolationKind::LastOwner),
    ];
    // It does not exist, and that is not what is said.
    assert_eq!(violations(world.send(typed.clone(), &json)), both);
    add(&world, Some(9), Some(1009), Some(918)).unwrap();
    assert_eq!(violations(world.send(typed, &json)), both);
}

#[test]
fn what_only_the_merged_result_can_tell_comes_after_existence() {
    let world = World::new();
    let answer = world.send(update().company_id(Patch::Clear), &update_json("'companyId':null"));
    assert_eq!(code(answer), 24_222);
}
