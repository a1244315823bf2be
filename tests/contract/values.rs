//! Section 1.4: well-formed values.

use opportunity_engine::{Engine, Field, InvalidValue, ViolationKind};

use super::{LEAD, World, done, lead, messages, update, update_json, violations};

const AN_ID: ViolationKind = ViolationKind::Malformed(InvalidValue::Integer { min: 1 });
const A_STATUS: ViolationKind = ViolationKind::Malformed(InvalidValue::Integer { min: 0 });

#[test]
fn integers_are_json_integers_or_strings_of_digits() {
    let max = i64::MAX;
    for (json, value) in [
        ("107", 107),
        ("'107'", 107),
        ("'007'", 7),
        ("1", 1),
        ("9223372036854775807", max),
        ("'9223372036854775807'", max),
        ("'00000000000000000000000000000000000001'", 1),
    ] {
        let world = World::with_a_lead();
        let answer =
            world.send(update().quality_id(value), &update_json(&format!("'qualityId':{json}")));
        assert_eq!(done(answer), ("updated", 1, 2), "{json}");
        assert_eq!(world.stored().quality_id().unwrap().get(), value);
    }
}

#[test]
fn other_numbers_texts_and_types_are_no_integers() {
    let world = World::with_a_lead();
    for json in [
        "0",
        "-1",
        "-0",
        "1.0",
        "1.5",
        "1e3",
        "1E+2",
        "1e999",
        "9223372036854775808",
        "18446744073709551616",
        "123456789012345678901234567890",
        "'0'",
        "'-1'",
        "'+1'",
        "' 1'",
        "'1 '",
        "'1.0'",
        "'1e3'",
        "'x'",
        "' '",
        "'9223372036854775808'",
        "'\u{661}'",
        "'0x1'",
        "'1_000'",
        "true",
        "false",
        "[]",
        "[1]",
        "{}",
        "{'a':1}",
    ] {
        for field in [Field::QualityId, Field::CompanyId, Field::LostToCompetition] {
            let answer = world.post(&update_json(&format!("'{field}':{json}")));
            assert_eq!(violations(answer), [(Some(field), AN_ID)], "{field} {json}");
        }
        let answer = world.post(&LEAD.replace("107", json));
        assert_eq!(violations(answer), [(Some(Field::VenueId), AN_ID)], "{json}");
        let answer = world.post(&format!("{{'id':{json},'venueId':107,'name':'x'}}"));
        assert_eq!(violations(answer), [(Some(Field::Id), AN_ID)], "{json}");
    }
}

#[test]
fn a_typed_integer_out_of_range_is_the_same_violation() {
    let world = World::with_a_lead();
    for value in [0, -1, i64::MIN] {
        let json = update_json(&format!("'qualityId':{value}"));
        assert_eq!(
            violations(world.send(update().quality_id(value), &json)),
            [(Some(Field::QualityId), AN_ID)]
        );
    }
    let json = update_json("'qualityId':18446744073709551615");
    let answer = world.send(update().quality_id(u64::MAX), &json);
    assert_eq!(violations(answer), [(Some(Field::QualityId), AN_ID)]);
}

#[test]
fn a_status_may_be_zero() {
    let world = World::with_a_lead();
    for (version, (json, value)) in (2..).zip([("0", 0), ("'7'", 7), ("'00'", 0)]) {
        let json = update_json(&format!("'confirmedQuoteStatus':{json}"));
        let answer = world.send(update().confirmed_quote_status(value), &json);
        assert_eq!(done(answer), ("updated", 1, version));
        assert_eq!(world.stored().confirmed_quote_status().unwrap().get(), value);
    }
    for json in ["-1", "-0", "0.0", "true", "'x'"] {
        let answer = world.post(&update_json(&format!("'confirmedQuoteStatus':{json}")));
        assert_eq!(violations(answer), [(Some(Field::ConfirmedQuoteStatus), A_STATUS)], "{json}");
    }
}

