//! What a list holds.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Included};

use opportunity_engine::strategies::{valid_add_to, valid_update};
use opportunity_engine::{
    Clearing, ClosedDate, Engine, Field, Filter, InvalidValue, ListOrder, Name, Opportunity,
    Request, Text, Timestamp, Value,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, subsequence};

use crate::support::{id, lead, runs};
use crate::world::{Kind, Like, OURS, World, kinds, sorted, venue, with_value};

const ORDERS: [ListOrder; 2] = [ListOrder::Id, ListOrder::LastChange];

/// Adds to our venue and to another, and updates of what may be there, each with what the clock makes of it.
fn steps() -> impl Strategy<Value = Vec<(Request, i64)>> {
    let request = prop_oneof![
        4 => valid_add_to(venue(OURS)),
        1 => valid_add_to(venue(OURS + 1)),
        2 => (1..20_i64).prop_flat_map(|it| valid_update(venue(OURS), id(it))),
    ];
    let later = prop_oneof![4 => Just(0_i64), 4 => 1..3_i64, 1 => -3..0_i64];
    vec((request, later), 1..30)
}

/// Which opportunity conditions are like, and how they are.
fn likeness() -> impl Strategy<Value = (Index, (usize, usize), bool, (i64, i64))> {
    (any::<Index>(), (0..4_usize, 0..6_usize), any::<bool>(), (0..3_i64, 0..3_i64))
}

/// A list, page by page.
fn listed(
    engine: &Engine,
    filter: &Filter,
    order: ListOrder,
    page_size: usize,
) -> Vec<Opportunity> {
    let listing = engine.list(venue(OURS), filter.clone()).order(order).page_size(page_size);
    let (mut all, mut cursor) = (Vec::new(), None);
    loop {
        let page = listing.clone().after(cursor).page().unwrap();
        assert!(page.items.len() <= page_size);
        all.extend(page.items);
        // As a client sends it back.
        cursor = page.next.map(|cursor| cursor.to_string().parse().unwrap());
        if cursor.is_none() {
            return all;
        }
    }
}

/// Holds what is listed against what was got one by one.
fn check(
    world: &World,
    ours: &[Opportunity],
    like: &Like,
    kinds: &[Kind],
    page_size: usize,
) -> Result<(), TestCaseError> {
    let filter = like.filter(kinds);
    let expected: Vec<_> = ours.iter().filter(|it| like.is_like(it, kinds)).cloned().collect();
    for it in ours {
        prop_assert_eq!(filter.matches(it), expected.contains(it));
    }
    let count = world.engine.list(venue(OURS), filter.clone()).count().unwrap();
    prop_assert_eq!(count, expected.len() as u64);
    for order in ORDERS {
        let expected = sorted(expected.clone(), order);
        prop_assert_eq!(&listed(&world.engine, &filter, order, page_size), &expected);
        let listing = world.engine.list(venue(OURS), filter.clone()).order(order);
        let all: Result<Vec<_>, _> = listing.page_size(page_size).iter().collect();
        prop_assert_eq!(all.unwrap(), expected);
    }
    Ok(())
}

