//! Bodies that are JSON objects still, with their members altered.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::body::{Member, object, quoted, valid_members, written};
use super::edit::given;
use super::matching::matching;
use super::values::{of_any, value_of};
use crate::Patch;
use crate::domain::Field;

/// JSON values near the borders of what is accepted: each is right for some field, or nearly right, or for none. For
/// tests that go through all of them.
pub const LITERALS: &[&str] = &[
    "null",
    "true",
    "[]",
    "{}",
    "0",
    "1",
    "-1",
    "-0",
    "1.0",
    "1.5",
    "1e3",
    "9223372036854775807",
    "9223372036854775808",
    "123456789012345678901234567890",
    r#""""#,
    r#"" ""#,
    r#""0""#,
    r#""007""#,
    r#""00""#,
    r#""-1""#,
    r#""1 ""#,
    r#""1.0""#,
    r#""\u0661""#,
    r#""9223372036854775807""#,
    r#""00000000009223372036854775807""#,
    r#""9223372036854775808""#,
    r#""10000000000000000000""#,
    r#""Lead""#,
    r#""Lead\n""#,
    r#"" \u2003Lead\ud83d\ude00 ""#,
    r#""\u0000""#,
    r#""Lead\u0000""#,
    r#"" \u0085\u3000""#,
    r#""\ufeff""#,
    r#""\ud800""#,
    r#""2017-05-05""#,
    r#""2017-05-05\n""#,
    r#""2017-05-05 ""#,
    r#""2017-05-05 UTC""#,
    r#""2017-05-05 23:59:59""#,
    r#""2017-05-05 00:00:00 UTC""#,
    r#""2017-05-05 24:00:00""#,
    r#""2017-05-05 23:60:00""#,
    r#""2017-05-05 23:59:60""#,
    r#""2017-05-05T23:59:59""#,
    r#""2017-02-30""#,
    r#""2016-02-29""#,
    r#""2017-10-32""#,
    r#""2017-00-10""#,
    r#""2017-13-10""#,
    r#""2017-12-00""#,
    r#""0000-12-31""#,
    r#""0001-01-01""#,
    r#""10000-01-01""#,
    r#""2017-5-05""#,
];

/// What is done to a member of an object.
#[derive(Debug, Clone)]
enum Alteration {
    /// Gives a field another value, be it given or not.
    Set(Field, String),
    Drop(Index),
    /// Puts in a member of a field, be it given or not, so many times.
    More(Index, Field, String, usize),
    /// Puts in a member that is no field, so many times.
    Unknown(Index, String, String, usize),
}

impl Alteration {
    fn apply(self, members: &mut Vec<Member>) {
        match self {
            Self::Set(field, value) => {
                members.retain(|member| member.field != Some(field));
                members.push(Member::new(field.wire_name(), &value));
            }
            Self::Drop(_) if members.is_empty() => {}
            Self::Drop(which) => drop(members.remove(which.index(members.len()))),
            Self::More(place, field, value, times) => {
                insert(members, place, &Member::new(field.wire_name(), &value), times);
            }
            Self::Unknown(place, key, value, times) => {
                insert(members, place, &Member::new(&key, &value), times);
            }
        }
    }
}

fn insert(members: &mut Vec<Member>, place: Index, member: &Member, times: usize) {
    let place = place.index(members.len() + 1);
    drop(members.splice(place..place, vec![member.clone(); times]));
}

fn alteration() -> impl Strategy<Value = Alteration> {
    let times = || prop_oneof![4 => Just(1_usize), 1 => 1..300_usize];
    let place = any::<Index>;
    prop_oneof![
        8 => (select(Field::ALL), literals()).prop_map(|(field, it)| Alteration::Set(field, it)),
        1 => place().prop_map(Alteration::Drop),
        1 => (place(), select(Field::ALL), literals(), times())
            .prop_map(|(at, field, value, times)| Alteration::More(at, field, value, times)),
        1 => (place(), unknown_keys(), literals(), times())
            .prop_map(|(at, key, value, times)| Alteration::Unknown(at, key, value, times)),
    ]
}

/// JSON values of any kind: near the borders, right for some field, very long, deep or large.
pub(super) fn literals() -> BoxedStrategy<String> {
    let right = (of_any(Field::ALL, value_of), any::<u8>()).prop_map(|((_, it), style)| {
        given(Patch::Set(it)).map_or_else(|| "null".to_owned(), |it| written(&it, style))
    });
    let deep = (1..300_usize).prop_map(|depth| "[".repeat(depth) + &"]".repeat(depth));
    let deep_objects = (1..300_usize).prop_map(|it| "{\"a\":".repeat(it) + "1" + &"}".repeat(it));
    let numbers = (
        any::<bool>(),
        matching("[1-9][0-9]{0,300}"),
        matching("|[.][0-9]{1,20}"),
        matching("|[eE][+-]?[0-9]{1,4}"),
    )
        .prop_map(|(is_negative, whole, part, exponent)| {
            format!("{}{whole}{part}{exponent}", if is_negative { "-" } else { "" })
        });
    let texts =
        (matching("\\PC{0,8}"), 1..300_usize).prop_map(|(it, times)| quoted(&it.repeat(times), 0));
    prop_oneof![
        12 => select(LITERALS).prop_map(str::to_owned),
        4 => right,
        1 => deep,
        1 => deep_objects,
        2 => numbers,
        1 => texts,
    ]
    .boxed()
}

/// Keys that are not in the table: near the wire names, of fields that other versions of the call know, and any text.
pub(super) fn unknown_keys() -> BoxedStrategy<String> {
    let near = (select(Field::ALL), 0..4_u8).prop_map(|(field, way)| match way {
        0 => field.wire_name().to_uppercase(),
        1 => format!("{field} "),
        2 => format!("{field}\0"),
        _ => field.column().to_owned() + "_",
    });
    let texts = (matching("\\PC{0,6}"), 1..60_usize).prop_map(|(it, times)| it.repeat(times));
    prop_oneof![near, select(&["subtypeId", "a", ""][..]).prop_map(str::to_owned), texts]
        .prop_filter("it is a field", |key| Field::from_wire_name(key).is_none())
        .boxed()
}

/// Bodies that were right once, with some members set to other values, left out, given twice or more often, or put in
/// though nobody knows their keys. They are JSON objects; whether they are accepted is for the engine to tell.
pub fn altered_body() -> BoxedStrategy<Vec<u8>> {
    (valid_members(), vec(alteration(), 1..=4))
        .prop_map(|((_, mut members), alterations)| {
            alterations.into_iter().for_each(|alteration| alteration.apply(&mut members));
            object(&members)
        })
        .boxed()
}