#[test]
fn texts_are_kept_exactly_as_given() {
    for text in
        [" a ", "\u{feff}x", "\r\n\t", "e\u{301} é", "👩‍👩‍👧", "\u{1}", "DROP TABLE; --", "%s", "null"]
    {
        let world = World::with_a_lead();
        let json = serde_json::to_string(text).unwrap();
        let body = format!("{{\"id\":1,\"venueId\":107,\"description\":{json}}}");
        assert_eq!(
            done(world.send(update().description(text), &body)),
            ("updated", 1, 2),
            "{text:?}"
        );
        assert_eq!(world.stored().description().unwrap().as_str(), text);
    }
}

#[test]
fn escapes_are_resolved() {
    let world = World::with_a_lead();
    let body = br#"{"\u0069d":1,"venueId":"\u003107","na\u006de":"\ud83d\ude00 \"\/\\ \n"}"#;
    assert_eq!(done(world.post_bytes(body)), ("updated", 1, 2));
    let stored = world.json.get(super::venue(107), super::opportunity(1)).unwrap().unwrap();
    assert_eq!(stored.name().as_str(), "😀 \"/\\ \n");
}

#[test]
fn a_text_may_not_contain_u_0000() {
    let world = World::with_a_lead();
    let nul = ViolationKind::Malformed(InvalidValue::Nul);
    for (typed, field) in [
        (update().name("a\0"), Field::Name),
        (update().description("\0"), Field::Description),
        (update().channel_id("\0a"), Field::ChannelId),
    ] {
        let text = match field {
            Field::Name => "a\\u0000",
            Field::Description => "\\u0000",
            _ => "\\u0000a",
        };
        let answer = world.send(typed, &update_json(&format!("'{field}':'{text}'")));
        assert_eq!(violations(answer), [(Some(field), nul.clone())]);
    }
}

#[test]
fn a_name_holds_something_that_is_not_white_space() {
    let world = World::with_a_lead();
    let blank = ViolationKind::Malformed(InvalidValue::Blank);
    for name in [" ", "\t\n", "\u{a0}\u{2003}\u{3000}"] {
        let json = serde_json::to_string(name).unwrap();
        let body = format!("{{\"id\":1,\"venueId\":107,\"name\":{json}}}");
        assert_eq!(
            violations(world.send(update().name(name), &body)),
            [(Some(Field::Name), blank.clone())]
        );
    }
    // Others may be blank.
    let answer = world.send(update().description(" "), &update_json("'description':' '"));
    assert_eq!(done(answer), ("updated", 1, 2));
}

#[test]
fn a_number_is_no_text() {
    let world = World::with_a_lead();
    for field in [Field::Name, Field::Description] {
        for json in ["5", "1.5", "true", "[]", "{}"] {
            let answer = world.post(&update_json(&format!("'{field}':{json}")));
            let kind = ViolationKind::Malformed(InvalidValue::Text);
            assert_eq!(violations(answer), [(Some(field), kind)], "{json}");
        }
    }
}

#[test]
fn a_channel_given_as_an_integer_is_kept_as_its_digits() {
    for digits in ["0", "12", "9223372036854775807", "18446744073709551615"] {
        let world = World::with_a_lead();
        let typed = update().channel_id(digits.parse::<u64>().unwrap());
        assert_eq!(
            done(world.send(typed, &update_json(&format!("'channelId':{digits}")))),
            ("updated", 1, 2)
        );
        assert_eq!(world.stored().channel_id().unwrap().as_str(), digits);
    }
    let world = World::with_a_lead();
    let digits = "123456789012345678901234567890";
    let answer =
        world.send(update().channel_id(digits), &update_json(&format!("'channelId':{digits}")));
    assert_eq!(done(answer), ("updated", 1, 2));
    // Given as text it is not a number, whatever it looks like.
    let answer = world.send(update().channel_id("007"), &update_json("'channelId':'007'"));
    assert_eq!(done(answer), ("updated", 1, 3));
    assert_eq!(world.stored().channel_id().unwrap().as_str(), "007");
    for json in ["-5", "1.5", "1e3", "true", "[]", "{}"] {
        let answer = world.post(&update_json(&format!("'channelId':{json}")));
        let kind = ViolationKind::Malformed(InvalidValue::TextOrInteger);
        assert_eq!(violations(answer), [(Some(Field::ChannelId), kind)], "{json}");
    }
}