fn config() -> ProptestConfig {
    let cases = u32::try_from(runs(128, 20_000)).unwrap();
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// Conditions are drawn to be met by at least one opportunity, in any combination.
    ///
    /// Seen to fail for a statement without one of the conditions, for names that are compared to the letter
    /// in the statement alone, for moments of change compared with `>`, for a page of ids that passes over the
    /// one after it, and for an order of the last change in which ids go down; in the index alone, too, for a
    /// statement that takes its conditions for met there.
    #[test]
    fn a_list_holds_what_its_filter_takes_up_in_order(
        steps in steps(),
        (index, part, swaps_case, seconds) in likeness(),
        kinds in subsequence(kinds(), 0..6),
        page_size in 1..8_usize,
        moved_at in any::<Index>(),
    ) {
        let world = World::new();
        let count = steps.len() as i64;
        let (before, after) = steps.split_at(moved_at.index(steps.len()));
        before.iter().for_each(|(request, later)| world.send(request.clone(), *later));
        let moved = world.moved();
        for (request, later) in after {
            world.send(request.clone(), *later);
            moved.send(request.clone(), 0);
        }
        let ours = world.ours(count);
        prop_assert_eq!(&moved.ours(count), &ours);
        prop_assume!(!ours.is_empty());
        let opportunity = ours[index.index(ours.len())].clone();
        let like = Like { opportunity, part, swaps_case, seconds };
        check(&world, &ours, &like, &kinds, page_size)?;
        check(&moved, &ours, &like, &kinds, page_size)?;
    }

    /// No character has a meaning of its own, neither in names nor in what they are asked for, which often
    /// is a part of a name in another case.
    ///
    /// Seen to fail for `LIKE`, for `GLOB`, and for a `matches` that folds the letters of all scripts.
    #[test]
    fn odd_texts_match_in_a_statement_as_they_do_in_a_filter(
        names in vec(odd_text(), 1..12),
        (text, is_part, index) in (odd_text(), 0..4_u8, any::<Index>()),
    ) {
        let name = index.get(&names);
        let text = match is_part {
            0 => text,
            1 => name.clone(),
            2 => name.to_lowercase(),
            _ => name.to_uppercase(),
        };
        let world = World::new();
        let count = names.len() as i64;
        for name in names {
            world.send(Request::add(venue(OURS)).name(name).contact_id(1).type_id(1).source_id(1).stage_id(1), 0);
        }
        let ours = world.ours(count);
        for filter in [Filter::new().name_starts_with(&text), Filter::new().name_contains(&text)] {
            let expected: Vec<_> = ours.iter().filter(|it| filter.matches(it)).cloned().collect();
            prop_assert_eq!(listed(&world.engine, &filter, ListOrder::Id, 5), expected);
        }
    }
}

/// Short texts of characters that patterns, folding or storing treat in a way of their own.
fn odd_text() -> impl Strategy<Value = String> {
    let characters = "aAbB%_\\'\"*?[]^ \n\u{e9}\u{c9}\u{df}\u{130}\u{131}\u{17f}\u{212a}k\u{301}\u{3a3}\u{3c2}\u{1f600}\u{feff}\u{fffd}\0";
    let characters: Vec<char> = characters.chars().collect();
    vec(proptest::sample::select(characters), 0..4).prop_map(|it| it.into_iter().collect())
}

/// A world of opportunities that share many values.
fn crowd() -> (World, Vec<Opportunity>) {
    let world = World::new();
    (0..48).for_each(|nth| send_one_of_a_crowd(&world, nth));
    let ours = world.ours(48);
    (world, ours)
}

fn send_one_of_a_crowd(world: &World, nth: i64) {
    let venue = venue(OURS + nth % 8 / 7);
    let names = ["Lead By API", "lead by phone", "Referral", "API lead"];
    let add = Request::add(venue).name(names[nth as usize % 4]).type_id(1 + nth % 2);
    let mut add = add.stage_id(1 + nth / 2 % 2).source_id(1 + nth / 3 % 2).contact_id(1 + nth % 3);
    if nth % 3 != 0 {
        add = add.company_id(1 + nth % 2).company_lead_contact_id(1 + nth % 3);
    }
    if nth % 4 != 0 {
        add = add.owner_user_id(1 + nth / 4 % 2).quality_id(1 + nth % 2);
    }
    if nth % 5 != 0 {
        add = add
            .industry_id(1 + nth / 5 % 2)
            .closed_date(["2017-05-05", "2017-05-06"][nth as usize / 5 % 2]);
    }
    world.send(add, nth % 2);
}

/// Every combination of what people list by: each subset of these conditions, in both orders, of opportunities that
/// the index has but for the last.
#[test]
fn every_combination_of_conditions_lists_what_meets_them() {
    let values = [
        Field::StageId,
        Field::TypeId,
        Field::SourceId,
        Field::OwnerUserId,
        Field::CompanyId,
        Field::ContactId,
        Field::QualityId,
        Field::IndustryId,
    ];
    let values = values.into_iter().map(Kind::Value);
    let kinds: Vec<_> =
        values.chain([Kind::Closed, Kind::Modified, Kind::NameStart, Kind::NamePart]).collect();
    let world = World::new();
    (0..40).for_each(|nth| send_one_of_a_crowd(&world, nth));
    let world = world.moved();
    (40..48).for_each(|nth| send_one_of_a_crowd(&world, nth));
    let ours = world.ours(48);
    let mut sizes = BTreeSet::new();
    for subset in 0..1_usize << kinds.len() {
        let chosen = (0..kinds.len()).filter(|bit| subset >> bit & 1 == 1);
        let chosen: Vec<_> = chosen.map(|bit| kinds[bit]).collect();
        let opportunity = ours[subset * 7 % ours.len()].clone();
        let like = Like { opportunity, part: (1, 3), swaps_case: subset % 3 == 0, seconds: (1, 1) };
        check(&world, &ours, &like, &chosen, 5).unwrap();
        sizes.insert(ours.iter().filter(|it| like.is_like(it, &chosen)).count());
    }
    assert!(sizes.len() > 12, "lists of {sizes:?} only");
}

