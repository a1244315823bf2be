//! Bodies near the borders of what is accepted.

use opportunity_engine::Field;
use opportunity_engine::strategies::{
    body_of, mutated_body, opportunity_id, valid_add, valid_update, venue_id, without,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Values of every form: some are right for some field, some for none.
pub(crate) const LITERALS: &[&str] = &[
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

/// Members of an object, as JSON; a field may stand in it twice.
type Members = Vec<(String, String)>;

pub(crate) fn body(members: &Members) -> Vec<u8> {
    let members = members.iter().map(|(key, value)| format!("\"{key}\":{value}"));
    format!("{{{}}}", members.collect::<Vec<_>>().join(",")).into_bytes()
}

fn members(text: &str) -> Members {
    let object: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).unwrap();
    object.into_iter().map(|(key, value)| (key, value.get().to_owned())).collect()
}

/// An add for a contact, one for a company, an update.
fn right() -> [Members; 3] {
    [
        r#"{"venueId":107,"name":"Lead","typeId":18,"stageId":69,"sourceId":25,"contactId":918}"#,
        r#"{"venueId":"107","name":"Lead","typeId":"18","stageId":69,"sourceId":25,"companyId":5,
            "companyLeadContactId":6}"#,
        r#"{"id":7,"venueId":107}"#,
    ]
    .map(members)
}

/// The same with this value for the key; without the key, if there is none.
fn with(members: &Members, key: &str, value: Option<&str>) -> Members {
    let mut changed = members.clone();
    changed.retain(|(other, _)| other != key);
    changed.extend(value.map(|value| (key.to_owned(), value.to_owned())));
    changed
}

/// Each field with each value, or left out; each combination of the owners; what is no object.
pub(crate) fn one_change_each() -> Vec<Vec<u8>> {
    let mut bodies: Vec<Vec<u8>> =
        ["", "null", "[]", "[ {} ]", "{}", "1", "\"\"", "{", "{}{}", "\u{feff}{}"]
            .map(|text| text.as_bytes().to_vec())
            .into();
    for base in right() {
        bodies.push(body(&base));
        bodies.push(body(&with(&base, "subtypeId", Some("1"))));
        bodies.push(body(&with(&base, "Name", Some("null"))));
        bodies.push(body(&[base.clone(), base.clone()].concat()));
        for field in Field::ALL {
            let literals = LITERALS.iter().copied().map(Some).chain([None]);
            bodies.extend(literals.map(|value| body(&with(&base, field.wire_name(), value))));
        }
        let owners = ["companyId", "companyLeadContactId", "contactId"];
        let values = [None, Some("null"), Some("\"\""), Some("3")];
        for nth in 0..values.len().pow(3) {
            let all = owners.iter().enumerate().fold(base.clone(), |members, (place, owner)| {
                with(&members, owner, values[nth / values.len().pow(place as u32) % values.len()])
            });
            bodies.push(body(&all));
        }
    }
    bodies
}

/// A body that broke no rule, with some of its members changed, left out, put in, or there twice.
fn changed_body() -> impl Strategy<Value = Vec<u8>> {
    let change =
        (select(Field::ALL), prop_oneof![1 => Just(None), 8 => select(LITERALS).prop_map(Some)]);
    (right_body(), vec(change, 0..4), any::<u8>()).prop_map(|(right, changes, twice)| {
        let mut changed = members(std::str::from_utf8(&right).unwrap());
        for (field, value) in changes {
            changed = with(&changed, field.wire_name(), value);
        }
        if let (0..16, Some(first)) = (twice, changed.first().cloned()) {
            changed.push(first);
        }
        body(&changed)
    })
}

/// Adds and updates that break no rule, written in any way.
fn right_body() -> impl Strategy<Value = Vec<u8>> {
    let update =
        (venue_id(), opportunity_id()).prop_flat_map(|(venue, id)| valid_update(venue, id));
    prop_oneof![valid_add().boxed(), update.boxed()].prop_flat_map(|request| body_of(&request))
}

/// An add that lacks a field.
fn lacking_body() -> impl Strategy<Value = Vec<u8>> {
    (valid_add(), select(Field::ALL))
        .prop_flat_map(|(request, field)| body_of(&without(&request, field)))
}

/// Bodies of every kind: right, changed, lacking, mutated.
pub(crate) fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => right_body().boxed(),
        6 => changed_body().boxed(),
        1 => lacking_body().boxed(),
        3 => mutated_body().boxed(),
    ]
}

/// What JSON says a body is; a validator sees no more of it.
pub(crate) fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}