#[test]
fn dates_come_in_two_forms_and_lose_nothing() {
    for (given, printed) in [
        ("2017-05-05", "2017-05-05"),
        ("2017-05-05 00:00:00", "2017-05-05"),
        ("2017-05-05 00:00:00 UTC", "2017-05-05"),
        ("2017-05-05 14:30:59", "2017-05-05 14:30:59 UTC"),
        ("2017-05-05 14:30:59 UTC", "2017-05-05 14:30:59 UTC"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31 23:59:59", "9999-12-31 23:59:59 UTC"),
        ("2016-02-29", "2016-02-29"),
    ] {
        let world = World::with_a_lead();
        let answer = world
            .send(update().closed_date(given), &update_json(&format!("'closedDate':'{given}'")));
        assert_eq!(done(answer), ("updated", 1, 2), "{given}");
        assert_eq!(world.stored().closed_date().unwrap().to_string(), printed);
        let again = world.send(
            update().closed_date(printed),
            &update_json(&format!("'closedDate':'{printed}'")),
        );
        assert_eq!(done(again), ("unchanged", 1, 2), "{given} and {printed} are the same value");
    }
}

#[test]
fn anything_else_is_no_date() {
    let world = World::with_a_lead();
    let kind = ViolationKind::Malformed(InvalidValue::Date);
    for given in [
        "0000-12-31",
        "10000-01-01",
        "2017-02-29",
        "2017-13-01",
        "2017-5-5",
        "2017-05-05T10:00:00Z",
        "2017-05-05 24:00:00",
        "2017-05-05 23:59:60",
        "2017-05-05 10:00",
        "2017-05-05 UTC",
        " 2017-05-05",
        "2017-05-05 10:00:00 utc",
        "05/05/2017",
        "tomorrow",
        " ",
    ] {
        let json = update_json(&format!("'closedDate':'{given}'"));
        let answer = world.send(update().closed_date(given), &json);
        assert_eq!(violations(answer), [(Some(Field::ClosedDate), kind.clone())], "{given}");
    }
    for json in ["20170505", "0", "true", "[]", "{}"] {
        let answer = world.post(&update_json(&format!("'closedDate':{json}")));
        assert_eq!(violations(answer), [(Some(Field::ClosedDate), kind.clone())], "{json}");
    }
}

#[test]
fn a_lone_surrogate_is_a_violation_of_its_field() {
    let world = World::with_a_lead();
    for (member, field) in [
        ("\"name\":\"\\ud800\"", Field::Name),
        ("\"closedDate\":\"\\udc00x\"", Field::ClosedDate),
        ("\"typeId\":\"\\ud800\\ud800\"", Field::TypeId),
    ] {
        let answer = world.post(&update_json(member));
        let kind = ViolationKind::Malformed(InvalidValue::LoneSurrogate);
        assert_eq!(violations(answer), [(Some(field), kind)]);
    }
}

#[test]
fn a_request_is_at_most_one_mebibyte() {
    let world = World::new();
    let exactly = |len: usize| {
        let mut body = LEAD.replace('\'', "\"").into_bytes();
        body.resize(len, b' ');
        body
    };
    assert_eq!(done(world.post_bytes(&exactly(1 << 20))), ("added", 1, 1));
    let too_large = ["the request must be at most 1048576 bytes"];
    assert_eq!(messages(world.post_bytes(&exactly((1 << 20) + 1))), too_large);
    // A typed request has no wire form; its texts count.
    let fits = lead().name("").description("x".repeat((1 << 20) - 1)).name("n");
    assert!(world.typed.add_or_update(fits.clone()).is_ok());
    assert_eq!(messages(super::plain(world.typed.add_or_update(fits.name("nn")))), too_large);
}

#[test]
fn the_largest_request_is_an_option() {
    let engine = Engine::options().max_request_bytes(100).in_memory().unwrap();
    let reply = engine.add_or_update_json(&[b' '; 101]);
    assert_eq!(reply.status(), 400);
    assert!(
        String::from_utf8(reply.to_json())
            .unwrap()
            .contains("the request must be at most 100 bytes")
    );
    assert_eq!(
        engine.add_or_update_json(&[b' '; 100]).result().unwrap_err().to_string(),
        "the request is empty"
    );
}