/// The ids that a filter finds, in their order.
fn found(world: &World, filter: &Filter) -> Vec<i64> {
    listed(&world.engine, filter, ListOrder::Id, 100).iter().map(|it| it.id().get()).collect()
}

/// Seen to fail for texts of which the letters of all scripts are folded.
#[test]
fn letters_of_ascii_match_in_either_case_and_every_other_character_only_itself() {
    let world = World::new();
    for name in ["Lead By API", "\u{c9}t\u{e9} 100%", " lead", "\u{212a}", "k", "I\u{307}\u{130}"] {
        world.send(lead().name(name), 0);
    }
    for (text, starts, contains) in [
        ("LEAD", vec![1], vec![1, 3]),
        ("lead b", vec![1], vec![1]),
        (" ", vec![3], vec![1, 2, 3]),
        ("api", vec![], vec![1]),
        ("\u{c9}", vec![2], vec![2]),
        ("\u{e9}", vec![], vec![2]),
        ("\u{c9}T", vec![2], vec![2]),
        ("%", vec![], vec![2]),
        ("_", vec![], vec![]),
        ("k", vec![5], vec![5]),
        ("K", vec![5], vec![5]),
        ("\u{212a}", vec![4], vec![4]),
        ("i\u{307}", vec![6], vec![6]),
        ("\u{130}", vec![], vec![6]),
        ("lead\0", vec![], vec![]),
        ("", vec![1, 2, 3, 4, 5, 6], vec![1, 2, 3, 4, 5, 6]),
    ] {
        let start = Filter::new().name_starts_with(text);
        assert_eq!(found(&world, &start), starts, "{text:?}");
        assert_eq!(found(&world, &Filter::new().name_contains(text)), contains, "{text:?}");
    }
}

/// Seen to fail for a range that includes its end.
#[test]
fn closing_dates_are_compared_to_the_second_by_the_bounds_of_the_range() {
    let date = |text: &str| -> ClosedDate { text.parse().unwrap() };
    let (may, june) = (date("2017-05-01"), date("2017-06-01"));
    let world = World::new();
    for date in [
        None,
        Some("2017-04-30 23:59:59"),
        Some("2017-05-01"),
        Some("2017-05-31 23:59:59"),
        Some("2017-06-01"),
        Some("0001-01-01"),
        Some("9999-12-31 23:59:59"),
    ] {
        world.send(lead().closed_date(date.unwrap_or_default()), 0);
    }
    let all = Filter::new();
    for (filter, expected) in [
        (all.clone().closed_between(may..june), vec![3, 4]),
        (all.clone().closed_between(may..=june), vec![3, 4, 5]),
        (all.clone().closed_between((Excluded(may), Included(june))), vec![4, 5]),
        (all.clone().closed_between(..may), vec![2, 6]),
        (all.clone().closed_between(june..), vec![5, 7]),
        (all.clone().closed_between(..), vec![2, 3, 4, 5, 6, 7]),
        (all.clone().closed_between(june..may), vec![]),
        (all.clone().closed_between((Excluded(may), Excluded(may))), vec![]),
        (
            all.clone().closed_between(date("0001-01-01")..=date("9999-12-31 23:59:59")),
            vec![2, 3, 4, 5, 6, 7],
        ),
        (all.clone().closed_date(None), vec![1]),
        (all.clone().closed_date(may), vec![3]),
        (all.clone().closed_date(None).closed_between(..), vec![]),
    ] {
        assert_eq!(found(&world, &filter), expected, "{filter:?}");
    }
}

