//! Section 1.4: the form of a request: one JSON object, known keys, each once.

use opportunity_engine::{Code, Engine, Field, InvalidValue, Subject, UnknownKeys, ViolationKind};

use super::{LEAD, World, code, done, messages, update_json, violations};

#[test]
fn a_key_given_twice_is_a_violation() {
    let world = World::with_a_lead();
    let twice = |field| (Some(field), ViolationKind::Duplicate);
    let answer = world.post(&update_json("'name':'a','name':'a'"));
    assert_eq!(violations(answer), [twice(Field::Name)]);
    let answer = world.post(&update_json("'name':'a','name':'b','id':1,'name':null,'venueId':107"));
    assert_eq!(violations(answer), [twice(Field::Id), twice(Field::VenueId), twice(Field::Name)]);
    let answer = world.post(&update_json("'name':'a','n\\u0061me':'b'"));
    assert_eq!(violations(answer), [twice(Field::Name)], "escapes do not hide it");
}

#[test]
fn both_values_of_a_key_given_twice_are_checked() {
    let world = World::with_a_lead();
    let id = ViolationKind::Malformed(InvalidValue::Integer { min: 1 });
    for members in
        ["'typeId':1,'typeId':'x'", "'typeId':'x','typeId':1", "'typeId':'x','typeId':'y'"]
    {
        let answer = world.post(&update_json(members));
        let both =
            [(Some(Field::TypeId), id.clone()), (Some(Field::TypeId), ViolationKind::Duplicate)];
        assert_eq!(violations(answer), both, "{members}");
    }
}

#[test]
fn an_unknown_key_is_a_violation_whatever_its_value() {
    let world = World::with_a_lead();
    for value in ["1", "null", "''", "[[[]]]", "{'a':{'b':1}}", "1e999", "'\\ud800'"] {
        let answer = world.post(&update_json(&format!("'foo':{value}")));
        assert_eq!(messages(answer), ["'foo' is not a known field"], "{value}");
    }
}

#[test]
fn unknown_keys_come_last_once_each_in_alphabetical_order() {
    let world = World::with_a_lead();
    let answer = world.post(&update_json("'zoo':1,'typeId':'x','ant':2,'zoo':3"));
    let rejection = answer.unwrap_err();
    let subjects: Vec<_> = rejection.violations().iter().map(|it| it.subject().clone()).collect();
    assert_eq!(
        subjects,
        [
            Subject::Field(Field::TypeId),
            Subject::UnknownKey("ant".into()),
            Subject::UnknownKey("zoo".into())
        ]
    );
}

#[test]
fn unknown_keys_are_ignored_if_the_embedder_says_so() {
    let engine = Engine::options().unknown_keys(UnknownKeys::Ignore).in_memory().unwrap();
    let json = LEAD.replacen('{', "{'foo':[{'bar':1}],'foo':2,", 1).replace('\'', "\"");
    assert_eq!(engine.add_or_update_json(json.as_bytes()).status(), 200);
    let reply = engine.add_or_update_json(b"{\"foo\":1}");
    assert!(
        String::from_utf8(reply.to_json()).unwrap().contains("24221"),
        "nothing else was given"
    );
}

#[test]
fn a_very_long_unknown_key_is_told_in_part() {
    let world = World::with_a_lead();
    let key = "k".repeat(500_000);
    let messages = messages(world.post(&update_json(&format!("'{key}':1"))));
    assert_eq!(messages, [format!("'{}…' is not a known field", "k".repeat(64))]);
}

#[test]
fn a_nested_value_is_a_violation_at_any_depth() {
    let world = World::with_a_lead();
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    let answer = world.post(&update_json(&format!("'typeId':{deep}")));
    let kind = ViolationKind::Malformed(InvalidValue::Integer { min: 1 });
    assert_eq!(violations(answer), [(Some(Field::TypeId), kind)]);
}

#[test]
fn what_is_not_an_object_is_refused() {
    let world = World::new();
    for json in ["5", "-1.5e3", "'x'", "true", "false", "[1]", "[[]]", "[{}]", "[null]", "''"] {
        let answer = world.post(&format!(" {json} "));
        assert_eq!(messages(answer), ["the request must be one JSON object"], "{json}");
    }
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    assert_eq!(messages(world.post(&deep)), ["the request must be one JSON object"]);
}

/// Where a request stops being JSON.
fn position(json: &[u8]) -> (usize, usize) {
    let rejection = World::new().post_bytes(json).unwrap_err();
    assert_eq!(rejection.code(), Code::Invalid);
    match rejection.violations() {
        [violation] => match violation.kind() {
            ViolationKind::MalformedJson { line, column, reason } => {
                assert!(!reason.is_empty());
                (*line, *column)
            }
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn malformed_json_says_where() {
    for (json, expected) in [
        (&b"{"[..], (1, 1)),
        (b"{\"a\"", (1, 4)),
        (b"{\"a\":1,}", (1, 8)),
        (b"{\"a\":1 \"b\":2}", (1, 8)),
        (b"{\n  \"venueId\": 107,\n  \"name\": nul}", (3, 14)),
        (b"{}x", (1, 3)),
        (b"{} {}", (1, 4)),
        (b"null null", (1, 6)),
        (b"x", (1, 1)),
        (b"nul", (1, 3)),
        (b"[1,", (1, 3)),
        (b"{'a':1}", (1, 2)),
        (b"{\"a\":NaN}", (1, 6)),
        (b"{\"a\":Infinity}", (1, 6)),
        (b"{\"a\":01}", (1, 7)),
        (b"{\"a\":+1}", (1, 6)),
        (b"{\"a\":.5}", (1, 6)),
        (b"{\"a\":\"\\x\"}", (1, 8)),
        (b"{\"a\":\"\n\"}", (1, 6)),
        (b"{a:1}", (1, 2)),
        (b"{1:1}", (1, 2)),
        (b"{\"a\":1}\0", (1, 8)),
        (b"{/* no */}", (1, 2)),
    ] {
        assert_eq!(position(json), expected, "{:?}", String::from_utf8_lossy(json));
    }
}

#[test]
fn bytes_that_are_not_utf_8_and_a_byte_order_mark_are_malformed_json() {
    assert_eq!(position(b"{\"name\":\"\xff\"}"), (1, 10));
    assert_eq!(position(b"{\n\"name\":\n  \"\xc3\x28\"}"), (3, 4));
    assert_eq!(position(b"{\"foo\":{\"bar\":\"\x80\"}}"), (1, 16));
    assert_eq!(position(b"\xff\xfe{\x00}\x00"), (1, 1), "UTF-16");
    assert_eq!(position(b"\xef\xbb\xbf{}"), (1, 1));
    let answer = World::new().post_bytes(b"\xef\xbb\xbf{}");
    let mark =
        "the request is not valid JSON at line 1, column 1: a byte-order mark is not accepted";
    assert_eq!(messages(answer), [mark]);
}

#[test]
fn a_lone_surrogate_in_a_key_is_malformed_json() {
    position(b"{\"\\ud800\":1}");
}

#[test]
fn unclosed_nesting_of_any_depth_is_malformed_json() {
    position("[".repeat(1 << 20).as_bytes());
    position("{\"a\":".repeat((1 << 20) / 5).as_bytes());
    position(format!("{{\"typeId\":{}", "[".repeat(1_000_000)).as_bytes());
}

#[test]
fn white_space_around_is_fine() {
    let world = World::new();
    assert_eq!(done(world.post(&format!("\r\n\t {LEAD} \n\n"))), ("added", 1, 1));
}

#[test]
fn a_request_that_is_not_json_is_not_half_read() {
    let world = World::with_a_lead();
    assert_eq!(code(world.post("{'id':1,'venueId':107,'name':'x'")), 24_224);
    assert_eq!(world.stored().version().get(), 1);
}