#[test]
fn a_condition_made_again_replaces_the_one_before() {
    let (world, ours) = crowd();
    let moment = Timestamp::from_millis(1_000_000);
    let filter = Filter::new().name_contains("x").name_contains("").modified_since(moment);
    let filter = filter.modified_since(Timestamp::MIN).owner_user_id(None);
    let filter = filter.name(Name::new("x").unwrap()).name(Name::new("Referral").unwrap());
    let named =
        |it: &&Opportunity| it.name().as_str() == "Referral" && it.owner_user_id().is_none();
    let expected: Vec<_> = ours.iter().filter(named).cloned().collect();
    assert_eq!(listed(&world.engine, &filter, ListOrder::Id, 10), expected);
}

#[test]
fn a_text_that_is_longer_than_any_stored_one_finds_nothing() {
    let (world, _) = crowd();
    for bytes in [16 << 20, (16 << 20) + 1, 65 << 20] {
        let text = "x".repeat(bytes);
        for filter in [
            Filter::new().name_starts_with(&text),
            Filter::new().name_contains(&text),
            Filter::new().description(Text::new(text).unwrap()),
        ] {
            assert_eq!(listed(&world.engine, &filter, ListOrder::Id, 10), []);
            assert_eq!(world.engine.list(venue(OURS), filter).count().unwrap(), 0);
        }
    }
}

/// As in a request; a condition that a text makes is the one that its value makes.
#[test]
fn a_text_asks_for_the_value_that_it_is() {
    let (_world, ours) = crowd();
    let printed = |value: Value<'_>| match value {
        Value::Integer(integer) => integer.to_string(),
        Value::Text(text) => text.into_owned(),
        Value::Date(date) => date.to_string(),
        other => panic!("{other:?}"),
    };
    for opportunity in &ours {
        for &field in Field::DETAILS {
            let text = opportunity.value(field).map(printed).unwrap_or_default();
            let typed = with_value(Filter::new(), field, opportunity);
            assert_eq!(Filter::new().text(field, &text), Ok(typed), "{field} is {text:?}");
        }
        for (field, number) in [(Field::Id, opportunity.id().get()), (Field::VenueId, OURS)] {
            let filter = Filter::new().text(field, &number.to_string()).unwrap();
            let matching = ours.iter().filter(|it| filter.matches(it)).count();
            assert_eq!(matching, if field == Field::Id { 1 } else { ours.len() });
        }
    }
}

#[test]
fn a_text_that_is_no_value_of_the_field_is_refused() {
    for &field in Field::ALL {
        let empty = Filter::new().text(field, "");
        if field.clearing() == Clearing::Never {
            assert_eq!(empty, Err(InvalidValue::Empty), "{field}");
        } else {
            assert!(empty.is_ok(), "{field}");
        }
        let nul = Filter::new().text(field, "\0");
        assert!(nul.is_err(), "{field}");
    }
    let filter = |field, text| Filter::new().text(field, text);
    assert_eq!(filter(Field::StageId, "0"), Err(InvalidValue::Integer { min: 1 }));
    assert!(filter(Field::ConfirmedQuoteStatus, "0").is_ok());
    assert_eq!(filter(Field::ClosedDate, "May"), Err(InvalidValue::Date));
    assert_eq!(filter(Field::Name, " "), Err(InvalidValue::Blank));
}

/// An import takes longer lines than requests. Seen to fail for texts that count as longer than any stored one from
/// 16 MiB on.
#[test]
fn a_text_that_is_longer_than_any_request_is_found_where_it_was_imported() {
    let world = World::new();
    world.send(lead().description("short"), 0);
    let mut line = Vec::new();
    world.engine.export(&mut line).unwrap();
    let line = String::from_utf8(line).unwrap();
    let long = "x".repeat(17 << 20);
    let imported = |old: &str| {
        let world = World::new();
        world.engine.import(line.replace(old, &long).as_bytes()).unwrap();
        world
    };
    let described = Filter::new().description(Text::new(long.clone()).unwrap());
    assert_eq!(found(&imported("short"), &described), [1]);
    let world = imported("Lead By API");
    for (filter, expected) in [
        (Filter::new().name(Name::new(long.clone()).unwrap()), vec![1]),
        (Filter::new().name_starts_with(&long), vec![1]),
        (Filter::new().name_contains(&long[1..]), vec![1]),
        (Filter::new().name_contains(format!("{long}x")), vec![]),
    ] {
        assert_eq!(found(&world, &filter), expected);
    }
}
